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
import { SpawnError } from "../errors.ts";
import type { Keeper } from "../keepers.ts";
import type { Kernel } from "../kernel.ts";
import type { Roster } from "../link/roster.ts";
import { mayBeNamed, mayBeReached, mayLeave } from "../network.ts";
import type { Process } from "../process.ts";
import { Alarm } from "../timer-wheel.ts";
import type { Claim, Claims } from "./claims.ts";
import { ClusterError } from "./errors.ts";
import { Finding, type Located, type Waiting } from "./finding.ts";
import { KeptState, type Touched, touch } from "./kept.ts";
import { Places } from "./places.ts";
import { type ClusterProgram, Programs } from "./programs.ts";
import { Tenure } from "./tenure.ts";

const TRIES = 3; // of two that take a name at once, one reads again who has it
const KNOWN_MAX = 10_000; // names whose node is remembered, some 200 bytes each
const MISSES = 2; // beats after which a singleton that its own place did not start is started by whoever sees it
const DESCRIBED_MAX = 1_000; // names in one answer to a person

/** A name that this node has. @property claim null: alone */
type Hold = { readonly process: Process; readonly claim: Claim | null; readonly kept: KeptState | null };

type Joined = { readonly claims: Claims; readonly roster: Roster; readonly places: Places; readonly tenure: Tenure };

/** How a search ended. `start`: its name is this node's, and the process has to be made. */
type Found =
  | { readonly kind: "here" }
  | {
      readonly kind: "start";
      readonly program: ClusterProgram;
      readonly claim: Claim | null;
      readonly touched: Touched;
    }
  | { readonly kind: "node"; readonly node: string }
  | { readonly kind: "refused"; readonly why: SendErrorKind; readonly nobody?: true };

