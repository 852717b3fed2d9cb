/**
 * Reads a finished data set of the package, in any of its processes: rows as float32, whatever the file holds.
 *
 *   const digits = await openDataSet(ctx, uuid);
 *   const rows = await digits.read(0, 1000); // row-major: 1000 × digits.columns
 *
 * 1. Nothing is held open; whoever may see the data set was asked before (owned.ts).
 * 2. Reads go through ctx.vfs, and take as much memory as the rows asked for.
 */
import { VfsError, type VfsFile } from "jackfield/process";
import type { Ctx } from "../endpoint.ts";
import {
  type ColumnRange,
  DATA_DRIVE,
  DataSetError,
  type Description,
  dataPath,
  type Head,
  PREFIX_BYTES,
  readPrefix,
  readShape,
  rowBytes,
} from "./format.ts";

export { type ColumnRange, DataSetError, type Description } from "./format.ts";

const READ_BYTES = 8 * 1024 * 1024; // of one message: the vfs takes 64 MiB at most, and holds it whole

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

/** @throws {DataSetError} there is none, or its file is damaged */
export async function openDataSet(ctx: Pick<Ctx, "vfs">, uuid: string): Promise<DataSetReader> {
  try {
    const file = await ctx.vfs.drive(DATA_DRIVE).open(dataPath(uuid));
    const { offset, length } = readPrefix(await file.readAt(0, PREFIX_BYTES));
    const shape = readShape(await file.readAt(PREFIX_BYTES, length));
    const rows = ((await file.size()) - offset) / rowBytes(shape);
    if (!Number.isSafeInteger(rows) || rows < 0)
      throw new DataSetError(`Cannot read data set "${uuid}" as its file ends within a row: it is damaged`);
    return new FileReader(uuid, file, { ...shape, offset }, rows);
  } catch (thrown) {
    if (!(thrown instanceof VfsError) || thrown.code !== "ENOENT") throw thrown;
    throw new DataSetError(`Cannot read data set "${uuid}" as there is none of that uuid`, { cause: thrown });
  }
}

class FileReader implements DataSetReader {
  readonly uuid: string;
  readonly rows: number;
  readonly #file: VfsFile;
  readonly #head: Head;

  constructor(uuid: string, file: VfsFile, head: Head, rows: number) {
    this.uuid = uuid;
    this.rows = rows;
    this.#file = file;
    this.#head = head;
  }

  get columns(): number {
    return this.#head.columns;
  }

  get description(): Description {
    return this.#head.description;
  }

  read(rowOffset: number, count: number): Promise<Float32Array> {
    return this.readColumns({ column_start: 0, column_end: this.columns }, rowOffset, count);
  }

  async readColumns(
    { column_start: start, column_end: end }: ColumnRange,
    rowOffset: number,
    count: number,
  ): Promise<Float32Array> {
    const { columns } = this;
    const isRange = Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && end <= columns;
    if (!isRange || start >= end || !Number.isSafeInteger(rowOffset) || rowOffset < 0)
      throw new DataSetError(
        `Cannot read columns ${start} to ${end} from row ${rowOffset} on as there are ${columns} columns`,
      );
    const wanted = Math.max(0, Math.min(count, this.rows - rowOffset));
    const width = end - start;
    const values = new Float32Array(wanted * width);
    const step = Math.max(1, Math.floor(READ_BYTES / rowBytes(this.#head)));
    for (let row = 0; row < wanted; row += step) {
      const piece = await this.#rows(rowOffset + row, Math.min(step, wanted - row));
      if (width === columns) {
        values.set(piece, row * width);
        continue;
      }
      for (let at = start, to = row * width; at < piece.length; at += columns, to += width)
        values.set(piece.subarray(at, at + width), to);
    }
    return values;
  }

  async #rows(row: number, count: number): Promise<Float32Array> {
    const bytesPerRow = rowBytes(this.#head);
    const bytes = await this.#file.readAt(this.#head.offset + row * bytesPerRow, count * bytesPerRow);
    if (bytes.byteLength !== count * bytesPerRow)
      throw new DataSetError(`Cannot read data set "${this.uuid}" as its file has become shorter`);
    if (this.#head.type === "uint8") return new Float32Array(bytes);
    return new Float32Array(bytes.slice().buffer); // a copy begins where a float may; every machine we run on is little-endian
  }
}
