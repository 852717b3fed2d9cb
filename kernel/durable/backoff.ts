/** Tries something again: after limits.durableRetry, then after twice as long each time, up to durableRetryMax; with jitter. */
import type { Kernel } from "../kernel.ts";
import { Alarm } from "../timer-wheel.ts";

export class Backoff {
  readonly #kernel: Kernel;
  readonly #alarm: Alarm;
  #failures = 0;
  #isSet = false;

  constructor(kernel: Kernel, again: () => void) {
    this.#kernel = kernel;
    this.#alarm = new Alarm(() => {
      this.#isSet = false;
      again();
    });
  }

  /** It is to be tried again, and not before. */
  get isSet(): boolean {
    return this.#isSet;
  }

  /** How often on end. */
  get failures(): number {
    return this.#failures;
  }

  failed(): void {
    const { durableRetry, durableRetryMax } = this.#kernel.limits;
    const ms = Math.min(durableRetryMax, durableRetry * 2 ** Math.min(this.#failures, 32));
    this.#failures++;
    if (this.#isSet) return;
    this.#isSet = true;
    this.#kernel.wheel.add(this.#alarm, ms * (0.75 + 0.25 * this.#kernel.random())); // not all nodes at once
  }

  succeeded(): void {
    this.#failures = 0;
  }

  cancel(): void {
    this.#isSet = false;
    this.#kernel.wheel.cancel(this.#alarm);
  }
}
