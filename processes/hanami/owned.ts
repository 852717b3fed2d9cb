/** Whose a thing is, and who may see it: one that is not theirs looks to others like one that is not there. */
import { ApiError, type Caller } from "./endpoint.ts";

export type Owned = { readonly ownerId: string; readonly projectId: string };

/** An admin sees everything, a project's admin the project, anyone else what is theirs in the project of their token. */
export function mayUse(caller: Caller, row: Owned): boolean {
  if (caller.isAdmin) return true;
  if (caller.projectId !== row.projectId) return false;
  return caller.isProjectAdmin || caller.id === row.ownerId;
}

/** @param what e.g. `data set 6f…` @throws {ApiError} 404, for missing and foreign alike */
export function visible<Row extends Owned>(caller: Caller, row: Row | undefined, what: string): Row {
  if (row === undefined || !mayUse(caller, row)) throw new ApiError(404, `There is no ${what}.`);
  return row;
}

/** What answers say of it in every generation. */
export function ownedFields({ ownerId, projectId }: Owned): {
  readonly owner_id: string;
  readonly project_id: string;
  readonly visibility: "private";
} {
  return { owner_id: ownerId, project_id: projectId, visibility: "private" };
}
