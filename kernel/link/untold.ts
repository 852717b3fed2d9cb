/**
 * Answers that found nobody, as their requester's node was with no server for a moment: it is told once it speaks again.
 *
 * 1. Whoever began anew asked nothing: then all of it is forgotten.
 * 2. Kept for `keepMs`, and so many at most, the newest: a requester that is not told has a clock of its own.
 */

const UNTOLD_MAX = 4_096; // of one peer, some 100 bytes each: as many answers as a full window of small ones has

type One = { readonly at: number; readonly tell: () => void };

export class Untold {
  readonly #keepMs: number;
  readonly #now: () => number; // ms
  #all: One[] = []; // oldest first

  constructor(keepMs: number, now: () => number) {
    this.#keepMs = keepMs;
    this.#now = now;
  }

  get isEmpty(): boolean {
    return this.#all.length === 0;
  }

  add(tell: () => void): void {
    if (this.#all.length === UNTOLD_MAX) this.#all.shift();
    this.#all.push({ at: this.#now(), tell });
  }

  /** The peer speaks. */
  tellAll(): void {
    if (this.#all.length === 0) return;
    for (const { tell } of this.#all.splice(0)) tell();
  }

  /** Leaves out what is too old to be of use. */
  prune(): void {
    const oldest = this.#now() - this.#keepMs;
    this.#all = this.#all.filter(({ at }) => at >= oldest);
  }

  clear(): void {
    this.#all = [];
  }
}
