/**
 * A child of hanami:hanami:sys for one import: reads the parts of a data set, writes its file, says what came of it.
 *
 * Needs  vfs:distro:sys. In a thread of its own: 60,000 pictures would hold up the node. Ended by its parent.
 */
import { defineProcess, VfsError } from "jackfield/process";
import { textOf } from "jackfield/protocol";
import { ByteReader } from "./data-set/byte-reader.ts";
import { readCsv } from "./data-set/csv.ts";
import type { Part } from "./data-set/data-sets.ts";
import { ImportError, type Table } from "./data-set/import-table.ts";
import type { ImportJob, ImportResult } from "./data-set/imports.ts";
import { type MnistFile, readMnist } from "./data-set/mnist.ts";
import { PARTS_DRIVE, partPath } from "./data-set/parts.ts";
import { writeDataSet } from "./data-set/writer.ts";
import type { Ctx } from "./endpoint.ts";

export default defineProcess({
  async onRequest(_, message, ctx) {
    ctx.respond(await run(ctx, message.body as ImportJob)); // only its parent may message it
  },
});

async function run(ctx: Ctx, job: ImportJob): Promise<ImportResult> {
  const readers: ByteReader[] = [];
  const part = (uuid: string): AsyncGenerator<Uint8Array, void> =>
    ctx.vfs.drive(PARTS_DRIVE).readStream(partPath(uuid));
  const open = ({ uuid, size }: Part): MnistFile => {
    const reader = new ByteReader(part(uuid));
    readers.push(reader);
    return { reader, size };
  };
  try {
    const table = await tableOf(job, part, open);
    const { rows, bytes } = await writeDataSet(ctx, job.uuid, table.shape, within(table.rows, job.room));
    return { Ok: { content: table.content(rows), bytes } };
  } catch (thrown) {
    if (thrown instanceof ImportError) return { Err: thrown.message };
    if (isFull(thrown)) return { Err: `There is no room for the data set: ${textOf(thrown)}.` };
    throw thrown;
  } finally {
    for (const reader of readers) await reader.close();
  }
}

/** Of a user's room, before it is written: the drive is everybody's. @throws {ImportError} */
async function* within<Row extends Uint8Array | Float32Array>(
  rows: AsyncIterable<Row>,
  room: number,
): AsyncGenerator<Row> {
  let bytes = 0;
  for await (const piece of rows) {
    bytes += piece.byteLength;
    if (bytes > room)
      throw new ImportError(`The data set is more than the ${room} bytes that you may still have (limit userBytes).`);
    yield piece;
  }
}

/** The drive has all it may have, or the disk. */
function isFull(thrown: unknown): boolean {
  return thrown instanceof VfsError && (thrown.kind === "LimitReached" || thrown.code === "ENOSPC");
}

function tableOf(
  { kind, input, limits }: ImportJob,
  part: (uuid: string) => AsyncIterable<Uint8Array>,
  open: (part: Part) => MnistFile,
): Promise<Table<Uint8Array | Float32Array>> {
  const { csvColumns: columnsMax, csvLineBytes: lineBytesMax, rowBytes } = limits;
  if ("csv" in kind) return readCsv(part(input.uuid), { ...kind.csv, columnsMax, lineBytesMax });
  return readMnist(open(input), open(kind.mnist.label), rowBytes);
}
