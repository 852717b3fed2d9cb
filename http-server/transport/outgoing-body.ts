/**
 * An answer's body on its way to the library, no faster than the client takes it.
 *
 * 1. What the library has not taken stays here, as views of the bytes it was given: many slow readers of one large
 *    file share its bytes, and a socket's buffer holds one piece of them.
 * 2. `room` comes when some of it has been taken, from the library's own callback; never from within `write`.
 */
import type { BodyWriter } from "./transport.ts";

/** The library's side. */
export interface Outlet {
  /** It takes no more until it says so. */
  readonly isFull: boolean;
  /** @param bytes not empty. @returns how many it took: all, or fewer and it is full */
  give(bytes: Uint8Array): number;
  /** Everything has been given. Called once. */
  finish(): void;
}

const NO_BYTES = new Uint8Array(0);

export class OutgoingBody implements BodyWriter {
  /** Bytes. */
  waiting = 0;
  readonly #outlet: Outlet;
  readonly #room: () => void;
  #queue: Uint8Array[] = [];
  #next = 0; // of #queue
  #isEnded = false;
  #isFinished = false;

  constructor(outlet: Outlet, room: () => void) {
    this.#outlet = outlet;
    this.#room = room;
  }

  write(bytes: Uint8Array): void {
    if (this.#isEnded || bytes.byteLength === 0) return;
    this.#queue.push(bytes);
    this.waiting += bytes.byteLength;
    this.#pump();
  }

  end(): void {
    this.#isEnded = true;
    this.#pump();
  }

  /** The library takes more. */
  writable(): void {
    const before = this.waiting;
    this.#pump();
    if (this.waiting < before) this.#room();
  }

  /** Nothing of it goes out any more. */
  drop(): void {
    this.#isEnded = true;
    this.#isFinished = true;
    this.#queue = [];
    this.waiting = 0;
  }

  #pump(): void {
    const outlet = this.#outlet;
    while (this.#next < this.#queue.length && !outlet.isFull) {
      const bytes = this.#queue[this.#next] ?? NO_BYTES;
      const taken = outlet.give(bytes);
      if (this.#isFinished) return; // the connection ended with it
      this.waiting -= taken;
      if (taken < bytes.byteLength) this.#queue[this.#next] = bytes.subarray(taken);
      else this.#forget();
    }
    if (!this.#isEnded || this.#isFinished || this.#queue.length > 0) return;
    this.#isFinished = true;
    outlet.finish();
  }

  /** The first of the queue is gone. Not `shift`: a queue may be as long as its chunks are small. */
  #forget(): void {
    this.#queue[this.#next++] = NO_BYTES;
    if (this.#next < this.#queue.length) return;
    this.#queue = [];
    this.#next = 0;
  }
}
