/**
 * One HTTP exchange whose body comes or goes in pieces: what the process has not read, what the client has not taken.
 *
 * 1. The request's body: at most `httpStreamWindow` bytes wait here, and what the operating system had of it by then (some
 *    3.5 MiB on loopback); then the client's socket is not read until the process has (test/http-server/http/stream-body.test.ts).
 * 2. The answer: a chunk is taken while no more than `httpStreamWindow` bytes wait, and answered when that is so again.
 * 3. It ends once: by HttpEnd, a whole answer, the client's leaving, a limit, or its process's end. Whoever waits then
 *    is told; the process is sent HttpClose when it was not the one to end it.
 */
import { type Process, WheelEntry } from "../kernel/index.ts";
import {
  type Blob,
  Blob as BlobClass,
  type Envelope,
  type HttpReadResult,
  type HttpServerErrorKind,
} from "../lib/protocol/index.ts";
import { type ActionResult, type Answerer, LATER } from "./action-result.ts";
import { withOwn } from "./cache-control.ts";
import type { HttpAnswer } from "./http-answer.ts";
import { sendEmpty, sendText } from "./http-exchange.ts";
import type { HttpServerLimits } from "./limits.ts";
import { TOO_SLOW } from "./transport/http-check.ts";
import type { BodyReader, BodyWriter, HeaderList, TransportResponse } from "./transport/transport.ts";

/** An exchange that waits for a process. @property headers the server's own, beside the process's */
export type Exchange = {
  readonly response: TransportResponse;
  readonly headers: HeaderList;
  readonly streamId: number;
  /** The message to the process; null: not sent yet. */
  event: Envelope | null;
};

/** What a stream needs of the table that it is in. */
export interface StreamKeeper {
  readonly limits: HttpServerLimits;
  /** Milliseconds, monotonic. */
  now(): number;
  /** It has ended. @param tells its process does not know yet */
  ended(stream: HttpStream, tells: boolean): void;
  /** Calls `expire` again when `ms` have passed. */
  again(stream: HttpStream, ms: number): void;
}

const OVERRUN_MAX = 1024 * 1024; // bytes above the window, of who sends on and does not read: it cannot be held then

export class HttpStream extends WheelEntry implements BodyReader {
  readonly id: number;
  readonly exchange: Exchange;
  readonly response: TransportResponse;
  /** Who may read and write. */
  owner: Process;
  readonly #keeper: StreamKeeper;
  #isKnown = false; // to its process
  #moved: number; // when something last did
  #chunks: Uint8Array[] = []; // not read by the process yet
  #waiting = 0; // bytes of them
  #isWhole = true; // the body has come to its end
  #read: Answerer | null = null; // waits for the next chunk
  #writer: BodyWriter | null = null; // the answer has begun
  #left: number | null = null; // bytes that its Content-Length still announces
  #room: Answerer | null = null; // waits until the client has taken some

