/** Where a process is to run, as a manifest or a spawn says it. */
import { OptionError, type Placement } from "../../lib/protocol/index.ts";

const NAME = /^[a-z0-9_-]{1,64}$/; // as names of processes; part of the name of a thread

/** @throws {OptionError} */
export function checkPlacement(value: unknown, who: string): Placement {
  if (value === "inline" || value === "worker" || value === "isolated") return value;
  if (typeof value === "object" && value !== null) {
    const { worker } = value as { readonly worker?: unknown };
    if (typeof worker === "string" && NAME.test(worker)) return { worker };
  }
  throw new OptionError(
    `Cannot place process "${who}" as a placement is "inline", "worker", "isolated" or {"worker":"name"} (a-z 0-9 - _): got ${JSON.stringify(value)}, leave it out for inline`,
  );
}
