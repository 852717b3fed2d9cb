/** The last few of something, oldest first: what is kept to look at must not grow. */
export class History<T> {
  readonly #capacity: number;
  #items: T[] = [];
  #total = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** How many there ever were. */
  get total(): number {
    return this.#total;
  }

  add(item: T): void {
    this.#total++;
    if (this.#capacity === 0) return;
    this.#items.push(item);
    // Trimmed at twice the size: one move per `capacity` items instead of one per item.
    if (this.#items.length >= this.#capacity * 2) this.#items = this.#items.slice(-this.#capacity);
  }

  /**
   * Those after the `seen`th there ever was, oldest first. Their numbers go from 1: the first of the answer is
   * `total - answer.length + 1`, and what is missing between is no longer kept.
   */
  since(seen: number): readonly T[] {
    const unseen = Math.max(0, this.#total - seen);
    return unseen === 0 ? [] : this.last().slice(-unseen);
  }

  last(): readonly T[] {
    return this.#capacity === 0 ? [] : this.#items.slice(-this.#capacity);
  }
}
