/** Data sets over REST: announced, finalized, listed, read, checked, deleted (contract hanami §3.2, §6.3). */
import { textOf } from "jackfield/protocol";
import {
  ApiError,
  type Call,
  type Caller,
  type Endpoint,
  type FieldRule,
  type JsonObject,
  JsonPieces,
  NAME,
  stamp,
  UUID,
} from "../endpoint.ts";
import type { Front } from "../front.ts";
import { mayUse, ownedFields, visible } from "../owned.ts";
import { type Column, ownedColumns, table } from "../table.ts";
import { accuracyOf } from "./accuracy.ts";
import { type DataSet, type DataSetType, type Part, partsOf } from "./data-sets.ts";
import { DATA_DRIVE, dataPath } from "./format.ts";
import { type ImportJob, Imports } from "./imports.ts";
import { type ColumnRange, type DataSetReader, openDataSet } from "./reader.ts";

const SIZE: FieldRule = { type: "integer", min: 1, max: 10_000_000_000 }; // bytes
const ROW_OFFSET: FieldRule = { type: "integer", min: 0, max: 1_000_000_000 };
const ROWS: FieldRule = { type: "integer", min: 1, max: 10_000 };
const COLUMN_NAME: FieldRule = { type: "text", min: 1, max: 256, keepsDigits: true };
const PIECE_VALUES = 20_000; // numbers in one piece of an answer: JSON of about 200 kB

