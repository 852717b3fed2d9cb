/** What a request to vfs:distro:sys asks for, checked: nothing behind this sees a body. */
import type { VfsAction, VfsPiece, VfsSeek } from "jackfield/protocol";
import { parsePath, type VfsPath } from "./path.ts";

export type Asked = {
  readonly path: VfsPath;
  /** Of Rename and CopyFile. */
  readonly newPath?: VfsPath;
  readonly action: VfsAction;
  readonly needs: "read" | "write" | "both";
};

const READS = ["Read", "ReadDir", "ReadToEnd", "ReadToString", "Metadata", "Len", "Hash", "Usage", "OpenRead"];
const WRITES = [
  "CreateDrive",
  "CreateDir",
  "CreateDirAll",
  "CreateFile",
  "CloseFile",
  "Write",
  "WriteAll",
  "Append",
  "SyncAll",
  "RemoveFile",
  "RemoveDir",
  "RemoveDirAll",
  "AddZip",
  "Replace",
  "OpenWrite",
  "OpenUpdate",
];

const PIECES_MAX = 1024; // of one write at positions: as many as the system takes in one call

/** Every drive of the node, for who has root: not a path of any drive. */
export const ROOT = "/";

/** @returns undefined: it is malformed */
export function readRequest(body: unknown): Asked | undefined {
  if (!isRecord(body)) return undefined;
  const path = parsePath(body.path);
  if (path === undefined) return undefined;
  const { action } = body;
  if (typeof action === "string") {
    if (READS.includes(action)) return { path, action: action as VfsAction, needs: "read" };
    // Closing forgets a number, so whoever may read may close.
    if (action === "CloseFile") return { path, action, needs: "read" };
    return WRITES.includes(action) ? { path, action: action as VfsAction, needs: "write" } : undefined;
  }
  if (!isRecord(action)) return undefined;
  const entries = Object.entries(action);
  const [name, value] = entries.length === 1 ? (entries[0] ?? []) : [];
  switch (name) {
    case "OpenFile":
      if (!isRecord(value) || typeof value.create !== "boolean") return undefined;
      return { path, action: { OpenFile: { create: value.create } }, needs: value.create ? "write" : "read" };
    case "ReadExact": {
      const length = isRecord(value) ? value.length : value; // older ones: the number itself
      return isCount(length) ? { path, action: { ReadExact: { length } }, needs: "read" } : undefined;
    }
    case "Seek": {
      const seek = readSeek(isRecord(value) && "seek_from" in value ? value.seek_from : value);
      return seek === undefined ? undefined : { path, action: { Seek: seek }, needs: "read" };
    }
    case "Rename":
    case "CopyFile": {
      const newPath = isRecord(value) ? parsePath(value.new_path) : undefined;
      if (newPath === undefined) return undefined;
      const to = { new_path: newPath.text };
      return name === "Rename"
        ? { path, newPath, action: { Rename: to }, needs: "write" }
        : { path, newPath, action: { CopyFile: to }, needs: "both" };
    }
    case "SetLen":
      return isCount(value) ? { path, action: { SetLen: value }, needs: "write" } : undefined;
    case "ReadAt":
      if (!isRecord(value) || !isCount(value.position) || !isCount(value.length)) return undefined;
      return { path, action: { ReadAt: { position: value.position, length: value.length } }, needs: "read" };
    case "WriteAt":
      if (!isRecord(value) || !isCount(value.position)) return undefined;
      return { path, action: { WriteAt: { position: value.position } }, needs: "write" };
    case "List": {
      if (!isRecord(value)) return undefined;
      const { after = "", limit = Number.MAX_SAFE_INTEGER } = value;
      if (typeof after !== "string" || !isCount(limit)) return undefined;
      return { path, action: { List: { after, limit } }, needs: "read" };
    }
    case "StreamRead": {
      if (!isRecord(value) || !isCount(value.stream_id)) return undefined;
      const { stream_id, length } = value;
      if (length === undefined) return { path, action: { StreamRead: { stream_id } }, needs: "read" };
      return isCount(length) ? { path, action: { StreamRead: { stream_id, length } }, needs: "read" } : undefined;
    }
    case "StreamWrite":
      if (!isRecord(value) || !isCount(value.stream_id)) return undefined;
      return { path, action: { StreamWrite: { stream_id: value.stream_id } }, needs: "write" };
    case "StreamCommit":
      if (!isRecord(value) || !isCount(value.stream_id) || typeof value.durable !== "boolean") return undefined;
      return {
        path,
        action: { StreamCommit: { stream_id: value.stream_id, durable: value.durable } },
        needs: "write",
      };
    case "StreamReadAt": {
      if (!isRecord(value) || !isCount(value.stream_id)) return undefined;
      const { stream_id, position, length } = value;
      if (!isCount(position) || !isCount(length)) return undefined;
      return { path, action: { StreamReadAt: { stream_id, position, length } }, needs: "read" };
    }
    case "StreamWriteAt": {
      if (!isRecord(value) || !isCount(value.stream_id)) return undefined;
      const { stream_id, pieces } = value;
      return isPieces(pieces) ? { path, action: { StreamWriteAt: { stream_id, pieces } }, needs: "write" } : undefined;
    }
    case "StreamSync":
      if (!isRecord(value) || !isCount(value.stream_id)) return undefined;
      return { path, action: { StreamSync: { stream_id: value.stream_id } }, needs: "write" };
    case "StreamClose":
      if (!isRecord(value) || !isCount(value.stream_id)) return undefined;
      return { path, action: { StreamClose: { stream_id: value.stream_id } }, needs: "read" };
    default:
      return undefined;
  }
}

function readSeek(value: unknown): VfsSeek | undefined {
  if (!isRecord(value)) return undefined;
  const [[from, offset] = []] = Object.entries(value);
  if (typeof offset !== "number" || !Number.isSafeInteger(offset)) return undefined;
  if (from === "Start") return offset >= 0 ? { Start: offset } : undefined;
  if (from === "End") return { End: offset };
  return from === "Current" ? { Current: offset } : undefined;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isPieces(value: unknown): value is readonly VfsPiece[] {
  return (
    Array.isArray(value) &&
    value.length <= PIECES_MAX &&
    value.every(
      (piece) =>
        isRecord(piece) &&
        isCount(piece.position) &&
        isCount(piece.length) &&
        Number.isSafeInteger(piece.position + piece.length),
    )
  );
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
