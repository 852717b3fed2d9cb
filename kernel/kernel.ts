/**
 * The parts of one node's kernel, and the making and ending of processes.
 *
 * 1. A name is given once: `register` throws when it is taken.
 * 2. What is forgotten leaves no trace: its name, its capabilities held by others, and those who wait on it.
 */
import {
  Address,
  type Capability,
  type CapabilityRequest,
  type Clock,
  canonicalId,
  capability,
  capabilityKey,
  DEFAULT_DIALECT,
  DIALECTS,
  type Dialect,
  type Envelope,
  type FrameSource,
  isDialect,
  isProgram,
  KERNEL,
  type Lifetime,
  lineage,
  MESSAGING,
  type OnExit,
  OptionError,
  ProcessId,
  type Program,
  type RestartIntensity,
  type Settings,
  type Shortcut,
  type SpawnOptions,
  SYSTEM_ALIASES,
  systemClock,
  toAddress,
} from "../lib/protocol/index.ts";
import { Bus } from "./bus.ts";
import { CapabilityEpoch, endsWith, isFrom } from "./capabilities.ts";
import { CapabilityRecords, type CapabilityStore } from "./capability-records.ts";
import { CapabilityScope } from "./capability-scope.ts";
import type { Cluster } from "./cluster/cluster.ts";
import { CrashReports, type CrashStore } from "./crash-reports.ts";
import { DeadLetters } from "./dead-letters.ts";
import { describe } from "./describe.ts";
import { DurableDoor } from "./durable/door.ts";
import type { DurableStore } from "./durable/store.ts";
import { ProcessExitedError, SpawnError } from "./errors.ts";
import { type EndReason, KernelEvents } from "./events.ts";
import { Family } from "./family.ts";
import { GivenUp } from "./given-up.ts";
import { randomProcessName } from "./id.ts";
import { Keepers } from "./keepers.ts";
import { type KernelLimits, kernelLimits } from "./limits.ts";
import type { Link } from "./link/link.ts";
import type { Roster } from "./link/roster.ts";
import type { LossListener } from "./link-losses.ts";
import { Links } from "./links.ts";
import { Logs } from "./logs.ts";
import { Monitors } from "./monitors.ts";
import { findProgram } from "./package.ts";
import { Placements } from "./placement/placements.ts";
import { Process } from "./process.ts";
import { Registry } from "./registry.ts";
import { RunQueue } from "./run-queue.ts";
import { TimerWheel } from "./timer-wheel.ts";
import type { Verdict } from "./verdict.ts";
import { WaitingTables } from "./waiting-tables.ts";

const NO_SETTINGS: Settings = Object.freeze({}); // most have none: these are there once
const LIFETIMES: readonly Lifetime[] = ["incarnation", "parent", "node"];

export type KernelOptions = {
  readonly name: string;
  readonly clock?: Clock;
  /** 0 to 1; for jitter. */
  readonly random?: () => number;
  readonly limits?: Readonly<Record<string, number | undefined>>;
  /** Default: unless NODE_ENV is "production" when the node is made. */
  readonly freezeBodies?: boolean;
  /** Keeps crash reports beyond the end of the node. Default: they are in memory only. */
  readonly crashStore?: CrashStore;
  /** The script that threads and processes of placed processes run. Default: the one built beside this code. */
  readonly realmEntry?: URL | string;
  /** For simulations, which decide whose turn it is; default: one of its own. */
  readonly queue?: RunQueue;
  /** Where it is kept what processes gain and lose while the node runs. Left out: nowhere. */
  readonly capabilityStore?: CapabilityStore | null;
  /** Where durable messages are kept. Left out: in memory, they end with the node. */
  readonly durableStore?: DurableStore | null;
  /** By process id: what goes over the settings of its manifest or its parent. */
  readonly settings?: Readonly<Record<string, Settings>>;
};

