/** Limits of Hanami's clusters: default, unit, bounds and reason. They stand in the table of limits.ts with all others. */
import { type Limit, type LimitValues, limit, resolveLimits } from "jackfield/protocol";

const TABLE = {
  templateLength: limit(262_144, "characters", 1, 2_097_152, "of a template: one of 1,000 cells has some 30,000"),
  cells: limit(1_000, "positions", 1, 100_000, "of a template: each may become a layer"),
  innerWidth: limit(64, "neurons", 1, 65_536, "of an inner cell whose template gives no size"),
  layerWidth: limit(
    65_536,
    "values",
    1,
    1_048_576,
    "of a vector: a picture of 256 × 256, a quarter of a client's frame",
  ),
  weights: limit(
    2_000_000,
    "numbers",
    1,
    16_000_000,
    "that a network learns, 4 bytes each: a step must not hold its thread",
  ),
  clusters: limit(32, "clusters", 1, 10_000, "of one user: each is a process with its network"),
  clustersTotal: limit(256, "clusters", 1, 10_000, "of the node"),
  clusterThreads: limit(2, "threads", 1, 64, "that all clusters share, as many as a small machine has cores"),
  tasks: limit(64, "tasks", 1, 10_000, "of one cluster that wait or run"),
  tasksKept: limit(256, "tasks", 1, 10_000, "of one cluster that are over, the oldest is forgotten"),
  sliceMs: limit(20, "ms", 1, 1_000, "of work before other clusters, pings and questions have their turn"),
  taskRows: limit(1_000_000, "rows", 1, 1_000_000_000, "of one task: it has its cluster to itself for so long"),
  checkpoints: limit(100, "checkpoints", 1, 10_000, "of one user: each has a file of its cluster's weights"),
} as const satisfies Readonly<Record<string, Limit>>;

export type ClusterLimitName = keyof typeof TABLE;
export type ClusterLimits = LimitValues<typeof TABLE>;
export const CLUSTER_LIMITS: typeof TABLE = TABLE;

/** @throws {OptionError} */
export function clusterLimits(overrides: Readonly<Partial<Record<ClusterLimitName, number>>> = {}): ClusterLimits {
  return resolveLimits(TABLE, overrides);
}
