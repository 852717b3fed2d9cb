/**
 * How many bytes of one peer's requests wait in this node: in mailboxes, and for their answers. No mailbox counts bytes, and
 * none has to for this.
 *
 * 1. Nothing tells when a message was taken. What has come since the last look is added up; only when all of it together
 *    could be too much is it looked at what of it is there still.
 * 2. What a request has, is known when it comes. Of large ones it is remembered for as long as they live; a small one counts
 *    as SMALL_BYTES.
 * 3. While there is too much, a look takes at most a twentieth of the time; meanwhile nothing more is taken.
 */
import type { Envelope } from "../../lib/protocol/index.ts";
import type { Kernel } from "../kernel.ts";
import { type PendingTable, pendingOf } from "../pending.ts";

const SMALL_BYTES = 1024;
const LOOK_MS = 10; // between two looks, at least
const LOOK_SHARE = 20;

export class Held {
  readonly #kernel: Kernel;
  readonly #peer: string;
  readonly #asked: PendingTable;
  readonly #sizes = new WeakMap<Envelope, number>();
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
    if (bytes > SMALL_BYTES) this.#sizes.set(request, bytes);
    return true;
  }

  get #limit(): number {
    return this.#kernel.limits.linkHeld * 1024 * 1024;
  }

  #hasRoom(bytes: number): boolean {
    const { clock } = this.#kernel;
    const begun = clock.monotonic();
    if (begun < this.#nextLook) return false;
    this.#found = this.#look();
    this.#since = 0;
    const now = clock.monotonic();
    this.#nextLook = now + Math.max(LOOK_MS, LOOK_SHARE * (now - begun));
    return this.#found === 0 || this.#found + bytes <= this.#limit;
  }

  #look(): number {
    let bytes = 0;
    for (const request of this.#asked.requests()) bytes += this.#sizeOf(request);
    for (const { mailbox } of this.#kernel.registry.all()) {
      if (mailbox.length === 0) continue;
      for (const envelope of mailbox.peek())
        if (envelope.source.node === this.#peer && envelope.kind === "request" && pendingOf(envelope) === null)
          bytes += this.#sizeOf(envelope);
    }
    return bytes;
  }

  #sizeOf(request: Envelope): number {
    return this.#sizes.get(request) ?? SMALL_BYTES;
  }
}
