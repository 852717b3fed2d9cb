/**
 * Requests by HTTP, with undici: its only door.
 *
 * 1. Each redirect is a request anew: its host is checked again, and what was for another origin alone (Authorization,
 *    cookies) stays behind.
 * 2. Connections to public addresses and others are kept apart: who may not reach here is never given one that does.
 * 3. A body is held up to limits.responseBytes, or read piece by piece while undici holds the peer back.
 * 4. No answer is unpacked: no `Accept-Encoding` is sent, so none comes packed unless the caller asks for it.
 */
import { Blob, type HttpClientErrorBody, type IncomingHttpAnswer, type OutgoingHttp } from "jackfield/protocol";
import { Agent, type Dispatcher, request } from "undici";
import { AddressError, assertHost, lookupElsewhere } from "./addresses.ts";
import type { HttpClientLimits } from "./limits.ts";
import { denied, type Reach } from "./permission.ts";
import { limitReached, Refusal } from "./refusal.ts";

const METHOD = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}$/; // RFC 9110 §5.6.2
const HEADER = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/; // likewise
const TUNNELS = ["CONNECT", "TRACE", "TRACK"]; // no requests for a document
const REDIRECTS = [301, 302, 303, 307, 308];
const URL_MAX = 8192; // characters: what servers take
/** undici's own, or how a name would lead to another's site behind the check of its host. */
const OWN_HEADERS = [
  "host",
  "connection",
  "content-length",
  "transfer-encoding",
  "upgrade",
  "keep-alive",
  "expect",
  "te",
];
const PRIVATE_HEADERS = ["authorization", "cookie", "proxy-authorization"];
const BODY_HEADERS = ["content-type", "content-encoding", "content-language", "content-location"];
const KEEP_ALIVE = 4000; // ms: less than servers keep theirs, which is 5 s and more

export type Fetched = { readonly answer: IncomingHttpAnswer; readonly body: Dispatcher.ResponseData["body"] };

export type FetchJob = {
  readonly http: OutgoingHttp;
  readonly body: Uint8Array | null;
  readonly signal: AbortSignal;
  /** Where this may go. @throws {Refusal} nowhere there */
  readonly reach: (url: URL, method: string) => Promise<Reach>;
};

export class HttpRequests {
  readonly #limits: HttpClientLimits;
  readonly #pools: Record<Reach, Pool>;
  #buffered = 0; // bytes

  constructor(limits: HttpClientLimits) {
    this.#limits = limits;
    this.#pools = { public: new Pool(limits, true), any: new Pool(limits, false) };
  }

