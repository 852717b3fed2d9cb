/**
 * A node: one kernel with a name, the packages it loaded, and its start and stop.
 *
 * Start order: kernel:distro:sys, then system processes as they are added, then packages as they are loaded.
 * Stop: what `onStop` was given (last added first: listeners close, channels hear 1001), then mailboxes drain up to
 * limits.drain, then every program's own exit in reverse order of start, children before their parent; nothing is
 * restarted. Then `afterStop`.
 */
import { isSafeNodeName, KERNEL, OptionError, PackageId, ProcessId, type Program } from "../lib/protocol/index.ts";
import type { Claims } from "./cluster/claims.ts";
import type { Cluster } from "./cluster/cluster.ts";
import type { ClusterKind } from "./cluster/kinds.ts";
import { PackageError } from "./errors.ts";
import { Kernel, type KernelOptions, type RegisterOptions } from "./kernel.ts";
import { kernelProgram } from "./kernel-process.ts";
import type { Directory } from "./link/directory.ts";
import type { Link } from "./link/link.ts";
import type { NatsOptions } from "./link/nats-wire.ts";
import type { NodeAbout } from "./link/roster.ts";
import type { Wire } from "./link/wire.ts";
import { isOfCluster, loadPackage, type Package } from "./package.ts";
import { changePackage } from "./package-change.ts";
import type { Process } from "./process.ts";

const DRAIN_POLL = 5; // ms between looks whether mailboxes are empty

export type NodeOptions = KernelOptions;

export class Node {
  readonly kernel: Kernel;
  readonly #packages = new Map<string, Package>();
  readonly #onStop: (() => void | Promise<void>)[] = [];
  readonly #afterStop: (() => void | Promise<void>)[] = [];
  #stopped: Promise<void> | undefined;

  /** @throws {OptionError} the name or a limit */
  constructor(options: NodeOptions) {
    if (!isSafeNodeName(options.name)) {
      throw new OptionError(
        `Cannot start node ${JSON.stringify(options.name)} as a name has only the letters a-z 0-9 . - _: leave it out for "localhost"`,
      );
    }
    this.kernel = new Kernel(options);
    this.addSystemProcess({
      id: KERNEL,
      program: kernelProgram(
        this.kernel,
        (id) => this.#packages.get(id)?.folder,
        () => void this.stop(),
      ),
      trusted: true,
    });
  }

  get name(): string {
    return this.kernel.name;
  }

  /** Registers and runs a process of distro:sys. */
  addSystemProcess(options: RegisterOptions): Process {
    const process = this.kernel.register({ mailbox: this.kernel.limits.systemMailbox, onExit: "Restart", ...options });
    process.run();
    return process;
  }

  /** Registers and runs a process made in memory: tests, benches, programs that embed a node. */
  addProcess(id: ProcessId, program: Program, options: AddProcessOptions = {}): Process {
    const process = this.kernel.register({
      id,
      program,
      onExit: options.onExit ?? "None",
      ...(options.restart === undefined ? {} : { restart: options.restart }),
      public: options.public ?? false,
      ...(options.dialect === undefined ? {} : { dialect: options.dialect }),
    });
    this.#equip(process, options);
    process.run();
    return process;
  }

  /**
   * The same of one that runs once in the cluster, or once per key: `room:chat:template.os` is asked as
   * `*@room/42:chat:template.os`. @throws {SpawnError} (rejects) NameTaken @throws {ClusterError} (rejects)
   */
  async addClusterProcess(
    id: ProcessId,
    kind: ClusterKind,
    program: Program,
    options: AddProcessOptions = {},
  ): Promise<void> {
    const cluster = await this.cluster();
    const { requestCapabilities = [], grantCapabilities = [], ...rest } = options;
    const network = { process: KERNEL.text, params: "network" };
    cluster.add({
      ...rest,
      id,
      program,
      cluster: kind,
      folder: null,
      requestCapabilities: [network, ...requestCapabilities],
      grantCapabilities,
    });
    cluster.added();
  }

  /** What runs once in the cluster, or once per key. Loaded when first asked for: most nodes have none. */
  async cluster(): Promise<Cluster> {
    const { Cluster } = await import("./cluster/cluster.ts");
    this.kernel.cluster ??= new Cluster(this.kernel);
    return this.kernel.cluster;
  }

