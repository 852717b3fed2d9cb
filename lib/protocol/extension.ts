/**
 * What goes over the socket of an extension: a program of another language that works for a process (contract kinode §5.9).
 *
 *   {"WebSocketExtPushData": {"id": u64, "kinode_message_type": "Request" | "Response", "blob": [bytes]}}
 *
 * 1. MessagePack of this one shape is written and read here, not by msgpackr: the blob would be an array of a million
 *    numbers on its way (1 MiB: 79 ms to write and 20 to read; here 15 and 7, as bin 0.7 and 0), and integers above 2^32
 *    would leave as floating point, which other languages take for no u64.
 * 2. Written with named fields. Read: named in any order or positional, either spelling of the type, unknown fields
 *    left out, the blob as array of integers or as bin.
 * 3. An id may be any u64; a bigint where a number would lose some of it.
 */
import { PackedReader, type Payload } from "./packed-reader.ts";

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
  return actionName(new PackedReader(bytes));
}

/** @returns undefined when `bytes` are not one whole message of an extension */
export function unpackExtensionMessage(bytes: Uint8Array): ReadExtensionMessage | undefined {
  const reader = new PackedReader(bytes);
  if (actionName(reader) !== EXTENSION_DATA) return undefined;
  const message = readMessage(reader);
  return reader.atEnd ? message : undefined;
}

function actionName(reader: PackedReader): string | undefined {
  const { kind, length } = reader.header();
  return kind === "map" && length === 1 ? reader.name() : undefined;
}

/** What stands behind the action's name. */
function readMessage(reader: PackedReader): ReadExtensionMessage | undefined {
  const { kind, length } = reader.header();
  let id: number | bigint | undefined;
  let type: ExtensionMessageType | undefined;
  let blob: Payload | undefined;
  if (kind === "array" && length === 3) {
    id = reader.unsigned();
    type = readType(reader);
    blob = reader.payload();
  } else if (kind === "map") {
    for (let field = 0; field < length; field++) {
      const name = reader.name();
      if (name === undefined) return undefined;
      if (name === "id") id = reader.unsigned();
      else if (name === "blob") blob = reader.payload();
      else if (EXTENSION_TYPE_FIELDS.some((spelling) => spelling === name)) type = readType(reader);
      else if (!reader.skip()) return undefined;
    }
  }
  if (id === undefined || type === undefined || blob === undefined) return undefined;
  return { id, type, blob: blob.bytes, lent: blob.lent };
}

function readType(reader: PackedReader): ExtensionMessageType | undefined {
  const name = reader.name();
  return EXTENSION_TYPES.find((type) => type === name);
}

const FIX_MAP = 0x80;
const FIX_ARRAY = 0x90;
const UINT_8 = 0xcc;
const FIX_TEXT = 0xa0;
const HEAD_MAX = 96; // bytes: everything but the blob, with the longer spelling and the largest id, takes 76

const encoder = new TextEncoder();

/** What `blob` takes as an array of integers: those from 128 up need a byte before them. */
function arrayLength(blob: Uint8Array): number {
  let length = blob.byteLength;
  for (let i = 0; i < blob.byteLength; i++) length += (blob[i] ?? 0) >> 7;
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
    const out = this.#bytes;
    let at = this.#at;
    for (let i = 0; i < byteLength; i++) {
      const byte = blob[i] ?? 0;
      out[at] = UINT_8; // stays for those from 128 up; no branch, which half of all bytes would take
      at += byte >> 7;
      out[at++] = byte;
    }
    this.#at = at;
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
