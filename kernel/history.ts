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

  last(): readonly T[] {
    return this.#capacity === 0 ? [] : this.#items.slice(-this.#capacity);
  }
}
