/**
 * Who has a name of the cluster, or is to have it; where that is this node, its claim is taken (docs/adr/0037 §3).
 *
 * 1. A claim counts while its node's record has the life that took it. Where none does, all choose the same node.
 * 2. A name that another node asks this one for is not passed on: it is taken here, if it may be.
 */
import type { ProcessId } from "../../lib/protocol/index.ts";
import type { Kernel } from "../kernel.ts";
import type { Claim } from "./claims.ts";
import type { Finding } from "./finding.ts";
import { type Found, type Joined, NOBODY, OFFLINE } from "./found.ts";
import type { Holds } from "./holds.ts";
import { touch } from "./kept.ts";
import type { Programs } from "./programs.ts";

const TRIES = 3; // of two that take a name at once, one reads again who has it
const MISSES = 2; // beats after which a singleton that its own place did not start is started by whoever sees it

export class Search {
  readonly #kernel: Kernel;
  readonly #programs: Programs;
  readonly #holds: Holds;
  readonly #misses = new Map<string, number>(); // of singletons: as many as this node has programs

  constructor(kernel: Kernel, programs: Programs, holds: Holds) {
    this.#kernel = kernel;
    this.#programs = programs;
    this.#holds = holds;
  }

  /** It has been found, or is here. */
  forgetMisses(name: string): void {
    this.#misses.delete(name);
  }

  /** Rejects when it cannot be told. */
  async find(finding: Finding, joined: Joined): Promise<Found> {
    for (let tries = 0; tries < TRIES; tries++) {
      const found = await this.#once(finding, joined);
      if (found !== undefined) return found;
    }
    return OFFLINE;
  }

  /** @returns undefined: another was faster */
  async #once(finding: Finding, joined: Joined): Promise<Found | undefined> {
    const { id } = finding;
    const { claims, places } = joined;
    await this.#holds.released(id.text);
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
    const isHere = this.#programs.of(id) !== undefined && this.mayTake(joined);
    if (finding.isAsked && isHere) return name;
    const node = await joined.places.choose(id.text, id.family.text, isHere);
    if (!finding.isTry || node === name || !isHere) return node;
    const misses = (this.#misses.get(id.text) ?? 0) + 1;
    this.#misses.set(id.text, misses);
    return misses > MISSES ? name : node;
  }

  /** Whether this node may have more names now. */
  mayTake({ roster, tenure }: Joined): boolean {
    return !roster.isLeaving && !this.#kernel.stopping && tenure.left > 0;
  }

  async #take(id: ProcessId, over: Claim | null, joined: Joined): Promise<Found | undefined> {
    const { claims, roster } = joined;
    if (this.#holds.isFull) return { kind: "refused", why: "Overloaded" };
    const { life } = roster;
    // When it cannot be told whether it was written, the next try reads it.
    const claim = await claims.take(id.text, { node: this.#kernel.name, life }, over).catch(() => undefined);
    if (claim === undefined) return undefined;
    try {
      const touched = await touch(claims, id.text);
      const program = this.#programs.of(id); // it may have gone meanwhile
      if (program !== undefined && roster.life === life && this.mayTake(joined))
        return { kind: "start", program, claim, touched };
    } catch (error) {
      this.#holds.release(claim);
      throw error;
    }
    this.#holds.release(claim);
    return OFFLINE;
  }
}
