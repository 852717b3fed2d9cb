/**
 * labgraph.monitor: this node's processes and who messages whom, as LabGraph's monitor draws a graph.
 *
 * 1. A node is a process, an edge a pair of which the first has sent requests to the second (the kernel's Debug Routes). What
 *    an edge shows is its receiver's, or its sender's where its name says so: the kernel counts what a process is given, not by whom.
 * 2. Each edge has one message, and each upstream is a node: the front end fails otherwise. It fails too when an edge that
 *    somebody looks at is no longer there. So a process that is gone stays, with `alive` 0, until its room is needed.
 * 3. Types are Python's, contents numbers or lists of them.
 */
import type { SourceLimits } from "./source-limits.ts";

/** What is read of an entry of the kernel's ProcessMap. */
export type Entry = {
  readonly state: string;
  readonly incarnation: number;
  readonly restarts: number;
  readonly uptime_ms: number | null;
  readonly handled: number;
  readonly waiting: number;
  readonly waited_at_most: number;
  readonly refused: number;
};

/** @property processes by id @property routes to whom each sends */
export type Seen = {
  readonly processes: Readonly<Record<string, Entry>>;
  readonly routes: Readonly<Record<string, readonly string[]>>;
};

type Field = { readonly type: "int" | "float" | "ndarray"; readonly content: number | readonly number[] };

type Upstreams = Readonly<
  Record<string, readonly [{ readonly name: string; readonly fields: Readonly<Record<string, Field>> }]>
>;

export type Picture = { readonly nodes: Readonly<Record<string, { readonly upstreams: Upstreams }>> };

type Drawn = {
  entry: Entry;
  alive: boolean;
  /** Messages per second, the last one last. */
  rates: readonly number[];
  /** Whom it hears, in the order that was seen. */
  readonly upstreams: Set<string>;
};

export class Topology {
  readonly #limits: SourceLimits;
  readonly #drawn = new Map<string, Drawn>();
  #edges = 0;
  #at: number | undefined; // ms

  constructor(limits: SourceLimits) {
    this.#limits = limits;
  }

  /** Nobody looks any more: what is gone is forgotten. */
  clear(): void {
    this.#drawn.clear();
    this.#edges = 0;
    this.#at = undefined;
  }

  /** @param now milliseconds */
  draw({ processes, routes }: Seen, now: number): Picture {
    const seconds = this.#at === undefined ? 0 : (now - this.#at) / 1000;
    this.#at = now;
    for (const [id, drawn] of this.#drawn) if (!Object.hasOwn(processes, id)) bury(drawn);
    for (const [id, entry] of Object.entries(processes)) this.#see(id, entry, seconds);
    for (const [sender, targets] of Object.entries(routes)) for (const target of targets) this.#join(sender, target);
    return { nodes: Object.fromEntries([...this.#drawn].map(([id, drawn]) => [id, this.#node(drawn)])) };
  }

  #see(id: string, entry: Entry, seconds: number): void {
    const drawn = this.#drawn.get(id);
    if (drawn === undefined) {
      if (this.#drawn.size >= this.#limits.nodes && !this.#makeRoom()) return;
      this.#drawn.set(id, { entry, alive: true, rates: [], upstreams: new Set() });
      return;
    }
    const isSame = drawn.alive && drawn.entry.incarnation === entry.incarnation;
    const handled = Math.max(0, entry.handled - (isSame ? drawn.entry.handled : 0));
    drawn.entry = entry;
    drawn.alive = entry.state !== "gave_up";
    if (seconds > 0) drawn.rates = [...drawn.rates, rounded(handled / seconds)].slice(-this.#limits.rates);
  }

  #join(sender: string, target: string): void {
    const receiver = this.#drawn.get(target);
    if (sender === target || receiver === undefined || !this.#drawn.has(sender)) return;
    if (receiver.upstreams.has(sender) || this.#edges >= this.#limits.edges) return;
    receiver.upstreams.add(sender);
    this.#edges++;
  }

  /** @returns whether one was gone */
  #makeRoom(): boolean {
    const [gone] = [...this.#drawn].find(([, { alive }]) => !alive) ?? [];
    if (gone === undefined) return false;
    this.#edges -= this.#drawn.get(gone)?.upstreams.size ?? 0;
    this.#drawn.delete(gone);
    for (const { upstreams } of this.#drawn.values()) if (upstreams.delete(gone)) this.#edges--;
    return true;
  }

  #node(drawn: Drawn): { readonly upstreams: Upstreams } {
    const edge = (upstream: string): readonly [string, Upstreams[string]] => [
      upstream,
      [{ name: "Messages", fields: fieldsOf(drawn, this.#drawn.get(upstream) ?? drawn) }],
    ];
    return { upstreams: Object.fromEntries([...drawn.upstreams].map(edge)) as Upstreams };
  }
}

function bury(drawn: Drawn): void {
  drawn.alive = false;
  drawn.entry = { ...drawn.entry, uptime_ms: null, waiting: 0 };
  drawn.rates = [];
}

function fieldsOf({ entry, alive, rates }: Drawn, sender: Drawn): Readonly<Record<string, Field>> {
  const int = (content: number): Field => ({ type: "int", content });
  const float = (content: number): Field => ({ type: "float", content });
  return {
    alive: int(alive ? 1 : 0),
    handled: int(entry.handled), // by its present incarnation
    handled_per_s: float(rates.at(-1) ?? 0),
    recent_per_s: { type: "ndarray", content: rates },
    mailbox: int(entry.waiting),
    mailbox_most: int(entry.waited_at_most),
    refused: int(entry.refused),
    restarts: int(entry.restarts), // each after a crash, or by hand
    uptime_s: float(rounded((entry.uptime_ms ?? 0) / 1000)),
    sender_alive: int(sender.alive ? 1 : 0),
    sender_handled: int(sender.entry.handled),
    sender_restarts: int(sender.entry.restarts),
  };
}

/** To a thousandth: more is noise, and bytes. */
function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
