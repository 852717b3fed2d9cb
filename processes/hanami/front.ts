/**
 * What the parts of process `hanami` share: one of each incarnation.
 *
 * Endpoints that need a state of their own are made by a function of it, `clusterEndpoints(front)`, that hanami.ts calls.
 */
import type { ClusterParts } from "./clusters/parts.ts";
import type { DataSets } from "./data-set/data-sets.ts";
import type { Ctx } from "./endpoint.ts";
import type { HanamiLimits } from "./limits.ts";
import type { HanamiSettings } from "./settings.ts";
import type { Parts } from "./uploads/parts.ts";
import type { Accounts } from "./users/accounts.ts";

export type Front = {
  readonly ctx: Ctx;
  readonly limits: HanamiLimits;
  readonly settings: HanamiSettings;
  /** Users, their tokens (`verify`), their projects. */
  readonly accounts: Accounts;
  readonly dataSets: DataSets;
  readonly parts: Parts;
  /** Clusters, their tasks and checkpoints; `clusters.clusters.admit` is for the handshake. */
  readonly clusters: ClusterParts;
};
