/** Random names, and the only door to nanoid's kind of thing: what must not be guessed or repeated. */
import { randomBytes } from "node:crypto";
import { nanoid } from "nanoid";

/** A random u64 in decimal: the name of a process that was given none (contract kinode §1.1). */
export function randomProcessName(): string {
  return randomBytes(8).readBigUInt64BE().toString();
}

/** 126 bits, URL-safe: ids of tokens. */
export function randomId(): string {
  return nanoid();
}
