/** White noise in -1 <= n < 1: a linear congruential generator, so that a seed gives the same signal everywhere. */
const { imul } = Math; // bound here, see measures.ts

export class Noise {
  #x: number; // 32 bits, as a signed integer

  constructor(seed: number) {
    this.#x = seed | 0;
  }

  /** Hot path. */
  next(): number {
    this.#x = (imul(1664525, this.#x) + 1013904223) | 0;
    return (this.#x >>> 0) / 2147483648 - 1;
  }
}
