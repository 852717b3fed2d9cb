/** Errors that only the kernel throws; the shared ones are in lib/protocol/errors.ts. */
import { KernelError, textOf } from "../lib/protocol/index.ts";

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

/** The thread or operating-system process of a process is no more; its message in hand is lost, no other. */
export class RealmEndedError extends KernelError {
  override readonly name = "RealmEndedError";
  /** It had a part in that; false: it only shared the thread, and its restart is not counted. */
  readonly blamed: boolean;
  constructor(who: string, why: string, blamed: boolean, options?: ErrorOptions) {
    super("realm_ended", `Cannot go on with "${who}" as ${why}`, options);
    this.blamed = blamed;
  }
}

/** A body that no other thread or process can be told. Nothing was sent. */
export class UnpackableError extends KernelError {
  override readonly name = "UnpackableError";
  constructor(act: string, whom: string, cause: unknown) {
    super(
      "unpackable",
      `Cannot ${act} "${whom}" as MessagePack carries no such body: ${textOf(cause)}, send values only: numbers, texts, lists, objects, bytes`,
      { cause },
    );
  }
}

export type SpawnFault = "NoFileAtPath" | "NameTaken" | "InvalidName" | "InvalidProgram" | "TooManyProcesses";

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
