/**
 * When a process that ended is started again: at once the first time, then after a back-off that doubles.
 *
 * 1. At most `restarts` within `restartWindow`; one more and it is given up.
 * 2. An incarnation that lived five times the last back-off was healthy: the back-off starts anew (contract kinode §3.2).
 * 3. Jitter of ± 20 %, so that processes that fell together do not rise together.
 */
import type { KernelLimits } from "./limits.ts";

const HEALTHY = 5; // × the last back-off
const JITTER = 0.2;

export class RestartPolicy {
  readonly #limits: KernelLimits;
  readonly #random: () => number;
  #attempt = 0;
  #lastDelay = 0; // ms
  #restarts: number[] = []; // when, ms monotonic, within the window

  /** @param random 0 to 1 */
  constructor(limits: KernelLimits, random: () => number) {
    this.#limits = limits;
    this.#random = random;
  }

  /** Restarts within the window. */
  get count(): number {
    return this.#restarts.length;
  }

  /** An incarnation ended that had started at `startedAt`. @returns ms until the next, undefined: give up */
  next(startedAt: number, now: number): number | undefined {
    this.#restarts = this.#restarts.filter((at) => now - at < this.#limits.restartWindow);
    if (this.#restarts.length >= this.#limits.restarts) return undefined;
    this.#restarts.push(now);
    const healthyMs = Math.max(this.#limits.restartDelay, this.#lastDelay) * HEALTHY;
    if (now - startedAt >= healthyMs) this.#attempt = 0;
    const base = this.#attempt === 0 ? 0 : this.#limits.restartDelay * 2 ** (this.#attempt - 1);
    this.#attempt++;
    const delay = Math.min(base, this.#limits.restartDelayMax);
    this.#lastDelay = delay;
    return Math.round(delay * (1 - JITTER + 2 * JITTER * this.#random()));
  }
}
