/**
 * Remote procedure calls: one message to any process, by HTTP (contract kinode §5.8, §9 row 31).
 *
 *   POST /rpc:distro:sys/message   {"process": "chat:chat:template.os", "body": "{\"n\":1}", "expects_response": 5}
 *   200, empty                     it was sent; nobody hears of it again
 *   200                            {"body": [bytes], "lazy_load_blob": {"mime": …, "bytes": [bytes of base64]} | null}
 *
 * 1. It sends as the http-server, which may message every process of the node itself, the kernel too: whoever may call
 *    it is root. So: a session token, as bearer or cookie; or a program on this machine, unless `localRpc` is off.
 * 2. No page of another site gets here. The order of checks before this (http-requests.ts) refuses foreign Origins;
 *    being on this machine vouches for no page at all, of whatever Origin; and a content type that a page may send
 *    without asking first (a form's, text/plain) is refused: such a request may carry a cookie, and in old browsers no Origin.
 *    docs/adr/0013 says why.
 * 3. The status is the contract's. Where the original answers with an empty body, ours says why, as JSON.
 */
import { LimitError } from "../kernel/index.ts";
import { Envelope, type Host, IdError, RPC_ORIGIN, SendError, type SendErrorKind } from "../lib/protocol/index.ts";
import type { Auth } from "./auth.ts";
import { Awaiting } from "./awaiting.ts";
import { WEB } from "./dialects.ts";
import { cookieHeader, header } from "./headers.ts";
import { sendEmpty, sendJson } from "./http-exchange.ts";
import type { OwnService } from "./http-requests.ts";
import type { HttpServerLimits } from "./limits.ts";
import { type Call, readCall } from "./rpc-call.ts";
import type { HeaderList, TransportResponse } from "./transport/transport.ts";
import type { Visit } from "./visit.ts";

/** In all dialects, whatever the process speaks. */
const RPC_PATHS: readonly string[] = Object.values(WEB).map(({ rpc }) => rpc);

export type RpcOptions = {
  readonly auth: Auth;
  readonly limits: HttpServerLimits;
  /** Longest wait, in seconds: the kernel's. */
  readonly waitMax: number;
  /** Whether programs on this machine need no token. */
  readonly local: boolean;
  /** The http-server's calls; a new one after each restart of it. */
  readonly host: () => Host;
};

export class Rpc implements OwnService {
  readonly #options: RpcOptions;

  constructor(options: RpcOptions) {
    this.#options = options;
  }

  handle(request: Visit, response: TransportResponse): boolean {
    if (!RPC_PATHS.includes(request.path.replace(/\/$/, ""))) return false;
    const refused = this.#refusal(request);
    if (refused !== undefined) refuse(response, 403, "forbidden", refused);
    else if (request.method !== "POST") refuse(response, 400, "malformed", "POST a call to this path");
    else if (!isJson(request))
      refuse(response, 415, "unsupported_media_type", "a call is JSON: say content-type: application/json");
    else this.#read(response);
    return true;
  }

