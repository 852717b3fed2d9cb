/** Errors as values, to and from a realm: of the same class there, with the same code and text. */
import {
  CapabilityParamsError,
  IdError,
  KernelError,
  NoRequestToAnswerError,
  OptionError,
  SelfCallError,
  textOf,
} from "../../lib/protocol/index.ts";
import { LimitError, ProcessExitedError, SpawnError } from "../errors.ts";

/** @property facts its own fields, as far as they are texts and numbers: code, fault, … */
export type PackedError = {
  readonly name: string | null;
  readonly message: string;
  readonly stack: string | null;
  readonly facts: Readonly<Record<string, unknown>>;
};

const CLASSES: Readonly<Record<string, { readonly prototype: Error }>> = {
  CapabilityParamsError,
  IdError,
  KernelError,
  LimitError,
  NoRequestToAnswerError,
  OptionError,
  ProcessExitedError,
  SelfCallError,
  SpawnError,
};

const STACK_MAX = 16 * 1024; // characters: for people to read

/** @param withStack to the node only: what is wrong in the kernel is nobody's business in a realm */
export function packError(thrown: unknown, withStack: boolean): PackedError {
  if (!(thrown instanceof Error)) return { name: null, message: String(thrown), stack: null, facts: {} };
  const isFact = ([key, value]: [string, unknown]): boolean =>
    key !== "name" && (typeof value === "string" || typeof value === "number");
  return {
    name: thrown.name,
    message: textOf(thrown),
    stack: withStack ? (thrown.stack?.slice(0, STACK_MAX) ?? null) : null,
    facts: Object.fromEntries(Object.entries(thrown).filter(isFact)),
  };
}

/** @returns an error, or the text of what was thrown and is none */
export function unpackError(packed: unknown): unknown {
  const { name, message, stack, facts } = packed as Partial<PackedError>;
  if (typeof name !== "string") return String(message);
  const Known = Object.hasOwn(CLASSES, name) ? CLASSES[name] : undefined;
  const isOurs = typeof facts?.code === "string";
  const error = new Error(String(message));
  Object.setPrototypeOf(error, (Known ?? (isOurs ? KernelError : Error)).prototype);
  error.stack = typeof stack === "string" ? stack : `${name}: ${message}`; // not where it was unpacked
  return Object.assign(error, facts, { name });
}
