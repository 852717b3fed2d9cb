/** MessagePack, and the only door to msgpackr. */
import { Packr, Unpackr } from "msgpackr";

/** Maps with text keys, no record extension: what other languages' MessagePack reads. */
const packr = new Packr({ useRecords: false, variableMapSize: true });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true });

/** @returns bytes of their own */
export function packMessage(value: unknown): Uint8Array {
  return packr.pack(value);
}

/** @param start of the value, when it is a part of `bytes` @throws {Error} that is not one whole MessagePack value */
export function unpackMessage(bytes: Uint8Array, start?: number, end?: number): unknown {
  return start === undefined ? unpackr.unpack(bytes) : unpackr.unpack(bytes, { start, end: end ?? bytes.byteLength });
}
