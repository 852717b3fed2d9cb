/**
 * Tells of frames that were not taken, a turn later.
 *
 * 1. `dropped` never runs inside a publish or send: uWebSockets.js calls it while it walks its subscribers, and ending,
 *    closing or unsubscribing one there ends the process. Segmentation faults seen: `close` 4 of 4 runs, `end` 3 of 4,
 *    `unsubscribe` 2 of 4, `end` in a microtask 2 of 4; with setImmediate none.
 * 2. A socket is told of once per turn, with the bytes of all its losses; one that closed meanwhile is not told of.
 */
import { report } from "./fault.ts";
import type { TransportHandlers, TransportSocket } from "./transport.ts";

export class Losses<Data> {
  readonly #handlers: TransportHandlers<Data>;
  readonly #bytes = new Map<TransportSocket<Data>, number>();
  #scheduled = false;

  constructor(handlers: TransportHandlers<Data>) {
    this.#handlers = handlers;
  }

  add(socket: TransportSocket<Data>, bytes: number): void {
    this.#bytes.set(socket, (this.#bytes.get(socket) ?? 0) + bytes);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#tell());
  }

  /** To be called when `socket` has closed. */
  forget(socket: TransportSocket<Data>): void {
    this.#bytes.delete(socket);
  }

  #tell(): void {
    this.#scheduled = false;
    const told = [...this.#bytes]; // a copy: a handler that sends may lose again, and that is for the next turn
    for (const [socket, bytes] of told) {
      if (!this.#bytes.has(socket)) continue; // closed by a handler before this one
      this.#bytes.delete(socket);
      try {
        this.#handlers.dropped(socket, bytes);
      } catch (error) {
        report(this.#handlers, error);
      }
    }
  }
}
