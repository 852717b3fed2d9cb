/**
 * Frames for one peer that leave in one message of the wire: for NATS, and for its client, a message costs more than what
 * a small frame carries (bench/link.ts).
 *
 * 1. What is sent in one go leaves together, a microtask after the first of it: when whoever is running has returned, and
 *    before the event loop goes on. One alone leaves as it is.
 * 2. Order is kept: what is too large to be copied leaves by itself, after what came before it.
 * 3. Frames of a batch have one head: they are numbered from its `seq` on, without a hole. Whether somebody was there is
 *    asked for the last of them, and told for all before it (out-queue.ts).
 */
import { batchOf, frameOf } from "./frame.ts";
import type { Lane, Wire } from "./wire.ts";

const BATCH_BYTES = 64 * 1024; // as large as a piece: others wait no longer for it than for that (limits.ts)
const ALONE_BYTES = 8 * 1024; // from here on, a copy costs as much as a message of its own

export type Batched = { readonly lane: Lane; readonly body: Uint8Array };

export class Batch {
  readonly #wire: Wire;
  readonly #peer: string;
  readonly #epoch: number;
  readonly #later: (leave: () => void) => void;
  #frames: Batched[] = [];
  #bytes = 0;
  #first = 0; // seq; 0: none of them is numbered
  #last = 0;
  #isSet = false;

  /** @param later calls when all that is sent in one go has been added */
  constructor(wire: Wire, peer: string, epoch: number, later: (leave: () => void) => void) {
    this.#wire = wire;
    this.#peer = peer;
    this.#epoch = epoch;
    this.#later = later;
  }

  /** @param seq one more than the last that was added; 0: it is not numbered */
  add(frame: Batched, seq: number): void {
    const { byteLength } = frame.body;
    if (this.#bytes + byteLength > BATCH_BYTES || byteLength >= ALONE_BYTES) this.leave();
    this.#frames.push(frame);
    this.#bytes += byteLength;
    if (seq > 0) {
      if (this.#first === 0) this.#first = seq;
      this.#last = seq;
    }
    if (byteLength >= ALONE_BYTES) this.leave();
    else if (!this.#isSet) {
      this.#isSet = true;
      this.#later(this.#due);
    }
  }

  /** Now. */
  leave(): void {
    const [first] = this.#frames;
    if (first === undefined) return;
    const [from, to, all, bytes] = [this.#first, this.#last, this.#frames, this.#bytes];
    this.forget();
    if (all.length === 1) this.#wire.send(this.#peer, first.lane, to, frameOf(this.#epoch, from, first.body));
    else this.#wire.send(this.#peer, "b", to, batchOf(this.#epoch, from, all, bytes));
  }

  /** What has not left does not. */
  forget(): void {
    this.#frames = [];
    this.#bytes = 0;
    this.#first = 0;
    this.#last = 0;
  }

  readonly #due = (): void => {
    this.#isSet = false;
    this.leave();
  };
}
