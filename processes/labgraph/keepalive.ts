/** When to ping one peer, and when it is gone: LabGraph's own schedule, 20 s and 20 s. Whatever comes from it is a sign of life. */
import { LABGRAPH_LIMITS } from "./limits.ts";

/** `silent`: it has said nothing since the last ping, for too long. */
export type Due = "nothing" | "ping" | "silent";

/** All times are milliseconds of one clock. */
export class Keepalive {
  #pingedAt: number; // at first, when the peer came
  #isAwaited = false;

  constructor(now: number) {
    this.#pingedAt = now;
  }

  /** Something has come from the peer. */
  heard(): void {
    this.#isAwaited = false;
  }

  /** To be asked now and then; `ping`: send one now. */
  due(now: number): Due {
    const since = now - this.#pingedAt;
    if (this.#isAwaited && since >= LABGRAPH_LIMITS.silentMs) return "silent";
    if (since < LABGRAPH_LIMITS.pingMs) return "nothing";
    this.#pingedAt = now;
    this.#isAwaited = true;
    return "ping";
  }
}
