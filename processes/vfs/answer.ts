/** What the actions share: what they are given, what they answer, and how a file is opened and counted. */
import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { Blob, type Capability, type VfsResponse } from "jackfield/protocol";
import type { DriveState, Drives } from "./drives.ts";
import { readBytes } from "./files.ts";
import type { VfsLimits } from "./limits.ts";
import type { VfsPath } from "./path.ts";
import { limitReached, Refusal } from "./refusal.ts";
import { codeOf, FileError } from "./tree.ts";

const MIME = "application/octet-stream"; // contract kinode §6

/** Who asks, and with what bytes. */
export type Caller = { readonly process: string; readonly bytes: Uint8Array | null };
export type Answer = {
  readonly body: VfsResponse;
  readonly blob?: Blob;
  readonly capabilities?: readonly Capability[];
};

export const OK: Answer = { body: "Ok" };
export const PIECE: number = 64 * 1024; // bytes of a stream in one message, unless asked for otherwise

export function bytesOf({ bytes }: Caller): Uint8Array {
  if (bytes === null) throw new Refusal("NoBlob");
  return bytes;
}

export function carrying(body: VfsResponse, bytes: Uint8Array): Answer {
  return { body, blob: Blob.of(bytes, MIME) };
}

/** The answer to all that reads. */
export function read(bytes: Uint8Array): Answer {
  return carrying("Read", bytes);
}

/** Where a file is wanted: a drive is none. */
export function assertBelow(path: VfsPath): void {
  if (path.parts.length === 0) throw new FileError("EISDIR", "a drive");
}

/** Counts first, so that nothing is done that there is no room for; takes it back when it is not done. */
export async function counted(
  drive: DriveState,
  bytes: number,
  entries: number,
  work: () => Promise<void>,
): Promise<void> {
  drive.grow(bytes, entries);
  try {
    await work();
  } catch (error) {
    if (bytes > 0 && codeOf(error) === "ENOSPC")
      drive.recount(); // some of it was written
    else drive.add(-bytes, -entries);
    throw error;
  }
}

/** Does `work` with the file, open to read. */
export function reading<Result>(
  drives: Drives,
  path: VfsPath,
  work: (file: FileHandle) => Promise<Result>,
): Promise<Result> {
  return opened(drives, path, constants.O_RDONLY, work);
}

export function opened<Result>(
  drives: Drives,
  path: VfsPath,
  flags: number,
  work: (file: FileHandle) => Promise<Result>,
): Promise<Result> {
  assertBelow(path);
  return drives.at(path, async ({ parent, name }) => {
    // Package managers link files: in a package's own folder, which is only read, a second name is no fault.
    const file = await parent.file(name, flags, { linked: drives.isReadOnly(path) });
    try {
      return await work(file);
    } finally {
      await file.close();
    }
  });
}

/** What is there from `position` on. @throws {Refusal} it is more than one message may carry */
export async function whole(
  file: FileHandle,
  limits: VfsLimits,
  position: number,
  length?: number,
): Promise<Uint8Array> {
  const { size } = await file.stat();
  const wanted = Math.min(length ?? Number.MAX_SAFE_INTEGER, Math.max(0, size - position));
  if (wanted > limits.wholeBytes) throw limitReached(limits, "wholeBytes");
  return await readBytes(file, position, wanted);
}
