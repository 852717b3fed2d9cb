/**
 * What waits for one channel: until the end of the turn, or of the loop's turn (*late*: docs/adr/0043).
 *
 * Bytes that wait late are ours: by then their process may have changed them, and the transport taken back what it lent.
 */
import { Buffer } from "node:buffer"; // not the global Buffer: that is an accessor
import { SENT, type TransportSocket } from "./transport/transport.ts";

export type Frame = string | Uint8Array | ArrayBuffer;

/** @property isOwn its bytes are a copy already */
export type Outgoing = { readonly data: Frame; readonly isBinary: boolean; readonly isOwn: boolean };

const FRAMES = 1024; // empty ones have no bytes that the send limit could count

export class SendQueue {
  readonly isLate: boolean;
  /** No less than what its frames have. */
  bytes: number;
  readonly #first: Outgoing; // mostly the only one: no array for it
  #more: Outgoing[] | null = null;

  /** @param bytes of `first`, or more */
  constructor(first: Outgoing, bytes: number, isLate: boolean) {
    this.isLate = isLate;
    this.bytes = bytes;
    this.#first = isLate ? owned(first) : first;
  }

  /** @param limit bytes */
  hasRoom(bytes: number, limit: number): boolean {
    return this.bytes + bytes <= limit && (this.#more === null || this.#more.length < FRAMES);
  }

  /** To be called where there is room. */
  add(outgoing: Outgoing, bytes: number): void {
    this.#more ??= [];
    this.#more.push(this.isLate ? owned(outgoing) : outgoing);
    this.bytes += bytes;
  }

  /** In one write. @returns false: the kernel's buffer is full, or the transport's queue, which has not taken all */
  sendTo(socket: TransportSocket<unknown>): boolean {
    const { data, isBinary } = this.#first;
    if (this.#more === null) return socket.send(data, isBinary) === SENT;
    return sendAll(this.#first, this.#more, socket);
  }
}

/** As one whose bytes nobody else has: the same, or with a copy of them. */
export function owned(outgoing: Outgoing): Outgoing {
  const { data, isBinary, isOwn } = outgoing;
  if (isOwn || typeof data === "string") return outgoing;
  return { data: Buffer.from(data instanceof ArrayBuffer ? new Uint8Array(data) : data), isBinary, isOwn: true };
}

/** Apart from `sendTo`: a closure there would have its variables on the heap each time. */
function sendAll(first: Outgoing, more: readonly Outgoing[], socket: TransportSocket<unknown>): boolean {
  let isSent = true;
  socket.cork(() => {
    if (socket.send(first.data, first.isBinary) !== SENT) isSent = false;
    for (const { data, isBinary } of more) if (socket.send(data, isBinary) !== SENT) isSent = false;
  });
  return isSent;
}
