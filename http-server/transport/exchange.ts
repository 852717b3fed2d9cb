/**
 * One HTTP exchange, as far as both transports agree: answered once, never after the client left.
 *
 * 1. `over` is final, and set before the library's response is touched for the last time.
 * 2. Nothing of a handler's throws into the library: it is reported, and the client gets 500; when its answer has
 *    begun, the connection is cut.
 * 3. An answer that HTTP does not allow is a defect of the caller's: reported, and 500.
 * 4. Bodies go no faster than the other side takes them, both ways; who is slower than `HttpPace` is cut.
 */
import { BodyCollector } from "./body.ts";
import {
  announcedLength,
  asksToClose,
  checkAnswer,
  hasToken,
  INTERNAL_ERROR,
  isBodiless,
  TOO_SLOW,
} from "./http-check.ts";
import { IncomingBody } from "./incoming-body.ts";
import { OutgoingBody, type Outlet } from "./outgoing-body.ts";
import type { BodyReader, BodyWriter, HeaderList, HttpPace, TransportRequest, TransportResponse } from "./transport.ts";
import type { Watch, Watched } from "./watch.ts";

/** What a listener has for all of its exchanges. */
export type ExchangeShared = {
  /** Must not throw. */
  readonly fault: (error: unknown) => void;
  readonly watch: Watch;
  readonly pace: HttpPace;
};

const WHOLE_MAX = 64 * 1024; // bytes given to the library in one call; of more, what the socket has no room for stays here
const DISCARD_MAX = 64 * 1024; // bytes of a body nobody wants that are read all the same, to keep the connection

export abstract class Exchange implements TransportResponse, Outlet, Watched {
  protected readonly isHead: boolean;
  readonly #shared: ExchangeShared;
  readonly #announced: number;
  readonly #waitsForContinue: boolean;
  #over = false; // final
  #aborted = false; // final
  #onAborted: () => void = () => {};
  #incoming: IncomingBody | null = null;
  #outgoing: OutgoingBody | null = null; // the answer has begun
  #mustClose = false; // once set, the answer ends the connection
  #also: HeaderList = [];
  #stalled = 0; // beats since the client took something

  /** @param request null: its head could not be read */
  constructor(request: TransportRequest | null, shared: ExchangeShared) {
    this.#shared = shared;
    this.isHead = request?.method === "HEAD";
    this.#announced = request === null ? Number.POSITIVE_INFINITY : announcedLength(request);
    this.#waitsForContinue = request !== null && hasToken(request, "expect", "100-continue");
  }

  get aborted(): boolean {
    return this.#aborted;
  }

  onAborted(then: () => void): void {
    this.#onAborted = then;
  }

  closeAfter(): void {
    this.#mustClose = true;
  }

  alsoSend(headers: HeaderList): void {
    this.#also = headers;
  }

  readBody(maxBytes: number, done: (body: Uint8Array | null) => void): void {
    const body = new BodyCollector();
    this.streamBody(maxBytes, {
      data: (bytes) => body.add(bytes),
      end: () => done(body.take()),
      failed: (status) => {
        if (status === 413) done(null);
        else this.send(TOO_SLOW.status, TOO_SLOW.headers, TOO_SLOW.body);
      },
    });
  }

