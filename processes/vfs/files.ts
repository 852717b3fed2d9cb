/** What is known of one name in an open folder, and the bytes of an open file: all of them, however many the system gives at once. */
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, lstat } from "node:fs/promises";
import type { VfsMetadata } from "jackfield/protocol";
import type { Place } from "./drives.ts";
import { codeOf, type Folder, fileType, type Kind } from "./tree.ts";

const HASHED = 1024 * 1024; // bytes read at once for a sum

/** @returns undefined: there is nothing of that name */
export async function kindOf(folder: Folder, name: string): Promise<Kind | undefined> {
  try {
    return fileType(await lstat(await folder.at(name)));
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Of a file that may be written over. @returns undefined: there is none yet @throws {FileError} it is something else */
export async function sizeOf({ parent, name }: Place): Promise<number | undefined> {
  if ((await kindOf(parent, name)) === undefined) return undefined;
  const file = await parent.file(name, constants.O_RDONLY);
  try {
    return (await file.stat()).size;
  } finally {
    await file.close();
  }
}

export async function metadataOf(folder: Folder, name: string): Promise<VfsMetadata | undefined> {
  try {
    const stats = await lstat(await folder.at(name));
    const type = fileType(stats);
    return { file_type: type, len: type === "File" ? stats.size : 0, modified: Math.floor(stats.mtimeMs) };
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

export async function readBytes(file: FileHandle, position: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled === length ? bytes : bytes.slice(0, filled);
}

export async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let written = 0; written < bytes.byteLength; ) {
    const { bytesWritten } = await file.write(bytes, written, bytes.byteLength - written, position + written);
    written += bytesWritten;
  }
}

/** SHA-256. */
export async function sumOf(file: FileHandle): Promise<Uint8Array> {
  const sum = createHash("sha256");
  for (let at = 0; ; ) {
    const bytes = await readBytes(file, at, HASHED);
    if (bytes.byteLength === 0) return sum.digest();
    sum.update(bytes);
    at += bytes.byteLength;
  }
}
