/**
 * A request's body as it comes: at most so much, at least so fast.
 *
 * 1. It is over once: `end`, `failed`, or neither when the client left. What comes behind a failure is nobody's.
 * 2. Only while it is read does its time run: a reader that holds it is not the client's slowness.
 */
import type { BodyReader, HttpPace } from "./transport.ts";

export class IncomingBody {
  /** The last byte has come. */
  isComplete = false;
  /** Nobody wants what still comes. */
  isSettled = false;
  /** The reader wants no more for now. */
  isHeld = false;
  readonly #maxBytes: number;
  readonly #reader: BodyReader;
  readonly #pace: HttpPace;
  #size = 0;
  #beats = 0; // of this window
  #inWindow = 0; // bytes

  constructor(maxBytes: number, reader: BodyReader, pace: HttpPace) {
    this.#maxBytes = maxBytes;
    this.#reader = reader;
    this.#pace = pace;
  }

  /** Whether `count` more bytes are welcome. When not, `fail` is next. */
  admits(count: number): boolean {
    this.#size += count;
    this.#inWindow += count;
    return this.#size <= this.#maxBytes;
  }

  /** @param bytes admitted, and owned by the reader from here on */
  take(bytes: Uint8Array): void {
    if (bytes.byteLength > 0) this.#reader.data(bytes);
  }

  end(): void {
    this.isSettled = true;
    this.#reader.end();
  }

  fail(status: 408 | 413): void {
    this.isSettled = true;
    this.#reader.failed(status);
  }

  /** @returns whether it comes too slowly */
  isTooSlow(): boolean {
    if (this.isHeld || ++this.#beats <= this.#pace.bodySeconds) return false;
    const tooSlow = this.#inWindow < this.#pace.bodyPace * this.#pace.bodySeconds;
    this.#beats = 0;
    this.#inWindow = 0;
    return tooSlow;
  }
}
