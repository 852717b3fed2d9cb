/** An `on_exit` that can be kept until it is needed: read when it is set, where a mistake can still be told. */
import { Blob, type OnExit, type OnExitRequest, toAddress } from "../lib/protocol/index.ts";
import { fields, isRecord, text } from "./fields.ts";

/** Each target must be an address, and each blob its own: both are used when nobody is left to blame. @throws {IdError} */
export function keptOnExit(onExit: OnExit, node: string): OnExit {
  if (typeof onExit === "string") return onExit;
  return {
    Requests: onExit.Requests.map(({ target, body, blob, metadata }) => ({
      target: toAddress(target, node).text,
      body,
      blob: blob?.keep() ?? null,
      metadata: metadata ?? null,
    })),
  };
}

/**
 * `"None"`, `"Restart"`, or Requests: each `{ target, body, metadata?, blob? }`, or as on the contract's wire (kinode §3.2)
 * `["node@p:k:g", { body, metadata, … }, blob]`; a blob is `{ mime, bytes: [1, 2] }`. What a request expects is not read:
 * nobody is left to hear an answer. @throws what is wrong, as a sentence without its beginning
 */
export function readOnExit(value: unknown): OnExit {
  if (value === "None" || value === "Restart") return value;
  const { Requests } = fields(value);
  if (!Array.isArray(Requests)) throw new Error('on_exit must be "None", "Restart" or {"Requests":[…]}');
  return { Requests: Requests.map(readRequest) };
}

function readRequest(item: unknown): OnExitRequest {
  const [target, request, blob]: readonly unknown[] = Array.isArray(item)
    ? item
    : [fields(item).target, item, fields(item).blob];
  const { body = null, metadata = null } = fields(request);
  if (metadata !== null && typeof metadata !== "string") throw new Error("metadata must be a text, or null");
  return { target: toAddress(text(target), "our").text, body, metadata, blob: readBlob(blob ?? null) };
}

function readBlob(value: unknown): Blob | null {
  if (value === null || value instanceof Blob) return value;
  const { mime = null, bytes } = isRecord(value) ? value : {};
  const isByte = (byte: unknown): boolean => Number.isInteger(byte) && Number(byte) >= 0 && Number(byte) <= 255;
  if ((mime !== null && typeof mime !== "string") || !Array.isArray(bytes) || !bytes.every(isByte))
    throw new Error('a blob must be {"mime":text or null,"bytes":[0 to 255, …]}, or null');
  return Blob.of(Uint8Array.from(bytes as number[]), mime);
}
