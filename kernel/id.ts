/** Random names, and the only door to nanoid's kind of thing: what must not be guessed or repeated. */
import { randomBytes } from "node:crypto";
import { customAlphabet, nanoid } from "nanoid";

/** A random u64 in decimal: the name of a process that was given none (contract kinode §1.1). */
export function randomProcessName(): string {
  return randomBytes(8).readBigUInt64BE().toString();
}

/** 126 bits, URL-safe: ids of tokens. */
export function randomId(): string {
  return nanoid();
}

const word = customAlphabet("abcdefghjkmnpqrstuvwxyz23456789", 4); // no 0 o 1 i l: people type it

/** A password for people: 80 bits in four words of four. */
export function randomPassword(): string {
  return [word(), word(), word(), word()].join("-");
}
