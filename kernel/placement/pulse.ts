/**
 * Whether one realm still answers: pings while it has something to do, and now and then while it has not.
 *
 * A realm that goes from message to message answers late; as long as it begins new ones, it is not stuck.
 */
import type { Begun } from "./carrier.ts";

export type PulseLimits = {
  /** Between looks, ms. */
  readonly lookMs: number;
  /** Looks without an answer until it is stuck; the same before it has said hello. */
  readonly blockedLooks: number;
  readonly startLooks: number;
  readonly handlerSeconds: number;
  readonly realmStartSeconds: number;
};

/** @property rule which limit that is over */
export type Blocked = { readonly rule: string; readonly seconds: number };

export class Pulse {
  readonly #limits: PulseLimits;
  #hasSaidHello = false;
  #sent = 0; // number of the last ping
  #answered = 0; // of the last one that was answered
  #idleLooks = 0;
  #missed = 0; // looks since it was last seen to move
  #lastBegun: Begun = { slot: 0, seq: 0 };

  constructor(limits: PulseLimits) {
    this.#limits = limits;
  }

  hello(): void {
    this.#hasSaidHello = true;
    this.#missed = 0;
  }

  pong(ping: number): void {
    this.#answered = ping;
  }

  /** @returns the number of a ping to send, that it is stuck, or null: nothing is to be done */
  look(isBusy: boolean, begun: () => Begun): number | Blocked | null {
    const { startLooks, blockedLooks, realmStartSeconds, handlerSeconds } = this.#limits;
    if (!this.#hasSaidHello)
      return ++this.#missed > startLooks
        ? this.#blocked(`limits.realmStartSeconds is ${realmStartSeconds} seconds`)
        : null;
    if (this.#answered === this.#sent) {
      this.#missed = 0;
      this.#idleLooks = isBusy ? 0 : this.#idleLooks + 1;
      if (this.#idleLooks % blockedLooks !== 0) return null;
      this.#lastBegun = begun();
      return ++this.#sent;
    }
    const { slot, seq } = begun();
    if (seq !== this.#lastBegun.seq || slot !== this.#lastBegun.slot) this.#missed = 0;
    this.#lastBegun = { slot, seq };
    return ++this.#missed > blockedLooks ? this.#blocked(`limits.handlerSeconds is ${handlerSeconds} seconds`) : null;
  }

  #blocked(rule: string): Blocked {
    return { rule, seconds: (this.#missed * this.#limits.lookMs) / 1000 };
  }
}
