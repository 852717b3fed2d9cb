/** What data sets ask of uploads (uploads/parts.ts): the parts that a client sends by WebSocket, each under its uuid. */
export { PARTS_DRIVE } from "../uploads/part-file.ts";

import type { PartProgress, Parts as Uploads } from "../uploads/parts.ts";

export type Parts = Pick<Uploads, "createPart" | "progress" | "sealPart" | "unsealPart" | "removePart">;

/** A part's path in its drive. */
export function partPath(uuid: string): string {
  return uuid;
}

/** Every byte of it has come. */
export function isComplete(progress: PartProgress | undefined): boolean {
  return progress !== undefined && progress.received >= progress.size;
}
