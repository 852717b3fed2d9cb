/**
 * Deadlines `period` apart, by a clock that its user reads.
 *
 * 1. Each is an absolute time, start + n periods: lateness never adds up, so a rate holds in the long run.
 * 2. What is too late is left out, and counted; the newest that is due is not.
 */
export class Pacer {
  readonly periodMs: number;
  readonly #startMs: number;
  #next = 1;
  #skipped = 0;

  /** @param startMs the first deadline is one period later */
  constructor(periodMs: number, startMs: number) {
    this.periodMs = periodMs;
    this.#startMs = startMs;
  }

  get nextMs(): number {
    return this.#startMs + this.#next * this.periodMs;
  }

  /** How many deadlines were left out. */
  get skipped(): number {
    return this.#skipped;
  }

  /** The next deadline, which is then over. */
  take(): number {
    const dueMs = this.nextMs;
    this.#next++;
    return dueMs;
  }

  /** Leaves out all that are due but the newest, when the next is more than `behindMs` late. @returns how many */
  catchUp(nowMs: number, behindMs: number): number {
    const lateMs = nowMs - this.nextMs;
    if (lateMs <= behindMs) return 0;
    const out = Math.floor(lateMs / this.periodMs);
    this.#next += out;
    this.#skipped += out;
    return out;
  }
}
