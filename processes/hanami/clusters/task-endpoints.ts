/**
 * Tasks of clusters over REST (contract hanami §3.4), in the shapes of each generation:
 *
 *   G1       POST task          {name, type, cluster_uuid, dataset_uuid}: the data set's `picture` and `label`
 *   G2, G3a  POST task/train    {…, inputs: {NAME: data set}, outputs: {NAME: data set}}: the name is the column too
 *            POST task/request  {…, inputs, results: {NAME: column}}
 *   G3       the same paths     arrays of {dataset_uuid, dataset_column, hexagon_name}; results without the data set
 */
import { randomUUID } from "node:crypto";
import {
  ApiError,
  type Call,
  type Caller,
  type Endpoint,
  type FieldRule,
  type JsonObject,
  NAME,
  stamp,
  UUID,
  UUID_PATTERN,
} from "../endpoint.ts";
import { visible } from "../owned.ts";
import { type Column, table } from "../table.ts";
import type { ClusterRow, NewTask, TaskResult, TaskSource, TaskView, TaskWork } from "./asks.ts";
import type { ClusterParts } from "./parts.ts";
import type { Port } from "./template.ts";
import { templateOf } from "./template-of.ts";

const PORTS: FieldRule = { type: ["object", "array"] };
const TIME_LENGTH: FieldRule = { type: "integer", min: 1, max: 1000, required: false };
const PORTS_MAX = 1000; // of one task: a template has no more
const OF_TASK: Readonly<Record<string, FieldRule>> = { cluster_uuid: UUID, uuid: UUID };

export function taskEndpoints({ clusters, dataSets, limits }: ClusterParts): readonly Endpoint[] {
  const add = async ({ caller, input }: Call, row: ClusterRow, work: TaskWork): Promise<JsonObject> => {
    const { id: ownerId, projectId } = caller;
    const task: NewTask = { uuid: randomUUID(), name: input.name as string, ownerId, projectId, work };
    return taskFields(await clusters.ask<TaskView>(row, { AddTask: task }));
  };

  /** The data set is there, is the caller's, and finalized. @returns its uuid */
  const dataSetOf = (caller: Caller, uuid: unknown): string => {
    if (typeof uuid !== "string" || !UUID_PATTERN.test(uuid))
      throw new ApiError(400, `A data set is named by its uuid: got ${JSON.stringify(uuid)?.slice(0, 60)}.`);
    const set = visible(caller, dataSets.get(uuid), `data set ${uuid}`);
    if (set.content === null) throw new ApiError(400, `The data set ${set.uuid} is not finalized yet.`);
    return set.uuid;
  };

  const sources = ({ caller, input }: Call, field: string): readonly TaskSource[] =>
    entriesOf(input[field], field).map(([name, value]) =>
      name === undefined
        ? {
            port: textOf(value, "hexagon_name"),
            dataSet: dataSetOf(caller, textOf(value, "dataset_uuid")),
            column: textOf(value, "dataset_column"),
          }
        : { port: name, dataSet: dataSetOf(caller, value), column: name },
    );

  const results = ({ input }: Call): readonly TaskResult[] =>
    entriesOf(input.results, "results").map(([name, value]) => {
      if (name === undefined) return { port: textOf(value, "hexagon_name"), column: textOf(value, "dataset_column") };
      if (typeof value !== "string") throw new ApiError(400, `The result "${name}" must be the name of a column.`);
      return { port: name, column: value };
    });

  const room = ({ caller }: Call): number => dataSets.roomOf(caller.id);

  /** G1: a cluster with one input and one output. @throws {ApiError} 400 */
  const first = (row: ClusterRow, side: "inputs" | "outputs"): Port => {
    const ports = templateOf(row, limits)[side];
    const [port] = ports;
    if (port === undefined || ports.length > 1)
      throw new ApiError(400, `A task of this kind needs a cluster with one of ${side}: this one has ${ports.length}.`);
    return port;
  };

  return [
    {
      method: "POST",
      path: "task",
      fields: {
        cluster_uuid: UUID,
        dataset_uuid: UUID,
        name: NAME,
        type: { type: "text", pattern: /^(train|request)$/ },
      },
      async handle(call) {
        const row = clusters.find(call.caller, call.input.cluster_uuid);
        const dataSet = dataSetOf(call.caller, call.input.dataset_uuid);
        const output = first(row, "outputs").name;
        const inputs = [{ port: first(row, "inputs").name, dataSet, column: "picture" }];
        const work: TaskWork =
          call.input.type === "train"
            ? { kind: "train", inputs, outputs: [{ port: output, dataSet, column: "label" }], timeLength: 1 }
            : {
                kind: "request",
                inputs,
                results: [{ port: output, column: "label" }],
                timeLength: 1,
                room: room(call),
              };
        return await add(call, row, work);
      },
    },
    {
      method: "POST",
      path: "task/train",
      fields: { cluster_uuid: UUID, inputs: PORTS, name: NAME, outputs: PORTS, time_length: TIME_LENGTH },
      async handle(call) {
        const row = clusters.find(call.caller, call.input.cluster_uuid);
        const [inputs, outputs] = [sources(call, "inputs"), sources(call, "outputs")];
        return await add(call, row, { kind: "train", inputs, outputs, timeLength: timeLength(call) });
      },
    },
    {
      method: "POST",
      path: "task/request",
      fields: { cluster_uuid: UUID, inputs: PORTS, name: NAME, results: PORTS, time_length: TIME_LENGTH },
      async handle(call) {
        const row = clusters.find(call.caller, call.input.cluster_uuid);
        const inputs = sources(call, "inputs");
        return await add(call, row, {
          kind: "request",
          inputs,
          results: results(call),
          timeLength: timeLength(call),
          room: room(call),
        });
      },
    },
    {
      method: "GET",
      path: "task",
      fields: OF_TASK,
      async handle({ caller, input }) {
        const row = clusters.find(caller, input.cluster_uuid);
        return taskFields(await clusters.ask<TaskView>(row, { GetTask: String(input.uuid).toLowerCase() }));
      },
    },
    {
      method: "GET",
      path: "task/all",
      fields: { cluster_uuid: UUID },
      async handle({ caller, generation, input }) {
        const row = clusters.find(caller, input.cluster_uuid);
        return table(generation, COLUMNS, await clusters.ask<readonly TaskView[]>(row, { GetTasks: null }));
      },
    },
    {
      method: "DELETE",
      path: "task",
      fields: OF_TASK,
      async handle({ caller, input }) {
        const row = clusters.find(caller, input.cluster_uuid);
        await clusters.ask(row, { DropTask: String(input.uuid).toLowerCase() });
        return {};
      },
    },
  ];
}

