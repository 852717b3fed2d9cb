/**
 * One HTTP exchange on node:http, with the manners of the uWebSockets.js one.
 *
 * Header text is UTF-8 on both transports. Node reads and writes it as Latin-1, so it is turned here, both ways.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Exchange, type ExchangeShared } from "./exchange.ts";
import { isBodiless, isTransportHeader } from "./http-check.ts";
import { reasonPhrase } from "./reason-phrase.ts";
import { plainAddress } from "./remote-address.ts";
import type { HeaderList, HttpPace, TransportRequest } from "./transport.ts";

export type WsExchangeParts = {
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
  /** Null: its head could not be read. */
  readonly request: TransportRequest | null;
  /** The client waits for 100 Continue before it sends the body. */
  readonly expectsContinue: boolean;
  readonly shared: ExchangeShared;
};

const PIECE = 64 * 1024; // bytes given to the socket at once: Node tells when the whole of it is written

export class WsExchange extends Exchange {
  readonly #incoming: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #expectsContinue: boolean;
  readonly #pace: HttpPace;
  #isFull = false;

  constructor({ incoming, response, request, expectsContinue, shared }: WsExchangeParts) {
    super(request, shared);
    this.#incoming = incoming;
    this.#response = response;
    this.#expectsContinue = expectsContinue;
    this.#pace = shared.pace;
    response.once("close", () => this.abort());
    incoming.on("error", () => {}); // the client left within its body: "close" follows
  }

  get isFull(): boolean {
    return this.#isFull;
  }

  give(bytes: Uint8Array): number {
    const piece = bytes.byteLength > PIECE ? bytes.subarray(0, PIECE) : bytes;
    this.#isFull = !this.#response.write(piece);
    if (this.#isFull) this.blocked();
    return piece.byteLength;
  }

  protected receive(): void {
    if (this.#expectsContinue) this.#response.writeContinue();
    this.#incoming.on("data", (chunk: Buffer) => this.received(chunk, false));
    this.#incoming.once("end", () => this.received(NO_BYTES, true));
  }

  protected owned(chunk: Uint8Array): Uint8Array {
    return chunk; // Node makes a new one each time
  }

  protected hold(isHeld: boolean): boolean {
    if (isHeld) this.#incoming.pause();
    else this.#incoming.resume();
    return isHeld;
  }

  protected disconnect(): void {
    this.#response.destroy();
  }

  protected write(status: number, headers: HeaderList, body: Uint8Array | string, closes: boolean): void {
    if (this.isHead || isBodiless(status)) {
      this.writeHeadOnly(status, headers, Buffer.byteLength(body), closes);
      return;
    }
    const bytes = Buffer.from(body); // a string body would make Node write the head as UTF-8, twice encoded then
    this.#writeHead(status, headers, bytes.byteLength, closes);
    this.#response.end(bytes);
    this.#leave();
  }

  protected writeHeadOnly(status: number, headers: HeaderList, length: number | null, closes: boolean): void {
    this.#writeHead(status, headers, isBodiless(status) ? null : length, closes);
    this.#response.end();
    this.#leave();
  }

  protected writeHead(status: number, headers: HeaderList, length: number | null, closes: boolean): void {
    this.#writeHead(status, headers, length, closes);
    this.#response.flushHeaders();
    this.#response.on("drain", () => {
      this.#isFull = false;
      this.writable();
    });
  }

  protected writeEnd(): void {
    this.#response.end();
    this.#leave();
  }

  #writeHead(status: number, headers: HeaderList, length: number | null, closes: boolean): void {
    const head: string[] = [];
    for (const [name, value] of headers) if (!isTransportHeader(name)) head.push(name, toLatin1(value));
    if (length !== null) head.push("Content-Length", String(length));
    if (closes) this.#response.shouldKeepAlive = false;
    this.#response.writeHead(status, reasonPhrase(status), head);
  }

  /** Node waits without end for a client to read the last of an answer, or to send a body that nobody wants. */
  #leave(): void {
    const incoming = this.#incoming;
    const { socket } = incoming;
    if (!incoming.complete) {
      incoming.resume();
      const timer = setTimeout(() => socket.destroy(), this.#pace.bodySeconds * 1000).unref();
      incoming.once("close", () => clearTimeout(timer));
    }
    if (socket.writableLength > 0) {
      const timer = setTimeout(() => socket.destroy(), this.#pace.readerSeconds * 1000).unref();
      this.#response.once("close", () => clearTimeout(timer));
    }
  }
}

const NO_BYTES = new Uint8Array(0);

/** The request as handlers see it. */
export function copyRequest(incoming: IncomingMessage): TransportRequest {
  const headers: (readonly [string, string])[] = [];
  const raw = incoming.rawHeaders; // not `headers`: it joins some fields and drops others
  for (let at = 0; at + 1 < raw.length; at += 2) {
    headers.push([(raw[at] ?? "").toLowerCase(), fromLatin1(raw[at + 1] ?? "")]);
  }
  const target = incoming.url ?? "";
  const mark = target.indexOf("?");
  return {
    method: incoming.method ?? "",
    path: mark < 0 ? target : target.slice(0, mark),
    query: mark < 0 ? "" : target.slice(mark + 1),
    headers,
    remoteAddress: plainAddress(incoming.socket.remoteAddress ?? ""), // gone when the client has already left
    remotePort: incoming.socket.remotePort ?? 0,
    secure: "encrypted" in incoming.socket, // a TLSSocket
  };
}

function fromLatin1(text: string): string {
  return Buffer.from(text, "latin1").toString();
}

function toLatin1(text: string): string {
  return Buffer.from(text).toString("latin1");
}
