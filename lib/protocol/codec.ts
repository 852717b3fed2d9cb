/** MessagePack, and the only door to msgpackr. */
import { Packr, Unpackr } from "msgpackr";

/** Maps with text keys, no record extension: what other languages' MessagePack reads. */
const packr = new Packr({ useRecords: false, variableMapSize: true });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true });

/** @returns bytes of their own */
export function packMessage(value: unknown): Uint8Array {
  return packr.pack(value);
}

/** @throws {Error} `bytes` are not one whole MessagePack value */
export function unpackMessage(bytes: Uint8Array): unknown {
  return unpackr.unpack(bytes);
}
