/**
 * Processes of the cluster: found by whoever asks, started where nobody holds their name, ended where it is lost
 * (docs/adr/0037, docs/cluster.md).
 *
 * 1. What is for a name that no process here has waits until it is known who holds it, in order; then it goes there, or the
 *    name is taken and the process started here. Nothing is sent twice, and each request has one outcome.
 * 2. Who chose this node to have a name asks it; whoever asked in vain asks the directory the next time.
 * 3. Whoever holds a name holds its claim, in one life of this node. When that is over (tenure.ts), all of them end.
 * 4. Alone, on a node that has joined no others, names are held without claims, and started at once.
 */
import {
  type Address,
  ANY_NODE,
  type Envelope,
  type ProcessId,
  type SendErrorKind,
  textOf,
} from "../../lib/protocol/index.ts";
import type { Keeper } from "../keepers.ts";
import type { Kernel } from "../kernel.ts";
import type { Roster } from "../link/roster.ts";
import { mayBeNamed, mayBeReached, mayLeave } from "../network.ts";
import type { Process } from "../process.ts";
import { Alarm } from "../timer-wheel.ts";
import type { Claims } from "./claims.ts";
import { ClusterError } from "./errors.ts";
import { Finding, type Located, type Waiting } from "./finding.ts";
import { type Found, type Joined, OFFLINE, type Outcome, type Start, startAlone } from "./found.ts";
import { Holds } from "./holds.ts";
import type { KeptState } from "./kept.ts";
import { Places } from "./places.ts";
import { type ClusterProgram, Programs } from "./programs.ts";
import { Search } from "./search.ts";
import { Tenure } from "./tenure.ts";

const KNOWN_MAX = 10_000; // names whose node is remembered, some 200 bytes each
const DESCRIBED_MAX = 1_000; // names in one answer to a person

export type ClusterFacts = {
  /** Where claims are; null: it is alone. */
  readonly claims: string | null;
  readonly life: string | null;
  /** ms that it may go on with what it holds without a word of the directory; null: it is alone. */
  readonly lease_ms: number | null;
  readonly programs: readonly { readonly id: string; readonly cluster: string }[];
  readonly held: readonly string[];
  readonly finding: readonly { readonly name: string; readonly waiting: number }[];
  /** How many names of other nodes it remembers. */
  readonly known: number;
  /** How many of `held` and `finding` were left out. */
  readonly more: number;
};

