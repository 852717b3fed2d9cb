/**
 * Content that a process bound once and is not asked for again (contract kinode §5.4), with what goes with it.
 *
 * 1. Its ETag is a hash of its bytes: a restart that binds the same file keeps what browsers have. It is made when it is
 *    first asked for, as hashing, and node:crypto, would cost each start some ms.
 * 2. There is no Last-Modified: a blob has no date but that of the bind, which each restart would renew.
 * 3. A coding of it is another representation with an ETag of its own (RFC 9110 §8.8.3).
 */
import { createHash } from "node:crypto";
import type { Blob } from "../lib/protocol/index.ts";
import { isHeader } from "./http-answer.ts";
import type { HeaderList } from "./transport/transport.ts";

/** In the order in which they are preferred: br is smaller. */
export const CODINGS = ["br", "gzip"] as const;
export type Coding = (typeof CODINGS)[number];

const ETAG_LENGTH = 22; // characters: 132 bits of the hash

/** Types that are text, whatever their name says. */
const COMPRESSIBLE =
  /^(text\/|application\/(javascript|json|xml|wasm|manifest\+json|rtf|x-ndjson)|image\/(svg\+xml|bmp|x-icon)|font\/(ttf|otf)|[^;]*\+(json|xml))/i;

export class StaticContent {
  readonly type: string;
  readonly bytes: Uint8Array;
  /** The process's own, names in lower case. */
  readonly headers: HeaderList;
  /** Whether a coding may make it smaller: not what is small, nor what is packed already. */
  readonly isCompressible: boolean;
  /** Whether the process has coded it already. */
  readonly isCoded: boolean;
  /** No path leads to it any more. */
  isDropped = false;
  readonly #coded = new Map<Coding, Uint8Array | null>();
  #codedBytes = 0;
  #etag: string | null = null;

  /** @param blob is kept @param compressedBytes from how many to how many bytes it may be compressed */
  constructor(blob: Blob, headers: HeaderList, compressed: { readonly min: number; readonly max: number }) {
    this.type = blob.mime !== null && isHeader("content-type", blob.mime) ? blob.mime : "text/plain";
    this.bytes = blob.bytes();
    this.headers = headers;
    const size = this.bytes.byteLength;
    this.isCoded = headers.some(([name]) => name === "content-encoding");
    this.isCompressible =
      !this.isCoded && COMPRESSIBLE.test(this.type) && size >= compressed.min && size <= compressed.max;
  }

  /** Bytes, of the content and of what was compressed of it. */
  get heldBytes(): number {
    return this.bytes.byteLength + this.#codedBytes;
  }

  /** @returns undefined: nobody has tried; null: it does not pay */
  coded(coding: Coding): Uint8Array | null | undefined {
    return this.#coded.get(coding);
  }

  /** @param bytes null: it does not pay */
  keepCoded(coding: Coding, bytes: Uint8Array | null): void {
    this.#coded.set(coding, bytes);
    this.#codedBytes += bytes?.byteLength ?? 0;
  }

  /** Quoted, as it goes into a head. */
  etagOf(coding: Coding | "identity"): string {
    this.#etag ??= createHash("sha256").update(this.bytes).digest("base64url").slice(0, ETAG_LENGTH);
    return coding === "identity" ? `"${this.#etag}"` : `"${this.#etag}-${coding}"`;
  }
}
