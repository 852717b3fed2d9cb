/**
 * Reads a package that was packed into one file (.tgz): gzip around tar, as `npm pack` and `tar czf` write it.
 *
 * 1. Whoever packed it is not trusted. Files and folders are all that there may be: no link, no device, nothing that leads
 *    out of the package, no name that a system reads differently. The first wrong entry refuses the whole.
 * 2. Nothing is written here. Everything is bounded before it is held: bytes, entries, names.
 * 3. Rights, owners and times in it are of no matter.
 *
 * Its own reader, as that is a page, and what packages for it have been broken by is what this has not: links.
 */
import { gunzipSync } from "node:zlib";
import { KernelError, textOf } from "../lib/protocol/index.ts";

/** What a package may be, packed or in a folder. */
export const PACKAGE_LIMITS = {
  bytes: 256 * 1024 * 1024, // unpacked; held in memory while it is checked
  files: 5000, // as many as jackfield dev takes
  name: 255, // characters of a path inside it: what all file systems take
} as const;

const BLOCK = 512; // bytes

export class TgzError extends KernelError {
  override readonly name = "TgzError";
}

export type PackedFile = { readonly path: string; readonly bytes: Uint8Array };

/** @param what it is called in errors @returns its files, without the folder that npm puts around them @throws {TgzError} */
export function readTgz(packed: Uint8Array, what: string): readonly PackedFile[] {
  const fail = (rule: string, options?: ErrorOptions): never => {
    throw new TgzError("bad_archive", `Cannot unpack "${what}" as ${rule}`, options);
  };
  return withoutWrapper(readTar(unzip(packed, fail), fail));
}

type Fail = (rule: string, options?: ErrorOptions) => never;

function unzip(packed: Uint8Array, fail: Fail): Buffer {
  try {
    return gunzipSync(packed, { maxOutputLength: PACKAGE_LIMITS.bytes });
  } catch (cause) {
    return Object(cause).code === "ERR_BUFFER_TOO_LARGE"
      ? fail(`it unpacks to more than ${PACKAGE_LIMITS.bytes / 1024 / 1024} MiB`, { cause })
      : fail(`it is no whole .tgz: ${textOf(cause)}`, { cause });
  }
}

function readTar(tar: Buffer, fail: Fail): readonly PackedFile[] {
  const files = new Map<string, PackedFile>();
  let longName: string | undefined; // what the entry before said of the next one's name
  let longSize: number | undefined; // likewise
  let entries = 0;
  for (let at = 0; at + BLOCK <= tar.length; ) {
    const head = tar.subarray(at, at + BLOCK);
    if (head.every((byte) => byte === 0)) break;
    if (++entries > PACKAGE_LIMITS.files * 2) fail(`it has more than ${PACKAGE_LIMITS.files * 2} entries`); // folders too
    if (checksum(head) !== octal(head, 148, 8)) fail("it is no tar inside, or damaged");
    const type = String.fromCharCode(head[156] ?? 0);
    const size = (type === "x" || type === "L" ? undefined : longSize) ?? octal(head, 124, 12);
    const bytes = tar.subarray(at + BLOCK, at + BLOCK + size);
    if (size < 0 || bytes.length !== size) fail("it ends in the middle of a file");
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
    const name = longName ?? shortName(head);
    if (type === "x") {
      const records = readPax(bytes, fail);
      longName = records.get("path") ?? longName;
      longSize = records.has("size") ? decimal(records.get("size") ?? "") : longSize;
    } else if (type === "L") longName = cString(bytes);
    else {
      longName = undefined;
      longSize = undefined;
      if (type === "0" || type === "\0") {
        const path = checkedPath(name, fail);
        if (path === "" || path === ".") fail("it has a file without a name");
        if (files.has(path.toLowerCase())) fail(`it has "${path}" twice`); // of different case too: some systems make one of them
        files.set(path.toLowerCase(), { path, bytes });
        if (files.size > PACKAGE_LIMITS.files) fail(`it has more than ${PACKAGE_LIMITS.files} files`);
      } else if (type === "5") checkedPath(name.replace(/\/$/, ""), fail);
      else if (type !== "g")
        fail(`"${printable(name)}" is ${KINDS[type] ?? "of an unknown kind"}: a package has files and folders only`);
    }
  }
  return [...files.values()];
}