export class Cluster implements Keeper {
  readonly #kernel: Kernel;
  readonly #programs: Programs;
  readonly #holds: Holds;
  readonly #search: Search;
  readonly #findings = new Map<string, Finding>(); // by process id, as all of these
  readonly #searches = new Map<string, Promise<unknown>>();
  readonly #known = new Map<string, string>(); // to a node
  readonly #checks = new Set<string>(); // nodes that the directory is asked about
  #joined: Joined | null = null;
  /** It is settled whether this node has joined others. */
  #settle: () => void = () => undefined;
  readonly #settled: Promise<void>;
  #isFailing = false;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    this.#programs = new Programs(kernel);
    this.#holds = new Holds(kernel, this.#programs, () => this.#joined);
    this.#search = new Search(kernel, this.#programs, this.#holds);
    this.#settled = new Promise((resolve) => {
      this.#settle = resolve;
    });
    kernel.keepers.add(this);
  }

  // Programs

  /** @throws {SpawnError} NameTaken @throws {ClusterError} too_many_programs */
  add(program: ClusterProgram): void {
    this.#programs.add(program);
  }

  /** What was added may run: a singleton does from now on. */
  added(): void {
    this.#tryAll();
    void this.#joined?.roster.refresh();
  }

  /** @param isGone its instances end for good; else as with a node that stops */
  remove(id: ProcessId, isGone: boolean): void {
    if (!this.#programs.delete(id)) return;
    for (const process of this.instancesOf(id)) process.kill(isGone ? "kill" : "stop");
    void this.#joined?.roster.refresh();
  }

  /** Another version: what runs, the caller restarts. @returns what runs of it here */
  replace(program: ClusterProgram): readonly Process[] {
    const before = this.#programs.declared(program.id);
    this.#programs.replace(program);
    const processes = this.instancesOf(program.id);
    for (const process of processes) {
      for (const cap of this.#kernel.asked(before?.requestCapabilities)) process.capabilities.unequip(cap);
      if (before !== undefined) this.#programs.ungrantParams(process, before);
      process.replace({ file: "", onExit: "None", public: false, dialect: process.dialect, ...program });
      this.#programs.equip(process, program);
    }
    return processes;
  }

  /** Whether that name, without a key, is one of the cluster here. */
  declares(id: ProcessId): boolean {
    return this.#programs.declared(id) !== undefined;
  }

  instancesOf(id: ProcessId): readonly Process[] {
    return this.#holds.processes.filter(({ address }) => address.id.family.text === id.text);
  }

  /** For this node's record. */
  get programNames(): readonly string[] {
    return this.#programs.all.map(({ id }) => id.text);
  }

  // Joining others

  /** From now on names are held by claims. What was held without is ended: others may have the same. */
  join(claims: Claims, roster: Roster): void {
    const places = new Places(this.#kernel, roster);
    const tenure = new Tenure(this.#kernel, roster, () => this.#holds.leaseOver());
    this.#joined = { claims, roster, places, tenure };
    for (const process of this.#holds.processes) process.kill("stop");
  }

  /** It has joined nobody, and will not. */
  alone(): void {
    this.#settle();
    this.#tryAll();
  }

  /** Roster only: it has written its record, or could not. */
  beat(): void {
    this.#settle();
    this.#joined?.tenure.look();
    this.#tryAll();
  }

  /** All that was held here has been given back. */
  async left(): Promise<void> {
    this.#joined?.tenure.end();
    await this.#holds.allReleased();
  }

  // Messages

  /** Whether a process here has that name. */
  has(id: ProcessId): boolean {
    return this.#holds.has(id.text);
  }

  mayMessage(from: Process, id: ProcessId): boolean {
    const program = this.#programs.of(id);
    return program !== undefined && this.#kernel.bus.mayMessageName(from, id, program.public ?? false);
  }

  /** For a name that no process here has. @returns why not; undefined: it will have its outcome */
  send(request: Envelope, from: Process): SendErrorKind | undefined {
    const { id, node } = request.target;
    const program = this.#programs.of(id);
    if (program === undefined && (node !== ANY_NODE || this.#isAlone || !mayBeOfCluster(id))) return "Offline";
    const here = this.mayMessage(from, id);
    const away = !this.#isAlone && mayLeave(this.#kernel.name, request, from);
    // Another node would not take it either, and here it must not have the process started that it may not message.
    if (!here && (!away || program !== undefined)) return "Denied";
    const waiting: Waiting = { request, from, here, away };
    if (program !== undefined && this.#isAlone && !this.#findings.has(id.text))
      return this.#startAlone(program, waiting);
    const known = this.#known.get(id.text);
    if (known !== undefined && !this.#findings.has(id.text) && this.#isThere(known)) return this.#go(waiting, known);
    return this.#wait(id, waiting);
  }

  /** The same of another node's. @param refused called when it is Offline, besides what its requester hears */
  arrived(request: Envelope, refused: () => void): void {
    const { bus } = this.#kernel;
    const { id } = request.target;
    const program = this.#programs.of(id);
    let why: SendErrorKind | undefined;
    if (program === undefined) why = "Offline";
    else if (!mayBeNamed(id, program.public ?? false, request.source)) why = "Denied";
    else {
      const waiting: Waiting = { request, from: null, here: true, away: false, refused };
      const isNew = this.#isAlone && !this.#findings.has(id.text);
      why = isNew ? this.#startAlone(program, waiting) : this.#wait(id, waiting);
    }
    if (why === "Offline") refused();
    if (why !== undefined) bus.refuse(request, why);
  }

  /** Link only: what was sent there for that name found nobody. */
  lostAt(node: string, name: string): void {
    if (this.#known.get(name) === node) this.#known.delete(name);
  }

  /** Link only: it began anew. */
  nodeGone(node: string): void {
    for (const [name, at] of this.#known) if (at === node) this.#known.delete(name);
    this.#joined?.places.forget(node);
  }

  /** Link only: nobody is there. */
  nodeAbsent(node: string): void {
    this.nodeGone(node);
    this.#joined?.places.absent(node);
  }

  // Channels

  /** Whether this node has the program of that name: it may have it. */
  mayHave(id: ProcessId): boolean {
    return this.#programs.of(id) !== undefined;
  }

  /** Whether a process of another node may message the one of that name, were it here. */
  mayBeReached(id: ProcessId, source: Address): boolean {
    const program = this.#programs.of(id);
    return program !== undefined && mayBeNamed(id, program.public ?? false, source);
  }

  /**
   * Which node has that name, or is to have it; it is this one when its process is here, started if need be.
   * @param isAsked another node chose this one @param told in a turn, perhaps before this returns
   */
  locate(id: ProcessId, isAsked: boolean, told: (found: Located) => void): void {
    const { limits, name } = this.#kernel;
    const program = this.#programs.of(id);
    if (this.has(id)) return told({ node: name });
    if (this.#isAlone && !this.#findings.has(id.text)) {
      if (program === undefined) return told({ why: "Offline", nobody: true });
      if (this.#holds.isFull) return told({ why: "Overloaded", nobody: false });
      return told(this.#located(this.#make(id, startAlone(program))));
    }
    const known = this.#known.get(id.text);
    let finding = this.#findings.get(id.text);
    if (known !== undefined && finding === undefined && !isAsked) return told({ node: known });
    const isNew = finding === undefined;
    if (isNew && this.#findings.size >= limits.clusterFinding) return told({ why: "Overloaded", nobody: false });
    finding ??= new Finding(id, false);
    if (isAsked) finding.isAsked = true;
    if (!finding.ask(told, limits.clusterWaiting)) return told({ why: "Overloaded", nobody: false });
    if (isNew) this.#find(finding);
  }

  #located(found: Outcome): Located {
    if (found.kind === "refused") return { why: found.why, nobody: found.nobody === true };
    return { node: found.kind === "here" ? this.#kernel.name : found.node };
  }

  restarting(): readonly Envelope[] {
    return [];
  }

  /** For state:distro:sys: what a process of the cluster keeps; undefined: it keeps it as any other. */
  keptOf(id: ProcessId): KeptState | undefined {
    return this.#holds.keptOf(id);
  }

  /** Keepers only. */
  gone(process: Process): void {
    this.#holds.gone(process);
  }

  /** For people: `{"Debug":"Cluster"}`. */
  describe(): ClusterFacts {
    const held = this.#holds.names;
    const finding = [...this.#findings].map(([name, { size }]) => ({ name, waiting: size }));
    const more = Math.max(0, held.length - DESCRIBED_MAX) + Math.max(0, finding.length - DESCRIBED_MAX);
    return {
      claims: this.#joined?.claims.where ?? null,
      life: this.#joined?.roster.life ?? null,
      lease_ms: this.#joined === null ? null : Math.round(this.#joined.tenure.left),
      programs: this.#programs.all.map(({ id, cluster }) => ({ id: id.text, cluster })),
      held: held.slice(0, DESCRIBED_MAX),
      finding: finding.slice(0, DESCRIBED_MAX),
      known: this.#known.size,
      more,
    };
  }

  get #isAlone(): boolean {
    return this.#joined === null && !this.#kernel.joins;
  }

  // Sending

  #go({ request, away }: Waiting, node: string): SendErrorKind | undefined {
    if (!away) return "Denied";
    const why = this.#kernel.link?.send(request, node) ?? (this.#kernel.link === null ? "Offline" : undefined);
    if (why === "Offline") this.lostAt(node, request.target.id.text);
    return why;
  }

  /** Whether what is remembered of it may be used; a beat later it is asked again, meanwhile messages go on. */
  #isThere(node: string): boolean {
    const { places } = this.#joined ?? {};
    if (places === undefined) return false;
    const age = places.ageOf(node);
    const { directoryBeat, directoryGone } = this.#kernel.limits;
    if (age > directoryBeat && !this.#checks.has(node)) {
      this.#checks.add(node);
      void places
        .isSame(node)
        .then((isSame) => isSame || this.nodeGone(node))
        .catch(() => undefined) // it cannot be told now: messages do not need the directory
        .finally(() => this.#checks.delete(node));
    }
    return age < directoryGone;
  }

  #wait(id: ProcessId, waiting: Waiting): SendErrorKind | undefined {
    const { limits } = this.#kernel;
    const finding = this.#findings.get(id.text);
    if (finding !== undefined) return finding.add(waiting, limits.clusterWaiting) ? undefined : "Overloaded";
    if (this.#findings.size >= limits.clusterFinding) return "Overloaded";
    const made = new Finding(id, false);
    made.add(waiting, limits.clusterWaiting);
    this.#find(made);
    return undefined;
  }

  #find(finding: Finding): void {
    const name = finding.id.text;
    this.#findings.set(name, finding);
    const alarm = new Alarm(() => this.#end(finding, OFFLINE));
    this.#kernel.wheel.add(alarm, this.#kernel.limits.clusterFind);
    const before = this.#searches.get(name) ?? Promise.resolve();
    const search = before
      .then(() => this.#searched(finding))
      .then(
        (found) => {
          this.#isFailing = false;
          return found;
        },
        (error) => this.#failed(name, error),
      )
      .then((found) => {
        this.#kernel.wheel.cancel(alarm);
        this.#end(finding, found);
        if (this.#searches.get(name) === search) this.#searches.delete(name);
      });
    this.#searches.set(name, search);
  }

  /** Runs as a turn of its own, as frames of sockets do. */
  #end(finding: Finding, found: Found): void {
    const { queue } = this.#kernel;
    const name = finding.id.text;
    queue.begin();
    try {
      const next = this.#findings.get(name); // another, when this one was given up
      if (next === finding) this.#findings.delete(name);
      const outcome = found.kind === "start" ? this.#make(finding.id, found) : found;
      if (found.kind === "node") this.#know(name, found.node);
      this.#tell(finding, outcome);
      // What is sent from now on goes there at once: what waits must not be behind it.
      if (next !== undefined && next !== finding && outcome.kind === "here") this.#tell(next, outcome);
    } finally {
      queue.end();
    }
  }

  #tell(finding: Finding, outcome: Outcome): void {
    for (const waiting of finding.take()) {
      this.#deliver(waiting, outcome);
      Finding.done(waiting);
    }
    finding.tell(this.#located(outcome));
  }

  #know(name: string, node: string): void {
    const [oldest] = this.#known.keys();
    if (oldest !== undefined && this.#known.size >= KNOWN_MAX) this.#known.delete(oldest);
    this.#known.set(name, node);
  }

  #deliver(waiting: Waiting, found: Outcome): void {
    const { bus, name, registry } = this.#kernel;
    const { request, from, here } = waiting;
    let why: SendErrorKind | undefined;
    if (found.kind === "refused") why = found.why;
    else if (found.kind === "node") why = from === null ? "Offline" : this.#go(waiting, found.node);
    else {
      const process = registry.get(request.target.id);
      if (process === undefined) why = "Offline";
      else if (from === null ? !mayBeReached(name, process, request) : !here) why = "Denied";
      else bus.deliver(request, process);
    }
    if (why === "Offline") waiting.refused?.();
    if (why !== undefined) bus.refuse(request, why);
  }

  /** Rejects when it cannot be told. */
  async #searched(finding: Finding): Promise<Found> {
    if (this.#kernel.joins) await this.#settled;
    if (this.#joined !== null) return await this.#search.find(finding, this.#joined);
    const program = this.#programs.of(finding.id);
    return program === undefined ? OFFLINE : startAlone(program);
  }

  #failed(name: string, cause: unknown): Found {
    if (!this.#isFailing) {
      this.#isFailing = true;
      const rule = `what tells who has it does not do what it is asked: ${textOf(cause)}. Are the servers there, most of them together, with room? It is Offline`;
      const error = new ClusterError("not_told", "find", name, rule, { cause });
      this.#kernel.events.emit({ type: "fault", process: "kernel:distro:sys", error });
    }
    return OFFLINE;
  }

  #startAlone(program: ClusterProgram, waiting: Waiting): SendErrorKind | undefined {
    const { id } = waiting.request.target;
    if (this.#holds.isFull) return "Overloaded";
    const made = this.#make(id, startAlone(program));
    if (made.kind === "refused") return made.why;
    this.#deliver(waiting, made);
    return undefined;
  }

  #make(id: ProcessId, start: Start): ReturnType<Holds["make"]> {
    const made = this.#holds.make(id, start);
    if (made.kind === "here") {
      this.#known.delete(id.text);
      this.#search.forgetMisses(id.text);
    }
    return made;
  }

  /** Singletons that nobody has. */
  #tryAll(): void {
    for (const program of this.#programs.all) {
      const { id } = program;
      if (program.cluster !== "singleton" || this.#holds.has(id.text) || this.#findings.has(id.text)) continue;
      if (this.#kernel.stopping || this.#kernel.joins !== (this.#joined !== null)) continue;
      if (this.#joined === null) {
        if (!this.#holds.isFull) this.#make(id, startAlone(program));
      } else if (this.#search.mayTake(this.#joined)) this.#find(new Finding(id, true));
    }
  }
}

/** Claims are kept under it. */
function mayBeOfCluster(id: ProcessId): boolean {
  return id.key === undefined ? id.isSafe() : id.isInstance();
}
