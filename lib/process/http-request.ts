/** One HTTP request as a handler sees it, and the ways to answer it once, now or later, whole or in pieces. */
import {
  type Address,
  type Blob,
  Blob as BlobClass,
  type BlobLike,
  type Envelope,
  type Host,
  type HttpHeaders,
  type HttpRequest,
  type HttpResponse,
  textOf,
  toBlob,
} from "../protocol/index.ts";
import { HttpStreamError, type HttpWriter, type HttpWriters, readBody } from "./http-stream.ts";

/** @property headers several values of one name go out as several lines: `{ "Set-Cookie": ["a=1", "b=2"] }` */
export type ReplyOptions = { readonly status?: number; readonly headers?: HttpHeaders };

export type StreamOptions = ReplyOptions & {
  /** Bytes that will be written, exactly; left out: the client is not told. */
  readonly length?: number;
};

const SCHEME_LENGTH = "http://".length; // it is always that (contract kinode §5.2)
const OCTETS = "application/octet-stream";

export class IncomingHttp {
  /** What the http-server says of it, in the wire's names; Kinode's, whatever the process speaks. */
  readonly raw: HttpRequest;
  /** The body; empty where it is read with `body()`. */
  readonly blob: Blob;
  readonly #host: Host;
  readonly #httpServer: Address;
  readonly #message: Envelope;
  readonly #writers: HttpWriters;

  constructor(host: Host, message: Envelope, raw: HttpRequest, writers: HttpWriters) {
    this.#host = host;
    this.#httpServer = message.source;
    this.#message = message;
    this.#writers = writers;
    this.raw = raw;
    this.blob = message.blob ?? BlobClass.of("");
  }

  get method(): string {
    return this.raw.method;
  }

  /** Without the process id before it: `/` and what follows, still percent-encoded. */
  get path(): string {
    const { url } = this.raw;
    const path = url.slice(url.indexOf("/", SCHEME_LENGTH)); // not new URL: it throws on a Host header that is none
    const prefix = `/${this.#host.our.id.text}`;
    return path.startsWith(prefix) ? path.slice(prefix.length) || "/" : path;
  }

  get urlParams(): Readonly<Record<string, string>> {
    return this.raw.url_params;
  }

  /** The last of several; `queryAll` has all. */
  get queryParams(): Readonly<Record<string, string>> {
    return this.raw.query_params;
  }

  /** The client came over TLS. */
  get secure(): boolean {
    return this.raw.secure === true;
  }

  /** The last of several; `headerAll` has all. */
  get headers(): Readonly<Record<string, string>> {
    return this.raw.headers;
  }

  /** Every value of a header, in the order sent. */
  headerAll(name: string): readonly string[] {
    return valuesOf(this.raw.header_list, name.toLowerCase());
  }

  /** Every value of a query parameter, decoded, in the order sent. */
  queryAll(name: string): readonly string[] {
    return valuesOf(this.raw.query_list, name);
  }

  /** By name; of several, the first: browsers send the one of the longest path first (RFC 6265 §5.4). Not the login's. */
  get cookies(): Readonly<Record<string, string>> {
    const cookies: Record<string, string> = Object.create(null); // a cookie may be called anything
    for (const pair of this.headerAll("cookie").flatMap((line) => line.split(";"))) {
      const mark = pair.indexOf("=");
      const name = pair.slice(0, mark).trim();
      if (mark > 0 && name !== "" && !(name in cookies)) cookies[name] = pair.slice(mark + 1).trim();
    }
    return cookies;
  }

  /** A text goes out as text/html, bytes as they are, any other value as JSON, unless `headers` says otherwise. */
  reply(value: BlobLike | unknown, options: ReplyOptions = {}): void {
    const isBytes = value instanceof BlobClass || value instanceof Uint8Array || value instanceof ArrayBuffer;
    const type = typeof value === "string" ? "text/html; charset=utf-8" : isBytes ? OCTETS : "application/json";
    const blob = typeof value === "string" || isBytes ? toBlob(value as BlobLike) : BlobClass.json(value);
    const body: HttpResponse = { status: options.status ?? 200, headers: withType(options.headers, type) };
    this.#host.respond({ body, blob }, this.#message);
  }

  /** Begins an answer whose body follows by `write`, as fast as the client reads it. */
  stream(options: StreamOptions = {}): HttpWriter {
    const { status = 200, length } = options;
    const typed = withType(options.headers, OCTETS);
    const headers = length === undefined ? typed : { ...typed, "Content-Length": String(length) };
    const body: HttpResponse = { status, headers, stream: true };
    this.#host.respond({ body }, this.#message);
    return this.#writers.open(this.#host, this.#httpServer, this.raw.stream_id);
  }

  /**
   * Answers with what `source` gives, asking it for more as the client reads. When `source` throws, the connection is
   * cut, so that the client sees that something is missing, and the log says why. A handler must not wait for it: it
   * would hold the mailbox. @returns settles when it is over; never rejects
   */
  async pipe(source: AsyncIterable<BlobLike> | Iterable<BlobLike>, options: StreamOptions = {}): Promise<void> {
    let writer: HttpWriter | undefined;
    try {
      writer = this.stream(options);
      for await (const piece of source) await writer.write(piece);
      await writer.end();
    } catch (thrown) {
      writer?.cut();
      if (!(thrown instanceof HttpStreamError)) this.#host.log(`an answer to ${this.path} was cut: ${textOf(thrown)}`);
    }
  }

  /**
   * The request's body in pieces: as the client sends them, no faster than they are read, where the path was bound
   * with `streamBody`; elsewhere all of it at once. For one reader. @throws {HttpStreamError} it will not come whole
   */
  async *body(): AsyncGenerator<Uint8Array, void> {
    if (this.raw.stream_body) yield* readBody(this.#host, this.#httpServer, this.raw.stream_id);
    else if (this.blob.byteLength > 0) yield this.blob.keep().bytes();
  }
}

function valuesOf(list: readonly (readonly [name: string, value: string])[], name: string): readonly string[] {
  return list.filter((entry) => entry[0] === name).map(([, value]) => value);
}

function withType(headers: HttpHeaders = {}, type: string): HttpHeaders {
  const has = Object.keys(headers).some((name) => name.toLowerCase() === "content-type");
  return has ? headers : { "Content-Type": type, ...headers };
}