const KINDS: Readonly<Record<string, string>> = {
  "1": "a hard link",
  "2": "a symbolic link",
  "3": "a device",
  "4": "a device",
  "6": "a pipe",
};

/** @returns `name` as it may be written below a folder, on every system */
export function checkedPath(name: string, fail: Fail): string {
  const path = name.replace(/^(\.\/)+/, "");
  const why = (): string | undefined => {
    if (path === "" || path === ".") return undefined; // the folder itself
    if (path.length > PACKAGE_LIMITS.name) return `is longer than ${PACKAGE_LIMITS.name} characters`;
    if (/[\p{Cc}\ufffd]/u.test(path)) return "has letters that no name should have";
    if (path.startsWith("/") || /[\\:]/.test(path)) return "leads out of the package on some system";
    const parts = path.split("/");
    if (parts.includes("..")) return "leads out of the package";
    if (parts.some((part) => part === "" || part === "." || /[. ]$/.test(part)))
      return "is read differently by some system";
    return undefined;
  };
  const rule = why();
  return rule === undefined ? path : fail(`"${printable(name)}" ${rule}`);
}

function printable(name: string): string {
  return name.slice(0, PACKAGE_LIMITS.name).replaceAll(/\p{Cc}/gu, "?");
}

/** npm's `package/`, GitHub's `name-version/`: one folder around everything, unless the manifest lies outside. */
function withoutWrapper(files: readonly PackedFile[]): readonly PackedFile[] {
  const [wrapper = ""] = files[0]?.path.split("/", 1) ?? [];
  const isWrapped = files.every(({ path }) => path.startsWith(`${wrapper}/`));
  return isWrapped ? files.map(({ path, bytes }) => ({ path: path.slice(wrapper.length + 1), bytes })) : files;
}

/** A sum of all bytes, its own eight taken as blanks. */
function checksum(head: Uint8Array): number {
  return head.reduce((sum, byte, index) => sum + (index >= 148 && index < 156 ? 32 : byte), 0);
}

/** -1: it is no number that this reads (GNU writes sizes above 8 GiB in another way). */
function octal(head: Uint8Array, start: number, length: number): number {
  const text = cString(head.subarray(start, start + length)).trim();
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : -1;
}

function cString(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end === -1 ? bytes : bytes.subarray(0, end)).toString("utf8");
}

function shortName(head: Uint8Array): string {
  const isUstar = Buffer.from(head.subarray(257, 263)).toString("latin1") === "ustar\0"; // GNU has a blank, and other things there
  const prefix = isUstar ? cString(head.subarray(345, 500)) : "";
  const name = cString(head.subarray(0, 100));
  return prefix === "" ? name : `${prefix}/${name}`;
}

/** A pax header: records of `<length> <key>=<value>\n`. */
function readPax(bytes: Uint8Array, fail: Fail): ReadonlyMap<string, string> {
  const text = Buffer.from(bytes);
  const records = new Map<string, string>();
  for (let at = 0; at < text.length; ) {
    const blank = text.indexOf(32, at);
    const length = Number(text.subarray(at, blank).toString("latin1"));
    if (blank === -1 || !Number.isInteger(length) || length <= blank - at || at + length > text.length)
      return fail("it has a header that cannot be read");
    const record = text.subarray(blank + 1, at + length - 1).toString("utf8");
    const end = record.indexOf("=");
    if (end > 0) records.set(record.slice(0, end), record.slice(end + 1));
    at += length;
  }
  return records;
}

/** -1: it is none. */
function decimal(text: string): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : -1;
}
