/** How often a result and a data set agree on the class of a row, in percent: the largest of its columns is the class. */
import { ApiError } from "../endpoint.ts";
import type { ColumnRange, DataSetReader } from "./reader.ts";

const STEP = 1000; // rows read at once

/** @param rowsMax a limit @throws {ApiError} 400 they do not fit */
export async function accuracyOf(result: DataSetReader, reference: DataSetReader, rowsMax: number): Promise<number> {
  const [of, to] = [classColumns(result), classColumns(reference)];
  const [width, expected] = [of.column_end - of.column_start, to.column_end - to.column_start];
  if (width !== expected)
    throw new ApiError(400, `The result has ${width} columns to compare, the data set ${expected}: they do not fit.`);
  if (result.rows !== reference.rows)
    throw new ApiError(400, `The result has ${result.rows} rows, the data set ${reference.rows}: they do not fit.`);
  if (result.rows > rowsMax)
    throw new ApiError(
      400,
      `The result has ${result.rows} rows, and at most ${rowsMax} are compared (limit checkRows).`,
    );
  let hits = 0;
  for (let row = 0; row < result.rows; row += STEP) {
    const [a, b] = await Promise.all([result.readColumns(of, row, STEP), reference.readColumns(to, row, STEP)]);
    for (let at = 0; at < a.length; at += width) if (classOf(a, at, width) === classOf(b, at, width)) hits++;
  }
  return result.rows === 0 ? 0 : (100 * hits) / result.rows;
}

/** `label` where there is one; else the only name there is; else all columns. */
function classColumns({ description, columns }: DataSetReader): ColumnRange {
  const ranges = Object.values(description);
  const [only] = ranges;
  const label = Object.hasOwn(description, "label") ? description.label : undefined;
  return label ?? (ranges.length === 1 && only !== undefined ? only : { column_start: 0, column_end: columns });
}

/** Of one column alone: whether it is above a half. */
function classOf(values: Float32Array, at: number, width: number): number {
  if (width === 1) return (values[at] ?? 0) > 0.5 ? 1 : 0;
  let best = 0;
  for (let index = 1; index < width; index++) if ((values[at + index] ?? 0) > (values[at + best] ?? 0)) best = index;
  return best;
}
