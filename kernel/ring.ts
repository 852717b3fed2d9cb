/**
 * A first-in first-out queue that grows by doubling.
 *
 * Not an array: with 20,000 waiting, `shift()` moves them all. One item alone never reaches the ring: most mailboxes
 * hold one message at a time, and so an idle process owns no ring at all.
 */
const FIRST_SIZE = 16; // slots: 128 bytes, what most mailboxes never outgrow
const NO_SLOTS: never[] = []; // of all that have none: never written to, as `push` grows first

export class Ring<T extends object> {
  #first: T | undefined; // the oldest, when it came while nothing waited
  #slots: (T | undefined)[] = NO_SLOTS;
  #head = 0; // index of the oldest in the ring
  #length = 0; // in the ring
  #largest = 0; // slots it ever had

  get length(): number {
    return this.#first === undefined ? this.#length : this.#length + 1;
  }

  /** Not more than this were ever in it at once. It is above that by less than twice, or by FIRST_SIZE. */
  get room(): number {
    return this.#largest + 1; // and the one beside the ring
  }

  get oldest(): T | undefined {
    return this.#first ?? this.#slots[this.#head];
  }

  /** As `push`, where it is known to be empty. */
  pushFirst(value: T): void {
    this.#first = value;
  }

  push(value: T): void {
    if (this.#length === 0 && this.#first === undefined) {
      this.#first = value;
      return;
    }
    if (this.#length === this.#slots.length) this.#grow();
    this.#slots[(this.#head + this.#length) & (this.#slots.length - 1)] = value;
    this.#length++;
  }

  shift(): T | undefined {
    const first = this.#first;
    if (first !== undefined) {
      this.#first = undefined;
      return first;
    }
    if (this.#length === 0) return undefined;
    const value = this.#slots[this.#head];
    this.#slots[this.#head] = undefined; // or it would keep what was taken alive
    this.#head = (this.#head + 1) & (this.#slots.length - 1);
    this.#length--;
    return value;
  }

  /** Puts `values` before everything else, in their order. */
  unshiftAll(values: readonly T[]): void {
    const waiting = this.drain();
    for (const value of values) this.push(value);
    for (const value of waiting) this.push(value);
  }

  /** Empties it. @returns what was in it, oldest first */
  drain(): T[] {
    const values = this.toArray();
    this.#first = undefined;
    this.#slots = NO_SLOTS;
    this.#head = 0;
    this.#length = 0;
    return values;
  }

  /** Oldest first. */
  toArray(): T[] {
    const values: T[] = this.#first === undefined ? [] : [this.#first];
    for (let i = 0; i < this.#length; i++) {
      const value = this.#slots[(this.#head + i) & (this.#slots.length - 1)];
      if (value !== undefined) values.push(value);
    }
    return values;
  }

  #grow(): void {
    const old = this.#slots;
    const mask = old.length - 1;
    this.#slots = new Array(Math.max(FIRST_SIZE, old.length * 2)); // sizes are powers of two: the mask above depends on it
    for (let i = 0; i < this.#length; i++) this.#slots[i] = old[(this.#head + i) & mask];
    this.#head = 0;
    this.#largest = Math.max(this.#largest, this.#slots.length);
  }
}
