/** What a search for a name of the cluster goes by, and how it can end. */
import type { SendErrorKind } from "../../lib/protocol/index.ts";
import type { Roster } from "../link/roster.ts";
import type { Claim, Claims } from "./claims.ts";
import type { Touched } from "./kept.ts";
import type { Places } from "./places.ts";
import type { ClusterProgram } from "./programs.ts";
import type { Tenure } from "./tenure.ts";

/** Of a node that has joined others. */
export type Joined = {
  readonly claims: Claims;
  readonly roster: Roster;
  readonly places: Places;
  readonly tenure: Tenure;
};

/** The name is this node's, and the process has to be made. @property claim null: alone */
export type Start = {
  readonly kind: "start";
  readonly program: ClusterProgram;
  readonly claim: Claim | null;
  readonly touched: Touched;
};

/** @property nobody no node has such a program, or had one lately, and nobody claims the name */
export type Refused = { readonly kind: "refused"; readonly why: SendErrorKind; readonly nobody?: true };

/** Where a name is: all but `start`, which ends in one of these. */
export type Outcome = { readonly kind: "here" } | { readonly kind: "node"; readonly node: string } | Refused;
export type Found = Outcome | Start;

export const OFFLINE: Refused = { kind: "refused", why: "Offline" };
export const NOBODY: Refused = { kind: "refused", why: "Offline", nobody: true };

/** Without a claim: on a node that is alone. */
export function startAlone(program: ClusterProgram): Start {
  return { kind: "start", program, claim: null, touched: { revision: 0, isEmpty: true } };
}
