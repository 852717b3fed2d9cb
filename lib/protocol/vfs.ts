/**
 * What vfs:distro:sys is asked and answers (contract kinode §6; ours beside it). Bytes travel in blobs.
 *
 * 1. A request names one path: `/package:publisher/drive/folder/file`. Its drive is what capabilities are for.
 * 2. `Err` is a word or a record of one. Those of the contract are first.
 */
import { ProcessId } from "./address.ts";

export const VFS: ProcessId = new ProcessId("vfs", "distro", "sys");

export type VfsRequest = { readonly path: string; readonly action: VfsAction };

export type VfsAction =
  | "CreateDrive"
  | "CreateDir"
  | "CreateDirAll"
  | "CreateFile"
  | { readonly OpenFile: { readonly create: boolean } }
  | "CloseFile"
  | "Write"
  | "WriteAll"
  | "Append"
  | "SyncAll"
  | "Read"
  | "ReadDir"
  | "ReadToEnd"
  | { readonly ReadExact: { readonly length: number } }
  | "ReadToString"
  | { readonly Seek: VfsSeek }
  | "RemoveFile"
  | "RemoveDir"
  | "RemoveDirAll"
  | { readonly Rename: { readonly new_path: string } }
  | "Metadata"
  | "AddZip"
  | { readonly CopyFile: { readonly new_path: string } }
  | "Len"
  | { readonly SetLen: number }
  | "Hash"
  /** Ours, from here on. The whole file at once, kept when it is answered: power may go then. */
  | "Replace"
  | { readonly ReadAt: { readonly position: number; readonly length: number } }
  | { readonly WriteAt: { readonly position: number } }
  /** At most `limit` entries by name, those behind `after`. */
  | { readonly List: { readonly after?: string; readonly limit?: number } }
  | "Usage"
  /** A stream: the file as it is now, piece by piece. → `Stream` */
  | "OpenRead"
  /** A stream: a new content, piece by piece, that replaces the file when it is committed. → `Stream` */
  | "OpenWrite"
  /** A stream: the file itself, held open, to be read and written at positions. → `Stream` */
  | "OpenUpdate"
  | { readonly StreamRead: { readonly stream_id: number; readonly length?: number } }
  | { readonly StreamWrite: { readonly stream_id: number } }
  | { readonly StreamCommit: { readonly stream_id: number; readonly durable: boolean } }
  | { readonly StreamReadAt: { readonly stream_id: number; readonly position: number; readonly length: number } }
  /** The blob has the pieces behind each other; they are written in this order, none behind one that failed. */
  | { readonly StreamWriteAt: { readonly stream_id: number; readonly pieces: readonly VfsPiece[] } }
  /** What was written to it is there after the power went. */
  | { readonly StreamSync: { readonly stream_id: number } }
  | { readonly StreamClose: { readonly stream_id: number } };

/** @property length in bytes, as is `position` */
export type VfsPiece = { readonly position: number; readonly length: number };

export type VfsSeek = { readonly Start: number } | { readonly End: number } | { readonly Current: number };

export type VfsFileType = "File" | "Directory" | "Symlink" | "Other";

/** @property modified milliseconds since the Unix epoch */
export type VfsMetadata = { readonly file_type: VfsFileType; readonly len: number; readonly modified: number };
export type VfsEntry = VfsMetadata & { readonly name: string };
export type VfsUsage = {
  readonly bytes: number;
  readonly max_bytes: number;
  readonly entries: number;
  readonly max_entries: number;
};

export type VfsResponse =
  | "Ok"
  /** The bytes are in the blob. */
  | "Read"
  | { readonly SeekFrom: { readonly new_offset: number } }
  | { readonly ReadDir: readonly { readonly path: string; readonly file_type: VfsFileType }[] }
  | { readonly ReadToString: string }
  | { readonly Metadata: VfsMetadata }
  | { readonly Len: number }
  /** SHA-256, 32 numbers. */
  | { readonly Hash: readonly number[] }
  | { readonly List: { readonly entries: readonly VfsEntry[]; readonly more: boolean } }
  | { readonly Usage: VfsUsage }
  | { readonly Stream: { readonly stream_id: number; readonly len: number } }
  /** The bytes are in the blob, those of the end too. */
  | { readonly StreamRead: { readonly done: boolean } }
  | { readonly Err: VfsErrorBody };

export type VfsErrorBody =
  | "NoReadCap"
  | "NoWriteCap"
  | "MalformedRequest"
  | "NoBlob"
  | { readonly ParseError: { readonly error: string; readonly path: string } }
  /** Begins with the system's word: `ENOENT: …`. */
  | { readonly IOError: string }
  | "UnzipError"
  /** Ours. `limit` is the name of a row in processes/vfs/limits.ts. */
  | { readonly LimitReached: { readonly limit: string; readonly max: number } }
  | { readonly NoStream: { readonly stream_id: number } };
