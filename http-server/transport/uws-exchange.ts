/**
 * One HTTP exchange on uWebSockets.js.
 *
 * `res` throws when touched after an answer, an upgrade or an abort: the exchange is over before any of them.
 */

import type { HttpRequest, HttpResponse } from "uWebSockets.js";
import { BodyCollector } from "./body.ts";
import { Exchange } from "./exchange.ts";
import { asksToClose, isBodiless, isTransportHeader, type Refusal } from "./http-check.ts";
import { reasonPhrase } from "./reason-phrase.ts";
import type { HeaderList } from "./transport.ts";

export class UwsExchange extends Exchange {
  readonly #res: HttpResponse;
  readonly #isHead: boolean;
  #mustClose = false; // once set, the answer ends the connection

  /** @param fault must not throw */
  constructor(res: HttpResponse, req: HttpRequest, fault: (error: unknown) => void) {
    super(fault);
    res.onAborted(() => this.abort());
    this.#res = res;
    this.#isHead = req.getMethod() === "head";
  }

  readBody(maxBytes: number, done: (body: Uint8Array | null) => void): void {
    if (this.over) return;
    const body = new BodyCollector(maxBytes);
    let settled = false;
    this.#res.onData((lent, isLast) => {
      if (settled || this.over) return;
      const fits = body.add(new Uint8Array(lent).slice()); // lent: it is emptied when this returns
      if (fits && !isLast) return;
      settled = true;
      if (!fits) this.#mustClose = true; // the rest is still to come and nobody will read it
      this.guard(() => done(fits ? body.take() : null));
    });
  }

  closeAfter(): void {
    this.#mustClose = true;
  }

  /** Sends and ends the connection: what follows a refused head or handshake on it is anyone's guess. */
  refuse(refusal: Refusal): void {
    this.#mustClose = true;
    this.send(refusal.status, refusal.headers, refusal.body);
  }

  protected write(status: number, headers: HeaderList, body: Uint8Array | string): void {
    this.#res.cork(() => this.#writeCorked(status, headers, body));
  }

  #writeCorked(status: number, headers: HeaderList, body: Uint8Array | string): void {
    const res = this.#res;
    const mustClose = this.#mustClose || asksToClose(headers);
    const bodiless = isBodiless(status);
    res.writeStatus(`${status} ${reasonPhrase(status)}`);
    for (const [name, value] of headers) if (!isTransportHeader(name)) res.writeHeader(name, value);

    if (this.#mustClose || !(bodiless || this.#isHead)) {
      res.end(bodiless || this.#isHead ? "" : body, mustClose); // the one call that does end the connection
      return;
    }
    // endWithoutBody has arguments for a length and for closing. Not in this version: with either it takes the exchange
    // for unanswered, sends 2^63 for a length left undefined, and does not close. So both go out as plain headers.
    if (!bodiless) res.writeHeader("Content-Length", String(Buffer.byteLength(body)));
    if (mustClose) res.writeHeader("Connection", "close");
    res.endWithoutBody();
  }
}
