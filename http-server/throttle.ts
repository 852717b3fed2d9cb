/** Counts failures per address within a window; forgets the window as a whole, so it cannot grow for ever. */
import type { Clock } from "../lib/protocol/index.ts";

const ADDRESSES_MAX = 10_000; // addresses; beyond, all new ones share one count

export class Throttle {
  readonly #clock: Clock;
  readonly #max: number; // failures
  readonly #windowMs: number;
  readonly #failures = new Map<string, number>();
  #windowStart: number;

  constructor(clock: Clock, max: number, windowMs: number) {
    this.#clock = clock;
    this.#max = max;
    this.#windowMs = windowMs;
    this.#windowStart = clock.monotonic();
  }

  /** @returns seconds to wait, 0 when `address` may try */
  retryAfter(address: string): number {
    const now = this.#clock.monotonic();
    if (now - this.#windowStart >= this.#windowMs) {
      this.#failures.clear();
      this.#windowStart = now;
    }
    if ((this.#failures.get(this.#key(address)) ?? 0) < this.#max) return 0;
    return Math.ceil((this.#windowStart + this.#windowMs - now) / 1000);
  }

  failed(address: string): void {
    const key = this.#key(address);
    this.#failures.set(key, (this.#failures.get(key) ?? 0) + 1);
  }

  /** The try counted last was no failure. */
  takeBack(address: string): void {
    const key = this.#key(address);
    const left = (this.#failures.get(key) ?? 0) - 1; // below 0 when the window has ended meanwhile
    if (left > 0) this.#failures.set(key, left);
    else this.#failures.delete(key);
  }

  #key(address: string): string {
    return this.#failures.has(address) || this.#failures.size < ADDRESSES_MAX ? address : "";
  }
}
