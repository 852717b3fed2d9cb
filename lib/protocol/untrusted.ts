/**
 * The door for values that strangers wrote, as JSON or MessagePack: bounded in depth as well as in bytes.
 *
 * Neither parser has a limit of its own (contracts/hazards.md §2). 16 kB can be 16,000 arrays in each other: msgpackr
 * runs out of stack on them, JSON.parse does not, but whoever walks its result does (JSON.stringify, freezing, our own
 * checks). Sizes that a header only announces are msgpackr's to check, and it does: none is allocated.
 */
import { unpackMessage } from "./codec.ts";

/** Objects and arrays in each other: more than any message of a person's making has. */
export const NESTING_MAX = 64;

const BRACKETS = ["{", "["] as const;

const utf8 = new TextDecoder("utf-8", { fatal: true }); // one for all: making one costs more than what it decodes

/** @throws {Error} `bytes` are no UTF-8, no JSON, or nested deeper than NESTING_MAX */
export function parseUntrustedJson(bytes: Uint8Array): unknown {
  const text = utf8.decode(bytes);
  const value: unknown = JSON.parse(text);
  return mayBeDeep(text) ? shallow(value) : value;
}

/**
 * Whether JSON text has brackets enough: a WsRegister has one, and each is looked at as sockets open (bench/idle).
 * indexOf, as a look at each byte was a third of all JavaScript of a registration.
 */
function mayBeDeep(text: string): boolean {
  let brackets = 0;
  for (const bracket of BRACKETS) {
    for (let at = text.indexOf(bracket); at !== -1; at = text.indexOf(bracket, at + 1)) {
      if (++brackets > NESTING_MAX) return true;
    }
  }
  return false;
}

/** @throws {Error} `bytes` are not one whole MessagePack value, or nested deeper than NESTING_MAX */
export function unpackUntrusted(bytes: Uint8Array): unknown {
  return shallow(unpackMessage(bytes));
}

/** @throws {RangeError} it is nested deeper than NESTING_MAX */
function shallow(value: unknown): unknown {
  let level: readonly unknown[] = [value]; // level by level: no recursion, which is what must not happen
  for (let depth = 0; depth <= NESTING_MAX; depth++) {
    level = level.flatMap((each) =>
      typeof each === "object" && each !== null && !isLeaf(each) ? Object.values(each) : [],
    );
    if (level.length === 0) return value;
  }
  throw new RangeError(`Cannot read a value as it may be nested ${NESTING_MAX} deep: it is deeper, flatten it`);
}

/** Bytes have no depth, and an entry for each byte. */
function isLeaf(value: object): boolean {
  return ArrayBuffer.isView(value) || value instanceof ArrayBuffer;
}
