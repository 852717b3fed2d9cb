/**
 * What people may ask the kernel about its processes: `{ "Debug": … }` (PROTOCOL.md §15).
 *
 * 1. ProcessMap, Process and HasCap are the contract's (kinode §3.5), with fields of ours; the others are ours.
 * 2. Every answer is bounded, however many processes there are and whatever they sent: `more` says how much was left out.
 */
import { ProcessId } from "../lib/protocol/index.ts";
import { describe, type NamedEntry } from "./describe.ts";
import { capabilities, type Fields, fields, text } from "./fields.ts";
import type { Kernel } from "./kernel.ts";
import type { Process } from "./process.ts";
import { shown } from "./shown.ts";

const ENTRIES_MAX = 10_000; // processes, or routes, in one answer: some 5 MB
const ITEMS_MAX = 1_000; // lines, letters, reports or capabilities in one answer
const ITEMS = 100; // unless asked for more

export function debug(kernel: Kernel, query: unknown): unknown {
  const [name, argument] = typeof query === "string" ? [query, {}] : (Object.entries(fields(query))[0] ?? []);
  switch (name) {
    case "ProcessMap":
      return processMap(kernel);
    case "Process":
      return { Process: one(kernel, argument) };
    case "HasCap":
      return { HasCap: hasCap(kernel, fields(argument)) };
    case "Capabilities":
      return { Capabilities: capabilitiesOf(kernel, argument) };
    case "Tree":
      return tree(kernel);
    case "Routes":
      return routes(kernel);
    case "Crashes":
      return { Crashes: crashes(kernel, fields(argument)) };
    case "DeadLetters":
      return { DeadLetters: deadLetters(kernel, fields(argument)) };
    case "Logs":
      return { Logs: logs(kernel, fields(argument)) };
    case "Link":
      return link(kernel);
    case "Durable":
      return { Durable: kernel.durable.facts() };
    default:
      throw new Error(
        "a query is one of ProcessMap, Process, HasCap, Capabilities, Tree, Routes, Crashes, DeadLetters, Logs, Link, Durable, Nodes",
      );
  }
}

function processMap(kernel: Kernel): Fields {
  const running = kernel.registry.all().map((process) => (): NamedEntry => describe(kernel, process));
  const all = [...running, ...kernel.givenUp.list().map((entry) => (): NamedEntry => entry)];
  const ProcessMap = Object.fromEntries(all.slice(0, ENTRIES_MAX).map((entry) => entry()));
  return all.length > ENTRIES_MAX ? { ProcessMap, more: all.length - ENTRIES_MAX } : { ProcessMap };
}

function one(kernel: Kernel, id: unknown): unknown {
  const process = find(kernel, id);
  return process === undefined ? (kernel.givenUp.get(text(id)) ?? null) : describe(kernel, process)[1];
}

type Node = { readonly process: string; readonly state: string; readonly children: Node[] };

/** Under the kernel's own process stand those that nobody spawned. */
function tree(kernel: Kernel): Fields {
  const all = kernel.family.inOrder(kernel.registry.all());
  const nodes = new Map<Process | null, Node>();
  for (const process of all.slice(0, ENTRIES_MAX)) {
    const node: Node = { process: process.address.id.text, state: process.state, children: [] };
    // The first of all, which every node has, is the root.
    nodes.get(kernel.family.parentOf(process))?.children.push(node);
    nodes.set(process, node);
    if (!nodes.has(null)) nodes.set(null, node);
  }
  const Tree = nodes.get(null) ?? null;
  return all.length > ENTRIES_MAX ? { Tree, more: all.length - ENTRIES_MAX } : { Tree };
}

/** null: it has none. */
function link(kernel: Kernel): Fields {
  const described = kernel.link?.describe();
  if (described === undefined) return { Link: null };
  const { peers, ...facts } = described;
  const Link = { ...facts, peers: peers.slice(0, ITEMS_MAX) };
  return peers.length > ITEMS_MAX ? { Link, more: peers.length - ITEMS_MAX } : { Link };
}

