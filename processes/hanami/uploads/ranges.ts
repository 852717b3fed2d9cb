/**
 * Which bytes of a file are there: half-open ranges, merged, in order.
 *
 * 1. Ranges that overlap or touch are one. Adding what is there changes nothing.
 * 2. There are at most `max`: who leaves more gaps is refused, and nothing is added.
 */

/** From `start` to before `end`, in bytes. */
export type Range = { readonly start: number; readonly end: number };

export class Ranges {
  readonly #max: number;
  readonly #starts: number[] = []; // ascending; at most `max`
  readonly #ends: number[] = []; // of the same places: each is below the next start
  #covered = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** How many bytes are there. */
  get covered(): number {
    return this.#covered;
  }

  get count(): number {
    return this.#starts.length;
  }

  all(): readonly Range[] {
    return this.#starts.map((start, at) => ({ start, end: this.#ends[at] ?? start }));
  }

  clone(): Ranges {
    const copy = new Ranges(this.#max);
    for (const { start, end } of this.all()) copy.add(start, end);
    return copy;
  }

  /** Whether all of it is there; nothing is always. */
  has(start: number, end: number): boolean {
    if (start >= end) return true;
    const at = this.#firstEndingFrom(start);
    return (this.#starts[at] ?? Infinity) <= start && (this.#ends[at] ?? 0) >= end;
  }

  /** @returns false: it would be one range too many (rule 2) */
  add(start: number, end: number): boolean {
    if (start >= end) return true;
    const from = this.#firstEndingFrom(start);
    let to = from; // the ranges from..to are merged with the new one
    let [first, last, had] = [start, end, 0];
    for (; to < this.#starts.length; to++) {
      const [rangeStart, rangeEnd] = [this.#starts[to] ?? 0, this.#ends[to] ?? 0];
      if (rangeStart > end) break;
      first = Math.min(first, rangeStart);
      last = Math.max(last, rangeEnd);
      had += rangeEnd - rangeStart;
    }
    if (to === from && this.#starts.length >= this.#max) return false;
    this.#starts.splice(from, to - from, first);
    this.#ends.splice(from, to - from, last);
    this.#covered += last - first - had;
    return true;
  }

  /** The place of the first range that ends at `position` or behind it. */
  #firstEndingFrom(position: number): number {
    let [low, high] = [0, this.#ends.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ends[middle] ?? 0) < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