  /** @returns why the visitor may not call; undefined: it may */
  #refusal(request: Visit): string | undefined {
    const { auth, local } = this.#options;
    const [, token] = /^Bearer +(\S+)$/i.exec(header(request, "authorization") ?? "") ?? [];
    if (token !== undefined)
      return auth.isSession(token) ? undefined : "the token is not valid here, or has ended: log in again";
    if (auth.session(cookieHeader(request)) !== undefined) return undefined;
    if (!local) return "send a session token, as a cookie or as authorization: Bearer";
    if (!request.isLocal)
      return "send a session token: only a program on this machine that asks for localhost, with no proxy in between, needs none";
    if (header(request, "origin") !== undefined) return "log in first: a page needs a session on this machine too";
    return undefined;
  }

  #read(response: TransportResponse): void {
    const { limits } = this.#options;
    response.readBody(limits.httpBodyBytes, (bytes) => {
      if (bytes === null) {
        const message = `a call has at most ${limits.httpBodyBytes} bytes (limits.httpBodyBytes)`;
        return refuse(response, 413, "too_large", message, [["connection", "close"]]);
      }
      this.#call(response, bytes);
    });
  }

  #call(response: TransportResponse, bytes: Uint8Array): void {
    const host = this.#options.host();
    try {
      const call = readCall(bytes, host.our.node);
      if (typeof call === "string") return refuse(response, 400, "malformed", call);
      this.#send(host, call, response);
    } catch (error) {
      if (error instanceof IdError) refuse(response, 400, error.code, error.message);
      else if (error instanceof RangeError) refuse(response, 400, "malformed", "the body is nested too deep");
      else if (error instanceof LimitError) refuse(response, 503, error.code, error.message, RETRY);
      else throw error;
    }
  }

  #send(host: Host, call: Call, response: TransportResponse): void {
    const { limits, waitMax } = this.#options;
    const request = new Envelope("request", host.our, call.target, call.body, call.blob);
    request.origin = RPC_ORIGIN;
    request.metadata = call.metadata;
    if (call.seconds !== null) {
      request.expectsResponse = Math.min(call.seconds, waitMax);
      request.context = new Caller(response, limits.httpBodyBytes);
    }
    host.send(request);
    if (call.seconds === null) sendEmpty(response, 200);
  }
}

/** Whoever waits for the answer to a call. */
class Caller extends Awaiting {
  readonly #response: TransportResponse;
  readonly #maxBytes: number;

  constructor(response: TransportResponse, maxBytes: number) {
    super();
    this.#response = response;
    this.#maxBytes = maxBytes;
  }

  answered(outcome: Envelope): void {
    if (outcome.kind === "error") return this.#failed(outcome);
    let text: string;
    try {
      text = this.#textOf(outcome);
    } catch (error) {
      // Of the process's making: a body that is no JSON, or more than a text can hold.
      return refuse(this.#response, 500, "no_json", `the answer cannot be sent: ${String(error)}`);
    }
    this.#response.send(200, HEADERS, text);
  }

  #failed(outcome: Envelope): void {
    const kind = outcome.error ?? "Offline";
    refuse(this.#response, STATUS[kind], kind, new SendError(outcome).message, kind === "Overloaded" ? RETRY : []);
  }

  /** As the original writes it: numbers, of the body's bytes and of the blob's base64 (contract kinode §5.8). */
  #textOf({ body, blob }: Envelope): string {
    const bytes = bytesOf(body);
    const size = bytes.byteLength + (blob?.byteLength ?? 0);
    if (size > this.#maxBytes)
      throw new RangeError(`it has ${size} bytes, limits.httpBodyBytes is ${this.#maxBytes} bytes`);
    const lazy =
      blob === null
        ? "null"
        : `{"mime":${jsonText(blob.mime)},"bytes":[${Buffer.from(base64(blob.bytes())).join(",")}]}`;
    return `{"body":[${bytes.join(",")}],"lazy_load_blob":${lazy}}`;
  }
}

const STATUS: Readonly<Record<SendErrorKind, number>> = { Timeout: 408, Offline: 503, Overloaded: 503, Denied: 403 };

const RETRY: HeaderList = [["retry-after", "1"]];

/** It is JSON; the type is what the original says. So no browser may guess at it, or find a tag in it. */
const HEADERS: HeaderList = [
  ["content-type", "text/html"],
  ["x-content-type-options", "nosniff"],
  ["cache-control", "no-store"],
];

function refuse(
  response: TransportResponse,
  status: number,
  code: string,
  message: string,
  headers: HeaderList = [],
): void {
  sendJson(response, status, { error: { code, message } }, headers);
}

function isJson(request: Visit): boolean {
  return /^application\/json *(;|$)/i.test(header(request, "content-type") ?? "");
}

/** A text as it is, bytes as they are, any other value as JSON. */
function bytesOf(body: unknown): Uint8Array {
  if (body instanceof Uint8Array) return body;
  return Buffer.from(typeof body === "string" ? body : (JSON.stringify(body) ?? "null"));
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

function jsonText(text: string | null): string {
  return JSON.stringify(text).replaceAll("<", "\\u003c");
}
