/**
 * What goes over the socket of an extension: a program of another language that works for a process (contract kinode §5.9).
 *
 *   {"WebSocketExtPushData": {"id": u64, "kinode_message_type": "Request" | "Response", "blob": [bytes]}}
 *
 * 1. MessagePack of this one shape is written and read here, not by msgpackr: the blob would be an array of a million
 *    numbers on its way, and integers above 2^32 would leave as floating point, which other languages take for no u64.
 * 2. Written with named fields. Read: named in any order or positional, either spelling of the type, unknown fields
 *    left out, the blob as array of integers or as bin.
 * 3. An id may be any u64; a bigint where a number would lose some of it.
 */

export const EXTENSION_DATA = "WebSocketExtPushData";

/** How a blob is written: as an array of integers, which all read, or as bin, which is smaller and faster. */
export const EXTENSION_BLOBS = ["array", "bin"] as const;
export type ExtensionBlob = (typeof EXTENSION_BLOBS)[number];

/** From a process: what its extension should answer with. From an extension: what it is. */
export const EXTENSION_TYPES = ["Request", "Response"] as const;
export type ExtensionMessageType = (typeof EXTENSION_TYPES)[number];

/** The older spelling, and that of Hyperware (contract kinode §8). */
export const EXTENSION_TYPE_FIELDS = ["kinode_message_type", "hyperware_message_type"] as const;
export type ExtensionTypeField = (typeof EXTENSION_TYPE_FIELDS)[number];

export type ExtensionMessage = {
  readonly id: number | bigint;
  readonly type: ExtensionMessageType;
  readonly blob: Uint8Array;
};

/** `lent`: the blob is a part of what was read, not a copy. */
export type ReadExtensionMessage = ExtensionMessage & { readonly lent: boolean };

export function packExtensionMessage(
  message: ExtensionMessage,
  typeField: ExtensionTypeField,
  blobs: ExtensionBlob,
): Uint8Array {
  const { id, type, blob } = message;
  const tail = blobs === "bin" ? blob.byteLength : arrayLength(blob);
  const out = new Writer(HEAD_MAX + tail);
  out.byte(FIX_MAP | 1);
  out.text(EXTENSION_DATA);
  out.byte(FIX_MAP | 3);
  out.text("id");
  out.unsigned(id);
  out.text(typeField);
  out.text(type);
  out.text("blob");
  if (blobs === "bin") out.bin(blob);
  else out.array(blob);
  return out.done();
}

/** The one key of a map, which names an action; undefined when `bytes` begin with no such map. */
export function packedActionName(bytes: Uint8Array): string | undefined {
  return new Reader(bytes).actionName();
}

/** @returns undefined when `bytes` are not one whole message of an extension */
export function unpackExtensionMessage(bytes: Uint8Array): ReadExtensionMessage | undefined {
  const reader = new Reader(bytes);
  if (reader.actionName() !== EXTENSION_DATA) return undefined;
  const message = reader.message();
  return reader.atEnd ? message : undefined;
}

const FIX_MAP = 0x80;
const FIX_ARRAY = 0x90;
const FIX_TEXT = 0xa0;
const FIX_TEXT_MAX = 31; // bytes
const HEAD_MAX = 96; // bytes: everything but the blob, with the longer spelling and the largest id, takes 76
const NAME_MAX = 64; // bytes: no action and no field has a longer one

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What `blob` takes as an array of integers: those from 128 up need a byte before them. */
function arrayLength(blob: Uint8Array): number {
  let length = blob.byteLength;
  for (const byte of blob) if (byte > 127) length++;
  return length;
}

class Writer {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(length: number) {
    this.#bytes = new Uint8Array(length);
    this.#view = new DataView(this.#bytes.buffer);
  }

  byte(value: number): void {
    this.#bytes[this.#at++] = value;
  }

  /** @param value at most FIX_TEXT_MAX bytes */
  text(value: string): void {
    const bytes = encoder.encode(value);
    this.byte(FIX_TEXT | bytes.byteLength);
    this.#copy(bytes);
  }

