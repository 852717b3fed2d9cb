/**
 * The input of an endpoint, checked in upstream's order: unknown keys, missing keys, then each field by its name.
 *
 * 1. Values of a query that look like a number are numbers before they are checked, as upstream has it: `uuid=123` is
 *    the wrong type.
 * 2. A sentence says the field, its rule and what came, cut short.
 */
import { ApiError, type FieldRule, type FieldType } from "./endpoint.ts";

type Fields = Readonly<Record<string, FieldRule>>;
type Input = Readonly<Record<string, unknown>>;

const SHOWN_MAX = 40; // characters of a value in a sentence

/** @returns the input @throws {ApiError} 400 */
export function checkFields(fields: Fields, input: Input): Input {
  const names = Object.keys(fields);
  for (const key of Object.keys(input)) {
    if (!Object.hasOwn(fields, key))
      throw new ApiError(400, `There is no field "${cut(key)}" here: known are ${names.join(", ") || "none"}.`);
  }
  for (const [name, { required = true }] of Object.entries(fields)) {
    if (required && !Object.hasOwn(input, name)) throw new ApiError(400, `The field "${name}" is missing.`);
  }
  for (const name of names.toSorted()) {
    const rule = fields[name];
    if (rule !== undefined && Object.hasOwn(input, name)) checkField(name, rule, input[name]);
  }
  return input;
}

/** The query of a GET or DELETE as input: rule 1. */
export function readQuery(fields: Fields, query: Readonly<Record<string, string>>): Input {
  const input: Record<string, unknown> = Object.create(null); // a parameter may be called anything
  for (const [name, text] of Object.entries(query)) {
    const keeps = Object.hasOwn(fields, name) && fields[name]?.keepsDigits === true;
    input[name] = !keeps && NUMBER.test(text) ? Number(text) : text;
  }
  return input;
}

const NUMBER = /^-?\d+(\.\d+)?$/;

function checkField(name: string, rule: FieldRule, value: unknown): void {
  const { type, pattern, min, max } = rule;
  const types = typeof type === "string" ? [type] : type;
  if (!types.some((each) => IS[each](value)))
    throw new ApiError(400, `The field "${name}" must be of type ${types.join(" or ")}: got ${shown(value)}.`);
  if (pattern !== undefined && typeof value === "string" && !pattern.test(value))
    throw new ApiError(400, `The field "${name}" must match ${pattern.source}: got ${shown(value)}.`);
  const size = sizeOf(value);
  if (size === undefined) return;
  const unit = typeof value === "string" ? " characters" : Array.isArray(value) ? " elements" : "";
  if (min !== undefined && size < min)
    throw new ApiError(400, `The field "${name}" must be at least ${min}${unit}: got ${size}.`);
  if (max !== undefined && size > max)
    throw new ApiError(400, `The field "${name}" must be at most ${max}${unit}: got ${size}.`);
}

function sizeOf(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  return typeof value === "string" || Array.isArray(value) ? value.length : undefined;
}

const IS: Readonly<Record<FieldType, (value: unknown) => boolean>> = {
  text: (value) => typeof value === "string",
  integer: (value) => Number.isSafeInteger(value),
  number: (value) => typeof value === "number" && Number.isFinite(value),
  boolean: (value) => typeof value === "boolean",
  object: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  array: (value) => Array.isArray(value),
};

function shown(value: unknown): string {
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object" && value !== null) return "an object"; // not its text: it may be nested deeper than a stack
  return typeof value === "string" ? JSON.stringify(cut(value)) : String(value);
}

function cut(text: string): string {
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text;
}
