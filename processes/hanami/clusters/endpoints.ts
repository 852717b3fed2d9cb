/** Clusters and checkpoints over REST (contract hanami §3.3). Tasks are in task-endpoints.ts. */
import { randomUUID } from "node:crypto";
import {
  ApiError,
  type Caller,
  type Endpoint,
  type FieldRule,
  type JsonObject,
  NAME,
  stamp,
  UUID,
} from "../endpoint.ts";
import { ownedFields } from "../owned.ts";
import { ownedColumns, table } from "../table.ts";
import { HOST } from "../users/endpoints.ts";
import type { ClusterRow, Mode, NewTask, TaskView, TaskWork } from "./asks.ts";
import type { ClusterParts } from "./parts.ts";
import { resultEndpoints } from "./result-endpoints.ts";
import { taskEndpoints, taskFields } from "./task-endpoints.ts";
import { templateOf } from "./template-of.ts";
import { faultText, isFault, parseTemplate } from "./template-parse.ts";

const TEMPLATE: FieldRule = { type: "text", required: false, keepsDigits: true };
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** All that is about clusters. */
export function clusterEndpoints(parts: ClusterParts): readonly Endpoint[] {
  return [...clusterCalls(parts), ...checkpointCalls(parts), ...taskEndpoints(parts), ...resultEndpoints(parts)];
}

function clusterCalls({ clusters, checkpoints, limits }: ClusterParts): readonly Endpoint[] {
  const addTask = async (caller: Caller, row: ClusterRow, name: string, work: TaskWork): Promise<TaskView> => {
    const task: NewTask = { uuid: randomUUID(), name, ownerId: caller.id, projectId: caller.projectId, work };
    return await clusters.ask<TaskView>(row, { AddTask: task });
  };

  return [
    {
      method: "POST",
      path: "cluster",
      fields: { name: NAME, template: TEMPLATE },
      async handle({ caller, input }) {
        const text = decoded((input.template as string | undefined) ?? "");
        if (text !== "") {
          const parsed = parseTemplate(text, limits);
          if (isFault(parsed)) throw new ApiError(400, `${faultText(parsed)}.`);
        }
        return shown(await clusters.create(caller, input.name as string, text));
      },
    },
    {
      method: "GET",
      path: "cluster",
      fields: { uuid: UUID },
      async handle({ caller, input }) {
        const row = clusters.find(caller, input.uuid);
        const mode = await clusters.ask<Mode>(row, { GetMode: null }).catch(() => null); // its process has ended for good
        const { cells, inputs, outputs, axons, dialect, settings } = templateOf(row, limits);
        return {
          ...shown(row),
          mode,
          // Of the original's newest: a section is what leads from one cell to the next, which is ours for a layer.
          number_of_blocks: cells,
          number_of_sections: axons,
          ...{ dialect, inputs: inputs.map(({ name }) => name), outputs: outputs.map(({ name }) => name) },
          settings_without_effect: settings,
        };
      },
    },
    {
      method: "GET",
      path: "cluster/all",
      fields: {},
      handle: ({ caller, generation }) => table(generation, ownedColumns<ClusterRow>(), clusters.of(caller)),
    },
    {
      method: "DELETE",
      path: "cluster",
      fields: { uuid: UUID },
      async handle({ caller, input }) {
        await clusters.remove(clusters.find(caller, input.uuid));
        return {};
      },
    },
    {
      method: "PUT",
      path: "cluster/set_mode",
      fields: {
        connection_uuid: { ...UUID, required: false },
        new_state: { type: "text", pattern: /^(TASK|DIRECT)$/ },
        uuid: UUID,
      },
      async handle({ caller, input }) {
        const row = clusters.find(caller, input.uuid);
        const mode = input.new_state as Mode;
        await clusters.ask(row, { SetMode: mode });
        return { ...shown(row), new_state: mode };
      },
    },
    {
      method: "POST",
      path: "cluster/save",
      fields: { cluster_uuid: UUID, name: NAME },
      async handle({ caller, input }) {
        const row = clusters.find(caller, input.cluster_uuid);
        checkpoints.checkRoom(caller.id);
        const task = await addTask(caller, row, input.name as string, { kind: "save" });
        return taskFields(task);
      },
    },
    {
      method: "POST",
      path: "cluster/load",
      fields: { checkpoint_uuid: UUID, cluster_uuid: UUID },
      async handle({ caller, input }) {
        const row = clusters.find(caller, input.cluster_uuid);
        const { uuid, name } = checkpoints.find(caller, input.checkpoint_uuid);
        return taskFields(await addTask(caller, row, name, { kind: "load", checkpoint: uuid }));
      },
    },
    {
      method: "PUT",
      path: "cluster/switch_host",
      fields: { cluster_uuid: UUID, hexagon_id: { type: "integer", min: 0, required: false }, host_uuid: UUID },
      handle({ caller, input }) {
        const row = clusters.find(caller, input.cluster_uuid);
        if (input.host_uuid !== HOST) throw new ApiError(404, `There is no host ${input.host_uuid}.`);
        return shown(row); // it is there already: this node is the only one
      },
    },
  ];
}

function checkpointCalls({ checkpoints }: ClusterParts): readonly Endpoint[] {
  return [
    {
      method: "GET",
      path: "checkpoint/all",
      fields: {},
      handle: ({ caller, generation }) => table(generation, ownedColumns(), checkpoints.of(caller)),
    },
    {
      method: "GET",
      path: "checkpoint",
      fields: { uuid: UUID },
      handle({ caller, input }) {
        const row = checkpoints.find(caller, input.uuid);
        const { uuid, name, bytes, createdAt } = row;
        return { uuid, name, ...ownedFields(row), created_at: stamp(createdAt), location: uuid, size: bytes };
      },
    },
    {
      method: "DELETE",
      path: "checkpoint",
      fields: { uuid: UUID },
      async handle({ caller, input }) {
        await checkpoints.remove(checkpoints.find(caller, input.uuid));
        return {};
      },
    },
  ];
}

/** What every generation's answer has of it. */
function shown(row: ClusterRow): JsonObject {
  const { uuid, name, createdAt } = row;
  return { uuid, name, ...ownedFields(row), created_at: stamp(createdAt) };
}

/** @throws {ApiError} 400 it is no base64 of UTF-8 */
function decoded(base64: string): string {
  if (!BASE64.test(base64)) throw new ApiError(400, 'The field "template" must be base64.');
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(base64, "base64"));
  } catch {
    throw new ApiError(400, 'The field "template" must be base64 of a text in UTF-8.');
  }
}
