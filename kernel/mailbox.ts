/**
 * The bounded queue in front of one process. Owned by that process; nobody else calls `close`.
 *
 * 1. Envelopes leave in the order they were posted. Two mailboxes share no order.
 * 2. At most `capacity` wait. `post` says no to one more: it never blocks and never drops.
 * 3. `postReserved` is for what is bounded elsewhere and must not be lost: answers (by pendingRequests), timers, and the
 *    end of what was begun, as a channel's Close (by channels). It takes them until the mailbox is closed.
 * 4. It holds the blob of what waits, so that lent memory is copied before it goes; who takes an envelope out
 *    releases it when done.
 */
import type { Envelope } from "../lib/protocol/index.ts";
import { Ring } from "./ring.ts";

export class Mailbox {
  readonly capacity: number; // envelopes
  readonly #waiting = new Ring<Envelope>();
  #closed = false; // final
  #refused = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get length(): number {
    return this.#waiting.length;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** How many were told that it is full. */
  get refused(): number {
    return this.#refused;
  }

  /** Not more than this have ever waited; see Ring.room. The exact number would cost each message a look. */
  get waitedAtMost(): number {
    return this.#waiting.room;
  }

  /** Whoever was refused says so here: `post` itself would pay for counting with each message. */
  countRefusal(): void {
    this.#refused++;
  }

  /** @returns false when `capacity` wait, or it is closed: the envelope stays the caller's */
  post(envelope: Envelope): boolean {
    if (this.#waiting.length >= this.capacity) return false;
    return this.postReserved(envelope);
  }

  /** Into one that is open and in which nothing waits: that of a process that is idle. */
  postAlone(envelope: Envelope): void {
    if (envelope.blob !== null) envelope.blob.hold();
    this.#waiting.pushFirst(envelope);
  }

  /** @returns false when it is closed */
  postReserved(envelope: Envelope): boolean {
    if (this.#closed) return false;
    if (envelope.blob !== null) envelope.blob.hold();
    this.#waiting.push(envelope);
    return true;
  }

  /** Puts envelopes before all others: what a new incarnation must hear first. */
  postFirst(envelopes: readonly Envelope[]): void {
    for (const envelope of envelopes) envelope.blob?.hold();
    this.#waiting.unshiftAll(envelopes);
  }

  /** The oldest; its blob stays held until `envelope.blob.release()`. */
  take(): Envelope | undefined {
    return this.#waiting.shift();
  }

  /** What waits, oldest first; to look at only. */
  peek(): readonly Envelope[] {
    return this.#waiting.toArray();
  }

  /** Takes out what `leaves` says yes to; the rest keeps its order. @returns those taken out, oldest first */
  remove(leaves: (envelope: Envelope) => boolean): Envelope[] {
    const taken: Envelope[] = [];
    for (const envelope of this.#waiting.drain()) {
      if (leaves(envelope)) taken.push(envelope);
      else this.#waiting.push(envelope);
    }
    for (const envelope of taken) envelope.blob?.release();
    return taken;
  }

  /** Refuses further posts. @returns what was never delivered, oldest first */
  close(): Envelope[] {
    this.#closed = true;
    const left = this.#waiting.drain();
    for (const envelope of left) envelope.blob?.release();
    return left;
  }
}
