/** What a manifest may say of a process of the cluster. Apart, as every package is asked. */

/** `singleton`: one in the whole cluster. `keyed`: one per key, on demand. */
export type ClusterKind = "singleton" | "keyed";

export const CLUSTER_RULE = '"singleton" or "keyed", or left out';

export function isClusterKind(value: unknown): value is ClusterKind {
  return value === "singleton" || value === "keyed";
}
