/**
 * Looks at every realm now and then, as long as there are any.
 *
 * Time is counted in looks: a node whose own thread was stuck, or a machine that was asleep, blames nobody for that.
 */
import type { KernelLimits } from "../limits.ts";
import type { PulseLimits } from "./pulse.ts";

const LOOKS = 20; // within handlerSeconds: it is kept to a twentieth

export class Watchdog implements PulseLimits {
  readonly lookMs: number;
  readonly blockedLooks: number = LOOKS;
  readonly startLooks: number;
  readonly handlerSeconds: number;
  readonly realmStartSeconds: number;
  readonly #look: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor({ handlerSeconds, realmStartSeconds }: KernelLimits, look: () => void) {
    this.handlerSeconds = handlerSeconds;
    this.realmStartSeconds = realmStartSeconds;
    this.lookMs = (handlerSeconds * 1000) / LOOKS;
    this.startLooks = Math.ceil((realmStartSeconds * 1000) / this.lookMs);
    this.#look = look;
  }

  watch(wanted: boolean): void {
    if (wanted === (this.#timer !== undefined)) return;
    if (wanted) this.#timer = setInterval(this.#look, this.lookMs).unref();
    else {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }
}
