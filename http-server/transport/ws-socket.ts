/**
 * One WebSocket of the ws transport, with the manners of uWebSockets.js's own.
 *
 * 1. `ws` reads, answers pings and does the closing handshake. Frames that carry data are written here, straight to the
 *    net socket: `ws` would keep the caller's bytes until they are flushed, and would encode a publish once per subscriber.
 *    That is safe as long as ws sends no data frame itself: it then never holds one back.
 * 2. `close` is told inside `end` and `close`, as by uWebSockets.js. After it no other handler is called, though the
 *    closing handshake goes on (ws cuts it after 30 s).
 * 3. The queue is the net socket's own: `writableLength` is what the operating system has not taken.
 */
import type { Socket } from "node:net";
import type { RawData, WebSocket } from "ws";
import { cutReason, readReason, sendableCode } from "./closing.ts";
import { sizeOf } from "./deflate.ts";
import type { Losses } from "./dropped.ts";
import { report } from "./fault.ts";
import { DROPPED, QUEUED, SENT, type SendOutcome, type TransportHandlers, type TransportSocket } from "./transport.ts";
import { CONTROL_MAX, encodeDeflated, encodeFrame, OPCODE } from "./ws-frame.ts";

/** What the sockets of one listener share. */
export type WsShared<Data> = {
  readonly handlers: TransportHandlers<Data>;
  readonly maxBackpressure: number;
  readonly compressBytes: number;
  readonly losses: Losses<Data>;
  readonly open: Set<WsSocket<Data>>;
  /** Subscribers by topic; no set is empty. */
  readonly topics: Map<string, Set<WsSocket<Data>>>;
};

/** Silent beats until a socket is cut; it is pinged halfway. A beat is a quarter of `idleTimeout`. */
export const BEATS_UNTIL_CUT = 4;
const BEATS_UNTIL_PING = 2;
const CORK_BYTES = 16 * 1024; // what a cork holds back at most, as in uWebSockets.js
const ABNORMAL = 1006; // RFC 6455 §7.4.1: no close frame
const NOTHING = new Uint8Array(0);

export class WsSocket<Data> implements TransportSocket<Data> {
  /** permessage-deflate was negotiated. */
  readonly deflates: boolean;
  readonly #data: Data;
  readonly #ws: WebSocket;
  readonly #net: Socket;
  readonly #shared: WsShared<Data>;
  readonly #topics = new Set<string>();
  #closed = false; // final
  #corked = false;
  #backlog = 0; // bytes waiting when last looked at: `drain` is for less
  #error = ""; // what ws had against the client's frames
  #bytesRead = 0; // at the last beat that heard something
  #silentBeats = 0;

  /** @param net the socket under `ws` */
  constructor(data: Data, ws: WebSocket, net: Socket, shared: WsShared<Data>) {
    this.deflates = ws.extensions !== "";
    this.#data = data;
    this.#ws = ws;
    this.#net = net;
    this.#shared = shared;
    shared.open.add(this);
    this.#attach();
  }

  getUserData(): Data {
    return this.#data;
  }

  send(data: string | Uint8Array | ArrayBuffer, isBinary: boolean): SendOutcome {
    const encode = this.deflates && sizeOf(data) >= this.#shared.compressBytes ? encodeDeflated : encodeFrame;
    return this.sendFrame(encode(isBinary ? OPCODE.binary : OPCODE.text, data));
  }

