/**
 * What the tasks of a cluster do: rows of data sets in order, once each.
 *
 * 1. A task is looked at before it is queued: its names, columns and sizes fit, or its client hears so at once, and no size
 *    that was not known is fixed by it.
 * 2. The data set with the fewest rows says how many there are. With a time length of n, a vector is n rows side by side.
 * 3. Rows are read in pieces of PIECE values; between slices others have their turn (slices.ts).
 * 4. A request's rows are written as they come; the data set is there when all of them are, or not at all.
 */

import {
  type ColumnRange,
  DataSetError,
  type DataSetReader,
  type Description,
  openDataSet,
} from "../data-set/reader.ts";
import { writeDataSet } from "../data-set/writer.ts";
import type { Ctx } from "../endpoint.ts";
import type { TaskSource, TaskWork } from "./asks.ts";
import type { Model, Side } from "./model.ts";
import type { Slices } from "./slices.ts";
import type { TaskRun } from "./tasks.ts";

type TrainWork = Extract<TaskWork, { kind: "train" }>;
type RequestWork = Extract<TaskWork, { kind: "request" }>;

/** Why a task cannot be taken; what its client does about it. @property status 404: a data set is missing */
export class TaskError extends Error {
  override readonly name = "TaskError";
  readonly status: 400 | 404;

  constructor(status: 400 | 404, text: string) {
    super(text);
    this.status = status;
  }
}

const PIECE = 65_536; // values: one read of 64 or 256 KiB, a few ms of training

/** @returns how many rows it has @throws {TaskError} */
export async function checkTask(
  ctx: Pick<Ctx, "vfs">,
  model: Model,
  work: TrainWork | RequestWork,
  rowsMax: number,
): Promise<number> {
  const inputs = await openFeeds(ctx, model, "input", work.inputs, work.timeLength);
  const outputs = work.kind === "train" ? await openFeeds(ctx, model, "output", work.outputs, 1) : [];
  const columns = work.kind === "request" ? checkResults(model, work) : 0;
  const rows = rowsOf([...inputs, ...outputs], work.timeLength);
  if (rows < 1) throw new TaskError(400, `The data sets have no row for a time length of ${work.timeLength}.`);
  if (rows > rowsMax)
    throw new TaskError(400, `The data sets have ${rows} rows, a task takes ${rowsMax} (limit taskRows).`);
  const bytes = rows * columns * Float32Array.BYTES_PER_ELEMENT;
  if (work.kind === "request" && bytes > work.room)
    throw new TaskError(
      400,
      `The result would have ${bytes} bytes, you may still have ${work.room} (limit userBytes).`,
    );
  fixSizes(model, [...inputs, ...outputs]);
  return rows;
}

/** @throws {DataSetError} a data set is gone @throws {TaskStopped} */
export async function train(
  ctx: Pick<Ctx, "vfs">,
  model: Model,
  work: TrainWork,
  run: TaskRun,
  slices: Slices,
): Promise<void> {
  const inputs = await openFeeds(ctx, model, "input", work.inputs, work.timeLength);
  const outputs = await openFeeds(ctx, model, "output", work.outputs, 1);
  const feeds = [...inputs, ...outputs];
  fixSizes(model, feeds);
  for await (const row of rowsIn(model, feeds, work.timeLength, run, slices)) {
    const refusal = model.train();
    if (refusal !== undefined) throw new TaskError(400, `At row ${row} ${refusal}.`);
  }
}

/** @returns what it wrote @throws {DataSetError} @throws {TaskStopped} */
export async function request(
  ctx: Pick<Ctx, "vfs">,
  model: Model,
  work: RequestWork,
  run: TaskRun,
  slices: Slices,
): Promise<{ readonly bytes: number; readonly content: { readonly rows: number; readonly columns: number } }> {
  const feeds = await openFeeds(ctx, model, "input", work.inputs, work.timeLength);
  fixSizes(model, feeds);
  const description: Record<string, ColumnRange> = Object.create(null); // a column may be called anything
  let columns = 0;
  for (const { port, column } of work.results) {
    const width = model.port("output", port)?.size ?? 0;
    description[column] = { column_start: columns, column_end: columns + width };
    columns += width;
  }
  const outputs = model.outputs.map(({ name }) => name);
  const chosen = work.results.map(({ port }) => outputs.indexOf(port));
  async function* results(): AsyncGenerator<Float32Array, void> {
    const held = Math.max(1, Math.floor(PIECE / columns)); // rows
    let piece = new Float32Array(held * columns);
    let at = 0;
    for await (const row of rowsIn(model, feeds, work.timeLength, run, slices)) {
      const values = model.request();
      if (typeof values === "string") throw new TaskError(400, `At row ${row} ${values}.`);
      for (const index of chosen) {
        const vector = values[index] ?? new Float32Array(0);
        piece.set(vector, at);
        at += vector.length;
      }
      if (at < piece.length) continue;
      yield piece;
      piece = new Float32Array(held * columns);
      at = 0;
    }
    if (at > 0) yield piece.subarray(0, at);
  }
  const shape = { type: "float32", columns, description } as const;
  const { rows, bytes } = await writeDataSet(ctx, run.task.uuid, shape, results());
  return { bytes, content: { rows, columns } };
}

