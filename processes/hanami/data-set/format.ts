/**
 * The file of a data set, in the drive `data` under the data set's uuid:
 *
 *   bytes 0–7    `JFDATA1` and a line feed
 *   bytes 8–11   where the rows begin, little-endian; a multiple of 16
 *   bytes 12–15  how long the head is, little-endian
 *   the head     JSON: { "type": "uint8" | "float32", "columns", "description" }, then zeros
 *   the rows     row-major; float32 little-endian. How many there are follows from the file's length
 */

/** @property column_end exclusive */
export type ColumnRange = { readonly column_start: number; readonly column_end: number };
/** Names of columns, or of several side by side: MNIST has `picture` and `label`, CSV one of each column. */
export type Description = Readonly<Record<string, ColumnRange>>;

/** What cannot be read or written, and why. */
export class DataSetError extends Error {
  override readonly name = "DataSetError";
}

export const DATA_DRIVE = "data";

export function dataPath(uuid: string): string {
  return uuid.toLowerCase();
}

export type DataSetShape = {
  /** Bytes 0 to 255, or float32. */
  readonly type: "uint8" | "float32";
  readonly columns: number;
  readonly description: Description;
};

/** @property offset bytes: where the rows begin */
export type Head = DataSetShape & { readonly offset: number };

export const PREFIX_BYTES = 16;
const ALIGN = 16; // bytes: a float32 may be read in place
const MAGIC = new TextEncoder().encode("JFDATA1\n");
const MAX_HEAD = 16 * 1024 * 1024; // bytes: 10,000 columns with the longest of names fit

export function rowBytes({ type, columns }: Pick<DataSetShape, "type" | "columns">): number {
  return type === "uint8" ? columns : columns * Float32Array.BYTES_PER_ELEMENT;
}

export function writeHead({ type, columns, description }: DataSetShape): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify({ type, columns, description }));
  const offset = Math.ceil((PREFIX_BYTES + json.byteLength) / ALIGN) * ALIGN;
  const head = new Uint8Array(offset);
  head.set(MAGIC);
  const view = new DataView(head.buffer);
  view.setUint32(8, offset, true);
  view.setUint32(12, json.byteLength, true);
  head.set(json, PREFIX_BYTES);
  return head;
}

/** @param prefix the first PREFIX_BYTES @returns how long the head is, and where rows begin @throws {DataSetError} */
export function readPrefix(prefix: Uint8Array): { readonly offset: number; readonly length: number } {
  const view = new DataView(prefix.buffer, prefix.byteOffset, prefix.byteLength);
  const isOurs = prefix.byteLength === PREFIX_BYTES && MAGIC.every((byte, index) => prefix[index] === byte);
  const offset = isOurs ? view.getUint32(8, true) : 0;
  const length = isOurs ? view.getUint32(12, true) : 0;
  if (!isOurs || length > MAX_HEAD || offset < PREFIX_BYTES + length || offset % ALIGN !== 0)
    throw new DataSetError("Cannot read the data set as its file does not begin as one: it is damaged");
  return { offset, length };
}

/** @param json the head's bytes @throws {DataSetError} */
export function readShape(json: Uint8Array): DataSetShape {
  const { type, columns, description } = JSON.parse(new TextDecoder().decode(json)) as Partial<DataSetShape>;
  const isOne = (type === "uint8" || type === "float32") && Number.isSafeInteger(columns) && Number(columns) > 0;
  if (!isOne || typeof description !== "object" || columns === undefined)
    throw new DataSetError("Cannot read the data set as its head says no shape: it is damaged");
  return { type, columns, description };
}
