/** How much static content all bindings hold, with what was compressed of it: within `limits.staticBytes`. */
export class StaticBytes {
  readonly #max: number;
  #used = 0;

  /** @param max bytes */
  constructor(max: number) {
    this.#max = max;
  }

  get used(): number {
    return this.#used;
  }

  /** @param freed bytes that make room at the same time @returns false when it would be too much: nothing has changed */
  take(bytes: number, freed = 0): boolean {
    const used = this.#used + bytes - freed;
    if (used > this.#max) return false;
    this.#used = used;
    return true;
  }

  release(bytes: number): void {
    this.#used -= bytes;
  }
}