/** What every generation's answer has of a task. @property error why it was aborted; ours */
export function taskFields(task: TaskView): JsonObject {
  const { uuid, name, state, done, total, queuedAt, startedAt, endedAt, why } = task;
  return {
    uuid,
    name,
    state,
    percentage_finished: done / total,
    current_cycle: done,
    total_number_of_cycles: total,
    queue_timestamp: stamp(queuedAt),
    start_timestamp: stampOf(startedAt),
    end_timestamp: stampOf(endedAt),
    ...(why === null ? {} : { error: why }),
  };
}

function stampOf(at: number | null): string {
  return at === null ? "-" : stamp(at);
}

const COLUMNS: readonly Column<TaskView>[] = [
  { name: "uuid", value: ({ uuid }) => uuid },
  { name: "state", value: ({ state }) => state },
  { name: "percentage", value: ({ done, total }) => String(done / total) },
  { name: "queued", value: ({ queuedAt }) => stamp(queuedAt) },
  { name: "start", value: ({ startedAt }) => stampOf(startedAt) },
  { name: "end", value: ({ endedAt }) => stampOf(endedAt) },
];

function timeLength({ input }: Call): number {
  return (input.time_length as number | undefined) ?? 1;
}

/** Of an object its names and values, of an array its elements without a name. @throws {ApiError} 400 none, or too many */
function entriesOf(value: unknown, field: string): readonly (readonly [string | undefined, unknown])[] {
  const entries: (readonly [string | undefined, unknown])[] = Array.isArray(value)
    ? value.map((each: unknown) => [undefined, each] as const)
    : Object.entries(value as Readonly<Record<string, unknown>>); // fields.ts saw that it is one of both
  if (entries.length < 1 || entries.length > PORTS_MAX)
    throw new ApiError(400, `The field "${field}" must have 1 to ${PORTS_MAX} entries: got ${entries.length}.`);
  return entries;
}

/** @throws {ApiError} 400 */
function textOf(value: unknown, key: string): string {
  const text = typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>)[key] : null;
  if (typeof text !== "string" || text === "") throw new ApiError(400, `'${key}' is missing.`);
  return text;
}
