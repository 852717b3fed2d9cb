/** A payload as a value, for who does not want to choose: parsed JSON, else text, else the bytes. */
import type { Blob } from "../protocol/index.ts";

/** Nothing of what it returns is lent. @throws {BlobExpiredError} */
export function decode(blob: Blob): unknown {
  const text = blob.text();
  if (text === undefined) return new Uint8Array(blob.bytes()); // not slice(): a Buffer's own shares the memory
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
