/** Flags that are numbers: their ranges, and what is said of a value outside. */
import { OptionError } from "../lib/protocol/index.ts";

export type NumberFlag = {
  /** When the flag is left out; undefined: whoever runs it has one of its own. */
  readonly value: number | undefined;
  readonly min: number;
  readonly max: number;
};

/** @throws {OptionError} `text` is no number, or outside its range */
export function readNumber<Flag extends NumberFlag>(
  name: string,
  { value, min, max }: Flag,
  text: string | undefined,
  whole: boolean,
): number | Flag["value"] {
  if (text === undefined) return value;
  const number = text.trim() === "" ? Number.NaN : Number(text);
  if (number >= min && number <= max && (!whole || Number.isInteger(number))) return number;
  throw new OptionError(
    `Cannot set --${name} as it must be a ${whole ? "whole " : ""}number from ${min} to ${max}: got "${text}", leave it out for ${value ?? "the bench's own"}`,
  );
}
