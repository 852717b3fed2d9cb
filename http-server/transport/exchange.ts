/**
 * One HTTP exchange, as far as both transports agree: answered once, never after the client left.
 *
 * 1. `over` is final, and set before the library's response is touched for the last time.
 * 2. Nothing of a handler's throws into the library: it is reported, and the client gets 500.
 * 3. An answer that HTTP does not allow is a defect of the caller's: reported, and 500.
 */
import { checkAnswer, INTERNAL_ERROR } from "./http-check.ts";
import type { HeaderList, TransportResponse } from "./transport.ts";

export abstract class Exchange implements TransportResponse {
  readonly #fault: (error: unknown) => void;
  #over = false; // final
  #aborted = false; // final
  #onAborted: () => void = () => {};

  /** @param fault must not throw */
  constructor(fault: (error: unknown) => void) {
    this.#fault = fault;
  }

  get aborted(): boolean {
    return this.#aborted;
  }

  onAborted(then: () => void): void {
    this.#onAborted = then;
  }

  abstract closeAfter(): void;

  abstract readBody(maxBytes: number, done: (body: Uint8Array | null) => void): void;

  send(status: number, headers: HeaderList, body: Uint8Array | string): void {
    if (this.#over) return;
    const defect = checkAnswer(status, headers);
    if (defect !== undefined) {
      this.#fault(new TypeError(defect));
      this.send(INTERNAL_ERROR.status, INTERNAL_ERROR.headers, INTERNAL_ERROR.body);
      return;
    }
    this.#over = true;
    this.write(status, headers, body);
  }

  /** Writes what was checked; called once. */
  protected abstract write(status: number, headers: HeaderList, body: Uint8Array | string): void;

  protected get over(): boolean {
    return this.#over;
  }

  protected abort(): void {
    if (this.#over) return;
    this.#over = true;
    this.#aborted = true;
    this.guard(this.#onAborted);
  }

  /** Runs a handler's `work`. */
  protected guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#fault(error);
      this.send(INTERNAL_ERROR.status, INTERNAL_ERROR.headers, INTERNAL_ERROR.body);
    }
  }
}
