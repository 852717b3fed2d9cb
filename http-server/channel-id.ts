/**
 * Channel ids: u32, never 0, unpredictable without the key, and no id twice within 2^31 - 1 connections (DESIGN §4.1).
 *
 * A counter goes through a keyed permutation of 32 bits (a Feistel network of 6 rounds on 16-bit halves): a permutation
 * cannot collide, so nothing has to be remembered. Random numbers would meet after some 77,000 connections.
 * Half of them, from 2^31 on, are left out: V8 keeps such a number in an object of its own, in a channel and in each body.
 * It is no secret that guards anything: ownership is checked on every push.
 */
import { randomFillSync } from "node:crypto";

const ROUNDS = 6;
const MAX = 2 ** 31 - 1; // the largest that V8 keeps in place

export class ChannelIds {
  readonly #keys: Uint32Array;
  #counter = 0;

  /** @param keys one per round; random unless given */
  constructor(keys: Uint32Array = randomFillSync(new Uint32Array(ROUNDS))) {
    this.#keys = keys;
  }

  next(): number {
    for (;;) {
      const id = this.#permute(this.#counter);
      this.#counter = (this.#counter + 1) >>> 0;
      if (id !== 0 && id <= MAX) return id;
    }
  }

  #permute(value: number): number {
    let left = value >>> 16;
    let right = value & 0xffff;
    for (const key of this.#keys) {
      const mixed = left ^ (scramble(right ^ key) & 0xffff);
      left = right;
      right = mixed;
    }
    return ((left << 16) | right) >>> 0;
  }
}

/** The finalizer of MurmurHash3: every input bit reaches every output bit. */
function scramble(value: number): number {
  let hash = value | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
