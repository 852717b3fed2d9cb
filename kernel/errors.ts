/** Errors that only the kernel throws; the shared ones are in lib/protocol/errors.ts. */
import { KernelError } from "../lib/protocol/index.ts";

/** A call from an incarnation that has ended: a promise of it went on after its crash, kill or exit. Nothing was done. */
export class ProcessExitedError extends KernelError {
  override readonly name = "ProcessExitedError";
  constructor(who: string, act: string) {
    super(
      "process_exited",
      `Cannot ${act} from "${who}" as this incarnation has ended: stop its work when its handler ends`,
    );
  }
}

/** More timers or outstanding requests than a process may have. */
export class LimitError extends KernelError {
  override readonly name = "LimitError";
  constructor(act: string, who: string, limit: string, value: number, unit: string) {
    super(
      "limit_reached",
      `Cannot ${act} "${who}" as limits.${limit} is ${value} ${unit}: end some first, or raise it`,
    );
  }
}

/**
 * - `not_there`: no process has that name. `denied`: it may not be messaged. `not_child`: neither a child nor one of theirs.
 * - `self`: it is the asking process itself. `not_local`: it is on another node.
 */
export type FamilyFault = "not_there" | "denied" | "not_child" | "self" | "not_local";

/** A process asked something about another that it may not, or cannot. Nothing was done. */
export class FamilyError extends KernelError {
  override readonly name = "FamilyError";
  constructor(fault: FamilyFault, act: string, who: string, rule: string) {
    super(fault, `Cannot ${act} "${who}" as ${rule}`);
  }
}

export type SpawnFault =
  | "NoFileAtPath"
  | "NameTaken"
  | "InvalidName"
  | "InvalidProgram"
  | "TooManyProcesses"
  | "TooDeep";

/** A process could not be made; nothing was registered. */
export class SpawnError extends KernelError {
  override readonly name = "SpawnError";
  readonly fault: SpawnFault;
  constructor(fault: SpawnFault, who: string, rule: string, options?: ErrorOptions) {
    super(fault, `Cannot start process "${who}" as ${rule}`, options);
    this.fault = fault;
  }
}

/** A package folder that cannot be loaded; none of its processes was started. */
export class PackageError extends KernelError {
  override readonly name = "PackageError";
  constructor(folder: string, rule: string, options?: ErrorOptions) {
    super("invalid_package", `Cannot load package "${folder}" as ${rule}`, options);
  }
}