export type RegisterOptions = {
  readonly id: ProcessId;
  readonly program: Program;
  readonly onExit?: OnExit;
  readonly restart?: RestartIntensity;
  readonly public?: boolean;
  readonly folder?: string | null;
  /** The node's own for that name go over these. */
  readonly settings?: Settings;
  readonly file?: string;
  readonly mailbox?: number;
  readonly trusted?: boolean;
  readonly leaf?: boolean;
  readonly judgesNodes?: boolean;
  /** How system processes spell what they tell it. Default `kinode`. */
  readonly dialect?: Dialect;
  readonly capabilities?: readonly Capability[];
  /** What it gains while it runs is not recorded: its name was drawn by lot, or another node may have it next. */
  readonly unnamed?: boolean;
  /** kernel/cluster/ only: it may have a key, and the name of a process of the cluster. */
  readonly ofCluster?: boolean;
};

export class Kernel {
  readonly name: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly limits: KernelLimits;
  readonly freezeBodies: boolean;
  readonly queue: RunQueue;
  readonly wheel: TimerWheel;
  readonly events: KernelEvents;
  readonly logs: Logs;
  readonly registry: Registry = new Registry();
  readonly keepers: Keepers = new Keepers();
  readonly capabilityEpoch: CapabilityEpoch = new CapabilityEpoch();
  readonly capabilityScope: CapabilityScope;
  readonly capabilityRecords: CapabilityRecords;
  readonly deadLetters: DeadLetters;
  readonly crashes: CrashReports;
  readonly givenUp: GivenUp;
  readonly waiting: WaitingTables = new WaitingTables();
  readonly family: Family = new Family(this);
  readonly monitors: Monitors = new Monitors(this);
  readonly links: Links = new Links(this);
  readonly bus: Bus;
  readonly placements: Placements;
  readonly durable: DurableDoor;
  /** The node stops: what ends now is not started again. */
  stopping = false;
  /** Makes messages of frames, and takes pushes that answer one; null: there is no http-server. */
  frames: FrameSource | null = null;
  shortcut: Shortcut | null = null;
  /** To other nodes; null: there is none, and they are Offline. */
  link: Link | null = null;
  /** Hears what was lost between this node and others. */
  losses: LossListener | null = null;
  /** Which others there are; null: it has not joined any. */
  roster: Roster | null = null;
  /** What runs once in the cluster, or once per key; null: nothing here asks for it. */
  cluster: Cluster | null = null;
  /** It is about to join others: until it has, or knows that it will not, names of the cluster wait. */
  joins = false;
  readonly #settings: ReadonlyMap<string, Settings>;
  readonly #grants = new Map<string, Capability[]>(); // for processes that are not there yet, by name
  #messageId = 0;

  /** @throws {OptionError} a limit */
  constructor(options: KernelOptions) {
    this.name = options.name;
    this.#settings = new Map(Object.entries(options.settings ?? {}));
    this.clock = options.clock ?? systemClock;
    this.random = options.random ?? Math.random;
    this.limits = kernelLimits(options.limits);
    this.freezeBodies = options.freezeBodies ?? process.env.NODE_ENV !== "production";
    this.queue = options.queue ?? new RunQueue(this.limits.turnSteps);
    this.wheel = new TimerWheel(this.clock);
    const time = { wheel: this.wheel, now: () => this.clock.now() };
    this.capabilityScope = new CapabilityScope(this.name, this.capabilityEpoch, time);
    this.capabilityRecords = new CapabilityRecords(options.capabilityStore ?? null, this.limits.capabilities, (error) =>
      this.events.emit({ type: "fault", process: KERNEL.text, error }),
    );
    this.deadLetters = new DeadLetters(this.limits.deadLetters);
    this.logs = new Logs(this.clock, this.limits);
    this.events = new KernelEvents((event) => this.logs.hear(event));
    this.crashes = new CrashReports(this.clock, this.limits, this.events, options.crashStore ?? null);
    this.givenUp = new GivenUp(this.limits.crashReports);
    this.bus = new Bus(this);
    this.durable = new DurableDoor(this, options.durableStore ?? null);
    this.placements = new Placements({
      limits: this.limits,
      queue: this.queue,
      freezeBodies: this.freezeBodies,
      entry: options.realmEntry,
    });
    for (const [alias, name] of SYSTEM_ALIASES) this.registry.alias(alias, name);
  }

