/**
 * What whoever runs the node may set for Hanami: `jackfield start --settings hanami:hanami:sys=hanami.json`.
 *
 *   { "users": [ { "id": "alice", "password": "correct horse", "is_admin": false, "project": "default" } ],
 *     "limits": { "userBytes": 1073741824 } }
 *
 * 1. `users` are made when they are not there; one that is there stays as it is.
 * 2. `limits` are those of limits.ts. 3. `children`: where clusters and imports run; `inline` blocks the node with them.
 */
import { OptionError } from "jackfield/protocol";
import { type HanamiLimits, hanamiLimits } from "./limits.ts";
import { type NewUser, readNewUser } from "./users/new-user.ts";

export type HanamiSettings = {
  readonly users: readonly NewUser[];
  readonly limits: HanamiLimits;
  readonly children: "worker" | "inline";
};

const KNOWN = ["users", "limits", "children"];

/** @param isCompiled run from TypeScript, as tests do, a child cannot be placed @throws {OptionError} */
export function hanamiSettings(given: Readonly<Record<string, unknown>>, isCompiled: boolean): HanamiSettings {
  for (const name of Object.keys(given)) {
    if (!KNOWN.includes(name))
      throw new OptionError(
        `Cannot use setting "${name}" as hanami has none of that name: known are ${KNOWN.join(", ")}`,
      );
  }
  const { users = [], limits = {}, children = isCompiled ? "worker" : "inline" } = given;
  if (!Array.isArray(users)) throw fault("users", 'a list of {"id","password"}', users);
  if (typeof limits !== "object" || limits === null || Array.isArray(limits))
    throw fault("limits", "an object of names and numbers", limits);
  if (children !== "worker" && children !== "inline") throw fault("children", '"worker" or "inline"', children);
  return { users: users.map(userOf), limits: hanamiLimits(limits as Record<string, number>), children };
}

function userOf(value: unknown, index: number): NewUser {
  try {
    return readNewUser(value);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new OptionError(`Cannot use setting "users"[${index}] as it is no user: ${why}`, { cause });
  }
}

function fault(name: string, rule: string, value: unknown): OptionError {
  return new OptionError(
    `Cannot use setting "${name}" as it must be ${rule}: got ${JSON.stringify(value)}, leave it out`,
  );
}
