/**
 * The order in which one database does what it is asked: as asked, yet writes that follow each other share a flush.
 *
 * 1. A read comes after every write asked for before it, and before every one asked for after it.
 * 2. A write does not wait for other writes: the store keeps their order itself.
 */
export class Line {
  #writing = 0;
  readonly #waiting: { readonly isWrite: boolean; readonly run: () => void }[] = [];

  /** What is in hand and in line. */
  get length(): number {
    return this.#writing + this.#waiting.length;
  }

  read<Result>(work: () => Result): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#enter(false, () => {
        try {
          resolve(work());
        } catch (thrown) {
          reject(thrown);
        }
      });
    });
  }

  write<Result>(work: () => Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#enter(true, () => {
        this.#writing++;
        const end = (): void => {
          this.#writing--;
          this.#goOn();
        };
        work().then(resolve, reject).finally(end);
      });
    });
  }

  #enter(isWrite: boolean, run: () => void): void {
    this.#waiting.push({ isWrite, run });
    this.#goOn();
  }

  #goOn(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (!next.isWrite && this.#writing > 0) return;
      this.#waiting.shift(); // short: it is bounded, and writes are let through at once
      next.run();
    }
  }
}
