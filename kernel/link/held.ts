/**
 * How many bytes of one peer's requests wait in this node: in mailboxes, and for their answers. No mailbox counts bytes, and
 * none has to for this.
 *
 * 1. Nothing tells when a message was taken. What has come since the last look is added up; only when all of it together
 *    could be too much is it looked at what of it is there still.
 * 2. What a request has, is known when it comes. Of those of LARGE_BYTES or more it is remembered, by their ids; others count
 *    as SMALL_BYTES. A WeakMap would cost each of them some µs of garbage collection.
 * 3. While there is too much, a look takes at most a twentieth of the time; meanwhile nothing more is taken.
 */
import type { Envelope } from "../../lib/protocol/index.ts";
import type { Kernel } from "../kernel.ts";
import { type PendingTable, pendingOf } from "../pending.ts";

const LARGE_BYTES = 4 * 1024;
const SMALL_BYTES = 1024; // so that a bound of 256 MiB is not reached before 262,144 wait, as many as a system process takes
const SIZES_MAX = 16_384; // remembered, some 40 bytes each; then it is looked which are there still
const LOOK_MS = 10; // between two looks, at least
const LOOK_SHARE = 20;

export class Held {
  readonly #kernel: Kernel;
  readonly #peer: string;
  readonly #asked: PendingTable;
  #sizes = new Map<number, number>(); // by message id
  #found = 0; // bytes at the last look
  #since = 0; // that have come since
  #nextLook = Number.NEGATIVE_INFINITY; // ms

  /** @param asked the peer's requests that have to be answered here */
  constructor(kernel: Kernel, peer: string, asked: PendingTable) {
    this.#kernel = kernel;
    this.#peer = peer;
    this.#asked = asked;
  }

  /** Of a request that has come. One is taken, however large, when nothing else waits. @returns false: it is too much */
  takes(request: Envelope, bytes: number): boolean {
    if (this.#found + this.#since + bytes > this.#limit && !this.#hasRoom(bytes)) return false;
    this.#since += bytes;
    if (bytes < LARGE_BYTES) return true;
    if (this.#sizes.size >= SIZES_MAX) this.#lookAgain();
    if (this.#sizes.size < SIZES_MAX) this.#sizes.set(request.id, bytes);
    return true;
  }

  get #limit(): number {
    return this.#kernel.limits.linkHeld * 1024 * 1024;
  }

  #hasRoom(bytes: number): boolean {
    return this.#lookAgain() && (this.#found === 0 || this.#found + bytes <= this.#limit);
  }

  /** @returns false: it did so just now, and found much */
  #lookAgain(): boolean {
    const { clock } = this.#kernel;
    const begun = clock.monotonic();
    if (begun < this.#nextLook) return false;
    this.#found = this.#look();
    this.#since = 0;
    const now = clock.monotonic();
    const isMuch = this.#found > this.#limit / 2 || this.#sizes.size > SIZES_MAX / 2;
    if (isMuch) this.#nextLook = now + Math.max(LOOK_MS, LOOK_SHARE * (now - begun));
    return true;
  }

  #look(): number {
    const sizes = new Map<number, number>();
    let bytes = 0;
    const count = ({ id }: Envelope): void => {
      const size = this.#sizes.get(id);
      if (size !== undefined) sizes.set(id, size);
      bytes += size ?? SMALL_BYTES;
    };
    for (const request of this.#asked.requests()) count(request);
    for (const { mailbox } of this.#kernel.registry.all()) {
      if (mailbox.length === 0) continue;
      for (const envelope of mailbox.peek())
        if (envelope.source.node === this.#peer && envelope.kind === "request" && pendingOf(envelope) === null)
          count(envelope);
    }
    this.#sizes = sizes;
    return bytes;
  }
}
