/** A user to be made, as settings and Requests write one; checked. */

import { ApiError, type FieldRule, NAME, USER_ID } from "../endpoint.ts";
import { checkFields } from "../fields.ts";

export type NewUser = {
  readonly id: string;
  readonly name: string;
  readonly password: string;
  readonly isAdmin: boolean;
  /** The project it is in; null: none, so that it cannot log in yet. */
  readonly project: string | null;
  readonly isProjectAdmin: boolean;
};

export const DEFAULT_PROJECT = "default";

export const PASSWORD: FieldRule = { type: "text", min: 8, max: 4096 };

const FIELDS: Readonly<Record<string, FieldRule>> = {
  id: USER_ID,
  name: { ...NAME, required: false },
  password: PASSWORD,
  is_admin: { type: "boolean", required: false },
  project: { ...USER_ID, required: false },
  is_project_admin: { type: "boolean", required: false },
};

/** @throws {ApiError} */
export function readNewUser(value: unknown): NewUser {
  if (typeof value !== "object" || value === null) throw new ApiError(400, 'A user is {"id","password"}.');
  const fields = checkFields(FIELDS, value as Readonly<Record<string, unknown>>);
  const { id, password, name = id, is_admin = false, project = DEFAULT_PROJECT, is_project_admin = false } = fields;
  return {
    id: id as string,
    name: name as string,
    password: password as string,
    isAdmin: is_admin as boolean,
    project: project as string,
    isProjectAdmin: is_project_admin as boolean,
  };
}
