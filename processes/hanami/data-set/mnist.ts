/**
 * MNIST's pair of files (IDX) as rows: a picture's pixels as they are, 0 to 255, then its label one-hot, 0 or 1.
 *
 *   images  bytes 4–15: how many, rows, columns, big-endian; from byte 16 the pixels
 *   labels  bytes 4–7: how many; from byte 8 the labels, 0 to 9
 *
 * 1. The magic numbers of both are ignored, as upstream does; there are always ten classes.
 * 2. The heads must fit the announced sizes exactly, and each other: a file that is cut or of another kind is refused.
 */
import type { ByteReader } from "./byte-reader.ts";
import { ImportError, type Table } from "./import-table.ts";

const CLASSES = 10;
const IMAGE_HEAD = 16; // bytes
const LABEL_HEAD = 8; // bytes
const PIECE_BYTES = 256 * 1024; // written at a time

/** A file, and how long it was announced to be. */
export type MnistFile = { readonly reader: ByteReader; readonly size: number };

/** @param rowBytesMax a limit @throws {ImportError} here, and from its rows */
export async function readMnist(images: MnistFile, labels: MnistFile, rowBytesMax: number): Promise<Table<Uint8Array>> {
  const head = view(await images.reader.take(IMAGE_HEAD), IMAGE_HEAD, "input");
  const [count, height, width] = [head.getUint32(4), head.getUint32(8), head.getUint32(12)];
  const pixels = height * width;
  const said = `${count} pictures of ${height} x ${width} pixels`;
  if (count === 0 || pixels === 0) throw new ImportError(`The input file says that it has ${said}: there is nothing.`);
  if (pixels + CLASSES > rowBytesMax)
    throw new ImportError(`The input file says that it has ${said}: a picture may have ${rowBytesMax - CLASSES}.`);
  const bytes = IMAGE_HEAD + count * pixels;
  if (bytes !== images.size)
    throw new ImportError(`The input file says that it has ${said}, which is ${bytes} bytes: it has ${images.size}.`);
  const labelCount = view(await labels.reader.take(LABEL_HEAD), LABEL_HEAD, "label").getUint32(4);
  if (labelCount !== count)
    throw new ImportError(`The label file says that it has ${labelCount} labels: there are ${count} pictures.`);
  if (LABEL_HEAD + labelCount !== labels.size)
    throw new ImportError(
      `The label file says that it has ${labelCount} labels, which is ${LABEL_HEAD + labelCount} bytes: it has ${labels.size}.`,
    );
  const columns = pixels + CLASSES;
  const description = {
    picture: { column_start: 0, column_end: pixels },
    label: { column_start: pixels, column_end: columns },
  };
  return {
    shape: { type: "uint8", columns, description },
    rows: rowsOf(images.reader, labels.reader, count, pixels),
    content: (rows) => ({ rows, columns, inputs: pixels, outputs: CLASSES }),
  };
}

async function* rowsOf(
  images: ByteReader,
  labels: ByteReader,
  count: number,
  pixels: number,
): AsyncGenerator<Uint8Array> {
  const columns = pixels + CLASSES;
  const step = Math.max(1, Math.floor(PIECE_BYTES / columns));
  for (let row = 0; row < count; row += step) {
    const wanted = Math.min(step, count - row);
    const [pictures, classes] = [await images.take(wanted * pixels), await labels.take(wanted)];
    if (pictures.byteLength !== wanted * pixels || classes.byteLength !== wanted)
      throw new ImportError(`The files end at picture ${row}: ${count} were announced.`);
    const piece = new Uint8Array(wanted * columns);
    for (let index = 0; index < wanted; index++) {
      const label = classes[index] ?? 0;
      if (label >= CLASSES)
        throw new ImportError(
          `The label file, label ${row + index + 1} (byte ${LABEL_HEAD + row + index}), is ${label}: labels are 0 to 9.`,
        );
      piece.set(pictures.subarray(index * pixels, (index + 1) * pixels), index * columns);
      piece[index * columns + pixels + label] = 1;
    }
    yield piece;
  }
}

function view(head: Uint8Array, length: number, file: string): DataView {
  if (head.byteLength === length) return new DataView(head.buffer, head.byteOffset, length);
  throw new ImportError(`The ${file} file has ${head.byteLength} bytes: its head alone is ${length}.`);
}