  /** Loads a package's folder and runs its processes, in the manifest's order. @throws {PackageError} @throws {SpawnError} NameTaken */
  async addPackage(folder: string): Promise<Package> {
    const loaded = await loadPackage(folder);
    const id = new PackageId(loaded.name, loaded.publisher).text;
    if (this.#packages.has(id))
      throw new PackageError(folder, `package "${id}" is loaded already from "${this.#packages.get(id)?.folder}"`);
    return await this.#add(loaded);
  }

  async #add(loaded: Package): Promise<Package> {
    const processes: Process[] = [];
    const { folder } = loaded;
    const ofCluster = loaded.processes.filter(isOfCluster);
    const ordinary = loaded.processes.filter((entry) => !isOfCluster(entry));
    const cluster = ofCluster.length === 0 ? null : await this.cluster();
    const declared: ProcessId[] = [];
    try {
      // All have their names before any runs: they may message each other from their init.
      for (const entry of ordinary) processes.push(this.kernel.register({ ...entry, folder }));
      for (const entry of ofCluster) {
        cluster?.add({ ...entry, folder });
        declared.push(entry.id);
      }
      for (const [index, entry] of ordinary.entries()) {
        const process = processes[index];
        if (process !== undefined) this.#equip(process, entry);
      }
    } catch (thrown) {
      for (const process of processes) process.kill("stop"); // all or nothing: or their names would stay taken. Not for good
      for (const id of declared) cluster?.remove(id, false);
      throw thrown;
    }
    this.#packages.set(new PackageId(loaded.name, loaded.publisher).text, loaded);
    for (const process of processes) process.run();
    cluster?.added();
    return loaded;
  }

  /** Links it to other nodes by `wire`; ends with the node. @throws {LinkError} (rejects) it cannot be had */
  async link(wire: Wire): Promise<Link> {
    const { Link } = await import("./link/link.ts"); // most nodes are alone
    const link = new Link(this.kernel, wire);
    await link.open();
    this.kernel.link = link;
    this.afterStop(() => link.close());
    return link;
  }

  /** Links it by NATS servers. @throws {LinkError} (rejects) none of them lets it in, or it is linked there already */
  async linkByNats(options: Omit<NatsOptions, "node">): Promise<Link> {
    const { NatsWire } = await import("./link/nats-wire.ts"); // and its client, which takes as long to load as the kernel
    return await this.link(new NatsWire({ ...options, node: this.kernel.name }));
  }

  /**
   * Lets the others find it, and knows of them from then on. Without a directory it goes on, and looks for one again.
   * @param about asked at each beat @param claims who holds names of the cluster; left out: each node has its own
   * @returns why there is none yet; undefined: there is
   */
  async join(directory: Directory, about: () => NodeAbout, claims?: Claims): Promise<string | undefined> {
    const { Roster } = await import("./link/roster.ts");
    const roster = new Roster(this.kernel, directory, about);
    this.kernel.roster = roster;
    if (claims === undefined) {
      this.joinsNobody();
      this.onStop(() => roster.leave());
      this.afterStop(() => roster.close());
      return await roster.open();
    }
    const cluster = await this.cluster();
    this.kernel.joins = true;
    cluster.join(claims, roster);
    this.onStop(() => roster.beginLeaving());
    this.afterStop(async () => {
      await cluster.left();
      await roster.leave();
      await roster.close();
    });
    return await roster.open();
  }

  /** It is about to join others: until then, or until `joinsNobody`, what is for names of the cluster waits. */
  awaitJoin(): void {
    this.kernel.joins = true;
  }

  /** Names of the cluster are its own. */
  joinsNobody(): void {
    this.kernel.joins = false;
    this.kernel.cluster?.alone();
  }

  /**
   * As `join`, in JetStream of NATS servers, with the names of the cluster that are held there.
   * @param options with the seed of its user in the account STORE
   */
  async joinByNats(options: Omit<NatsOptions, "node">, about: () => NodeAbout): Promise<string | undefined> {
    const { NatsClaims } = await import("./link/nats-claims.ts");
    const { NatsDirectory } = await import("./link/nats-directory.ts");
    const { NatsStore } = await import("./link/nats-store.ts");
    const store = new NatsStore({ ...options, node: this.kernel.name }); // one connection for both; the roster closes it
    return await this.join(new NatsDirectory(store), about, new NatsClaims(store));
  }

  /** The packages it has, by `package:publisher`. */
  get packages(): ReadonlyMap<string, Package> {
    return this.#packages;
  }