/** Who has sent requests to whom, both still there; in the order each was first asked. */
function routes(kernel: Kernel): Fields {
  const all = new Map(kernel.registry.all().map((process) => [process.address.id.text, process] as const));
  const named: [sender: string, targets: string[]][] = [];
  let [left, more] = [ENTRIES_MAX, 0];
  for (const [sender, process] of all) {
    const targets = process.routes.names.filter((name) => all.has(name));
    const shownTargets = targets.slice(0, left);
    left -= shownTargets.length;
    more += targets.length - shownTargets.length;
    if (shownTargets.length > 0) named.push([sender, shownTargets]);
  }
  const Routes = Object.fromEntries(named);
  return more > 0 ? { Routes, more } : { Routes };
}

/** @property granted what it issued and others hold */
function capabilitiesOf(kernel: Kernel, id: unknown): unknown {
  const process = find(kernel, id);
  if (process === undefined) return null;
  const granted: { readonly to: string; readonly params: string }[] = [];
  for (const other of kernel.registry.all()) {
    for (const { issuer, params } of other === process ? [] : other.capabilities.list())
      if (issuer === process.address.text) granted.push({ to: other.address.id.text, params });
  }
  const held = process.capabilities.list();
  const more = Math.max(0, held.length - ITEMS_MAX) + Math.max(0, granted.length - ITEMS_MAX);
  return { held: held.slice(0, ITEMS_MAX), granted: granted.slice(0, ITEMS_MAX), ...(more > 0 ? { more } : {}) };
}

function hasCap(kernel: Kernel, has: Fields): boolean | null {
  const process = find(kernel, has.on);
  const [cap] = capabilities([has.cap]);
  return process === undefined || cap === undefined ? null : process.capabilities.has(cap);
}

/** Oldest first, the newest ones. */
function crashes(kernel: Kernel, { process, limit }: Fields): unknown {
  const id = optionalId(process);
  return kernel.crashes
    .last()
    .filter((report) => id === undefined || report.process === id)
    .slice(-limitOf(limit));
}

function deadLetters(kernel: Kernel, { since, limit, process }: Fields): unknown {
  const id = optionalId(process);
  const letters = kernel.deadLetters;
  const isOf = (address: string): boolean => id === undefined || address.endsWith(`@${id}`);
  const { items, ...rest } = page(
    letters.total,
    letters.last(),
    since,
    limit,
    ({ source, target }) => isOf(source) || isOf(target),
  );
  return { counts: letters.counts(), ...rest, last: items.map((letter) => ({ ...letter, body: shown(letter.body) })) };
}

function logs(kernel: Kernel, { since, limit, process }: Fields): unknown {
  const id = optionalId(process);
  const { newest } = kernel.logs;
  const { items, ...rest } = page(
    newest,
    kernel.logs.since(0),
    since,
    limit,
    (line) => id === undefined || line.process === id,
  );
  return { ...rest, lines: items };
}

type Page<Item> = {
  /** To ask with as `since` next time. */
  readonly next: number;
  /** How many after `since` are no longer kept. */
  readonly missed: number;
  readonly items: readonly (Item & { readonly number: number })[];
};

/**
 * Of `kept`, the last of `total` there ever were: those with a number above `since` that `wants` says yes to, the oldest
 * of them when there are more than `limit`, so that who asks on misses none. Without `since`, the newest.
 */
function page<Item>(
  total: number,
  kept: readonly Item[],
  since: unknown,
  limit: unknown,
  wants: (item: Item) => boolean,
): Page<Item> {
  const most = limitOf(limit);
  const first = total - kept.length + 1;
  const numbered = kept.map((item, index) => ({ number: first + index, ...item }));
  if (since === undefined) return { next: total, missed: 0, items: numbered.filter(wants).slice(-most) };
  const seen = numberOf(since, "since");
  const unseen = numbered.filter((item) => item.number > seen && wants(item));
  const items = unseen.slice(0, most);
  const next = items.length < unseen.length ? (items.at(-1)?.number ?? seen) : Math.max(total, 0);
  return { next, missed: Math.max(0, first - 1 - seen), items };
}

function find(kernel: Kernel, id: unknown): Process | undefined {
  return kernel.registry.get(ProcessId.parse(text(id)));
}

function optionalId(value: unknown): string | undefined {
  return value === undefined ? undefined : ProcessId.parse(text(value)).text;
}

function limitOf(value: unknown): number {
  return value === undefined ? ITEMS : Math.min(ITEMS_MAX, Math.max(1, numberOf(value, "limit")));
}

function numberOf(value: unknown, what: string): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`${what} must be a whole number from 0`);
}
