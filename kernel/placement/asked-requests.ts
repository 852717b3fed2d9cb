/**
 * Requests that a realm may still answer: their number there leads back to them.
 *
 * One leaves when nobody waits for it any more, found when there are twice as many as after the last look; so at most
 * twice as many are kept as others wait for. An answer to one that has left is as late as any other.
 */
import type { Envelope } from "../../lib/protocol/index.ts";
import { pendingOf } from "../pending.ts";

const LOOK_FROM = 256; // requests

export class AskedRequests {
  readonly #asked = new Map<number, Envelope>();
  #lookAt = LOOK_FROM;

  add(seq: number, request: Envelope): void {
    this.#asked.set(seq, request);
    if (this.#asked.size >= this.#lookAt) this.#sweep();
  }

  find(seq: number): Envelope | undefined {
    return this.#asked.get(seq);
  }

  #sweep(): void {
    for (const [seq, request] of this.#asked) {
      const pending = pendingOf(request);
      if (pending === null || !(pending.waits || pending.isReleased)) this.#asked.delete(seq);
    }
    this.#lookAt = Math.max(LOOK_FROM, this.#asked.size * 2);
  }
}