  /**
   * Puts what is in `folder` in the place of the version that runs, or adds it: see package-change.ts. Node keeps what it
   * once read of a file, so a new version of one needs a folder of its own.
   * @throws {PackageError} @throws {SpawnError} nothing has changed then
   */
  async changePackage(folder: string): Promise<Package> {
    const loaded = await loadPackage(folder);
    const id = new PackageId(loaded.name, loaded.publisher).text;
    const before = this.#packages.get(id);
    if (before === undefined) return await this.#add(loaded);
    if (loaded.processes.some(isOfCluster)) await this.cluster();
    this.#packages.set(id, loaded);
    try {
      await changePackage(this.kernel, before, loaded);
    } catch (thrown) {
      this.#packages.set(id, before);
      throw thrown;
    }
    return loaded;
  }

  /** Kills its processes, spawned ones too, and forgets it and their capabilities. @returns false: there is none by that name */
  removePackage(id: string): boolean {
    const isThere = this.#packages.delete(id);
    if (isThere)
      for (const process of this.kernel.registry.all()) if (process.address.id.packageId.text === id) process.kill();
    const { cluster } = this.kernel;
    for (const name of cluster?.programNames ?? [])
      if (name.endsWith(`:${id}`)) cluster?.remove(ProcessId.parse(name), true);
    this.kernel.forgetPackage(id);
    return isThere;
  }

  /** Runs first when the node stops; last added, first run. */
  onStop(stop: () => void | Promise<void>): void {
    this.#onStop.unshift(stop);
  }

  /** Runs last, when every process has ended and its stores are closed; last added, first run. */
  afterStop(stop: () => void | Promise<void>): void {
    this.#afterStop.unshift(stop);
  }

  /** Stops once; further calls wait for the same end. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  #equip(process: Process, options: AddProcessOptions): void {
    try {
      for (const cap of this.kernel.asked(options.requestCapabilities)) process.capabilities.equip(cap);
      this.kernel.grantOwn(process, options.grantCapabilities);
    } catch (thrown) {
      process.kill("stop"); // or its name would stay taken
      throw thrown;
    }
  }

  async #stop(): Promise<void> {
    const { kernel } = this;
    kernel.stopping = true;
    for (const stop of this.#onStop) await stop();
    await this.#until(() => kernel.registry.all().every((process) => process.quiet), kernel.limits.drain);
    // All packages share one limit, so that a hundred that hang cost no more than one; the node's own flush stores.
    const end = kernel.clock.monotonic() + kernel.limits.drain;
    for (const process of [...kernel.family.inOrder(kernel.registry.all())].reverse()) {
      const isOwn = process.address.id.packageId.text === "distro:sys";
      await this.#within(process.farewell(), isOwn ? kernel.limits.drain : end - kernel.clock.monotonic());
      process.kill("stop");
    }
    for (const process of kernel.registry.all()) process.kill("stop"); // made during a farewell
    await this.#within(kernel.placements.stop(), kernel.limits.drain); // a thread in a call of the system ends behind that
    kernel.wheel.clear();
    for (const stop of this.#afterStop) await stop();
    kernel.wheel.clear(); // what these set
  }

  /** Waits for `work`, or `ms` when it takes longer. */
  async #within(work: Promise<void>, ms: number): Promise<void> {
    let cancel = (): void => undefined;
    const late = new Promise<void>((resolve) => {
      cancel = this.kernel.clock.setTimeout(resolve, Math.max(0, ms));
    });
    await Promise.race([work, late]);
    cancel();
  }

  async #until(done: () => boolean, withinMs: number): Promise<void> {
    const { clock } = this.kernel;
    const end = clock.monotonic() + withinMs;
    await null; // what was just posted gets its turn first
    while (!done() && clock.monotonic() < end)
      await new Promise<void>((resolve) => clock.setTimeout(resolve, DRAIN_POLL));
  }
}

export type AddProcessOptions = Pick<RegisterOptions, "onExit" | "restart" | "public" | "dialect"> & {
  readonly requestCapabilities?: readonly (string | { readonly process: string; readonly params: unknown })[];
  readonly grantCapabilities?: readonly (string | { readonly process: string; readonly params: unknown })[];
};

/** @throws {OptionError} the name or a limit */
export function createNode(options: Partial<NodeOptions> = {}): Node {
  return new Node({ name: "localhost", ...options });
}
