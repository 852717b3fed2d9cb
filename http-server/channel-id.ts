/**
 * Channel ids: u32, never 0, unpredictable without the key, and no id twice within 2^31 - 1 connections (DESIGN §4.1).
 *
 * Below 2^31, because V8 holds such numbers in place and allocates for others: each frame names its channel three times.
 * A counter goes through a keyed permutation of 32 bits (a Feistel network of 6 rounds on 16-bit halves): a permutation
 * cannot collide, so nothing has to be remembered. Random numbers would meet after some 77,000 connections.
 * It is no secret that guards anything: ownership is checked on every push.
 */
import { randomFillSync } from "node:crypto";

const ROUNDS = 6;
const ID_MAX = 2 ** 31 - 1;

export class ChannelIds {
  #keys: Uint32Array | undefined; // drawn for the first channel: a start needs no node:crypto, which takes 3 ms to load
  #counter = 0;

  /** @param keys one per round; random unless given */
  constructor(keys?: Uint32Array) {
    this.#keys = keys;
  }

  next(): number {
    this.#keys ??= randomFillSync(new Uint32Array(ROUNDS));
    for (;;) {
      const id = permute(this.#counter, this.#keys);
      this.#counter = (this.#counter + 1) >>> 0;
      if (id !== 0 && id <= ID_MAX) return id; // about two tries; the other half of the permutation is left out
    }
  }
}

function permute(value: number, keys: Uint32Array): number {
  let left = value >>> 16;
  let right = value & 0xffff;
  for (const key of keys) {
    const mixed = left ^ (scramble(right ^ key) & 0xffff);
    left = right;
    right = mixed;
  }
  return ((left << 16) | right) >>> 0;
}

/** The finalizer of MurmurHash3: every input bit reaches every output bit. */
function scramble(value: number): number {
  let hash = value | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