const UNTOUCHED: Touched = { revision: 0, isEmpty: true };
const OFFLINE: Found = { kind: "refused", why: "Offline" };
const NOBODY: Found = { kind: "refused", why: "Offline", nobody: true };

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
  readonly #holds = new Map<string, Hold>(); // by process id, as all of these
  readonly #findings = new Map<string, Finding>();
  readonly #searches = new Map<string, Promise<unknown>>();
  readonly #known = new Map<string, string>(); // to a node
  readonly #checks = new Set<string>(); // nodes that the directory is asked about
  readonly #releases = new Map<string, Promise<void>>();
  readonly #ending = new Map<string, KeptState>(); // of processes that have ended, until their claims are given back
  readonly #misses = new Map<string, number>();
  #joined: Joined | null = null;
  /** It is settled whether this node has joined others. */
  #settle: () => void = () => undefined;
  readonly #settled: Promise<void>;
  #isFailing = false;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    this.#programs = new Programs(kernel);
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
    const all = [...this.#holds.values()].map(({ process }) => process);
    return all.filter(({ address }) => address.id.family.text === id.text);
  }

  /** For this node's record. */
  get programNames(): readonly string[] {
    return this.#programs.all.map(({ id }) => id.text);
  }

  // Joining others

  /** From now on names are held by claims. What was held without is ended: others may have the same. */
  join(claims: Claims, roster: Roster): void {
    const places = new Places(this.#kernel, roster);
    const tenure = new Tenure(this.#kernel, roster, () => this.#leaseOver());
    this.#joined = { claims, roster, places, tenure };
    this.#kernel.stopTogether([...this.#holds.values()].map(({ process }) => process));
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
    while (this.#releases.size > 0) await Promise.all(this.#releases.values());
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
      if (this.#isFull) return told({ why: "Overloaded", nobody: false });
      return told(this.#located(this.#make(id, { kind: "start", program, claim: null, touched: UNTOUCHED })));
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

  #located(found: Exclude<Found, { readonly kind: "start" }>): Located {
    if (found.kind === "refused") return { why: found.why, nobody: found.nobody === true };
    return { node: found.kind === "here" ? this.#kernel.name : found.node };
  }

  // What is held

  /** For state:distro:sys: what a process of the cluster keeps; undefined: it keeps it as any other. */
  keptOf(id: ProcessId): KeptState | undefined {
    const { text: name } = id;
    const hold = this.#holds.get(name);
    if (hold !== undefined) return hold.kept ?? undefined;
    const ending = this.#ending.get(name);
    if (ending !== undefined || this.#joined === null || (id.key === undefined && !this.declares(id))) return ending;
    // It was lost with the name; kept on this node, it would be where nobody looks for it.
    const nobodys = { name, node: "", life: "", revision: 0 };
    return new KeptState(this.#joined.claims, nobodys, UNTOUCHED, never, nothing);
  }

  restarting(): readonly Envelope[] {
    return [];
  }

  /** Keepers only. */
  gone(process: Process): void {
    const name = process.address.id.text;
    const hold = this.#holds.get(name);
    if (hold?.process !== process) return;
    this.#holds.delete(name);
    const program = this.#programs.of(process.address.id);
    if (program?.cluster === "singleton") this.#programs.grant(program);
    if (hold.claim !== null) this.#release(hold.claim, hold.kept);
  }

  /** For people: `{"Debug":"Cluster"}`. */
  describe(): ClusterFacts {
    const held = [...this.#holds.keys()];
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
      .then(() => this.#search(finding))
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

  #tell(finding: Finding, outcome: Exclude<Found, { readonly kind: "start" }>): void {
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

  #deliver(waiting: Waiting, found: Exclude<Found, { readonly kind: "start" }>): void {
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

  // Searching

  /** Rejects when it cannot be told. */
  async #search(finding: Finding): Promise<Found> {
    const { id } = finding;
    await this.#settledIn();
    if (this.#joined === null) {
      const program = this.#programs.of(id);
      return program === undefined ? OFFLINE : { kind: "start", program, claim: null, touched: UNTOUCHED };
    }
    for (let tries = 0; tries < TRIES; tries++) {
      const found = await this.#searchOnce(finding, this.#joined);
      if (found !== undefined) return found;
    }
    return OFFLINE;
  }

  async #settledIn(): Promise<void> {
    if (this.#kernel.joins) await this.#settled;
  }

  /** @returns undefined: another was faster */
  async #searchOnce(finding: Finding, joined: Joined): Promise<Found | undefined> {
    const { id } = finding;
    const { claims, places } = joined;
    await this.#releases.get(id.text);
    if (this.#holds.has(id.text)) return { kind: "here" };
    const claim = await claims.read(id.text);
    // One of this node's own is none that is good: it has no such process.
    if (claim !== undefined && claim.node !== this.#kernel.name && (await places.isGood(claim))) {
      this.#misses.delete(id.text);
      return { kind: "node", node: claim.node };
    }
    const node = await this.#place(finding, joined);
    if (node === undefined) return claim === undefined && !this.#isKnown(id, joined) ? NOBODY : OFFLINE;
    if (node !== this.#kernel.name) return { kind: "node", node };
    return await this.#take(id, claim ?? null, joined);
  }

  /** Who may have it is not there now, or leaves, or may take nothing: it may be otherwise in a moment. */
  #isKnown(id: ProcessId, { places }: Joined): boolean {
    return this.#programs.of(id) !== undefined || places.isKnown(id.family.text);
  }

  async #place(finding: Finding, joined: Joined): Promise<string | undefined> {
    const { id } = finding;
    const { name } = this.#kernel;
    const isHere = this.#programs.of(id) !== undefined && this.#mayTake(joined);
    if (finding.isAsked && isHere) return name;
    const node = await joined.places.choose(id.text, id.family.text, isHere);
    if (!finding.isTry || node === name || !isHere) return node;
    const misses = (this.#misses.get(id.text) ?? 0) + 1;
    this.#misses.set(id.text, misses);
    return misses > MISSES ? name : node;
  }

  #mayTake({ roster, tenure }: Joined): boolean {
    return !roster.isLeaving && !this.#kernel.stopping && tenure.left > 0;
  }

  async #take(id: ProcessId, over: Claim | null, joined: Joined): Promise<Found | undefined> {
    const { claims, roster } = joined;
    if (this.#isFull) return { kind: "refused", why: "Overloaded" };
    const { life } = roster;
    // When it cannot be told whether it was written, the next try reads it.
    const claim = await claims.take(id.text, { node: this.#kernel.name, life }, over).catch(() => undefined);
    if (claim === undefined) return undefined;
    try {
      const touched = await touch(claims, id.text);
      const program = this.#programs.of(id); // it may have gone meanwhile
      if (program !== undefined && roster.life === life && this.#mayTake(joined))
        return { kind: "start", program, claim, touched };
    } catch (error) {
      this.#release(claim);
      throw error;
    }
    this.#release(claim);
    return OFFLINE;
  }

  get #isFull(): boolean {
    return this.#holds.size >= this.#kernel.limits.clusterProcesses;
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

  // Holding

  #startAlone(program: ClusterProgram, waiting: Waiting): SendErrorKind | undefined {
    const { id } = waiting.request.target;
    if (this.#isFull) return "Overloaded";
    const made = this.#make(id, { kind: "start", program, claim: null, touched: UNTOUCHED });
    if (made.kind === "refused") return made.why;
    this.#deliver(waiting, made);
    return undefined;
  }

  /** Has the process made. It is run in a later microtask: what waits for it comes first, and no start is within another. */
  #make(
    id: ProcessId,
    { program, claim, touched }: Extract<Found, { readonly kind: "start" }>,
  ): Extract<Found, { readonly kind: "here" | "refused" }> {
    if (this.#kernel.stopping) {
      if (claim !== null) this.#release(claim);
      return { kind: "refused", why: "Offline" };
    }
    let process: Process;
    try {
      process = this.#programs.make(program, id);
    } catch (error) {
      if (claim !== null) this.#release(claim);
      if (error instanceof SpawnError && error.fault === "TooManyProcesses")
        return { kind: "refused", why: "Overloaded" };
      this.#kernel.events.emit({ type: "fault", process: id.text, error });
      return { kind: "refused", why: "Offline" };
    }
    this.#holds.set(id.text, { process, claim, kept: this.#keptState(id.text, claim, touched, process) });
    this.#known.delete(id.text);
    this.#misses.delete(id.text);
    void Promise.resolve().then(() => this.#run(process));
    return { kind: "here" };
  }

  #run(process: Process): void {
    const { queue } = this.#kernel;
    queue.begin();
    try {
      if (process.state === "held") process.run();
    } finally {
      queue.end();
    }
  }

  #keptState(name: string, claim: Claim | null, touched: Touched, process: Process): KeptState | null {
    const joined = this.#joined;
    if (claim === null || joined === null) return null;
    const isHeld = (): boolean => this.#holds.get(name)?.process === process || this.#ending.get(name) === kept;
    const isOurs = (): boolean => isHeld() && joined.tenure.left > 0;
    const kept = new KeptState(joined.claims, claim, touched, isOurs, () => this.#lost(process));
    return kept;
  }

  /** Another has its name: what it wanted kept was refused. */
  #lost(process: Process): void {
    const name = process.address.id.text;
    if (this.#holds.get(name)?.process !== process) return;
    const error = new ClusterError("fenced", "go on with", name, "another node has that name now: this one is ended");
    this.#kernel.events.emit({ type: "fault", process: name, error });
    process.kill("stop");
  }

  /** This node's records did not arrive for too long: others may take what it holds. */
  #leaseOver(): void {
    const { roster } = this.#joined ?? {};
    roster?.beginLife();
    const all = [...this.#holds.values()];
    if (all.length === 0) return;
    const { limits, events } = this.#kernel;
    const what = `the processes of the cluster on ${this.#kernel.name}`;
    const rule = `this node could not say for ${limits.directoryGone} ms that it is there: others may have them now. They end, ${all.length} of them`;
    const error = new ClusterError("lease", "go on with", what, rule);
    events.emit({ type: "fault", process: "kernel:distro:sys", error });
    this.#kernel.stopTogether(all.map(({ process }) => process));
  }

  /** @param kept of its process: what that wanted kept last is, before another may have the name */
  #release(claim: Claim, kept: KeptState | null = null): void {
    const { claims, roster } = this.#joined ?? {};
    if (claims === undefined || claim.life !== roster?.life) return; // of a life that is over: it is none that is good
    if (kept !== null) this.#ending.set(claim.name, kept);
    const done = (kept === null ? Promise.resolve() : lastKept(kept))
      .then(() => {
        this.#ending.delete(claim.name);
        return claims.release(claim);
      })
      .catch(() => undefined) // it stays: this node takes it again, and others when its life is over
      .finally(() => {
        if (this.#releases.get(claim.name) === done) this.#releases.delete(claim.name);
      });
    this.#releases.set(claim.name, done);
  }

  /** Singletons that nobody has. */
  #tryAll(): void {
    for (const program of this.#programs.all) {
      const { id } = program;
      if (program.cluster !== "singleton" || this.#holds.has(id.text) || this.#findings.has(id.text)) continue;
      if (this.#kernel.stopping || this.#kernel.joins !== (this.#joined !== null)) continue;
      if (this.#joined === null) {
        if (!this.#isFull) this.#make(id, { kind: "start", program, claim: null, touched: UNTOUCHED });
      } else if (this.#mayTake(this.#joined)) this.#find(new Finding(id, true));
    }
  }
}

const never = (): boolean => false;
const nothing = (): void => undefined;

/** What it sent to be kept, as its last, is in the mailbox of state:distro:sys for the rest of this turn. */
async function lastKept(kept: KeptState): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  await kept.end();
}

/** Claims are kept under it. */
function mayBeOfCluster(id: ProcessId): boolean {
  return id.key === undefined ? id.isSafe() : id.isInstance();
}
