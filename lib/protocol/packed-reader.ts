/**
 * Reads MessagePack piece by piece, as anybody may have written it: each method says undefined, or stops at the end, and
 * none throws. Nothing is made for a length before that many bytes are there.
 */

/** How many things stand in a map, array, text or bin. */
export type Header = { readonly kind: "map" | "array" | "text" | "bin" | "other"; readonly length: number };

/** Bytes; `lent`: a part of what is read, not a copy. */
export type Payload = { readonly bytes: Uint8Array; readonly lent: boolean };

export class PackedReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.byteLength;
  }

  /** Bytes, as bin or as an array of integers. */
  payload(): Payload | undefined {
    const { kind, length } = this.header();
    if (length > this.#left) return undefined; // before anything is made for that many: a length is easily claimed
    if (kind === "bin") return { bytes: this.#take(length), lent: true };
    if (kind !== "array") return undefined;
    return this.#array(length);
  }

  /** As written here, each is one byte, or two: those are read in place. */
  #array(length: number): Payload | undefined {
    const from = this.#bytes;
    const bytes = new Uint8Array(length);
    let at = this.#at;
    for (let i = 0; i < length; i++) {
      const first = from[at] ?? NEVER_USED;
      if (first < 0x80 || first === UINT_8) {
        at += first >> 7;
        const byte = from[at++];
        if (byte === undefined) return undefined;
        bytes[i] = byte;
        continue;
      }
      this.#at = at;
      const byte = this.unsigned();
      if (typeof byte !== "number" || byte > 0xff) return undefined;
      bytes[i] = byte;
      at = this.#at;
    }
    this.#at = at;
    return { bytes, lent: false };
  }

  /** A text of at most NAME_MAX bytes. */
  name(): string | undefined {
    const { kind, length } = this.header();
    return kind === "text" && length <= NAME_MAX && length <= this.#left
      ? decoder.decode(this.#take(length))
      : undefined;
  }

  /** A whole number from 0 up, in whichever of the widths. */
  unsigned(): number | bigint | undefined {
    const first = this.#byte();
    if (first < 0x80) return first;
    const width = first >= UINT_8 && first <= INT_64 ? WIDTHS[first] : undefined;
    if (width === undefined || width > this.#left) return undefined;
    const at = this.#at;
    this.#at += width;
    const value = this.#number(first, at);
    return value < 0 ? undefined : value;
  }

  #number(kind: number, at: number): number | bigint {
    switch (kind) {
      case 0xcc:
        return this.#view.getUint8(at);
      case 0xcd:
        return this.#view.getUint16(at);
      case 0xce:
        return this.#view.getUint32(at);
      case 0xd0:
        return this.#view.getInt8(at);
      case 0xd1:
        return this.#view.getInt16(at);
      case 0xd2:
        return this.#view.getInt32(at);
      default: {
        const value = kind === 0xcf ? this.#view.getBigUint64(at) : this.#view.getBigInt64(at);
        return value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
      }
    }
  }

  /** Leaves out one value with all that is in it. Not by recursion: how deep it is, a stranger decides. */
  skip(): boolean {
    for (let values = 1; values > 0; values--) {
      if (this.#left === 0) return false;
      const { kind, length } = this.header();
      if (kind === "map") values += 2 * length;
      else if (kind === "array") values += length;
      else if (length > this.#left) return false;
      else this.#at += length;
    }
    return true;
  }

  /** `other`: a value of `length` more bytes. */
  header(): Header {
    const first = this.#byte();
    if (first < 0x80 || first >= 0xe0) return { kind: "other", length: 0 };
    if (first < 0x90) return { kind: "map", length: first & 0x0f };
    if (first < 0xa0) return { kind: "array", length: first & 0x0f };
    if (first < 0xc0) return { kind: "text", length: first & FIX_TEXT_MAX };
    const sized = SIZED[first];
    if (sized === undefined) return { kind: "other", length: WIDTHS[first] ?? 0 };
    const { kind, width, more } = sized;
    if (width > this.#left) return { kind: "other", length: this.#left + 1 };
    const at = this.#at;
    this.#at += width;
    const length =
      width === 1 ? this.#view.getUint8(at) : width === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at);
    return { kind, length: length + more };
  }

  #take(length: number): Uint8Array {
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** At the end: a byte that begins nothing. */
  #byte(): number {
    return this.#bytes[this.#at++] ?? NEVER_USED;
  }

  get #left(): number {
    return Math.max(0, this.#bytes.byteLength - this.#at);
  }
}

const decoder = new TextDecoder();
const FIX_TEXT_MAX = 31; // bytes
const NAME_MAX = 64; // bytes: no action and no field has a longer name
const NEVER_USED = 0xc1; // by the MessagePack specification
const UINT_8 = 0xcc; // and the other whole numbers behind it, up to INT_64
const INT_64 = 0xd3;

/** Bytes of what has a fixed size, by its first byte: numbers, and the extension types of MessagePack. */
const WIDTHS: Readonly<Record<number, number>> = {
  202: 4, // float 32
  203: 8,
  204: 1, // uint 8
  205: 2,
  206: 4,
  207: 8,
  208: 1, // int 8
  209: 2,
  210: 4,
  211: 8,
  212: 2, // fixext 1, with its type
  213: 3,
  214: 5,
  215: 9,
  216: 17,
};

type Sized = { readonly kind: Header["kind"]; readonly width: 1 | 2 | 4; readonly more: number };

/** What says its length in the bytes behind the first. */
const SIZED: Readonly<Record<number, Sized>> = {
  196: { kind: "bin", width: 1, more: 0 },
  197: { kind: "bin", width: 2, more: 0 },
  198: { kind: "bin", width: 4, more: 0 },
  199: { kind: "other", width: 1, more: 1 }, // ext 8: a byte for its type comes before the data
  200: { kind: "other", width: 2, more: 1 },
  201: { kind: "other", width: 4, more: 1 },
  217: { kind: "text", width: 1, more: 0 },
  218: { kind: "text", width: 2, more: 0 },
  219: { kind: "text", width: 4, more: 0 },
  220: { kind: "array", width: 2, more: 0 },
  221: { kind: "array", width: 4, more: 0 },
  222: { kind: "map", width: 2, more: 0 },
  223: { kind: "map", width: 4, more: 0 },
};
