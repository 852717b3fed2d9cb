/** Files as clients upload them. */

/** IDX: big-endian heads. @param pictures pixels of each, `rows` × `columns` of them */
export function mnistImages(rows: number, columns: number, pictures: readonly (readonly number[])[]): Uint8Array {
  const head = Buffer.alloc(16);
  head.writeUInt32BE(2051, 0);
  head.writeUInt32BE(pictures.length, 4);
  head.writeUInt32BE(rows, 8);
  head.writeUInt32BE(columns, 12);
  return new Uint8Array(Buffer.concat([head, ...pictures.map((picture) => Buffer.from(picture))]));
}

export function mnistLabels(labels: readonly number[]): Uint8Array {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(2049, 0);
  head.writeUInt32BE(labels.length, 4);
  return new Uint8Array(Buffer.concat([head, Buffer.from(labels)]));
}