/** Where the vectors of one port come from. @property rows of one vector */
type Feed = {
  readonly side: Side;
  readonly port: string;
  readonly column: string;
  readonly reader: DataSetReader;
  readonly range: ColumnRange;
  readonly rows: number;
};

/** @throws {TaskError} a name or a column does not fit */
async function openFeeds(
  ctx: Pick<Ctx, "vfs">,
  model: Model,
  side: Side,
  sources: readonly TaskSource[],
  rows: number,
): Promise<Feed[]> {
  const feeds: Feed[] = [];
  for (const { port, dataSet, column } of sources) {
    if (model.port(side, port) === undefined) throw new TaskError(400, `The cluster has no ${side} "${port}".`);
    if (feeds.some((feed) => feed.port === port)) throw new TaskError(400, `The ${side} "${port}" is there twice.`);
    const reader = await open(ctx, dataSet);
    const range = columnOf(reader.description, column);
    if (range === undefined)
      throw new TaskError(400, `The data set ${dataSet} has no column "${column}": it has ${namesOf(reader)}.`);
    feeds.push({ side, port, column, reader, range, rows });
  }
  return feeds;
}

/** All of them or none: who asks again with other columns must find the cluster as it was. @throws {TaskError} */
function fixSizes(model: Model, feeds: readonly Feed[]): void {
  const undo = model.beforeFix();
  for (const { side, port, column, range, rows } of feeds) {
    const refusal = model.fix(side, port, (range.column_end - range.column_start) * rows);
    if (refusal === undefined) continue;
    undo();
    throw new TaskError(400, `Column "${column}" does not fit: ${refusal}.`);
  }
}

async function open(ctx: Pick<Ctx, "vfs">, uuid: string): Promise<DataSetReader> {
  try {
    return await openDataSet(ctx, uuid);
  } catch (error) {
    throw error instanceof DataSetError ? new TaskError(404, error.message) : error;
  }
}

function columnOf(description: Description, column: string): ColumnRange | undefined {
  return Object.hasOwn(description, column) ? description[column] : undefined;
}

function namesOf({ description }: DataSetReader): string {
  const names = Object.keys(description);
  const shown = names.slice(0, 5).map((name) => `"${name}"`);
  return shown.join(", ") + (names.length > shown.length ? " and others" : "");
}

/** @returns how many columns they have together @throws {TaskError} */
function checkResults(model: Model, { results }: RequestWork): number {
  let width = 0;
  const columns = new Set<string>();
  for (const { port, column } of results) {
    const output = model.port("output", port);
    if (output === undefined) throw new TaskError(400, `The cluster has no output "${port}".`);
    if (output.size === null)
      throw new TaskError(400, `The size of output "${port}" is not known yet: train the cluster first.`);
    if (columns.has(column)) throw new TaskError(400, `The column "${column}" is there twice.`);
    columns.add(column);
    width += output.size;
  }
  return width;
}

function rowsOf(feeds: readonly Feed[], timeLength: number): number {
  return feeds.length === 0 ? 0 : Math.min(...feeds.map(({ reader }) => reader.rows)) - (timeLength - 1);
}

/** Puts row after row into the buffers. @yields which, from 0 on */
async function* rowsIn(
  model: Model,
  feeds: readonly Feed[],
  timeLength: number,
  run: TaskRun,
  slices: Slices,
): AsyncGenerator<number, void> {
  const total = rowsOf(feeds, timeLength);
  const widest = Math.max(1, ...feeds.map(({ range }) => range.column_end - range.column_start));
  const step = Math.max(1, Math.floor(PIECE / widest)); // rows
  run.progress(0, total);
  for (let from = 0; from < total; from += step) {
    const count = Math.min(step, total - from);
    const pieces: Float32Array[] = [];
    for (const { reader, range, rows } of feeds) pieces.push(await reader.readColumns(range, from, count + rows - 1));
    for (let row = 0; row < count; row++) {
      feeds.forEach(({ side, port, range, rows }, index) => {
        const width = range.column_end - range.column_start;
        const vector = pieces[index]?.subarray(row * width, (row + rows) * width) ?? new Float32Array(0);
        const refusal = model.put(side, port, vector);
        if (refusal !== undefined) throw new TaskError(400, `At row ${from + row} ${refusal}.`);
      });
      yield from + row;
      run.progress(from + row + 1, total);
      if (!slices.lasts) await slices.turn();
    }
  }
}
