/**
 * Frames for one peer that leave in one message of the wire: for NATS, and for its client, a message costs more than what
 * a small frame carries (bench/link.ts).
 *
 * 1. What is sent in one go leaves together, a microtask after the first of it: when whoever is running has returned, and
 *    before the event loop goes on. One alone leaves as it is.
 * 2. A batch takes along what of the peer's has come: soon said, little is kept here or there until it is.
 * 3. Order is kept: what is too large to be copied leaves by itself, after what came before it.
 * 4. Frames of a batch have one head: they are numbered from its `seq` on, without a hole. Whether somebody was there is
 *    asked for the last of them, and told for all before it (out-queue.ts).
 */
import { type AckFields, batchOf, frameOf, packAck } from "./frame.ts";
import type { Lane, Wire } from "./wire.ts";

const BATCH_BYTES = 64 * 1024; // as large as a piece: others wait no longer for it than for that (limits.ts)
const ALONE_BYTES = 8 * 1024; // from here on, a copy costs as much as a message of its own

/** @property body taken from it when it leaves */
export type Batched = { readonly lane: Lane; body: Uint8Array };

const NOTHING = new Uint8Array();

export class Batch {
  readonly #wire: Wire;
  readonly #peer: string;
  readonly #epoch: number;
  readonly #owed: () => AckFields | null;
  readonly #later: (leave: () => void) => void;
  #frames: Batched[] = [];
  #bytes = 0;
  #first = 0; // seq; 0: none of them is numbered
  #last = 0;
  #isSet = false;

  /** @param owed what of the peer's has come, since it was told @param later calls when all that is sent in one go has been added */
  constructor(
    wire: Wire,
    peer: string,
    epoch: number,
    owed: () => AckFields | null,
    later: (leave: () => void) => void,
  ) {
    this.#wire = wire;
    this.#peer = peer;
    this.#epoch = epoch;
    this.#owed = owed;
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
    const [from, to, all] = [this.#first, this.#last, this.#frames];
    const isAlone = all.length === 1;
    const account = isAlone ? null : this.#owed();
    if (account !== null) all.push({ lane: "k", body: packAck(account) });
    const frame = isAlone ? frameOf(this.#epoch, from, first.body) : batchOf(this.#epoch, from, all);
    for (const left of all) left.body = NOTHING;
    this.forget();
    this.#wire.send(this.#peer, isAlone ? first.lane : "b", to, frame);
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
