/**
 * The programs of the cluster that this node has: singletons, and families that make an instance per key.
 *
 * 1. A name that is declared here nobody else may take. Of a keyed family there is no process of the bare name.
 * 2. Who may message a family may message each of its instances, so what its manifest grants is granted once, by the
 *    family; only capabilities with params of their own are each instance's.
 * 3. What an instance gains while it runs ends with it here: another node may have it next.
 */
import type { ProcessId, Program, Settings } from "../../lib/protocol/index.ts";
import { SpawnError } from "../errors.ts";
import type { Kernel, RegisterOptions } from "../kernel.ts";
import type { ProcessEntry } from "../package.ts";
import type { Process } from "../process.ts";
import { ClusterError } from "./errors.ts";
import type { ClusterKind } from "./kinds.ts";

const NAMES_BYTES = 3 * 1024; // of RECORD_BYTES; the rest of a record is an address, a version and numbers

/** As a manifest says it, or a program that embeds a node. */
export type ClusterProgram = Pick<RegisterOptions, "onExit" | "restart" | "public" | "dialect" | "file"> &
  Pick<ProcessEntry, "requestCapabilities" | "grantCapabilities"> & {
    readonly id: ProcessId;
    readonly program: Program;
    readonly cluster: ClusterKind;
    readonly folder: string | null;
    readonly settings?: Settings;
  };

export class Programs {
  readonly #kernel: Kernel;
  readonly #all = new Map<string, ClusterProgram>(); // by process id, without a key

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  get all(): readonly ClusterProgram[] {
    return [...this.#all.values()];
  }

  /** @throws {SpawnError} NameTaken @throws {ClusterError} too_many_programs */
  add(program: ClusterProgram): void {
    const { id } = program;
    if (this.#all.has(id.text) || this.#kernel.registry.get(id) !== undefined)
      throw new SpawnError("NameTaken", id.text, "a process of that name exists: choose another, or kill it first");
    this.#assertRoom(id.text);
    this.#all.set(id.text, program);
    this.grant(program);
  }

  /** Another version of one that is there. */
  replace(program: ClusterProgram): void {
    const before = this.#all.get(program.id.text);
    if (before !== undefined) this.#ungrant(before);
    this.#all.set(program.id.text, program);
    this.grant(program);
  }

  delete(id: ProcessId): boolean {
    const program = this.#all.get(id.text);
    if (program !== undefined) this.#ungrant(program);
    return this.#all.delete(id.text);
  }

  declared(id: ProcessId): ClusterProgram | undefined {
    return this.#all.get(id.text);
  }

  /** Which runs under that name: an instance of a family, or a singleton. */
  of(id: ProcessId): ClusterProgram | undefined {
    const isKeyed = id.key !== undefined;
    if (isKeyed && !id.isInstance()) return undefined;
    const program = this.#all.get(isKeyed ? id.family.text : id.text);
    return program?.cluster === (isKeyed ? "keyed" : "singleton") ? program : undefined;
  }

  /** It has its name, and its messages wait until it is run. @throws {SpawnError} @throws {OptionError} */
  make(program: ClusterProgram, id: ProcessId): Process {
    const { requestCapabilities, grantCapabilities, cluster, ...options } = program;
    const process = this.#kernel.register({ ...options, id, ofCluster: true, unnamed: true });
    this.equip(process, program);
    return process;
  }

  equip(process: Process, { requestCapabilities, grantCapabilities, cluster }: ClusterProgram): void {
    for (const cap of this.#kernel.asked(requestCapabilities)) process.capabilities.equip(cap);
    if (cluster === "keyed")
      this.#kernel.grantOwn(
        process,
        grantCapabilities.filter((grant) => !isMessaging(grant)),
      );
  }

  /** What an instance gave by itself: its next version may give no more of it. */
  ungrantParams(process: Process, { grantCapabilities, cluster }: ClusterProgram): void {
    if (cluster !== "keyed") return;
    const own = grantCapabilities.filter((grant) => !isMessaging(grant));
    this.#kernel.ungrantOwn(process, own);
  }

  /** In the family's name, or the singleton's, which may not be there: when one is gone for good, its capabilities go too. */
  grant({ id, cluster, grantCapabilities }: ClusterProgram): void {
    const issuer = { address: this.#kernel.address(id) };
    this.#kernel.grantOwn(issuer, cluster === "keyed" ? grantCapabilities.filter(isMessaging) : grantCapabilities);
  }

  #ungrant({ id, grantCapabilities }: ClusterProgram): void {
    this.#kernel.ungrantOwn({ address: this.#kernel.address(id) }, grantCapabilities);
  }

  /** Others find them in this node's record, which has a bound. */
  #assertRoom(name: string): void {
    const bytes = JSON.stringify([...this.#all.keys(), name]).length; // names are ASCII
    if (bytes <= NAMES_BYTES) return;
    const rule = `the names of this node's programs of the cluster may have ${NAMES_BYTES} bytes together, with it they have ${bytes}: choose shorter ones, or run some on other nodes`;
    throw new ClusterError("too_many_programs", "add", name, rule);
  }
}

function isMessaging(grant: ClusterProgram["grantCapabilities"][number]): boolean {
  return typeof grant === "string";
}
