/** One HTTP request as a handler sees it, and the way to answer it once, now or later. */
import {
  type Blob,
  Blob as BlobClass,
  type BlobLike,
  type Envelope,
  type Host,
  type HttpRequest,
  type HttpResponse,
  toBlob,
} from "../protocol/index.ts";

export type ReplyOptions = { readonly status?: number; readonly headers?: Readonly<Record<string, string>> };

const SCHEME_LENGTH = "http://".length; // it is always that (contract kinode §5.2)

export class IncomingHttp {
  /** What the http-server says of it, in the wire's names. */
  readonly raw: HttpRequest;
  readonly blob: Blob;
  readonly #host: Host;
  readonly #message: Envelope;

  constructor(host: Host, message: Envelope, raw: HttpRequest) {
    this.#host = host;
    this.#message = message;
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

  get queryParams(): Readonly<Record<string, string>> {
    return this.raw.query_params;
  }

  /** The client came over TLS. */
  get secure(): boolean {
    return this.raw.secure === true;
  }

  get headers(): Readonly<Record<string, string>> {
    return this.raw.headers;
  }

  /** A text goes out as text/html, bytes as they are, any other value as JSON, unless `headers` says otherwise. */
  reply(value: BlobLike | unknown, options: ReplyOptions = {}): void {
    const isBytes = value instanceof BlobClass || value instanceof Uint8Array || value instanceof ArrayBuffer;
    const type =
      typeof value === "string"
        ? "text/html; charset=utf-8"
        : isBytes
          ? "application/octet-stream"
          : "application/json";
    const blob = typeof value === "string" || isBytes ? toBlob(value as BlobLike) : BlobClass.json(value);
    const given = options.headers ?? {};
    const headers = Object.keys(given).some((name) => name.toLowerCase() === "content-type")
      ? given
      : { "Content-Type": type, ...given };
    const body: HttpResponse = { status: options.status ?? 200, headers };
    this.#host.respond({ body, blob }, this.#message);
  }
}
