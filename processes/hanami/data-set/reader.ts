/**
 * Reads a finished data set of the package, in any of its processes: rows as float32, whatever the file holds.
 *
 *   const digits = await openDataSet(ctx, uuid);
 *   const rows = await digits.read(0, 1000); // row-major: 1000 × digits.columns
 *
 * 1. Nothing is held open; whoever may see the data set was asked before (owned.ts).
 * 2. Reads go through ctx.vfs, and take as much memory as the rows asked for.
 */
import type { Ctx } from "../endpoint.ts";

/** @property column_end exclusive */
export type ColumnRange = { readonly column_start: number; readonly column_end: number };
/** Names of columns, or of several side by side: MNIST has `picture` and `label`, CSV one of each column. */
export type Description = Readonly<Record<string, ColumnRange>>;

export interface DataSetReader {
  readonly uuid: string;
  readonly rows: number;
  readonly columns: number;
  readonly description: Description;
  /** Rows from `rowOffset` on, at most `count`: fewer at the end. Row-major. @throws {DataSetError} */
  read(rowOffset: number, count: number): Promise<Float32Array>;
  /** The same of the columns from `columns.column_start` up to `column_end` alone. @throws {DataSetError} */
  readColumns(columns: ColumnRange, rowOffset: number, count: number): Promise<Float32Array>;
}

/** What cannot be read or written, and why. */
export class DataSetError extends Error {
  override readonly name = "DataSetError";
}

/** @throws {DataSetError} there is none, or its file is damaged */
export function openDataSet(_ctx: Pick<Ctx, "vfs">, uuid: string): Promise<DataSetReader> {
  return Promise.reject(new DataSetError(`Cannot read data set "${uuid}" as reading is not written yet`));
}
