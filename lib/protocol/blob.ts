/**
 * Bytes that travel beside a body and that the kernel never decodes (the seeds' LazyLoadBlob and Payload).
 *
 * 1. A blob that came from a socket *lends* the transport's memory: reading it is free, keeping it costs one copy.
 * 2. `post` to a mailbox holds it, the end of its handler releases it. When the transport's callback ends, a blob
 *    somebody still holds is copied, any other expires and says so when read (`settle`).
 * 3. `bytes()` of a lent blob is a view of lent memory: call `keep()` to use it after the handler returned.
 */
import { copyOf } from "./arena.ts";
import { BlobExpiredError } from "./errors.ts";

type Lent = Uint8Array | ArrayBuffer;
type Source = Lent | string | Part;

const EMPTY = new Uint8Array(0);
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const sure = new TextDecoder("utf-8", { ignoreBOM: true }); // for what is known to be UTF-8: not checked again (bench/profile)
const encoder = new TextEncoder();

/** Bytes that nobody has looked at: a view of them costs more than all else that a frame needs in a realm (bench/profile). */
class Part {
  readonly #memory: ArrayBuffer;
  readonly #from: number;
  readonly byteLength: number;

  constructor(memory: ArrayBuffer, from: number, byteLength: number) {
    this.#memory = memory;
    this.#from = from;
    this.byteLength = byteLength;
  }

  view(): Uint8Array {
    return new Uint8Array(this.#memory, this.#from, this.byteLength);
  }
}

/**
 * Whether the memory is the transport's: true, false, or null for a `Part` that nobody has looked at. To ask the source
 * itself what it is costs each frame some 100 instructions, and one more field 8 bytes (bench/profile).
 */
type Lending = boolean | null;

export class Blob {
  readonly mime: string | null;
  /** Known to be UTF-8: made from a string, or from a text frame that the transport has checked. */
  readonly isText: boolean;
  #source: Source | null; // null: expired
  #lent: Lending;
  #holds = 0; // mailboxes, handlers and promises that may still read it

  private constructor(source: Source, mime: string | null, isText: boolean, lent: Lending) {
    this.#source = source;
    this.mime = mime;
    this.isText = isText;
    this.#lent = lent;
  }

  /** Takes `bytes` as they are, without a copy: do not change them afterwards. */
  static of(bytes: Uint8Array | ArrayBuffer | string, mime: string | null = null): Blob {
    return new Blob(bytes, mime, typeof bytes === "string", false);
  }

  /** A blob of JSON text. */
  static json(value: unknown): Blob {
    return new Blob(JSON.stringify(value) ?? "null", "application/json", true, false);
  }

  /** For who lends memory to a handler, as of a transport or a batch: `settle` must be called before it goes. */
  static lend(memory: ArrayBuffer | Uint8Array, isText: boolean): Blob {
    return new Blob(memory, null, isText, true);
  }

  /** As `lend`, of so many bytes of `memory`. */
  static lendPart(memory: ArrayBuffer, from: number, byteLength: number, isText: boolean): Blob {
    return new Blob(new Part(memory, from, byteLength), null, isText, null);
  }

  /** A view of the bytes; lent memory unless `keep()` was called. @throws {BlobExpiredError} */
  bytes(): Uint8Array {
    const source = unexpired(this.#source);
    if (ArrayBuffer.isView(source)) return source; // instanceof goes from prototype to prototype
    if (typeof source !== "string" && this.#lent !== null) return new Uint8Array(source as ArrayBuffer);
    const bytes = typeof source === "string" ? encoded(source) : (source as Part).view();
    if (this.#lent === null) this.#lent = true;
    this.#source = bytes;
    return bytes;
  }

  /** The text, or undefined when the bytes are not UTF-8. @throws {BlobExpiredError} */
  text(): string | undefined {
    const source = unexpired(this.#source);
    if (typeof source === "string") return source;
    const bytes = this.#lent === null ? (source as Part).view() : (source as Lent);
    if (this.isText) return sure.decode(bytes);
    try {
      return strict.decode(bytes);
    } catch {
      return undefined;
    }
  }

  /** The parsed JSON, or undefined when it is none. @throws {BlobExpiredError} */
  json(): unknown {
    const text = this.text();
    if (text === undefined) return undefined;
    try {
      return JSON.parse(text);
    } catch {
      return undefined;
    }
  }

  /** In bytes; for a string, its UTF-8 length. @throws {BlobExpiredError} */
  get byteLength(): number {
    const source = unexpired(this.#source);
    return typeof source === "string" ? this.bytes().byteLength : source.byteLength;
  }

  /** Makes the bytes the blob's own, so that they can be read at any later time. @throws {BlobExpiredError} */
  keep(): this {
    if (this.#lent !== false) {
      this.#source = copyOf(this.bytes());
      this.#lent = false;
    }
    return this;
  }

  get expired(): boolean {
    return this.#source === null;
  }

  /**
   * Hot path: bytes that a client sent and that may go out as they are, in a text frame too. Null: look closer.
   * They are within the limit for what a client sends.
   */
  echo(isBinary: boolean): Lent | null {
    // Lent bytes are never a string: to look would cost each echo 6 instructions (bench/profile).
    return this.#lent === true && (isBinary || this.isText === true) ? (this.#source as Lent | null) : null;
  }

  /** What a transport sends: a string, or bytes, whichever is at hand. @throws {BlobExpiredError} */
  raw(): Lent | string {
    const source = unexpired(this.#source);
    return this.#lent === null ? this.bytes() : (source as Lent | string); // who has it may change it
  }

  /** Realm only: lent as a part, and nobody has looked at it; so nobody can have changed it. */
  get isUnseen(): boolean {
    return this.#lent === null && this.#source !== null;
  }

  /** Kernel only: somebody may read this until `release`. */
  hold(): void {
    this.#holds++;
  }

  /** Kernel only: ends one `hold`. */
  release(): void {
    this.#holds--;
  }

  /** Only who lent it, before the memory goes: copies what is held, expires the rest. @returns whether it is held */
  settle(): boolean {
    const isHeld = this.#holds > 0;
    if (this.#lent === false) return isHeld;
    if (isHeld) this.keep();
    else this.#source = null;
    return isHeld;
  }
}

function encoded(text: string): Uint8Array {
  return text === "" ? EMPTY : encoder.encode(text);
}

/** No method: a class with a private one marks each of its objects, and one is made per frame. */
function unexpired(source: Source | null): Source {
  if (source === null) throw new BlobExpiredError();
  return source;
}

/** What may stand where a blob is wanted: bytes, text, or the blob of the wire (contract kinode §2.4). */
export type BlobLike =
  | Blob
  | Uint8Array
  | ArrayBuffer
  | string
  | { readonly mime?: string | null; readonly bytes: Uint8Array };

/** @throws {TypeError} it is none of these, as an author without types may find */
export function toBlob(value: BlobLike): Blob {
  if (value instanceof Blob) return value;
  if (isLent(value)) return Blob.of(value);
  const { bytes, mime = null } = (value ?? {}) as Partial<Exclude<BlobLike, Blob | Lent | string>>;
  if (isLent(bytes)) return Blob.of(bytes, mime);
  throw new TypeError(
    `Cannot make a blob of ${typeof value} as it must be text, a Uint8Array, an ArrayBuffer, or have one of them as \`bytes\`: for a value in JSON write JSON.stringify(value)`,
  );
}

function isLent(value: unknown): value is Lent | string {
  return typeof value === "string" || value instanceof Uint8Array || value instanceof ArrayBuffer;
}
