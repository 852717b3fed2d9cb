/**
 * What clusters are made of in the process hanami: one of each incarnation. It is told by cluster processes what their
 * tasks left, and puts it into its tables.
 */
import type { Message } from "jackfield/process";
import type { DataSets } from "../data-set/data-sets.ts";
import { ApiError, type Ctx } from "../endpoint.ts";
import type { ClusterAnswer, TaskLeft } from "./asks.ts";
import { refused } from "./asks.ts";
import { Checkpoints } from "./checkpoints.ts";
import { Clusters } from "./clusters.ts";
import type { ClusterLimits } from "./limits.ts";

export type ClusterParts = {
  readonly ctx: Ctx;
  readonly limits: ClusterLimits;
  readonly clusters: Clusters;
  readonly checkpoints: Checkpoints;
  readonly dataSets: DataSets;
};

export type ClusterPartsOptions = {
  readonly ctx: Ctx;
  readonly limits: ClusterLimits;
  readonly children: "worker" | "inline";
  readonly dataSets: DataSets;
};

export async function openClusters({ ctx, limits, children, dataSets }: ClusterPartsOptions): Promise<ClusterParts> {
  const checkpoints = await Checkpoints.open(ctx, limits);
  await checkpoints.sweep();
  return { ctx, limits, clusters: await Clusters.open(ctx, { limits, children }), checkpoints, dataSets };
}

/** A request of a cluster's process. @returns undefined: it is none */
export async function takeLeft(parts: ClusterParts, message: Message): Promise<ClusterAnswer<null> | undefined> {
  const body = message.body as TaskLeft;
  if (typeof body !== "object" || body === null || !("TaskLeft" in body)) return undefined;
  if (!parts.clusters.isCluster(message.source)) return refused(401, "Only a cluster says what its task left.");
  const { uuid, name, ownerId, projectId, bytes, content } = body.TaskLeft;
  try {
    if (content === null) await parts.checkpoints.adopt({ uuid, name, ownerId, projectId, bytes });
    else {
      const { rows, columns } = content;
      const made = { uuid, name, bytes, content: { rows, columns, inputs: 0, outputs: columns } };
      await adopt(parts.dataSets, { ownerId, projectId }, made);
    }
    return { Ok: null };
  } catch (thrown) {
    if (thrown instanceof ApiError) return refused(thrown.status, thrown.text);
    throw thrown;
  }
}

/** One that is refused leaves no file. */
async function adopt(
  dataSets: DataSets,
  owner: Parameters<DataSets["adopt"]>[0],
  made: Parameters<DataSets["adopt"]>[1],
): Promise<void> {
  try {
    await dataSets.adopt(owner, made);
  } catch (thrown) {
    await dataSets.removeFile(made.uuid);
    throw thrown;
  }
}
