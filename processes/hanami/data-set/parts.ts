/**
 * What data sets ask of uploads: the parts that a client sends by WebSocket, each under a uuid of its own.
 *
 * A part belongs to one data set and is gone when that is finalized, deleted or abandoned.
 */

/** @property received bytes that have come, each counted once */
export type PartProgress = { readonly size: number; readonly received: number };

export interface Parts {
  /** Makes an empty part of `size` bytes, durably. @throws {VfsError} there is no room */
  createPart(uuid: string, size: number): Promise<void>;
  /** @returns undefined: there is no such part */
  progress(uuid: string): PartProgress | undefined;
  /** Its bytes are as they will stay: later chunks are refused, and the sockets they come by closed. */
  sealPart(uuid: string): Promise<void>;
  /** Chunks are taken again: what was to be done with it failed. Nothing happens when it is gone. */
  unsealPart(uuid: string): Promise<void>;
  /** With its bytes; nothing happens when it is gone. */
  removePart(uuid: string): Promise<void>;
}

/** The drive of the parts' bytes, and a part's path in it. */
export const PARTS_DRIVE = "uploads";
export function partPath(uuid: string): string {
  return uuid;
}

/** Every byte of it has come. */
export function isComplete(progress: PartProgress | undefined): boolean {
  return progress !== undefined && progress.received >= progress.size;
}
