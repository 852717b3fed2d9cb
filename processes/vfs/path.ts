/**
 * A path as a process writes it: `/package:publisher/drive/folder/file`. Judged by its letters alone, before any disk.
 *
 * 1. What is refused is refused, never repaired: `..`, `.`, an empty part, a backslash, control letters, a lone surrogate,
 *    a part or a path that is too long or too deep. A path that is taken has one spelling, but for its first slash.
 * 2. So a path that is taken leads into its drive, whatever is on the disk; links are tree.ts's.
 */
import { PackageId } from "jackfield/protocol";

const NAME_BYTES = 255; // bytes: what file systems allow one name
const PATH_BYTES = 4096; // bytes of UTF-8: Linux's own PATH_MAX
export const DEPTH_MAX = 64; // parts below the drive: each is an open folder while it is walked

/** One letter of these, and a name is none: separators of any system, what terminals obey, halves of a letter. */
const FORBIDDEN = /[\\/\p{Cc}\p{Cs}]/u;
const PACKAGE = /^[a-z0-9_-]+$/; // the grammar of lib/protocol/address.ts
const PUBLISHER = /^[a-z0-9_.-]+$/;

export type VfsPath = {
  /** As capabilities name it: `/package:publisher/drive`. */
  readonly drive: string;
  readonly packageId: PackageId;
  readonly driveName: string;
  /** Below the drive; none: the drive itself. */
  readonly parts: readonly string[];
  /** `/package:publisher/drive/…` */
  readonly text: string;
};

const encoder = new TextEncoder();

/** @returns undefined: it is none */
export function parsePath(value: unknown): VfsPath | undefined {
  if (typeof value !== "string" || value.length > PATH_BYTES) return undefined;
  const [owner = "", driveName = "", ...parts] = (value.startsWith("/") ? value.slice(1) : value).split("/");
  const packageId = parseOwner(owner);
  if (packageId === undefined || !isName(driveName) || !parts.every(isName) || parts.length > DEPTH_MAX)
    return undefined;
  const drive = `/${packageId.text}/${driveName}`;
  const text = [drive, ...parts].join("/");
  return encoder.encode(text).byteLength > PATH_BYTES ? undefined : { drive, packageId, driveName, parts, text };
}

/** Whether `value` may be one part of a path. */
export function isName(value: string): boolean {
  return (
    value !== "" &&
    value !== "." &&
    value !== ".." &&
    !FORBIDDEN.test(value) &&
    (value.length * 3 <= NAME_BYTES || encoder.encode(value).byteLength <= NAME_BYTES)
  );
}

/** The name of a package's folder on the disk: without the colon, which not every system has in names. */
export function folderName({ packageName, publisher }: PackageId): string {
  return `${packageName}@${publisher}`;
}

function parseOwner(text: string): PackageId | undefined {
  const [packageName = "", publisher = "", more] = text.split(":");
  const isOne = more === undefined && PACKAGE.test(packageName) && PUBLISHER.test(publisher) && isName(text);
  return isOne ? new PackageId(packageName, publisher) : undefined;
}
