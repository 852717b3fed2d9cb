/**
 * One HTTP exchange on uWebSockets.js.
 *
 * 1. `res` throws when touched after an answer, an upgrade or an abort: the exchange is over before any of them. The
 *    last byte of an announced length ends an answer, whoever calls it ended later.
 * 2. Its writes go into `cork`, or the library prints a warning.
 * 3. The library cuts a body below 16 KiB/s and a client that reads nothing for some 10 s. Each `resume` gives it 10 s
 *    more, so `touch` keeps these rules away and HttpPace's count (test/http-server/transport/pace.test.ts).
 * 4. `pause` takes the socket out of the loop for writing too, and a `resume` restores what the last `pause` of any
 *    socket has seen. So a socket that has to be written out is never left paused: it is paused and resumed in one go,
 *    or, while it is full, not at all.
 * 5. The end of a body takes the library's timer away, though the answer was sent before: the connection would be open
 *    for ever. So an answer before that end leaves the socket paused, and the 10 s that it starts end it.
 * 6. The library's parser does not see where a chunked body ends as others do: it takes any two bytes for a line break
 *    and a trailer for the next request's head. So a request with such a body is the last of its connection, whatever
 *    follows it: none of our code runs while the library reads a piece of it, hence no answer ends in there, and the
 *    library cuts a connection on which an answer is still to come; when it has gone out, nothing more is read.
 */

import type { HttpResponse } from "uWebSockets.js";
import { Exchange, type ExchangeShared } from "./exchange.ts";
import { hasToken, isBodiless, isTransportHeader, type Refusal } from "./http-check.ts";
import { reasonPhrase } from "./reason-phrase.ts";
import type { HeaderList, TransportRequest } from "./transport.ts";

const PIECE = 64 * 1024; // bytes of a chunked body given at once: as many the library copies when the socket has no room
const TOUCH_BEATS = 4; // s: the library's timers are of 4 s, and one of 10 s may end after 8

export class UwsExchange extends Exchange {
  readonly #res: HttpResponse;
  readonly #isChunked: boolean; // see rule 6
  #isFull = false;
  #isPaused = false;
  #total: number | null = null; // bytes of the body that is being sent; null: in chunks
  #beats = 0;

  constructor(res: HttpResponse, request: TransportRequest | null, shared: ExchangeShared) {
    super(request, shared);
    res.onAborted(() => this.abort());
    this.#res = res;
    this.#isChunked = request !== null && hasToken(request, "transfer-encoding", "chunked");
    if (!this.#isChunked) return;
    this.closeAfter();
    res.onData((lent, isLast) => {
      const bytes = new Uint8Array(lent.slice(0));
      setImmediate(() => this.received(bytes, isLast)); // behind `serve`: it was asked for first
    });
  }

  /** Has the request handled: now, or, by rule 6, when the library has read what came with its head. */
  serve(handle: () => void): void {
    if (!this.#isChunked) return handle();
    setImmediate(() => {
      if (!this.aborted) this.guard(handle);
    });
  }

  get isFull(): boolean {
    return this.#isFull;
  }

  /**
   * Sends and ends the connection: what follows a refused head or handshake on it is anyone's guess.
   *
   * A moment later: the library goes on reading what came in the same piece, end or no end, and would serve as a request
   * what was meant as the refused one's body. It cuts a connection instead on which an answer is still to come.
   */
  refuse(refusal: Refusal): void {
    this.closeAfter();
    setImmediate(() => this.send(refusal.status, refusal.headers, refusal.body));
  }

  give(bytes: Uint8Array): number {
    if (this.over) return bytes.byteLength; // more than was announced
    this.#unpause();
    const taken = this.#total === null ? this.#giveChunk(bytes) : this.#giveSome(bytes, this.#total);
    if (this.over) return taken;
    if (this.#isFull) this.blocked();
    else if (this.isHeld) this.hold(true);
    return taken;
  }

  #giveChunk(bytes: Uint8Array): number {
    const piece = bytes.byteLength > PIECE ? bytes.subarray(0, PIECE) : bytes;
    this.#corked((res) => {
      this.#isFull = !res.write(piece);
    });
    return piece.byteLength;
  }

