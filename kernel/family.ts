/**
 * Parents and children: who spawned whom, and what ends with whom (docs/adr/0018).
 *
 * 1. A child ends with the incarnation of its parent that spawned it, or with the parent for good: its `lifetime`.
 * 2. Children end in the reverse order of their start, each after its own children: in peace, until the one time limit
 *    of the whole tree is over; then at once.
 * 3. A parent's next incarnation begins when the children of the one before are gone: it may give their names again.
 * 4. Who has neither parent nor children is not in here.
 */
import type { Child, EndReason, Lifetime, Stopped } from "../lib/protocol/index.ts";
import type { Kernel } from "./kernel.ts";
import type { Process } from "./process.ts";
import { Alarm } from "./timer-wheel.ts";
import type { Verdict } from "./verdict.ts";

type Member = {
  parent: Process | null;
  /** Of a child. */
  lifetime: Lifetime;
  /** Generations above it. */
  depth: number;
  /** In the order of their start; null: none yet, as of nearly all that are children themselves. */
  children: Set<Process> | null;
  /** Children of an incarnation that has ended; null: none. */
  stopping: Promise<void> | null;
};

export class Family {
  readonly #kernel: Kernel;
  readonly #members = new Map<Process, Member>();
  readonly #whenGone = new Map<Process, (() => void)[]>();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** Those that have, or had, a parent or children. */
  get size(): number {
    return this.#members.size;
  }

  /** How many generations a child of `parent` would have above it. */
  depthBelow(parent: Process): number {
    return (this.#members.get(parent)?.depth ?? 0) + 1;
  }

  /** `child` has just been made. */
  adopt(parent: Process, child: Process, lifetime: "incarnation" | "parent"): void {
    const above = this.#member(parent);
    above.children ??= new Set();
    above.children.add(child);
    const member = this.#member(child);
    member.parent = parent;
    member.lifetime = lifetime;
    member.depth = above.depth + 1;
  }

  parentOf(process: Process): Process | null {
    return this.#members.get(process)?.parent ?? null;
  }

  /** In the order of their start. */
  childrenOf(process: Process): readonly Process[] {
    return [...(this.#members.get(process)?.children ?? [])];
  }

  /** What a process is told of its own. */
  children(process: Process): readonly Child[] {
    return this.childrenOf(process).map(({ address, state, incarnation }) => ({
      process: address.id.text,
      state,
      incarnation,
    }));
  }

  isAncestor(process: Process, of: Process): boolean {
    for (let above = this.parentOf(of); above !== null; above = this.parentOf(above)) {
      if (above === process) return true;
    }
    return false;
  }

  /** All of `processes` so that who is last ends first when they are ended in reverse: parents before children, as they started. */
  inOrder(processes: readonly Process[]): readonly Process[] {
    const ordered: Process[] = [];
    const waiting = processes.filter((process) => this.parentOf(process) === null).reverse();
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      ordered.push(next);
      for (const child of [...this.childrenOf(next)].reverse()) waiting.push(child);
    }
    return ordered;
  }

  /** Ends `process` and all below it within `ms`. @returns how itself ended */
  stop(process: Process, ms: number, reason: EndReason): Promise<Stopped> {
    return this.#stopTree(process, this.#now() + ms, reason);
  }

  /** An incarnation has ended; gone for good comes by `gone`. */
  incarnationEnded(process: Process, { restarts }: Verdict): void {
    const member = this.#members.get(process);
    if (member === undefined || !restarts) return;
    const children = this.childrenOf(process).filter((child) => this.#members.get(child)?.lifetime === "incarnation");
    if (children.length === 0) return;
    const stopping = this.#stopAll(children, this.#now() + this.#kernel.limits.farewell).then(() => {
      if (member.stopping !== stopping) return;
      member.stopping = null;
      this.#dropIfAlone(process, member);
    });
    member.stopping = stopping;
  }

  /** Calls `then` once the children of earlier incarnations are gone: now, when there are none. */
  whenFree(process: Process, then: () => void): void {
    const stopping = this.#members.get(process)?.stopping ?? null;
    if (stopping === null) then();
    else void stopping.then(then);
  }

  gone(process: Process): void {
    const member = this.#members.get(process);
    this.#members.delete(process);
    if (member !== undefined) {
      if (member.parent !== null) this.#leave(member.parent, process);
      const children = [...(member.children ?? [])];
      for (const child of children) this.#orphan(child);
      // While the node stops, Node.stop goes through all of them itself.
      if (children.length > 0 && !this.#kernel.stopping)
        void this.#stopAll(children, this.#now() + this.#kernel.limits.farewell);
    }
    const waiting = this.#whenGone.get(process) ?? [];
    this.#whenGone.delete(process);
    for (const told of waiting) told();
  }

  async #stopAll(children: readonly Process[], end: number): Promise<void> {
    for (const child of [...children].reverse()) await this.#stopTree(child, end, "parent");
  }

  async #stopTree(process: Process, end: number, reason: EndReason): Promise<Stopped> {
    await this.#stopAll(this.childrenOf(process), end);
    return process.state === "gone" ? "gone" : this.#stopOne(process, end, reason);
  }

  #stopOne(process: Process, end: number, reason: EndReason): Promise<Stopped> {
    return new Promise((resolve) => {
      let stopped: Stopped = "stopped";
      const alarm = new Alarm(() => {
        stopped = "killed";
        process.kill(reason);
      });
      const told = this.#whenGone.get(process) ?? [];
      this.#whenGone.set(process, told);
      told.push(() => {
        this.#kernel.wheel.cancel(alarm);
        resolve(stopped);
      });
      const left = end - this.#now();
      if (left > 0) this.#kernel.wheel.add(alarm, left);
      process.stopAfterHand(reason);
      if (left <= 0) alarm.expire(); // not with the wheel's next tick: there may be thousands
    });
  }

  #leave(parent: Process, child: Process): void {
    const above = this.#members.get(parent);
    above?.children?.delete(child);
    if (above !== undefined) this.#dropIfAlone(parent, above);
  }

  #orphan(child: Process): void {
    const member = this.#members.get(child);
    if (member === undefined) return;
    member.parent = null;
    this.#dropIfAlone(child, member);
  }

  #dropIfAlone(process: Process, { parent, children, stopping }: Member): void {
    if (parent === null && (children === null || children.size === 0) && stopping === null)
      this.#members.delete(process);
  }

  #member(process: Process): Member {
    let member = this.#members.get(process);
    if (member === undefined) {
      member = { parent: null, lifetime: "incarnation", depth: 0, children: null, stopping: null };
      this.#members.set(process, member);
    }
    return member;
  }

  #now(): number {
    return this.#kernel.clock.monotonic();
  }
}