  /** Sends a data frame, which other sockets may be sending too. */
  sendFrame(frame: Buffer): SendOutcome {
    const outcome = this.#write(frame);
    if (outcome === DROPPED && this.#isOpen()) this.#shared.losses.add(this, frame.byteLength);
    return outcome;
  }

  ping(data: Uint8Array): SendOutcome {
    return this.#write(encodeFrame(OPCODE.ping, data.subarray(0, CONTROL_MAX)));
  }

  pong(data: Uint8Array): SendOutcome {
    return this.#write(encodeFrame(OPCODE.pong, data.subarray(0, CONTROL_MAX)));
  }

  getBufferedAmount(): number {
    return this.#net.writableLength;
  }

  end(code: number, reason: string): void {
    if (this.#closed) return;
    const sent = { code: sendableCode(code), reason: cutReason(reason) };
    this.#ws.close(sent.code, sent.reason);
    this.#finish(sent.code, sent.reason);
  }

  close(): void {
    if (this.#closed) return;
    this.#ws.terminate();
    this.#finish(ABNORMAL, "");
  }

  subscribe(topic: string): boolean {
    if (this.#closed) return false;
    const subscribers = this.#shared.topics.get(topic);
    if (subscribers === undefined) this.#shared.topics.set(topic, new Set([this]));
    else subscribers.add(this);
    this.#topics.add(topic);
    return true;
  }

  unsubscribe(topic: string): boolean {
    if (!this.#topics.delete(topic)) return false;
    const subscribers = this.#shared.topics.get(topic);
    subscribers?.delete(this);
    if (subscribers?.size === 0) this.#shared.topics.delete(topic);
    return true;
  }

  cork(work: () => void): void {
    if (this.#corked) {
      work();
      return;
    }
    this.#corked = true;
    this.#net.cork();
    try {
      work();
    } finally {
      this.#corked = false;
      this.#net.uncork();
      this.#backlog = this.#net.writableLength;
    }
  }

  /** Counts a beat without a byte from the client: pings it, then cuts it. */
  beat(): void {
    if (this.#net.bytesRead !== this.#bytesRead) {
      this.#bytesRead = this.#net.bytesRead;
      this.#silentBeats = 0;
      return;
    }
    this.#silentBeats += 1;
    if (this.#silentBeats === BEATS_UNTIL_PING) this.ping(NOTHING);
    if (this.#silentBeats < BEATS_UNTIL_CUT) return;
    this.#ws.terminate();
    this.#finish(ABNORMAL, "no byte came for the whole idle timeout");
  }

  #attach(): void {
    const { handlers } = this.#shared;
    const ws = this.#ws;
    ws.on("message", (data: RawData, isBinary: boolean) => {
      this.#tell(() => handlers.message(this, data as Buffer, isBinary)); // a Buffer, text too: binaryType is "nodebuffer"
    });
    ws.on("ping", (data: Buffer) => this.#tell(() => handlers.ping(this, data)));
    ws.on("pong", (data: Buffer) => this.#tell(() => handlers.pong(this, data)));
    ws.on("error", (error: Error) => {
      this.#error = error.message; // "close" follows
    });
    ws.on("close", (code: number, reason: Buffer) => this.#finish(code, this.#error || readReason(reason)));
  }

  #write(frame: Buffer): SendOutcome {
    const net = this.#net;
    if (!this.#isOpen()) return DROPPED;
    if (net.writableLength > this.#shared.maxBackpressure) return DROPPED;
    net.write(frame, this.#written);
    if (this.#corked) {
      if (net.writableLength < CORK_BYTES) return SENT;
      net.uncork();
      net.cork();
    }
    this.#backlog = net.writableLength;
    return this.#backlog === 0 ? SENT : QUEUED;
  }

  /** False between the client's close frame and the end, too: no data may follow our answer to it. */
  #isOpen(): boolean {
    return !this.#closed && this.#ws.readyState === this.#ws.OPEN;
  }

  readonly #written = (error?: Error | null): void => {
    const waiting = this.#net.writableLength;
    if (error || waiting >= this.#backlog) return;
    this.#backlog = waiting;
    this.#tell(() => this.#shared.handlers.drain(this));
  };

  #finish(code: number, reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const topic of this.#topics) this.unsubscribe(topic);
    this.#shared.open.delete(this);
    this.#shared.losses.forget(this);
    try {
      this.#shared.handlers.close(this.#data, code, reason);
    } catch (error) {
      report(this.#shared.handlers, error);
    }
  }

  #tell(work: () => void): void {
    if (this.#closed) return;
    try {
      work();
    } catch (error) {
      report(this.#shared.handlers, error);
    }
  }
}
