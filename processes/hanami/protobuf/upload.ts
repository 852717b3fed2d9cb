/**
 * The two messages of an upload (sheet §5): FileUpload_Message from the client, FileUploadResponse_Message to it.
 *
 * 1. As any proto3 reader: what is left out is zero or empty, unknown fields and known ones of another wire type are
 *    skipped, fields come in any order, the last of several counts.
 * 2. `data` is a view of the bytes that were read, never a copy.
 */
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** @property position in bytes; inexact above 2^53, where no file reaches */
export type FileUpload = { readonly position: number; readonly data: Uint8Array };

/** @property errorMessage empty when there is nothing to say */
export type FileUploadResponse = { readonly success: boolean; readonly errorMessage: string };

/** Bytes that are no message; `error` says where they stop being one. */
export type Malformed = { readonly error: string };

const EMPTY = new Uint8Array(0);

export function readFileUpload(bytes: Uint8Array): FileUpload | Malformed {
  let position = 0;
  let data: Uint8Array = EMPTY;
  const error = readFields(bytes, (reader, field, type) => {
    if (field === 1 && type === WireType.Varint) position = Number(reader.uint64());
    else if (field === 2 && type === WireType.LengthDelimited) data = reader.bytes();
    else reader.skip(type, field);
  });
  return error === undefined ? { position, data } : { error: `no FileUpload_Message: ${error}` };
}

export function readFileUploadResponse(bytes: Uint8Array): FileUploadResponse | Malformed {
  let success = false;
  let errorMessage = "";
  const error = readFields(bytes, (reader, field, type) => {
    if (field === 1 && type === WireType.Varint) success = reader.bool();
    else if (field === 2 && type === WireType.LengthDelimited) errorMessage = reader.string();
    else reader.skip(type, field);
  });
  return error === undefined ? { success, errorMessage } : { error: `no FileUploadResponse_Message: ${error}` };
}

export function writeFileUpload({ position, data }: FileUpload): Uint8Array {
  const writer = new BinaryWriter();
  if (position > 0) writer.tag(1, WireType.Varint).uint64(position);
  if (data.byteLength > 0) writer.tag(2, WireType.LengthDelimited).bytes(data);
  return writer.finish();
}

export function writeFileUploadResponse({ success, errorMessage }: FileUploadResponse): Uint8Array {
  const writer = new BinaryWriter();
  if (success) writer.tag(1, WireType.Varint).bool(true);
  if (errorMessage !== "") writer.tag(2, WireType.LengthDelimited).string(errorMessage);
  return writer.finish();
}

/** @returns what is wrong with `bytes`; undefined: nothing */
function readFields(
  bytes: Uint8Array,
  take: (reader: BinaryReader, field: number, type: WireType) => void,
): string | undefined {
  const reader = new BinaryReader(bytes);
  try {
    while (reader.pos < reader.len) {
      const [field, type] = reader.tag();
      take(reader, field, type);
    }
    return undefined;
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    return `${why} at byte ${Math.min(reader.pos, reader.len)} of ${reader.len}`;
  }
}
