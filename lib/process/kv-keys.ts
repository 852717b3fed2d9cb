/**
 * Keys of ctx.kv as bytes, so that they lie in the order of what they mean.
 *
 * 1. null, false, true, numbers by size, texts by their UTF-8, bytes, lists, in this order; one list before another where
 *    its first element that differs is. 2 and 2.0 are one key, 2 and "2" are two.
 * 2. A list that begins with all of another's elements comes right after it: what a prefix finds lies together.
 * 3. These bytes are on people's disks: a change to them is a new version of the format.
 */
import { OptionError } from "../protocol/index.ts";

export type KvKey = string | number | boolean | null | Uint8Array | readonly KvKey[];

const NULL = 0x01;
const FALSE = 0x02;
const TRUE = 0x03;
const NUMBER = 0x10;
const TEXT = 0x20;
const BYTES = 0x30;
const LIST = 0x40;
const END = 0x00; // lower than any tag: the shorter comes first
const ZERO = 0xff; // behind a 0x00 that is no end

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** @throws {OptionError} it is no key */
export function encodeKey(key: KvKey): Uint8Array {
  const bytes: number[] = [];
  write(key, bytes);
  return Uint8Array.from(bytes);
}

/** What all keys begin with that begin so: texts with this text, lists with these elements. @throws {OptionError} */
export function encodePrefix(prefix: KvKey): Uint8Array {
  const bytes = encodeKey(prefix);
  const isOpen = typeof prefix === "string" || Array.isArray(prefix) || prefix instanceof Uint8Array;
  return isOpen ? bytes.subarray(0, -1) : bytes;
}

/** @throws {OptionError} these are not what encodeKey makes */
export function decodeKey(bytes: Uint8Array): KvKey {
  const reader = { bytes: new Uint8Array(bytes), at: 0 }; // of its own: slices of a Buffer share its memory
  const key = read(reader);
  if (reader.at !== bytes.length) throw noKey();
  return key;
}

function write(key: KvKey, bytes: number[]): void {
  if (key === null) bytes.push(NULL);
  else if (typeof key === "boolean") bytes.push(key ? TRUE : FALSE);
  else if (typeof key === "number") writeNumber(key, bytes);
  else if (typeof key === "string") writeEscaped(TEXT, encoder.encode(wellFormed(key)), bytes);
  else if (key instanceof Uint8Array) writeEscaped(BYTES, key, bytes);
  else if (Array.isArray(key)) {
    bytes.push(LIST);
    for (const element of key as readonly KvKey[]) write(element, bytes);
    bytes.push(END);
  } else {
    const rule = "it must be text, a number, true, false, null, bytes, or a list of such";
    throw new OptionError(`Cannot use ${describe(key)} as a key as ${rule}`);
  }
}

/** IEEE 754, turned so that bytes are in the order of numbers. */
function writeNumber(key: number, bytes: number[]): void {
  if (Number.isNaN(key)) throw new OptionError("Cannot use NaN as a key as it has no place among numbers");
  const turned = new DataView(new ArrayBuffer(8));
  turned.setFloat64(0, key === 0 ? 0 : key); // -0 too
  const bits = turned.getBigUint64(0);
  turned.setBigUint64(0, bits >> 63n === 1n ? ~bits : bits | (1n << 63n));
  bytes.push(NUMBER, ...new Uint8Array(turned.buffer));
}

function writeEscaped(tag: number, content: Uint8Array, bytes: number[]): void {
  bytes.push(tag);
  for (const byte of content) {
    bytes.push(byte);
    if (byte === END) bytes.push(ZERO);
  }
  bytes.push(END);
}

type Reader = { readonly bytes: Uint8Array; at: number };

function read(reader: Reader): KvKey {
  const tag = reader.bytes[reader.at++];
  switch (tag) {
    case NULL:
      return null;
    case FALSE:
      return false;
    case TRUE:
      return true;
    case NUMBER:
      return readNumber(reader);
    case TEXT:
      return decoder.decode(readEscaped(reader));
    case BYTES:
      return readEscaped(reader);
    case LIST: {
      const list: KvKey[] = [];
      while (reader.bytes[reader.at] !== END) list.push(read(reader));
      reader.at++;
      return list;
    }
    default:
      throw noKey();
  }
}

function readNumber(reader: Reader): number {
  const bytes = reader.bytes.slice(reader.at, reader.at + 8);
  if (bytes.length < 8) throw noKey();
  reader.at += 8;
  const turned = new DataView(bytes.buffer);
  const bits = turned.getBigUint64(0);
  turned.setBigUint64(0, bits >> 63n === 1n ? bits & ~(1n << 63n) : ~bits);
  return turned.getFloat64(0);
}

function readEscaped(reader: Reader): Uint8Array {
  const content: number[] = [];
  for (;;) {
    const byte = reader.bytes[reader.at++];
    if (byte === undefined) throw noKey();
    if (byte === END && reader.bytes[reader.at] !== ZERO) return Uint8Array.from(content);
    if (byte === END) reader.at++;
    content.push(byte);
  }
}

/** Half a surrogate pair would come back as another text, and be another's key. */
function wellFormed(text: string): string {
  if (/\p{Surrogate}/u.test(text))
    throw new OptionError(`Cannot use ${describe(text)} as a key as it is no Unicode text`);
  return text;
}

function describe(key: unknown): string {
  return typeof key === "string" ? JSON.stringify(key.slice(0, 100)) : `a value of type ${typeof key}`;
}

function noKey(): OptionError {
  return new OptionError(
    "Cannot read a key as it was not written by ctx.kv.open: read that database with ctx.kv.openRaw",
  );
}
