/** Random names, and the only door to nanoid's kind of thing: what must not be guessed or repeated. */
import { randomBytes } from "node:crypto";
import { nanoid } from "nanoid";

const NAME_BYTES = 8;
const DRAWN = 256; // names at once: what it takes to draw one is mostly the call, 8 of the 30 µs of a spawn
let drawn = Buffer.alloc(0);
let used = 0; // bytes of `drawn`

/** A random u64 in decimal: the name of a process that was given none (contract kinode §1.1). */
export function randomProcessName(): string {
  if (used === drawn.length) {
    drawn = randomBytes(DRAWN * NAME_BYTES);
    used = 0;
  }
  used += NAME_BYTES;
  return drawn.readBigUInt64BE(used - NAME_BYTES).toString();
}

/** 126 bits, URL-safe: ids of tokens. */
export function randomId(): string {
  return nanoid();
}