  /** The head of the answer, behind redirects. @throws {Refusal} */
  async fetch({ http, body, signal, reach }: FetchJob): Promise<Fetched> {
    const { redirect = "follow", version = null } = http;
    if (version !== null && version !== "HTTP/1.1") throw new Refusal({ BadVersion: { version } });
    let method = methodOf(http.method);
    let url = urlOf(http.url, ["http:", "https:"]);
    let headers = headersOf(http.headers ?? {});
    let sent = body;
    if ((sent?.byteLength ?? 0) > this.#limits.requestBytes) throw limitReached(this.#limits, "requestBytes");
    for (let hops = 0; ; hops++) {
      const given = await reach(url, method);
      const response = await this.#one(url, method, headers, sent, given, signal);
      const location = REDIRECTS.includes(response.statusCode) ? lastOf(response.headers.location) : undefined;
      if (location === undefined || redirect === "manual")
        return { answer: answerOf(response, url), body: response.body };
      response.body.on("error", () => undefined).destroy();
      if (redirect === "error") throw failed(`it redirects to ${location}`);
      if (hops >= this.#limits.redirects) throw limitReached(this.#limits, "redirects");
      const next = urlOf(new URL(location, url).href, ["http:", "https:"]);
      const isPost = method === "POST" && (response.statusCode === 301 || response.statusCode === 302);
      if ((response.statusCode === 303 && method !== "HEAD") || isPost) {
        method = "GET";
        sent = null;
        headers = without(headers, BODY_HEADERS);
      }
      if (next.origin !== url.origin) headers = without(headers, PRIVATE_HEADERS);
      url = next;
    }
  }

  /** All of a body. @throws {Refusal} it is too large, or breaks off */
  async whole({ answer, body }: Fetched): Promise<Blob> {
    const { responseBytes, bufferedBytes } = this.#limits;
    const pieces: Uint8Array[] = [];
    let bytes = 0;
    const cut = (limit: "responseBytes" | "bufferedBytes"): Refusal => limitReached(this.#limits, limit);
    body.on("error", () => undefined); // it says so where it is read, too
    try {
      if (Number(answer.headers["Content-Length"]) > responseBytes) throw cut("responseBytes");
      for await (const piece of body as AsyncIterable<Uint8Array>) {
        bytes += piece.byteLength;
        this.#buffered += piece.byteLength;
        if (bytes > responseBytes) throw cut("responseBytes");
        if (this.#buffered > bufferedBytes) throw cut("bufferedBytes");
        pieces.push(piece);
      }
      return Blob.of(joined(pieces, bytes), answer.headers["Content-Type"] ?? null);
    } catch (error) {
      throw refusalOf(error);
    } finally {
      this.#buffered -= bytes;
      body.destroy();
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#pools.public.close(), this.#pools.any.close()]);
  }

  async #one(
    url: URL,
    method: string,
    headers: Readonly<Record<string, string>>,
    body: Uint8Array | null,
    reach: Reach,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    try {
      if (reach === "public") assertHost(url.hostname);
      return await request(url, {
        dispatcher: this.#pools[reach].for(url.origin),
        method: method as Dispatcher.HttpMethod,
        headers,
        body: body === null || body.byteLength === 0 ? null : body,
        signal,
      });
    } catch (error) {
      if (error instanceof AddressError) throw denied(url, error.message);
      throw refusalOf(error);
    }
  }
}

/** Connections that are kept. An agent of undici 6 never forgets a host: after limits.hosts of them it is let go whole. */
class Pool {
  readonly #limits: HttpClientLimits;
  readonly #elsewhere: boolean;
  #agent: Agent;
  #hosts = new Set<string>();

  constructor(limits: HttpClientLimits, elsewhere: boolean) {
    this.#limits = limits;
    this.#elsewhere = elsewhere;
    this.#agent = this.#make();
  }

  for(origin: string): Agent {
    if (!this.#hosts.has(origin) && this.#hosts.size >= this.#limits.hosts) {
      void this.#agent.close().catch(() => undefined); // when what is under way is done
      this.#agent = this.#make();
      this.#hosts = new Set();
    }
    this.#hosts.add(origin);
    return this.#agent;
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  #make(): Agent {
    const { connectionsPerHost, headerBytes, requestTime, streamIdle } = this.#limits;
    return new Agent({
      connections: connectionsPerHost,
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE,
      keepAliveMaxTimeout: KEEP_ALIVE,
      maxHeaderSize: headerBytes,
      headersTimeout: requestTime, // ours is sooner, by the node's clock
      bodyTimeout: streamIdle,
      connect: { timeout: requestTime, ...(this.#elsewhere ? { lookup: lookupElsewhere } : {}) },
    });
  }
}

/** @throws {Refusal} BadUrl */
export function urlOf(text: string, schemes: readonly string[]): URL {
  const shown = text.slice(0, 200);
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new Refusal({ BadUrl: { url: shown } });
  }
  const isOne = schemes.includes(url.protocol) && url.hostname !== "" && url.username === "" && url.password === "";
  if (!isOne || text.length > URL_MAX) throw new Refusal({ BadUrl: { url: shown } });
  return url;
}

/** Names in lower case. @throws {Refusal} BuildRequestFailed */
export function headersOf(headers: Readonly<Record<string, string>>, more: RegExp = /^$/): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const lower = name.toLowerCase();
    if (typeof value !== "string" || !HEADER.test(name) || !/^[\t\x20-\x7e\x80-\xff]*$/.test(value))
      throw new Refusal({ BuildRequestFailed: `no header: ${JSON.stringify(name.slice(0, 100))}` });
    if (OWN_HEADERS.includes(lower) || more.test(lower))
      throw new Refusal({ BuildRequestFailed: `the header ${name} is not for a process to set` });
    kept[lower] = value;
  }
  return kept;
}

function methodOf(method: string): string {
  if (!METHOD.test(method) || TUNNELS.includes(method.toUpperCase()))
    throw new Refusal({ BadMethod: { method: method.slice(0, 100) } });
  return method;
}

function answerOf({ statusCode, headers }: Dispatcher.ResponseData, url: URL): IncomingHttpAnswer {
  const named: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) continue;
    // Cookies cannot be joined: the last, as a map of the contract's has it.
    const text = name === "set-cookie" ? (lastOf(value) ?? "") : [value].flat().join(", ");
    named[pascalCased(name)] = text;
  }
  const cookies = headers["set-cookie"];
  const more = cookies === undefined ? {} : { set_cookies: [cookies].flat() };
  return { status: statusCode, headers: named, url: url.href, ...more };
}

/** Contract kinode §6: `content-type` → `Content-Type`. */
function pascalCased(name: string): string {
  return name.replace(/(^|-)([a-z])/g, (_, dash: string, letter: string) => dash + letter.toUpperCase());
}

function lastOf(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === "string" ? value : value?.at(-1);
}

function without(headers: Readonly<Record<string, string>>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name)));
}

/** Not Buffer.concat: a small one lies in memory that others share. */
function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.byteLength;
  }
  return bytes;
}

function failed(error: string): Refusal {
  return new Refusal({ ExecuteRequestFailed: error });
}

/** What undici, or the system, says. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  const { name = "", message = "", code = "" } = error as Partial<Record<"name" | "message" | "code", string>>;
  const body: HttpClientErrorBody =
    name === "InvalidArgumentError"
      ? { BuildRequestFailed: message }
      : { ExecuteRequestFailed: message || code || name };
  return new Refusal(body);
}
