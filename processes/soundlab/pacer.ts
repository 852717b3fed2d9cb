/**
 * When the next frame is due: at `start + n · period`, whatever the last one took.
 *
 * 1. The mean rate is exact: a late frame does not move those behind it.
 * 2. What was missed is left out: the next frame is the newest, and no burst follows a pause.
 * 3. The wall clock may be set: where the next frame would then be more than two periods away, counting begins anew.
 */

const EARLY = 1; // ms: clock and timers count whole milliseconds, and a period is none

export class Pacer {
  readonly #period: number; // ms
  #start: number;
  #count = 0; // of the next one

  /** @param now milliseconds; the first is due at once */
  constructor(hertz: number, now: number) {
    this.#period = 1000 / hertz;
    this.#start = now;
  }

  /** Whether one is due; it then counts as taken. */
  take(now: number): boolean {
    if (this.#due - now > 2 * this.#period) this.#begin(now);
    if (now < this.#due - EARLY) return false;
    this.#count = Math.max(this.#count, Math.floor((now + EARLY - this.#start) / this.#period)) + 1;
    return true;
  }

  /** Milliseconds until the next one. */
  wait(now: number): number {
    return Math.min(Math.max(0, this.#due - now), 2 * this.#period);
  }

  get #due(): number {
    return this.#start + this.#count * this.#period;
  }

  #begin(now: number): void {
    this.#start = now;
    this.#count = 0;
  }
}
