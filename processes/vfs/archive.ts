/**
 * A zip archive, read without trusting a word of it (contract kinode §9, row 39: the original joins names as they are).
 *
 * 1. Every name goes through the same check as a path that a process writes: `../x`, `/x`, `a\b` refuse the whole archive.
 * 2. Links and other things that are neither file nor folder refuse it too; so do encryption and what is larger than 4 GB.
 * 3. Nothing is unpacked beyond limits.zipBytes and limits.zipEntries, whatever its header says.
 * 4. All is unpacked and checked before anything is written.
 */
import { constants } from "node:fs";
import { promisify } from "node:util";
import { inflateRaw } from "node:zlib";
import type { VfsLimits } from "./limits.ts";
import { parsePath, type VfsPath } from "./path.ts";
import { limitReached, Refusal } from "./refusal.ts";

const END = 0x06054b50;
const ENTRY = 0x02014b50;
const LOCAL = 0x04034b50;
const END_BYTES = 22;
const ENTRY_BYTES = 46;
const LOCAL_BYTES = 30;
const COMMENT_MAX = 65_535; // bytes: the end of the archive is no further from its end
const WIDE = 0xffffffff; // says that the number is elsewhere, as the file is larger than 4 GB
const UNIX = 3; // who made it: then the upper half of its attributes is a mode
const STORED = 0;
const DEFLATED = 8;

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

const inflate = promisify<Uint8Array, { maxOutputLength: number }, Buffer>(inflateRaw);

export type Unpacked = {
  readonly folders: readonly VfsPath[];
  readonly files: readonly (readonly [path: VfsPath, content: Uint8Array])[];
};

/** @param into the folder that its names are in @throws {Refusal} ParseError, UnzipError, LimitReached */
export async function unzip(bytes: Uint8Array, into: VfsPath, limits: VfsLimits): Promise<Unpacked> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fail = (error: string): Refusal => new Refusal({ ParseError: { error, path: into.text } });
  const folders = new Map<string, VfsPath>();
  const files = new Map<string, readonly [VfsPath, Uint8Array]>();
  let left = limits.zipBytes;
  try {
    const end = findEnd(view, fail);
    const count = view.getUint16(end + 10, true);
    if (count > limits.zipEntries) throw limitReached(limits, "zipEntries");
    let at = view.getUint32(end + 16, true);
    for (let index = 0; index < count; index++) {
      const entry = readEntry(view, at, fail);
      at = entry.next;
      const isFolder = entry.name.endsWith("/");
      const path = parsePath(`${into.text}/${isFolder ? entry.name.slice(0, -1) : entry.name}`);
      if (path === undefined || entry.name.startsWith("/"))
        throw fail(`the name ${JSON.stringify(entry.name.slice(0, 200))} leads out of the folder, or is none`);
      if (!isPlain(entry.madeBy, entry.attributes, isFolder)) throw new Refusal("UnzipError");
      for (let depth = into.parts.length + 1; depth < path.parts.length + (isFolder ? 1 : 0); depth++) {
        const parts = path.parts.slice(0, depth);
        const text = [path.drive, ...parts].join("/");
        folders.set(text, { ...path, parts, text });
      }
      if (isFolder) continue;
      const content = await contentOf(bytes, view, entry, left, fail, limits);
      left -= content.byteLength;
      files.set(path.text, [path, content]);
    }
  } catch (error) {
    throw error instanceof RangeError ? fail("it ends too early") : error; // DataView's word
  }
  for (const text of files.keys()) if (folders.has(text)) throw fail(`${text} is a file and a folder`);
  return { folders: [...folders.values()], files: [...files.values()] };
}

type Fail = (error: string) => Refusal;
type Entry = {
  readonly name: string;
  readonly madeBy: number;
  readonly attributes: number;
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly packed: number; // bytes
  readonly size: number; // bytes
  readonly offset: number;
  readonly next: number;
};

function findEnd(view: DataView, fail: Fail): number {
  const first = Math.max(0, view.byteLength - END_BYTES - COMMENT_MAX);
  for (let at = view.byteLength - END_BYTES; at >= first; at--) if (view.getUint32(at, true) === END) return at;
  throw fail("it is no zip archive");
}

function readEntry(view: DataView, at: number, fail: Fail): Entry {
  if (view.getUint32(at, true) !== ENTRY) throw fail("its directory is broken");
  const nameBytes = view.getUint16(at + 28, true);
  const entry = {
    madeBy: view.getUint16(at + 4, true) >> 8,
    flags: view.getUint16(at + 8, true),
    method: view.getUint16(at + 10, true),
    crc: view.getUint32(at + 16, true),
    packed: view.getUint32(at + 20, true),
    size: view.getUint32(at + 24, true),
    attributes: view.getUint32(at + 38, true),
    offset: view.getUint32(at + 42, true),
  };
  if (entry.packed === WIDE || entry.size === WIDE || entry.offset === WIDE) throw fail("it is larger than 4 GB");
  if ((entry.flags & 1) !== 0) throw fail("it is encrypted");
  const start = at + ENTRY_BYTES;
  const name = textAt(view, start, nameBytes);
  if (name === undefined) throw fail("a name is no UTF-8");
  const next = start + nameBytes + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  return { ...entry, name, next };
}

/** A file or a folder, and what its name says. */
function isPlain(madeBy: number, attributes: number, isFolder: boolean): boolean {
  const type = madeBy === UNIX ? (attributes >>> 16) & constants.S_IFMT : 0;
  return type === 0 || type === (isFolder ? constants.S_IFDIR : constants.S_IFREG);
}

async function contentOf(
  bytes: Uint8Array,
  view: DataView,
  entry: Entry,
  left: number,
  fail: Fail,
  limits: VfsLimits,
): Promise<Uint8Array> {
  const { offset, packed, size, method } = entry;
  if (view.getUint32(offset, true) !== LOCAL) throw fail("an entry is not where its directory says");
  if (size > left) throw limitReached(limits, "zipBytes");
  const start = offset + LOCAL_BYTES + view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true);
  if (start + packed > bytes.byteLength) throw fail("it ends too early");
  const stored = bytes.subarray(start, start + packed);
  let content: Uint8Array;
  if (method === STORED) content = stored.slice();
  else if (method === DEFLATED) {
    try {
      content = size === 0 ? new Uint8Array(0) : await inflate(stored, { maxOutputLength: size });
    } catch {
      throw fail("an entry is broken, or larger than its directory says");
    }
  } else throw fail(`an entry is packed by method ${method}: 0 and 8 are known`);
  if (content.byteLength !== size || crc32(content) !== entry.crc) throw fail("an entry is broken");
  return content;
}

/** As zip has it. Not node:zlib's, which Node 20.11 lacks. */
function crc32(bytes: Uint8Array): number {
  let crc = WIDE;
  for (const byte of bytes) crc = (crc >>> 8) ^ (CRC_TABLE[(crc ^ byte) & 0xff] ?? 0);
  return (crc ^ WIDE) >>> 0;
}

function textAt(view: DataView, start: number, length: number): string | undefined {
  const bytes = new Uint8Array(view.buffer, view.byteOffset + start, length);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
