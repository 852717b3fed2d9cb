/**
 * One HTTP exchange on node:http, with the manners of the uWebSockets.js one.
 *
 * Header text is UTF-8 on both transports. Node reads and writes it as Latin-1, so it is turned here, both ways.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { BodyCollector } from "./body.ts";
import { Exchange } from "./exchange.ts";
import { asksToClose, isBodiless, isTransportHeader } from "./http-check.ts";
import { reasonPhrase } from "./reason-phrase.ts";
import { plainAddress } from "./remote-address.ts";
import type { HeaderList, TransportRequest } from "./transport.ts";

export type WsExchangeParts = {
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
  /** Must not throw. */
  readonly fault: (error: unknown) => void;
};

export class WsExchange extends Exchange {
  readonly #incoming: IncomingMessage;
  readonly #response: ServerResponse;

  constructor({ incoming, response, fault }: WsExchangeParts) {
    super(fault);
    this.#incoming = incoming;
    this.#response = response;
    response.once("close", () => this.abort());
    incoming.on("error", () => {}); // the client left within its body: "close" follows
  }

  readBody(maxBytes: number, done: (body: Uint8Array | null) => void): void {
    if (this.over) return;
    const body = new BodyCollector(maxBytes);
    let settled = false;
    const settle = (result: () => Uint8Array | null): void => {
      if (settled || this.over) return;
      settled = true;
      this.guard(() => done(result()));
    };
    this.#incoming.on("data", (chunk: Buffer) => {
      if (settled || body.add(chunk)) return;
      this.#response.shouldKeepAlive = false; // the rest is still to come and nobody will read it
      settle(() => null);
    });
    this.#incoming.once("end", () => settle(() => body.take()));
  }

  closeAfter(): void {
    this.#response.shouldKeepAlive = false;
  }

  protected write(status: number, headers: HeaderList, body: Uint8Array | string): void {
    const bytes = Buffer.from(body); // a string body would make Node write the head as UTF-8, twice encoded then
    const head: string[] = [];
    for (const [name, value] of headers) if (!isTransportHeader(name)) head.push(name, toLatin1(value));
    if (!isBodiless(status)) head.push("Content-Length", String(bytes.byteLength));
    if (asksToClose(headers)) this.#response.shouldKeepAlive = false;
    this.#response.writeHead(status, reasonPhrase(status), head);
    this.#response.end(isBodiless(status) ? undefined : bytes); // Node leaves it out for HEAD
  }
}

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
