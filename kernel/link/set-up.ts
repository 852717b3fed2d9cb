/** Setting up a cluster, for who runs it: what it takes and tells. nats-set-up.ts does it, and is loaded when it is asked for. */
import type { NatsOptions } from "./nats-wire.ts";

/** @property seed of the administrator */
export type SetUpOptions = Omit<NatsOptions, "node"> & {
  /** All of the cluster. */
  readonly nodes: readonly string[];
  /** Whether inboxes of nodes that are no more are deleted, with what waits in them. */
  readonly removeLeft: boolean;
  /** How long it is tried again; left out: 20 s. */
  readonly patienceMs?: number;
};

/** The inbox of a node that is none of the cluster. */
export type LeftInbox = { readonly stream: string; readonly messages: number };

export type SetUpFacts = {
  /** For people: `bucket dir`, `inbox of alice.os`. What is in neither list was there. */
  readonly made: readonly string[];
  readonly changed: readonly string[];
  readonly left: readonly LeftInbox[];
  /** In how many servers each of them is. */
  readonly copies: number;
  /** A server's version, where a cluster of such loses what it acknowledged when one is killed; null: not known to. */
  readonly losing: string | null;
};

/** @throws {SetUpError} (rejects) */
export async function setUpCluster(options: SetUpOptions): Promise<SetUpFacts> {
  const { setUp } = await import("./nats-set-up.ts");
  return await setUp(options);
}
