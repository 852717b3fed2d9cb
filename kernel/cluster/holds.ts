/**
 * The names that this node has: their processes, their claims, and what these keep.
 *
 * 1. A claim is given back when its process has ended, and what that wanted kept as its last is.
 * 2. What cannot be held any more ends at once: the lease is over, or another has the name.
 */
import type { ProcessId } from "../../lib/protocol/index.ts";
import { SpawnError } from "../errors.ts";
import type { Kernel } from "../kernel.ts";
import type { Process } from "../process.ts";
import type { Claim } from "./claims.ts";
import { ClusterError } from "./errors.ts";
import type { Joined, Outcome, Start } from "./found.ts";
import { KeptState, type Touched } from "./kept.ts";
import type { Programs } from "./programs.ts";

/** A name that this node has. @property claim null: alone */
type Hold = { readonly process: Process; readonly claim: Claim | null; readonly kept: KeptState | null };

export class Holds {
  readonly #kernel: Kernel;
  readonly #programs: Programs;
  readonly #joined: () => Joined | null;
  readonly #holds = new Map<string, Hold>(); // by process id, as all of these
  readonly #releases = new Map<string, Promise<void>>();
  readonly #ending = new Map<string, KeptState>(); // of processes that have ended, until their claims are given back

  /** @param joined null: this node is alone */
  constructor(kernel: Kernel, programs: Programs, joined: () => Joined | null) {
    this.#kernel = kernel;
    this.#programs = programs;
    this.#joined = joined;
  }

  get isFull(): boolean {
    return this.#holds.size >= this.#kernel.limits.clusterProcesses;
  }

  get names(): readonly string[] {
    return [...this.#holds.keys()];
  }

  get processes(): readonly Process[] {
    return [...this.#holds.values()].map(({ process }) => process);
  }

  has(name: string): boolean {
    return this.#holds.has(name);
  }

  /** Settled when this node's claim of that name, which it was giving back, is given back. */
  async released(name: string): Promise<void> {
    await this.#releases.get(name);
  }

  async allReleased(): Promise<void> {
    while (this.#releases.size > 0) await Promise.all(this.#releases.values());
  }

  /** For state:distro:sys: what a process of the cluster keeps; undefined: it keeps it as any other. */
  keptOf(id: ProcessId): KeptState | undefined {
    const { text: name } = id;
    const hold = this.#holds.get(name);
    if (hold !== undefined) return hold.kept ?? undefined;
    const ending = this.#ending.get(name);
    const joined = this.#joined();
    if (ending !== undefined || joined === null || (id.key === undefined && this.#programs.declared(id) === undefined))
      return ending;
    // It was lost with the name; kept on this node, it would be where nobody looks for it.
    const nobodys = { name, node: "", life: "", revision: 0 };
    return new KeptState(joined.claims, nobodys, { revision: 0, isEmpty: true }, never, nothing);
  }

  gone(process: Process): void {
    const name = process.address.id.text;
    const hold = this.#holds.get(name);
    if (hold?.process !== process) return;
    this.#holds.delete(name);
    const program = this.#programs.of(process.address.id);
    if (program?.cluster === "singleton") this.#programs.grant(program);
    if (hold.claim !== null) this.release(hold.claim, hold.kept);
  }

  /** Has the process made. It is run in a later microtask: what waits for it comes first, and no start is within another. */
  make(id: ProcessId, { program, claim, touched }: Start): Extract<Outcome, { readonly kind: "here" | "refused" }> {
    if (this.#kernel.stopping) {
      if (claim !== null) this.release(claim);
      return { kind: "refused", why: "Offline" };
    }
    let process: Process;
    try {
      process = this.#programs.make(program, id);
    } catch (error) {
      if (claim !== null) this.release(claim);
      if (error instanceof SpawnError && error.fault === "TooManyProcesses")
        return { kind: "refused", why: "Overloaded" };
      this.#kernel.events.emit({ type: "fault", process: id.text, error });
      return { kind: "refused", why: "Offline" };
    }
    this.#holds.set(id.text, { process, claim, kept: this.#keptState(id.text, claim, touched, process) });
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
    const joined = this.#joined();
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
  leaseOver(): void {
    const { roster } = this.#joined() ?? {};
    roster?.beginLife();
    const all = [...this.#holds.values()];
    if (all.length === 0) return;
    const { limits, events } = this.#kernel;
    const what = `the processes of the cluster on ${this.#kernel.name}`;
    const rule = `this node could not say for ${limits.directoryGone} ms that it is there: others may have them now. They end, ${all.length} of them`;
    const error = new ClusterError("lease", "go on with", what, rule);
    events.emit({ type: "fault", process: "kernel:distro:sys", error });
    for (const { process } of all) process.kill("stop");
  }

  /** @param kept of its process: what that wanted kept last is, before another may have the name */
  release(claim: Claim, kept: KeptState | null = null): void {
    const { claims, roster } = this.#joined() ?? {};
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
}

const never = (): boolean => false;
const nothing = (): void => undefined;

/** What it sent to be kept, as its last, is in the mailbox of state:distro:sys for the rest of this turn. */
async function lastKept(kept: KeptState): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  await kept.end();
}
