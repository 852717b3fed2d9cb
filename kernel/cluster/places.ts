/**
 * Which node has a name of the cluster, or is to have it: what the directory says, and what the link has seen.
 *
 * 1. A claim is good while its node's record has the life that took it (claims.ts). A yes may be a beat old: whoever is
 *    asked in vain says so. A no is always of now, from the directory itself: a name is taken over by it.
 * 2. All nodes that know the same records choose the same place for a name nobody holds: the highest hash of name and node.
 * 3. A node that the link found nobody at is not chosen until it has written again.
 */
import type { Kernel } from "../kernel.ts";
import type { NodeFacts, Roster } from "../link/roster.ts";
import type { Claim } from "./claims.ts";

const LIST_MS = 2_000; // that a list is used: each asks the directory once per node
const LIST_ANEW_MS = 250; // the same, where it knows of no place
const NODES_MAX = 10_000; // of which something is remembered here: as many as a directory has
const PROGRAMS_MAX = 1_000; // that nodes were seen to have, some 100 bytes each
const KNOWN_MS = 600_000; // that one is known when no node has it any more: they restart within; as the directory's bucket

type Seen = { readonly facts: NodeFacts; readonly at: number };

export class Places {
  readonly #kernel: Kernel;
  readonly #roster: Roster;
  readonly #seen = new Map<string, Seen>();
  readonly #absent = new Map<string, number>(); // by node: since when, ms monotonic
  readonly #programs = new Map<string, number>(); // since when none was seen to have it, ms monotonic; oldest first
  #list: { readonly nodes: readonly NodeFacts[]; readonly at: number } | null = null;
  #listing: Promise<readonly NodeFacts[]> | null = null;

  constructor(kernel: Kernel, roster: Roster) {
    this.#kernel = kernel;
    this.#roster = roster;
  }

  /** Rejects when it cannot be told. */
  async isGood({ node, life }: Pick<Claim, "node" | "life">): Promise<boolean> {
    const { clock, limits } = this.#kernel;
    const seen = this.#seen.get(node);
    if (seen !== undefined && seen.facts.life === life) {
      const age = clock.monotonic() - seen.at;
      if (age < limits.directoryBeat && seen.facts.heard_ms + age < limits.directoryGone) return true;
    }
    const facts = await this.#roster.node(node);
    if (facts === undefined) this.#seen.delete(node);
    else this.#see(node, facts);
    return facts?.life === life;
  }

  /** ms since it was read of it that it is there; what was read long ago, or never, is infinitely old. */
  ageOf(node: string): number {
    const seen = this.#seen.get(node);
    return seen === undefined ? Number.POSITIVE_INFINITY : this.#kernel.clock.monotonic() - seen.at;
  }

  /** Whether it is there, in the life that was last seen. Rejects when it cannot be told. */
  async isSame(node: string): Promise<boolean> {
    const before = this.#seen.get(node)?.facts.life;
    const facts = await this.#roster.node(node);
    if (facts === undefined || facts.life !== before) return false;
    this.#see(node, facts);
    return true;
  }

  /** What was known of it may be old. */
  forget(node: string): void {
    this.#seen.delete(node);
  }

  absent(node: string): void {
    this.forget(node);
    if (this.#absent.size >= NODES_MAX) this.#absent.clear();
    this.#absent.set(node, this.#kernel.clock.monotonic());
  }

  /**
   * @param program `room:chat:template.os` @param isHere whether this node may be the one
   * @returns undefined: no node has it. Rejects when it cannot be told
   */
  async choose(name: string, program: string, isHere: boolean): Promise<string | undefined> {
    let chosen = best(name, this.#withSelf(await this.#nodes(LIST_MS), program, isHere));
    chosen ??= best(name, this.#withSelf(await this.#nodes(LIST_ANEW_MS), program, isHere));
    const list = this.#list;
    const facts = list?.nodes.find(({ node }) => node === chosen);
    if (list !== null && facts !== undefined && list.at > (this.#seen.get(facts.node)?.at ?? Number.NEGATIVE_INFINITY))
      this.#see(facts.node, facts, list.at);
    return chosen;
  }

  /** Whether any node was found to have it, also one that leaves, restarts, or cannot be reached now. */
  isKnown(program: string): boolean {
    const at = this.#programs.get(program);
    return at !== undefined && this.#kernel.clock.monotonic() - at < KNOWN_MS;
  }

  #withSelf(nodes: readonly NodeFacts[], program: string, isHere: boolean): readonly string[] {
    const { name, clock, limits } = this.#kernel;
    const age = clock.monotonic() - (this.#list?.at ?? 0);
    const others = nodes
      .filter(({ here, leaving, programs }) => !here && !leaving && programs.includes(program))
      .filter(({ heard_ms }) => heard_ms + age < limits.directoryGone)
      .filter(({ node, heard_ms }) => !this.#isAbsent(node, heard_ms + age))
      .map(({ node }) => node);
    return isHere ? [name, ...others] : others;
  }

  #isAbsent(node: string, writtenAgo: number): boolean {
    const since = this.#absent.get(node);
    if (since === undefined) return false;
    if (writtenAgo > this.#kernel.clock.monotonic() - since) return true;
    this.#absent.delete(node);
    return false;
  }

  async #nodes(most: number): Promise<readonly NodeFacts[]> {
    const list = this.#list;
    if (list !== null && this.#kernel.clock.monotonic() - list.at < most) return list.nodes;
    this.#listing ??= this.#read().finally(() => {
      this.#listing = null;
    });
    return await this.#listing;
  }

  async #read(): Promise<readonly NodeFacts[]> {
    const at = this.#kernel.clock.monotonic();
    const { nodes } = await this.#roster.nodes();
    for (const { programs } of nodes) for (const program of programs) this.#know(program, at);
    this.#list = { nodes, at };
    return nodes;
  }

  #see(node: string, facts: NodeFacts, at: number = this.#kernel.clock.monotonic()): void {
    if (this.#seen.size >= NODES_MAX) this.#seen.clear();
    this.#seen.set(node, { facts, at });
    for (const program of facts.programs) this.#know(program, at);
  }

  #know(program: string, at: number): void {
    this.#programs.delete(program);
    this.#programs.set(program, at);
    const [oldest] = this.#programs.keys();
    if (oldest !== undefined && this.#programs.size > PROGRAMS_MAX) this.#programs.delete(oldest);
  }
}

function best(name: string, nodes: readonly string[]): string | undefined {
  let [chosen, highest] = [undefined as string | undefined, -1];
  for (const node of nodes) {
    const hash = hashOf(`${name} ${node}`);
    if (hash > highest || (hash === highest && node < (chosen ?? ""))) [chosen, highest] = [node, hash];
  }
  return chosen;
}

/** FNV-1a, then mixed: names of nodes differ in their last letters, and those must count as much. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
