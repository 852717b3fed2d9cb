/**
 * Cuts long work into slices, so that pings, other clusters and questions have their turn in between.
 *
 * 1. `turn` returns at once while the slice lasts. A piece of work between two calls should take a fraction of it.
 * 2. Every so often the pause is one of the process's own timers: after the end of its incarnation that throws, and the
 *    work ends with it. The others cost less time: a timer of the node comes 10 to 20 ms late.
 */

/** @property pause to the end of this turn of the event loop @property breathe the same, by a timer of the process */
export type SlicesOptions = {
  readonly sliceMs: number;
  readonly now: () => number;
  readonly pause: () => Promise<void>;
  readonly breathe: () => Promise<void>;
};

const BREATH = 10; // slices: within 0.3 s of its process's end the work ends, at a cost of 7 % of its time

export class Slices {
  readonly #options: SlicesOptions;
  #start: number;
  #count = 0;

  constructor(options: SlicesOptions) {
    this.#options = options;
    this.#start = options.now();
  }

  /** @throws what `breathe` throws */
  async turn(): Promise<void> {
    const { sliceMs, now, pause, breathe } = this.#options;
    if (now() - this.#start < sliceMs) return;
    this.#count += 1;
    await (this.#count % BREATH === 0 ? breathe() : pause());
    this.#start = now();
  }

  /** Whether `turn` would return at once: asked first, it costs a row no promise. */
  get lasts(): boolean {
    return this.#options.now() - this.#start < this.#options.sliceMs;
  }
}