  #giveSome(bytes: Uint8Array, total: number): number {
    let taken = bytes.byteLength;
    this.#corked((res) => {
      const before = res.getWriteOffset();
      if (before + bytes.byteLength === total) this.#leaveUnread(); // a write that fails polls the socket again
      const [isTaken, isAll] = res.tryEnd(bytes, total);
      if (isAll) this.complete(); // `res` is gone, though the end may be long in coming
      if (this.over) return;
      this.#isFull = !isTaken;
      taken = res.getWriteOffset() - before;
    });
    return taken;
  }

  protected receive(): void {
    if (!this.#isChunked) this.#res.onData((lent, isLast) => this.received(new Uint8Array(lent), isLast));
  }

  protected owned(lent: Uint8Array): Uint8Array {
    return this.#isChunked ? lent : lent.slice(); // the library's is emptied when the callback returns
  }

  protected hold(isHeld: boolean): boolean {
    if (!isHeld) this.#unpause();
    else if (!this.#isPaused && !this.#isFull && this.isReceiving) {
      this.#isPaused = true;
      this.#res.pause();
    }
    return this.#isPaused;
  }

  #unpause(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#res.resume();
  }

  protected override touch(): void {
    if (this.#isPaused || ++this.#beats % TOUCH_BEATS !== 0) return;
    this.#res.pause();
    this.#res.resume();
  }

  protected disconnect(): void {
    this.#res.close();
  }

  protected write(status: number, headers: HeaderList, body: Uint8Array | string, closes: boolean): void {
    this.#unpause();
    if (this.isReceiving) this.closeAfter();
    this.#res.cork(() => this.#writeCorked(status, headers, body, closes));
  }

  #writeCorked(status: number, headers: HeaderList, body: Uint8Array | string, closes: boolean): void {
    const isBodied = !isBodiless(status) && !this.isHead;
    if (!isBodied && !this.mustClose) {
      this.#writeHeadOnly(status, headers, isBodiless(status) ? null : Buffer.byteLength(body), closes);
      return;
    }
    this.#writeFields(status, headers);
    const ends = closes || this.mustClose;
    if (isBodied && !ends) this.#writeBody(typeof body === "string" ? Buffer.from(body) : body);
    else this.#res.end(isBodied ? body : "", ends); // the one call that does end the connection
  }

  protected writeHeadOnly(status: number, headers: HeaderList, length: number | null, closes: boolean): void {
    this.#unpause();
    this.#leaveUnread();
    this.#res.cork(() => this.#writeHeadOnly(status, headers, isBodiless(status) ? null : length, closes));
  }

  /**
   * endWithoutBody has arguments for a length and for closing. Not in this version: with either it takes the exchange
   * for unanswered, sends 2^63 for a length left undefined, and does not close. So both go out as plain headers.
   */
  #writeHeadOnly(status: number, headers: HeaderList, length: number | null, closes: boolean): void {
    this.#writeFields(status, headers);
    if (length !== null) this.#res.writeHeader("Content-Length", String(length));
    if (closes) this.#res.writeHeader("Connection", "close");
    this.#res.endWithoutBody();
  }

  /** In chunks, the library sends the head with the first of them. */
  protected writeHead(status: number, headers: HeaderList, length: number | null, closes: boolean): void {
    this.#unpause();
    this.#total = length;
    this.#res.onWritable(() => this.#onWritable());
    this.#corked((res) => {
      this.#writeFields(status, headers);
      if (closes) res.writeHeader("Connection", "close");
      if (length !== null && length > 0) this.#isFull = !res.tryEnd("", length)[0];
    });
    if (this.#isFull) this.blocked();
    else if (this.isHeld) this.hold(true);
  }

  protected writeEnd(): void {
    if (this.#total !== null && this.#total > 0) {
      this.#res.close(); // less than was announced
      return;
    }
    this.#unpause();
    this.#leaveUnread();
    this.#res.cork(() => this.#res.end());
  }

  /** See rules 5 and 6. */
  #leaveUnread(): void {
    if (this.isReceiving || this.#isChunked) this.#res.pause();
  }

  /** Must not throw: what reaches the library aborts the process. @returns true: it is written out, or needs not be */
  #onWritable(): boolean {
    this.guard(() => {
      this.#isFull = false;
      this.#res.cork(() => {}); // it writes out what it has copied only when something is written
      this.writable();
      if (!this.over && this.isHeld) this.hold(true);
    });
    return true;
  }

  #writeFields(status: number, headers: HeaderList): void {
    const res = this.#res;
    res.writeStatus(`${status} ${reasonPhrase(status)}`);
    for (const [name, value] of headers) if (!isTransportHeader(name)) res.writeHeader(name, value);
  }

  #corked(work: (res: HttpResponse) => void): void {
    this.#res.cork(() => work(this.#res));
  }

  /**
   * `end` would copy what the socket does not take, for every request of a pipeline whose answers nobody reads: 300 MB
   * for 18 kB of requests. Here the exchange stays open until the client has read, and the library cuts a connection
   * whose next request comes before that.
   */
  #writeBody(bytes: Uint8Array): void {
    const res = this.#res;
    const [, isDone] = res.tryEnd(bytes, bytes.byteLength);
    if (isDone) return;
    res.onWritable((offset) => {
      const [isTaken] = res.tryEnd(bytes.subarray(offset), bytes.byteLength);
      return isTaken;
    });
  }
}