  streamBody(maxBytes: number, reader: BodyReader): void {
    if (this.#over) return;
    const incoming = new IncomingBody(maxBytes, reader, this.#shared.pace);
    this.#incoming = incoming;
    if (this.#announced > maxBytes && this.#announced !== Number.POSITIVE_INFINITY) {
      this.#fail(incoming, 413); // it need not come to be refused
    } else if (this.#announced === 0) {
      incoming.isComplete = true;
      this.guard(() => incoming.end());
    } else {
      this.#shared.watch.add(this);
      this.receive();
    }
  }

  holdBody(isHeld: boolean): boolean {
    const incoming = this.#incoming;
    if (this.#over || incoming === null || incoming.isComplete) return true;
    incoming.isHeld = isHeld;
    return this.hold(isHeld);
  }

  send(status: number, headers: HeaderList, body: Uint8Array | string): void {
    if (this.#over || this.#outgoing !== null) return;
    const defect = checkAnswer(status, headers);
    if (defect !== undefined) {
      this.#shared.fault(new TypeError(defect));
      this.send(INTERNAL_ERROR.status, INTERNAL_ERROR.headers, INTERNAL_ERROR.body);
      return;
    }
    if (body.length > WHOLE_MAX && !this.isHead && !isBodiless(status)) {
      const bytes = typeof body === "string" ? Buffer.from(body) : body;
      this.#onAborted = () => {}; // it is answered, as far as the caller goes
      const writer = this.begin(status, headers, bytes.byteLength, () => {});
      writer?.write(bytes);
      writer?.end();
      return;
    }
    const closes = this.#endsWith(headers);
    this.#finish();
    this.#orCut(() => this.write(status, [...headers, ...this.#also], body, closes));
  }

  begin(status: number, headers: HeaderList, length: number | null, room: () => void): BodyWriter | null {
    if (this.#over || this.#outgoing !== null) return null;
    const defect = checkAnswer(status, headers);
    if (defect !== undefined) {
      this.#shared.fault(new TypeError(defect));
      this.send(INTERNAL_ERROR.status, INTERNAL_ERROR.headers, INTERNAL_ERROR.body);
      return null;
    }
    const closes = this.#endsWith(headers);
    if (this.isHead || isBodiless(status)) {
      this.#finish();
      this.#orCut(() => this.writeHeadOnly(status, [...headers, ...this.#also], length, closes));
      return null;
    }
    const outgoing = new OutgoingBody(this, () => this.guard(room));
    this.#outgoing = outgoing;
    const isWritten = this.#orCut(() => this.writeHead(status, [...headers, ...this.#also], length, closes));
    return isWritten ? outgoing : null;
  }

  cut(): void {
    if (!this.#over) this.disconnect();
  }

  abstract readonly isFull: boolean;
  abstract give(bytes: Uint8Array): number;

  finish(): void {
    if (this.#over) return; // see `complete`
    this.#finish();
    this.writeEnd();
  }

  beat(): void {
    const incoming = this.#incoming;
    if (incoming !== null && !incoming.isSettled && incoming.isTooSlow()) {
      this.#fail(incoming, 408);
      if (!this.#over && this.#outgoing !== null) this.cut();
    }
    if (this.#over) return;
    if (this.isFull && ++this.#stalled > this.#shared.pace.readerSeconds) this.cut();
    else this.touch();
  }

  /** Begins to hand the body's bytes to `received`. Called once, and only when there is one. */
  protected abstract receive(): void;

  /** Stops reading the socket, or goes on. @returns whether it is not read now */
  protected abstract hold(isHeld: boolean): boolean;

  /** Writes what was checked, and ends; called once, and last of all. */
  protected abstract write(status: number, headers: HeaderList, body: Uint8Array | string, closes: boolean): void;

  /** As `write`, for an answer that names a body and has none. @param length null: not known */
  protected abstract writeHeadOnly(status: number, headers: HeaderList, length: number | null, closes: boolean): void;

  /** The head of a body that `give` will be called with. */
  protected abstract writeHead(status: number, headers: HeaderList, length: number | null, closes: boolean): void;

  /** The end of that body; called once, and last of all. */
  protected abstract writeEnd(): void;

  /** Everything announced has gone out, and the library has ended the answer: nothing is left for `finish` to write. */
  protected complete(): void {
    this.#finish();
  }

  /** Cuts the connection; `abort` is called before this returns, or soon. */
  protected abstract disconnect(): void;

  /** Once a second while the client is waited for: keeps the library from cutting by its own rules. */
  protected touch(): void {}

  /** The library takes bytes again. */
  protected writable(): void {
    this.#stalled = 0;
    this.#outgoing?.writable();
    this.#rewatch();
  }

  /** The library took fewer bytes than it was given. */
  protected blocked(): void {
    if (this.#over) return;
    this.#stalled = 0;
    this.#shared.watch.add(this);
  }

  /**
   * Bytes of the body, lent.
   * @param isLast nothing follows
   */
  protected received(lent: Uint8Array, isLast: boolean): void {
    const incoming = this.#incoming;
    if (incoming === null || incoming.isComplete) return;
    if (isLast) {
      incoming.isComplete = true;
      this.#rewatch();
    }
    if (incoming.isSettled || this.#over) return;
    if (!incoming.admits(lent.byteLength)) {
      this.#fail(incoming, 413);
      return;
    }
    this.guard(() => {
      incoming.take(this.owned(lent));
      if (isLast && !this.#over && !incoming.isSettled) incoming.end();
    });
  }

  /** `lent` as bytes that stay. */
  protected abstract owned(lent: Uint8Array): Uint8Array;

  protected get over(): boolean {
    return this.#over;
  }

  /** More of the body is to come. */
  protected get isReceiving(): boolean {
    return this.#incoming !== null && !this.#incoming.isComplete;
  }

  protected get isHeld(): boolean {
    return this.#incoming?.isHeld === true;
  }

  /** The connection must end with the answer, whatever the client makes of "Connection: close". */
  protected get mustClose(): boolean {
    return this.#mustClose;
  }

  protected abort(): void {
    if (this.#over) return;
    const outgoing = this.#outgoing;
    this.#finish();
    this.#aborted = true;
    outgoing?.drop();
    this.guard(this.#onAborted);
  }

  /** Runs a handler's `work`. */
  protected guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#shared.fault(error);
      if (this.#outgoing !== null) this.cut();
      else this.send(INTERNAL_ERROR.status, INTERNAL_ERROR.headers, INTERNAL_ERROR.body);
    }
  }

  /** What the library does not take of an answer is a defect: the client must not wait for the rest. @returns whether it did */
  #orCut(write: () => void): boolean {
    try {
      write();
      return true;
    } catch (error) {
      this.#shared.fault(error);
      try {
        this.disconnect();
      } catch {
        // The library has ended it.
      }
      return false;
    }
  }

  #fail(incoming: IncomingBody, status: 408 | 413): void {
    this.#mustClose = true; // the rest is still to come and nobody will read it
    if (this.isHeld) this.holdBody(false);
    this.guard(() => incoming.fail(status));
  }

  /** Whether the connection has to end with an answer that goes out now. */
  #endsWith(headers: HeaderList): boolean {
    const isBehindBody = this.#announced === 0 || this.#incoming?.isComplete === true;
    if (!isBehindBody && (this.#announced > DISCARD_MAX || (this.#waitsForContinue && this.#incoming === null)))
      this.#mustClose = true;
    return this.#mustClose || asksToClose(headers);
  }

  #finish(): void {
    this.#over = true;
    this.#outgoing = null;
    this.#shared.watch.delete(this);
  }

  #rewatch(): void {
    if (!this.isReceiving && !this.isFull) this.#shared.watch.delete(this);
  }
}