export function dataSetEndpoints(front: Front): readonly Endpoint[] {
  const { ctx, dataSets, limits, parts, settings } = front;
  const imports = new Imports(ctx, limits, settings.children);
  const finalizing = new Set<string>(); // data sets

  const find = (caller: Caller, uuid: unknown): DataSet =>
    visible(caller, dataSets.get(uuid as string), `data set ${uuid}`);

  const open = async (set: DataSet): Promise<DataSetReader> => {
    if (set.content === null) throw new ApiError(400, `The data set ${set.uuid} is not finalized yet.`);
    return await openDataSet(ctx, set.uuid);
  };

  const finalize = async ({ caller, generation, input }: Call, type: "mnist" | "csv"): Promise<JsonObject> => {
    const set = waitingFor(find(caller, input.uuid), type, input);
    if (finalizing.has(set.uuid)) throw new ApiError(409, `The data set ${set.uuid} is being finalized already.`);
    if (!dataSets.isComplete(set)) throw new ApiError(400, incomplete(set));
    finalizing.add(set.uuid);
    try {
      for (const { uuid } of partsOf(set)) await parts.sealPart(uuid);
      const { content, bytes } = await imports.run(jobOf(set, generation === "G1"));
      if (dataSets.get(set.uuid) !== undefined) {
        dataSets.assertRoom(set, bytes);
        await dataSets.finish(set, content, bytes);
        return { uuid: set.uuid };
      }
    } catch (thrown) {
      await dataSets.removeFile(set.uuid);
      if (dataSets.get(set.uuid) !== undefined) throw thrown; // else its parts were taken away from under the import
    } finally {
      finalizing.delete(set.uuid);
      if (dataSets.get(set.uuid)?.upload != null) await unseal(set); // it failed: those of a finished one are gone
    }
    await dataSets.removeFile(set.uuid);
    throw new ApiError(404, `The data set ${set.uuid} was deleted meanwhile.`);
  };

  const unseal = async (set: DataSet): Promise<void> => {
    for (const { uuid } of partsOf(set))
      await parts.unsealPart(uuid).catch((error: unknown) => ctx.log(`part ${uuid} stays sealed: ${textOf(error)}`));
  };

  const waitingFor = (set: DataSet, type: DataSetType, input: Call["input"]): DataSet => {
    const isPart = (given: unknown, own: Part | null | undefined): boolean =>
      own === null ? given === undefined : String(given).toLowerCase() === own?.uuid;
    const { upload } = set;
    const fits = isPart(input.uuid_input_file, upload?.input) && isPart(input.uuid_label_file, upload?.label);
    if (set.type === type && upload !== null && fits) return set;
    throw new ApiError(404, `The data set ${set.uuid} has no such ${type} files, or is finalized already.`);
  };

  const incomplete = (set: DataSet): string => {
    const names = set.upload?.label === null ? ["input"] : ["input", "label"];
    const said = partsOf(set).map(({ uuid, size }, index) => {
      const { received = 0 } = parts.progress(uuid) ?? {};
      return `${received} of ${size} bytes of the ${names[index]} file`;
    });
    return `The upload is not complete: ${said.join(", ")} have come.`;
  };

  const jobOf = (set: DataSet, isFirst: boolean): ImportJob => {
    const { uuid, upload } = set;
    if (upload === null) throw new TypeError(`data set ${uuid} waits for nothing`); // waitingFor has looked
    const { input, label } = upload;
    const kind: ImportJob["kind"] =
      label === null ? { csv: { repeats: isFirst, isStrict: isFirst } } : { mnist: { label } };
    const { csvColumns, csvLineBytes, rowBytes } = limits;
    return { uuid, input, kind, limits: { csvColumns, csvLineBytes, rowBytes }, room: dataSets.roomFor(set) };
  };

  const created = (set: DataSet): JsonObject => ({
    ...shown(set),
    uuid_input_file: set.upload?.input.uuid,
    ...(set.upload?.label == null ? {} : { uuid_label_file: set.upload.label.uuid }),
  });

  const check = async (caller: Caller, result: unknown, reference: unknown): Promise<JsonObject> => {
    if (typeof result !== "string" || typeof reference !== "string")
      throw new ApiError(400, "Both data sets must be named: the result's and the one to compare it with.");
    const [a, b] = [find(caller, result), find(caller, reference)];
    const accuracy = await accuracyOf(await open(a), await open(b), limits.checkRows);
    return { accuracy };
  };

  return [
    {
      method: "POST",
      path: "dataset/upload/mnist",
      fields: { input_data_size: SIZE, label_data_size: SIZE, name: NAME },
      handle: async ({ caller, input }) =>
        created(
          await dataSets.create(caller, {
            name: input.name as string,
            type: "mnist",
            inputSize: input.input_data_size as number,
            labelSize: input.label_data_size as number,
          }),
        ),
    },
    {
      method: "POST",
      path: "dataset/upload/csv",
      fields: { input_data_size: SIZE, name: NAME },
      handle: async ({ caller, input }) =>
        created(
          await dataSets.create(caller, {
            name: input.name as string,
            type: "csv",
            inputSize: input.input_data_size as number,
            labelSize: null,
          }),
        ),
    },
    {
      method: "PUT",
      path: "dataset/upload/mnist",
      fields: { uuid: UUID, uuid_input_file: UUID, uuid_label_file: UUID },
      handle: (call) => finalize(call, "mnist"),
    },
    {
      method: "PUT",
      path: "dataset/upload/csv",
      fields: { uuid: UUID, uuid_input_file: UUID },
      handle: (call) => finalize(call, "csv"),
    },
    {
      method: "GET",
      path: "dataset/progress",
      fields: { uuid: UUID },
      handle({ caller, input }) {
        const set = find(caller, input.uuid);
        const shares = partsOf(set).map((part) => ({ ...part, received: parts.progress(part.uuid)?.received ?? 0 }));
        return { uuid: set.uuid, complete: dataSets.isComplete(set), parts: shares };
      },
    },
    {
      method: "GET",
      path: "dataset/all",
      fields: {},
      handle: ({ caller, generation }) =>
        table(
          generation,
          COLUMNS,
          dataSets.all.filter((set) => mayUse(caller, set)),
        ),
    },
    {
      method: "GET",
      path: "dataset",
      fields: { uuid: UUID },
      async handle({ caller, input }) {
        const set = find(caller, input.uuid);
        const description = set.content === null ? {} : (await open(set)).description;
        const { rows = 0, columns = 0, inputs = 0, outputs = 0 } = set.content ?? {};
        return {
          ...shown(set),
          ...{ location: `${DATA_DRIVE}/${dataPath(set.uuid)}`, inputs, outputs, lines: rows },
          ...{ description, version: "v1.0alpha", number_of_rows: rows, number_of_columns: columns },
        };
      },
    },
    {
      method: "DELETE",
      path: "dataset",
      fields: { uuid: UUID },
      async handle({ caller, input }) {
        await dataSets.remove(find(caller, input.uuid));
        return {};
      },
    },
    {
      method: "POST",
      path: "dataset/check",
      fields: { dataset_uuid: UUID, result_uuid: UUID },
      handle: ({ caller, input }) => check(caller, input.result_uuid, input.dataset_uuid),
    },
    {
      method: "GET",
      path: "dataset/check",
      fields: {
        dataset_uuid: { ...UUID, required: false },
        reference_uuid: { ...UUID, required: false },
        result_uuid: { ...UUID, required: false },
        uuid: { ...UUID, required: false },
      },
      handle: ({ caller, input }) =>
        check(caller, input.result_uuid ?? input.uuid, input.dataset_uuid ?? input.reference_uuid),
    },
    {
      method: "GET",
      path: "dataset/content",
      fields: { column_name: COLUMN_NAME, number_of_rows: ROWS, row_offset: ROW_OFFSET, uuid: UUID },
      async handle({ caller, input }) {
        const set = await open(find(caller, input.uuid));
        const name = input.column_name as string;
        const range = Object.hasOwn(set.description, name) ? set.description[name] : undefined;
        if (range === undefined) throw new ApiError(404, `The data set ${set.uuid} has no column "${name}".`);
        return new JsonPieces(content(set, range, input.row_offset as number, input.number_of_rows as number));
      },
    },
  ];
}

/** `{"data":[[…],…]}`, read as it is sent. */
async function* content(set: DataSetReader, range: ColumnRange, offset: number, count: number): AsyncGenerator<string> {
  const width = range.column_end - range.column_start;
  const step = Math.max(1, Math.floor(PIECE_VALUES / width));
  const end = Math.min(set.rows, offset + count);
  yield '{"data":[';
  for (let row = offset; row < end; row += step) {
    const values = await set.readColumns(range, row, Math.min(step, end - row));
    const rows: string[] = [];
    for (let at = 0; at < values.length; at += width) rows.push(JSON.stringify([...values.subarray(at, at + width)]));
    yield (row === offset ? "" : ",") + rows.join(",");
  }
  yield "]}";
}

const COLUMNS: readonly Column<DataSet>[] = [
  ...ownedColumns<DataSet>(),
  { name: "type", until: "G1", value: ({ type }) => type },
];

/** What every generation's answer has of it. */
function shown(set: DataSet): JsonObject {
  const { uuid, name, type, createdAt } = set;
  return { uuid, name, ...ownedFields(set), type, created_at: stamp(createdAt) };
}
