/**
 * Writes the file of a data set: all of it or nothing, and there after the power went.
 *
 * Its row in the table of data sets (data-sets.ts) is made by the process hanami, when the file is there.
 */
import type { Ctx } from "../endpoint.ts";
import type { DataSetShape } from "./format.ts";
import { DataSetError } from "./reader.ts";

/**
 * @param rows row-major pieces, each of whole rows and of `shape.type`'s array @returns how many rows
 * @throws {DataSetError} a piece is not of whole rows @throws what `rows` throws: then there is no file
 */
export function writeDataSet(
  _ctx: Pick<Ctx, "vfs">,
  uuid: string,
  _shape: DataSetShape,
  _rows: AsyncIterable<Uint8Array | Float32Array> | Iterable<Uint8Array | Float32Array>,
): Promise<number> {
  return Promise.reject(new DataSetError(`Cannot write data set "${uuid}" as writing is not written yet`));
}