  unsigned(value: number | bigint): void {
    if (value < 128) this.byte(Number(value));
    else if (value <= 0xffff_ffff) this.#sized([0xcc, 0xcd, 0xce], Number(value));
    else {
      this.byte(0xcf);
      this.#view.setBigUint64(this.#at, BigInt(value));
      this.#at += 8;
    }
  }

  bin(blob: Uint8Array): void {
    this.#sized([0xc4, 0xc5, 0xc6], blob.byteLength);
    this.#copy(blob);
  }

  array(blob: Uint8Array): void {
    const { byteLength } = blob;
    if (byteLength < 16) this.byte(FIX_ARRAY | byteLength);
    else this.#sized([undefined, 0xdc, 0xdd], byteLength);
    for (const byte of blob) {
      if (byte > 127) this.byte(0xcc);
      this.byte(byte);
    }
  }

  done(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  /** A number of 8, 16 or 32 bits behind the byte that says which. */
  #sized([eight, sixteen, thirtyTwo]: readonly [number | undefined, number, number], value: number): void {
    if (eight !== undefined && value <= 0xff) {
      this.byte(eight);
      this.byte(value);
    } else if (value <= 0xffff) {
      this.byte(sixteen);
      this.#view.setUint16(this.#at, value);
      this.#at += 2;
    } else {
      this.byte(thirtyTwo);
      this.#view.setUint32(this.#at, value);
      this.#at += 4;
    }
  }

  #copy(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.byteLength;
  }
}

/** How many things stand in a map, array, text or bin. */
type Header = { readonly kind: "map" | "array" | "text" | "bin" | "other"; readonly length: number };

type Payload = { readonly bytes: Uint8Array; readonly lent: boolean };

/** Reads what anybody may have written: each method says undefined, or stops at the end, and none throws. */
class Reader {
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

  actionName(): string | undefined {
    const { kind, length } = this.#header();
    return kind === "map" && length === 1 ? this.#name() : undefined;
  }

  /** What stands behind the action's name. */
  message(): ReadExtensionMessage | undefined {
    const { kind, length } = this.#header();
    let id: number | bigint | undefined;
    let type: ExtensionMessageType | undefined;
    let blob: Payload | undefined;
    if (kind === "array" && length === 3) {
      id = this.#unsigned();
      type = this.#type();
      blob = this.#blob();
    } else if (kind === "map") {
      for (let field = 0; field < length; field++) {
        const name = this.#name();
        if (name === undefined) return undefined;
        if (name === "id") id = this.#unsigned();
        else if (name === "blob") blob = this.#blob();
        else if (EXTENSION_TYPE_FIELDS.some((spelling) => spelling === name)) type = this.#type();
        else if (!this.#skip()) return undefined;
      }
    }
    if (id === undefined || type === undefined || blob === undefined) return undefined;
    return { id, type, blob: blob.bytes, lent: blob.lent };
  }

  #type(): ExtensionMessageType | undefined {
    const name = this.#name();
    return EXTENSION_TYPES.find((type) => type === name);
  }

  #blob(): Payload | undefined {
    const { kind, length } = this.#header();
    if (length > this.#left) return undefined; // before anything is made for that many: a length is easily claimed
    if (kind === "bin") return { bytes: this.#take(length), lent: true };
    if (kind !== "array") return undefined;
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; at++) {
      const byte = this.#unsigned();
      if (typeof byte !== "number" || byte > 0xff) return undefined;
      bytes[at] = byte;
    }
    return { bytes, lent: false };
  }

  #name(): string | undefined {
    const { kind, length } = this.#header();
    return kind === "text" && length <= NAME_MAX && length <= this.#left
      ? decoder.decode(this.#take(length))
      : undefined;
  }

  /** A whole number from 0 up, in whichever of the widths. */
  #unsigned(): number | bigint | undefined {
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
  #skip(): boolean {
    for (let values = 1; values > 0; values--) {
      if (this.#left === 0) return false;
      const { kind, length } = this.#header();
      if (kind === "map") values += 2 * length;
      else if (kind === "array") values += length;
      else if (length > this.#left) return false;
      else this.#at += length;
    }
    return true;
  }

  /** `other`: a value of `length` more bytes. */
  #header(): Header {
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
