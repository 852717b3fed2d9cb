/**
 * Slows down who guesses passwords, without a status that Hanami's clients do not understand (429).
 *
 * 1. At most `logins` are checked at once; `loginQueue` wait for it, one more is refused.
 * 2. An address that failed `loginFailures` times in `loginWindow` waits `loginDelay` before each further try; where
 *    `loginDelayed` wait so already, it is refused without being looked at. A success ends that.
 */
import { ApiError } from "../endpoint.ts";
import type { HanamiLimits } from "../limits.ts";

type Failures = { readonly count: number; readonly since: number };

export type ThrottleOptions = {
  readonly limits: HanamiLimits;
  /** ms since the Unix epoch. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
};

export class Throttle {
  readonly #limits: HanamiLimits;
  readonly #now: () => number;
  readonly #sleep: (ms: number) => Promise<void>;
  readonly #failures = new Map<string, Failures>(); // by address, the oldest first
  readonly #waiting: (() => void)[] = [];
  #checking = 0;
  #delayed = 0;

  constructor({ limits, now, sleep }: ThrottleOptions) {
    this.#limits = limits;
    this.#now = now;
    this.#sleep = sleep;
  }

  /**
   * Runs `check` when it is its turn. @param address of the client @returns what `check` does; undefined is a failure
   * @throws {ApiError} 401 refused unseen: too many wait
   */
  async run<Result>(address: string, check: () => Promise<Result | undefined>): Promise<Result | undefined> {
    if (this.#failed(address) >= this.#limits.loginFailures) await this.#delay();
    await this.#enter();
    try {
      const result = await check();
      if (result === undefined) this.#count(address);
      else this.#failures.delete(address);
      return result;
    } finally {
      this.#checking--;
      this.#waiting.shift()?.();
    }
  }

  async #delay(): Promise<void> {
    if (this.#delayed >= this.#limits.loginDelayed) throw busy();
    this.#delayed++;
    try {
      await this.#sleep(this.#limits.loginDelay);
    } finally {
      this.#delayed--;
    }
  }

  async #enter(): Promise<void> {
    if (this.#checking >= this.#limits.logins) {
      if (this.#waiting.length >= this.#limits.loginQueue) throw busy();
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#checking++;
  }

  #failed(address: string): number {
    const failures = this.#failures.get(address);
    if (failures === undefined) return 0;
    if (failures.since + this.#limits.loginWindow > this.#now()) return failures.count;
    this.#failures.delete(address);
    return 0;
  }

  #count(address: string): void {
    const count = this.#failed(address) + 1;
    const since = this.#failures.get(address)?.since ?? this.#now();
    this.#failures.set(address, { count, since });
    if (this.#failures.size <= this.#limits.loginAddresses) return;
    const [oldest] = this.#failures.keys();
    if (oldest !== undefined) this.#failures.delete(oldest);
  }
}

function busy(): ApiError {
  return new ApiError(401, "Too many logins wait to be checked: try again later.");
}
