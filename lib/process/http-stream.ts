/**
 * An answer that goes out in pieces, as fast as its client reads; and a request's body that is read in pieces.
 *
 * 1. Writes leave in the order they were made. Await each: at most `QUEUE_MAX` bytes may wait for their turn.
 * 2. Nobody need look at a promise: one that is not awaited does not end the process when it is rejected.
 * 3. A handler that awaits a stream holds the mailbox until it is done: let it run beside the handler.
 */
import {
  type Address,
  Blob,
  type BlobLike,
  Envelope,
  type Host,
  type HttpReadResult,
  type HttpServerAction,
  type HttpServerErrorKind,
  type HttpServerResult,
  KernelError,
  OptionError,
  toBlob,
} from "../protocol/index.ts";

const PIECE = 64 * 1024; // bytes in one message: the next waits for the client to have room for it
const QUEUE_MAX = 4 * 1024 * 1024; // bytes of writes that were not awaited
const WAIT_SECONDS = 600; // the http-server answers sooner: it cuts a client that takes or sends nothing

/**
 * A streamed body has ended before its end. `why` tells: `HttpStreamClosed`, the client left, or reads or sends too
 * slowly; `HttpBodyTooLarge` and `HttpBodyTooSlow`, its body was refused. There is nobody left to answer.
 */
export class HttpStreamError extends KernelError {
  override readonly name = "HttpStreamError";
  readonly why: HttpServerErrorKind;

  constructor(act: string, streamId: number, why: HttpServerErrorKind) {
    super(why, `Cannot ${act} HTTP stream ${streamId} as it must be open: ${why}, stop here`);
    this.why = why;
  }
}

export class HttpWriter {
  /** Resolves when nothing more can be written: it was ended or cut, or the client has left. */
  readonly closed: Promise<void>;
  readonly #host: Host;
  readonly #httpServer: Address;
  readonly #id: number;
  readonly #forget: () => void;
  #close: () => void = () => {};
  #isOpen = true;
  #waiting = 0; // bytes
  #last: Promise<void> = Promise.resolve();

  /** Made by `IncomingHttp.stream`. */
  constructor(host: Host, httpServer: Address, id: number, forget: () => void) {
    this.#host = host;
    this.#httpServer = httpServer;
    this.#id = id;
    this.#forget = forget;
    this.closed = new Promise((resolve) => {
      this.#close = resolve;
    });
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /**
   * Resolves when the client has room for more.
   * @param value bytes must not change until then
   * @throws {HttpStreamError} the client has left, or the stream has ended
   * @throws {OptionError} too much waits: nothing was written, and the connection is cut
   */
  write(value: BlobLike): Promise<void> {
    const bytes = toBlob(value).keep().bytes();
    if (!this.#isOpen) return quiet(Promise.reject(new HttpStreamError("write to", this.#id, "HttpStreamClosed")));
    if (this.#waiting > 0 && this.#waiting + bytes.byteLength > QUEUE_MAX) {
      this.cut();
      const rule = `at most ${QUEUE_MAX} bytes may wait: got ${this.#waiting + bytes.byteLength}, await each write`;
      return quiet(Promise.reject(new OptionError(`Cannot write to HTTP stream ${this.#id} as ${rule}`)));
    }
    this.#waiting += bytes.byteLength;
    return this.#queue(async () => {
      for (let at = 0; at < bytes.byteLength; at += PIECE)
        await this.#act("write to", { HttpChunk: { stream_id: this.#id } }, Blob.of(bytes.subarray(at, at + PIECE)));
      this.#waiting -= bytes.byteLength;
    });
  }

  /** Ends the answer behind what was written. @throws {HttpStreamError} */
  end(): Promise<void> {
    if (!this.#isOpen) return Promise.resolve();
    return this.#queue(async () => {
      await this.#act("end", { HttpEnd: { stream_id: this.#id } }, null);
      this.over();
    });
  }

  /** Ends the connection so that the client sees that something is missing. Never throws. */
  cut(): void {
    if (!this.#isOpen) return;
    this.over();
    try {
      this.#host.tell(this.#httpServer, { HttpEnd: { stream_id: this.#id, cut: true } }, null);
    } catch {
      // This incarnation has ended: the http-server cuts what it had begun by itself.
    }
  }

  /** Process-lib only: the http-server says that it has ended. */
  over(): void {
    this.#isOpen = false;
    this.#forget();
    this.#close();
  }

  #queue(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work);
    this.#last = quiet(done).catch(() => undefined); // the next finds it closed, and says so itself
    return done;
  }

  async #act(what: string, action: HttpServerAction, blob: Blob | null): Promise<void> {
    if (!this.#isOpen) throw new HttpStreamError(what, this.#id, "HttpStreamClosed");
    const answer = (await ask(this.#host, this.#httpServer, action, blob)).body as HttpServerResult;
    if (!("Err" in answer)) return;
    this.over();
    throw new HttpStreamError(what, this.#id, answer.Err);
  }
}

/** A body as its client sends it, no faster than it is read. @throws {HttpStreamError} */
export async function* readBody(host: Host, httpServer: Address, id: number): AsyncGenerator<Uint8Array, void> {
  for (;;) {
    const { body, blob } = await ask(host, httpServer, { HttpRead: { stream_id: id } }, null);
    const answer = body as HttpReadResult;
    if ("Err" in answer) throw new HttpStreamError("read from", id, answer.Err);
    if (answer.Ok.done) return;
    if (blob !== null) yield blob.bytes();
  }
}

/** The answers that a process has begun, by stream: who is told when the client leaves. */
export class HttpWriters {
  readonly #open = new Map<number, HttpWriter>();

  open(host: Host, httpServer: Address, id: number): HttpWriter {
    const writer = new HttpWriter(host, httpServer, id, () => this.#open.delete(id));
    this.#open.set(id, writer);
    return writer;
  }

  closed(id: number): void {
    this.#open.get(id)?.over();
  }
}

function ask(host: Host, httpServer: Address, action: HttpServerAction, blob: Blob | null): Promise<Envelope> {
  const request = new Envelope("request", host.our, httpServer, action, blob);
  request.expectsResponse = WAIT_SECONDS;
  return host.call(request);
}

/** See rule 2. */
function quiet<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => undefined);
  return promise;
}