  constructor(owner: Process, exchange: Exchange, keeper: StreamKeeper) {
    super();
    this.id = exchange.streamId;
    this.exchange = exchange;
    this.owner = owner;
    this.response = exchange.response;
    this.#keeper = keeper;
    this.#moved = keeper.now();
    this.response.onAborted(() => this.#end("HttpStreamClosed", true));
  }

  /** The answer goes out in pieces now. */
  get hasBegun(): boolean {
    return this.#writer !== null;
  }

  /** Begins to take the request's body, before its process is asked. */
  receive(): void {
    this.#isWhole = false;
    this.response.streamBody(this.#keeper.limits.httpStreamBytes, this);
    this.#isKnown = true;
  }

  data(bytes: Uint8Array): void {
    const { httpStreamWindow } = this.#keeper.limits;
    this.#touch();
    if (this.#read !== null) return this.#give(this.#read, bytes);
    this.#chunks.push(bytes);
    this.#waiting += bytes.byteLength;
    if (this.#waiting <= httpStreamWindow || this.response.holdBody(true)) return;
    if (this.#waiting > httpStreamWindow + OVERRUN_MAX) this.response.cut();
  }

  end(): void {
    this.#isWhole = true;
    const read = this.#read;
    this.#read = null;
    read?.(DONE, null);
  }

  failed(status: 408 | 413): void {
    const error = status === 413 ? "HttpBodyTooLarge" : "HttpBodyTooSlow";
    if (this.#writer !== null) {
      this.#end(error, true);
      this.response.cut();
      return;
    }
    if (status === 413) sendTooLarge(this.response, this.#keeper.limits.httpStreamBytes);
    else this.response.send(TOO_SLOW.status, TOO_SLOW.headers, TOO_SLOW.body);
    this.#end(error, true);
  }

  /** Its process wants the next piece of the body. */
  read(answer: Answerer | null): ActionResult {
    if (answer === null || this.#read !== null) return "MalformedRequest"; // nobody would have it; one at a time
    this.#touch();
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) {
      this.#waiting -= chunk.byteLength;
      this.#give(answer, chunk);
      if (this.#waiting <= this.#keeper.limits.httpStreamWindow) this.response.holdBody(false);
    } else if (this.#isWhole) answer(DONE, null);
    else this.#read = answer;
    return LATER;
  }

  /** The process has answered: its body follows. @param first its beginning @returns false when none is wanted, or the client has left */
  begin(answer: HttpAnswer, first: Uint8Array): boolean {
    this.#touch();
    this.#isKnown = true;
    if (answer.length !== null && first.byteLength > answer.length) {
      sendEmpty(this.response, 500); // what is too much would be read as the next answer
      this.#end("HttpStreamClosed", true);
      return false;
    }
    this.#left = answer.length;
    const headers = withOwn(answer.headers, this.exchange.headers);
    this.#writer = this.response.begin(answer.status, headers, answer.length, () => this.#hasRoom());
    if (this.#writer === null) {
      this.#end("HttpStreamClosed", true);
      return false;
    }
    if (first.byteLength > 0) this.#write(first);
    return true;
  }

  /** @param answer null: nobody waits */
  write(blob: Blob | null, answer: Answerer | null): ActionResult {
    const writer = this.#writer;
    const { httpStreamWindow, pushBytes } = this.#keeper.limits;
    if (blob === null) return "NoBlob";
    if (writer === null) return "HttpStreamClosed";
    const size = blob.byteLength;
    if (size > pushBytes || writer.waiting > httpStreamWindow) return "LimitReached";
    if (this.#left !== null && size > this.#left) return "MalformedRequest";
    this.#touch();
    this.#write(blob.keep().bytes());
    if (this.#writer === null) return "HttpStreamClosed"; // the client had left
    if (answer === null || writer.waiting <= httpStreamWindow) return undefined;
    this.#room = answer;
    return LATER;
  }

  /** @param isCut the client shall see that something is missing */
  finish(isCut: boolean): HttpServerErrorKind | undefined {
    const writer = this.#writer;
    if (writer === null) return "HttpStreamClosed";
    const isShort = this.#left !== null && this.#left > 0;
    this.#end("HttpStreamClosed", false);
    if (isCut || isShort) this.response.cut();
    else writer.end();
    return isShort && !isCut ? "MalformedRequest" : undefined;
  }

  /** The exchange is answered as a whole, or its process is gone. */
  forget(): void {
    this.#end("HttpStreamClosed", false);
  }

  /** Its process is gone, or another incarnation begins that knows nothing of it: what was begun stays unfinished. */
  abandon(): void {
    const { hasBegun } = this;
    this.#end("HttpStreamClosed", false);
    if (hasBegun) this.response.cut();
    else sendEmpty(this.response, 503);
  }

  /** The time has come to see whether anything moves. */
  expire(): void {
    const { httpSeconds, httpStreamIdle } = this.#keeper.limits;
    const seconds = this.#writer === null ? httpSeconds : httpStreamIdle;
    const rest = this.#moved + seconds * 1000 - this.#keeper.now();
    if (rest > 0 || this.#read !== null) return this.#keeper.again(this, Math.max(rest, 1000));
    const { hasBegun } = this;
    this.#end("HttpStreamClosed", true);
    if (hasBegun) this.response.cut();
    else this.response.send(408, [["content-type", "application/octet-stream"]], ""); // contract kinode §5.4
  }

  #touch(): void {
    this.#moved = this.#keeper.now();
  }

  #write(bytes: Uint8Array): void {
    if (this.#left !== null) this.#left -= bytes.byteLength;
    this.#writer?.write(bytes);
  }

  #hasRoom(): void {
    this.#touch();
    const room = this.#room;
    if (room === null || this.#writer === null || this.#writer.waiting > this.#keeper.limits.httpStreamWindow) return;
    this.#room = null;
    room(OK, null);
  }

  #give(answer: Answerer, bytes: Uint8Array): void {
    this.#read = null;
    answer(MORE, BlobClass.of(bytes));
  }

  #end(error: HttpServerErrorKind, tells: boolean): void {
    const waiting = [this.#read, this.#room];
    this.#read = null;
    this.#room = null;
    this.#writer = null;
    this.#chunks = [];
    this.#waiting = 0;
    this.#keeper.ended(this, tells && this.#isKnown);
    for (const answer of waiting) answer?.({ Err: error }, null);
  }
}

const OK = Object.freeze({ Ok: null });
const MORE: HttpReadResult = Object.freeze({ Ok: Object.freeze({ done: false }) });
const DONE: HttpReadResult = Object.freeze({ Ok: Object.freeze({ done: true }) });

/** A body that is more than `maxBytes`. */
export function sendTooLarge(response: TransportResponse, maxBytes: number): void {
  const text = `Cannot take this body as it must be at most ${maxBytes} bytes: send less`;
  sendText(response, 413, text, [["connection", "close"]]);
}
