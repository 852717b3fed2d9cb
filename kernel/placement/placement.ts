/** Where a process is to run, as a manifest or a spawn says it. */
import { OptionError, type Placement } from "../../lib/protocol/index.ts";

const NAME = /^[a-z0-9_-]{1,64}$/; // as names of processes; part of the name of a thread

export const PLACEMENT_RULE = '"inline", "worker", "isolated" or {"worker":"name"} (a-z 0-9 - _)';

export function isPlacement(value: unknown): value is Placement {
  if (value === "inline" || value === "worker" || value === "isolated") return true;
  if (typeof value !== "object" || value === null) return false;
  const { worker } = value as { readonly worker?: unknown };
  return typeof worker === "string" && NAME.test(worker);
}

/** @throws {OptionError} */
export function checkPlacement(value: unknown, who: string): Placement {
  if (isPlacement(value)) return value;
  throw new OptionError(
    `Cannot place process "${who}" as a placement is ${PLACEMENT_RULE}: got ${JSON.stringify(value)}, leave it out for inline`,
  );
}