  nextMessageId(): number {
    return ++this.#messageId;
  }

  address(id: ProcessId): Address {
    return new Address(this.name, id);
  }

  /** Gives `id` its mailbox; messages wait there until `run`. @throws {SpawnError} NameTaken, InvalidName, TooManyProcesses @throws {OptionError} */
  register(options: RegisterOptions): Process {
    const { id, ofCluster = false } = options;
    if (!id.isSafe() && !(ofCluster && id.isInstance())) {
      throw new SpawnError("InvalidName", id.text, "a name has only the letters a-z 0-9 - _ (a publisher also dots)");
    }
    const { dialect = DEFAULT_DIALECT } = options;
    if (!isDialect(dialect)) {
      throw new OptionError(
        `Cannot start process "${id.text}" as its dialect must be one of ${DIALECTS.join(", ")}: got ${JSON.stringify(dialect)}, leave it out for ${DEFAULT_DIALECT}`,
      );
    }
    if (!ofCluster && this.cluster?.declares(id) === true)
      throw new SpawnError("NameTaken", id.text, "that is a process of the cluster: choose another name");
    const { processes } = this.limits;
    if (this.registry.size >= processes) {
      throw new SpawnError(
        "TooManyProcesses",
        id.text,
        `limits.processes is ${processes}: end some first, or raise it`,
      );
    }
    const made = new Process(this, {
      address: this.address(id),
      program: options.program,
      onExit: options.onExit ?? "None",
      restart: options.restart,
      public: options.public ?? false,
      folder: options.folder ?? null,
      settings: this.settingsOf(id, options.settings),
      file: options.file ?? "",
      mailbox: options.mailbox ?? this.limits.mailbox,
      trusted: options.trusted ?? false,
      leaf: options.leaf ?? false,
      judgesNodes: options.judgesNodes ?? false,
      dialect,
      unnamed: options.unnamed ?? false,
    });
    this.capabilityEpoch.value++; // what senders remember of names
    if (!this.registry.add(made)) {
      made.capabilities.end();
      const canonical = this.registry.aliased(id.text);
      const rule =
        canonical === undefined
          ? "a process of that name exists: choose another, or kill it first"
          : `that is an older name of ${canonical}: choose another`;
      throw new SpawnError("NameTaken", id.text, rule);
    }
    for (const cap of options.capabilities ?? []) made.capabilities.add(cap);
    for (const cap of this.#grants.get(id.text) ?? []) made.capabilities.equip(cap);
    this.#grants.delete(id.text);
    this.givenUp.forget(id.text);
    return made;
  }

  /** What a process of that name finds as its settings. */
  settingsOf(id: ProcessId, given: Settings = NO_SETTINGS): Settings {
    const own = this.#settings.get(id.text);
    return given === NO_SETTINGS && own === undefined ? given : Object.freeze({ ...given, ...own });
  }

  /** @throws {SpawnError} as a rejection @throws {OptionError} likewise @throws {IdError} likewise, a capability that names no process */
  async spawn(parent: Process, options: SpawnOptions): Promise<ProcessId> {
    const { package: packageName, publisher } = parent.address.id;
    const id = new ProcessId(options.name ?? randomProcessName(), packageName, publisher);
    const { lifetime = "incarnation", placement = "inline" } = options;
    if (!LIFETIMES.includes(lifetime)) {
      throw new OptionError(
        `Cannot start process "${id.text}" as its lifetime must be one of ${LIFETIMES.join(", ")}: got ${JSON.stringify(lifetime)}, leave it out for incarnation`,
      );
    }
    const { familyDepth } = this.limits;
    if (lifetime !== "node" && this.family.depthBelow(parent) > familyDepth) {
      throw new SpawnError(
        "TooDeep",
        id.text,
        `limits.familyDepth is ${familyDepth} generations: spawn it from one further up, or with lifetime "node"`,
      );
    }
    if (placement !== "inline" && options.program !== undefined) {
      throw new SpawnError(
        "InvalidProgram",
        id.text,
        `a program in memory cannot run in another thread or process (placement ${JSON.stringify(placement)}): give the file it is in, or leave the placement out`,
      );
    }
    const asking = parent.incarnation;
    const program = options.program ?? (await findProgram(parent.folder, options.file, id.text, placement));
    if (!isProgram(program))
      throw new SpawnError("InvalidProgram", id.text, "it is no program: pass what defineProcess returns");
    if (parent.startedAt === null || parent.incarnation !== asking)
      throw new ProcessExitedError(parent.address.text, "spawn"); // while the file was read: nobody would end the child
    const child = this.register({
      id,
      program,
      onExit: options.onExit ?? "None",
      ...(options.restart === undefined ? {} : { restart: options.restart }),
      public: options.public ?? false,
      folder: parent.folder,
      ...(options.settings === undefined ? {} : { settings: options.settings }),
      file: options.file ?? "",
      dialect: options.dialect ?? parent.dialect,
      unnamed: options.name === undefined,
    });
    try {
      this.#allowEachOther(parent, child);
      for (const cap of this.asked(options.requestCapabilities)) {
        // What the parent does not hold or issue, it cannot pass on.
        const inForce = cap.issuer === parent.address.text ? cap : parent.capabilities.get(cap);
        if (inForce !== undefined) child.capabilities.add(inForce);
      }
      this.grantOwn(child, options.grantCapabilities, "spawn");
    } catch (thrown) {
      child.kill(); // or its name would stay taken
      throw thrown;
    }
    if (lifetime !== "node") this.family.adopt(parent, child, lifetime);
    child.run();
    return id;
  }

  /** Gives capabilities that `issuer` issues to the processes listed; to one that is not there yet, when it comes. */
  grantOwn(issuer: Issuer, grants: readonly CapabilityRequest[] = [], by: "manifest" | "spawn" = "manifest"): void {
    for (const grant of grants) {
      const [id, given] = granted(issuer, grant);
      const holder = this.registry.get(id);
      if (holder !== undefined && by === "manifest") holder.capabilities.equip(given);
      else if (holder !== undefined) holder.capabilities.add(given);
      else {
        const name = canonicalId(id.text);
        const waiting = this.#grants.get(name) ?? [];
        if (!waiting.some((each) => capabilityKey(each) === capabilityKey(given)))
          this.#grants.set(name, [...waiting, given]);
      }
    }
  }

  /** What `issuer`'s manifest gave, and gives no more. */
  ungrantOwn(issuer: Issuer, grants: readonly CapabilityRequest[]): void {
    for (const grant of grants) {
      const [id, given] = granted(issuer, grant);
      this.registry.get(id)?.capabilities.unequip(given);
      const name = canonicalId(id.text);
      this.#strikeGrants((cap) => capabilityKey(cap) === capabilityKey(given), name);
    }
  }

  /** What a manifest or a spawn asks for, as capabilities. */
  asked(requests: readonly CapabilityRequest[] = []): readonly Capability[] {
    return requests.map((request) =>
      typeof request === "string"
        ? capability(toAddress(request, this.name), MESSAGING)
        : capability(toAddress(request.process, this.name), JSON.stringify(request.params)),
    );
  }

  /** Process only: it ends more often than its limits allow. */
  gaveUp(process: Process, restarts: number): void {
    this.givenUp.add(describe(this, process));
    this.events.emit({ type: "process-gave-up", process: process.address.id.text, restarts });
  }

  /** Process only: an incarnation has ended; the next follows, or `forget`. */
  incarnationEnded(process: Process, verdict: Verdict): void {
    this.monitors.incarnationEnded(process, verdict);
    this.family.incarnationEnded(process, verdict);
  }

  /**
   * Takes what `matches` from all: those who hold it, were offered it, or are to get it; where it travels with a message,
   * it arrives as one that has lapsed. @returns how many held it
   */
  revoke(matches: (cap: Capability) => boolean): number {
    let holders = 0;
    const lapse = (message: Envelope): boolean => {
      if (!message.capabilities.some(matches)) return false;
      message.capabilities = message.capabilities.map((cap) => (matches(cap) ? { ...cap, expires: 0 } : cap));
      return true;
    };
    for (const process of this.registry.all()) {
      if (process.capabilities.revoke(matches)) holders++;
      process.lapse(lapse);
    }
    this.#strikeGrants(matches);
    this.capabilityRecords.strike(matches);
    this.capabilityEpoch.value++;
    return holders;
  }

  /** By command of a person: what `holder` made of it and handed on ends too. */
  takeFrom(holder: Process, cap: Capability): void {
    holder.capabilities.drop(cap);
    const self = holder.address.text;
    this.revoke((other) => isFrom(other, self) && other.issuer !== self && endsWith(other, cap));
  }

  /** Process only: it is gone. */
  forget(gone: Process, why: EndReason): void {
    this.registry.delete(gone);
    this.capabilityEpoch.value++;
    gone.capabilities.end();
    const self = gone.address.text;
    // A node that stops, and a process that was given up, begin again with the next start: what they issued holds then.
    const byItself = why === "exit" || why === "crash";
    const forGood = why !== "stop" && !(byItself && gone.onExit === "Restart");
    this.capabilityRecords.left(gone.address.id.text, forGood);
    if (forGood) this.capabilityRecords.strikeFrom(self);
    if (!this.stopping || forGood) this.capabilityScope.revokeFrom(self, forGood); // else nobody is to use them any more
    this.waiting.failHeldBy(gone);
    this.#strikeGrants((cap) => isFrom(cap, self));
    this.keepers.gone(gone);
    this.events.emit({ type: "process-gone", process: gone.address.id.text, why });
    const gaveUp = this.givenUp.has(gone.address.id.text);
    this.monitors.gone(gone, why, gaveUp);
    this.family.gone(gone);
    this.links.gone(gone, why === "crash" || why === "link" || gaveUp);
  }

  /** What is recorded of a package's processes, also of those that are not there now, and what others hold of theirs. */
  forgetPackage(id: string): void {
    const isOf = (address: string): boolean => address.startsWith(`${this.name}@`) && address.endsWith(`:${id}`);
    this.capabilityRecords.forget((name) => name.endsWith(`:${id}`));
    this.revoke((cap) => isOf(cap.issuer) || (cap.params.includes(id) && lineage(cap).by.some(isOf)));
  }

  /** @param of whom; left out: of all */
  #strikeGrants(matches: (cap: Capability) => boolean, of?: string): void {
    for (const [name, given] of this.#grants) {
      if (of !== undefined && name !== of) continue;
      const left = given.filter((cap) => !matches(cap));
      if (left.length > 0) this.#grants.set(name, left);
      else this.#grants.delete(name);
    }
  }

  #allowEachOther(a: Process, b: Process): void {
    a.capabilities.add(capability(b.address, MESSAGING));
    b.capabilities.add(capability(a.address, MESSAGING));
  }
}

/** A process, or what stands for the instances of a family. */
type Issuer = Pick<Process, "address">;

function granted(issuer: Issuer, grant: CapabilityRequest): readonly [ProcessId, Capability] {
  const id = ProcessId.parse(typeof grant === "string" ? grant : grant.process);
  const params = typeof grant === "string" ? MESSAGING : JSON.stringify(grant.params);
  return [id, capability(issuer.address, params)];
}
