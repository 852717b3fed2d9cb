/**
 * Writes the file of a data set: all of it or nothing, and there after the power went.
 *
 * Its row in the table of data sets (data-sets.ts, `adopt`) is made by the process hanami, when the file is there.
 */
import type { Ctx } from "../endpoint.ts";
import { DATA_DRIVE, DataSetError, type DataSetShape, dataPath, rowBytes, writeHead } from "./format.ts";

export type { DataSetShape } from "./format.ts";

/** @property bytes of the file */
export type Written = { readonly rows: number; readonly bytes: number };

/**
 * @param rows row-major pieces, each of whole rows and of `shape.type`'s array
 * @throws {DataSetError} a piece is not of whole rows @throws what `rows` throws: then there is no file
 */
export async function writeDataSet(
  ctx: Pick<Ctx, "vfs">,
  uuid: string,
  shape: DataSetShape,
  rows: AsyncIterable<Uint8Array | Float32Array> | Iterable<Uint8Array | Float32Array>,
): Promise<Written> {
  const bytesPerRow = rowBytes(shape);
  const head = writeHead(shape);
  async function* content(): AsyncGenerator<Uint8Array> {
    yield head;
    for await (const piece of rows) {
      if (piece.byteLength % bytesPerRow !== 0 || piece instanceof Float32Array !== (shape.type === "float32"))
        throw new DataSetError(
          `Cannot write ${piece.byteLength} bytes as rows as one is ${bytesPerRow} bytes of ${shape.type}`,
        );
      yield new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength);
    }
  }
  const bytes = await ctx.vfs.drive(DATA_DRIVE).writeStream(dataPath(uuid), content());
  return { rows: (bytes - head.byteLength) / bytesPerRow, bytes };
}
