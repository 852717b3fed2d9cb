/**
 * How many passwords may be tried, and how many are checked at once: a check takes a core for 0.1 s and 32 MiB.
 *
 * 1. Per client `loginFailures` in `loginWindow`, then 429 until the window ends.
 * 2. From all clients together `loginFailuresTotal`, then 429: many addresses keep no core busy. Programs on this machine
 *    and addresses that are logged in are not held up by that: others must not be able to lock them out.
 * 3. `logins` are checked at once, `loginQueue` wait, one more is 503.
 */
import type { Clock } from "../lib/protocol/index.ts";
import type { HttpServerLimits } from "./limits.ts";
import type { Sessions } from "./sessions.ts";
import { Throttle } from "./throttle.ts";
import type { Visit } from "./visit.ts";

const ALL = "all"; // the one key of the count of all
const BUSY_SECONDS = 1; // the queue is through in less than three

/** @property retryAfter seconds */
export type LoginRefusal = { readonly status: 429 | 503; readonly retryAfter: number };

export class LoginGate {
  readonly #limits: HttpServerLimits;
  readonly #sessions: Sessions;
  readonly #perClient: Throttle;
  readonly #total: Throttle;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(clock: Clock, limits: HttpServerLimits, sessions: Sessions) {
    this.#limits = limits;
    this.#sessions = sessions;
    this.#perClient = new Throttle(clock, limits.loginFailures, limits.loginWindow);
    this.#total = new Throttle(clock, limits.loginFailuresTotal, limits.loginWindow);
  }

  /** @returns undefined: `visit` may try */
  refusal(visit: Visit): LoginRefusal | undefined {
    const wait = this.#perClient.retryAfter(visit.remoteAddress);
    if (wait > 0) return { status: 429, retryAfter: wait };
    const total = this.#isKnown(visit) ? 0 : this.#total.retryAfter(ALL);
    if (total > 0) return { status: 429, retryAfter: total };
    const isBusy = this.#running >= this.#limits.logins && this.#waiting.length >= this.#limits.loginQueue;
    return isBusy ? { status: 503, retryAfter: BUSY_SECONDS } : undefined;
  }

  /** Checks what `visit` sent, in its turn; a no counts as a failure, and so does a check that is under way. */
  async check(visit: Visit, isRight: () => Promise<boolean>): Promise<boolean> {
    const counts = this.#isKnown(visit) ? [] : [this.#total];
    this.#perClient.failed(visit.remoteAddress);
    for (const total of counts) total.failed(ALL);
    if (this.#running >= this.#limits.logins) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running++;
    let right = false;
    try {
      right = await isRight();
    } finally {
      const next = this.#waiting.shift(); // gets this one's place
      if (next === undefined) this.#running--;
      else next();
    }
    if (!right) return false;
    this.#perClient.takeBack(visit.remoteAddress);
    for (const total of counts) total.takeBack(ALL);
    return true;
  }

  #isKnown(visit: Visit): boolean {
    return visit.isLocal || this.#sessions.knows(visit.remoteAddress);
  }
}
