/** What `npm run soak:cluster` finds. */
import { type DurableReport, missing } from "./durable.ts";

/** A JSON value: it crosses from a node's process. */
export type NodeReport = {
  readonly name: string;
  readonly asked: number;
  /** By how they ended: Response, Offline, Timeout, Overloaded. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Neither answered nor refused, long after their time. */
  readonly unaccounted: number;
  readonly handled: number;
  /** Carried out twice, or out of order, or not whole; frames that could not be read. */
  readonly breaches: Readonly<Record<string, number>>;
  /** `{"Debug":"Link"}` */
  readonly link: unknown;
  readonly durable: DurableReport;
};

export type ClusterReport = {
  readonly ok: boolean;
  readonly seconds: number;
  readonly servers: number;
  readonly nodes: number;
  /** What was done, by kind. */
  readonly events: Readonly<Record<string, number>>;
  /** Of the lives of nodes that were not killed: who is killed takes its count along. */
  readonly asked: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly unaccounted: number;
  readonly handled: number;
  readonly duplicatedOrReordered: number;
  /** Durable messages, of all lives of all nodes: kept by their senders, and what became of them. */
  readonly durable: {
    readonly kept: number;
    readonly lost: number;
    /** Had not come when nobody waited for them any longer (index.ts), and may yet. */
    readonly late: number;
    readonly duplicatedOrReordered: number;
    /** Of the nodes' last lives: not yet handled in the end. */
    readonly waiting: number;
  };
  /** Nodes whose last life answers the others in the end. */
  readonly together: boolean;
  /** What broke; empty when all is well. */
  readonly broken: readonly string[];
  readonly perNode: readonly NodeReport[];
};

export function reportOf(
  about: Pick<ClusterReport, "seconds" | "servers" | "nodes" | "events">,
  perNode: readonly NodeReport[],
): ClusterReport {
  const add = (counts: Record<string, number>, more: Readonly<Record<string, number>>): Record<string, number> => {
    for (const [name, times] of Object.entries(more)) counts[name] = (counts[name] ?? 0) + times;
    return counts;
  };
  const total = (read: (node: NodeReport) => number): number => perNode.reduce((sum, node) => sum + read(node), 0);
  const outcomes = perNode.reduce<Record<string, number>>((all, node) => add(all, node.outcomes), {});
  const breaches = perNode.reduce<Record<string, number>>((all, node) => add(all, node.breaches), {});
  const [asked, unaccounted] = [total((node) => node.asked), total((node) => node.unaccounted)];
  const ended = Object.values(outcomes).reduce((sum, times) => sum + times, 0);
  const broken = Object.entries(breaches).map(([what, times]) => `${what}: ${times} times`);
  if (unaccounted !== 0 || ended !== asked) broken.push(`${asked - ended} requests are not accounted for`);
  for (const { name, outcomes } of perNode)
    if (outcomes.Response === undefined) broken.push(`${name} was never answered`);
  const known = new Set(["Response", "Offline", "Timeout", "Overloaded"]);
  for (const outcome of Object.keys(outcomes)) if (!known.has(outcome)) broken.push(`a request ended in ${outcome}`);
  const all = perNode.map(({ durable }) => durable);
  const durable = {
    kept: all.reduce((sum, { sent }) => sum + Object.values(sent).reduce((part, last) => part + last + 1, 0), 0),
    ...missing(all),
    duplicatedOrReordered: all.reduce((sum, { again }) => sum + again, 0),
    waiting: all.reduce((sum, { waiting }) => sum + waiting, 0),
  };
  if (durable.lost > 0) broken.push(`${durable.lost} durable messages were lost`);
  if (durable.late > 0)
    broken.push(`${durable.late} durable messages had not come in the end; ${durable.waiting} wait at the nodes`);
  if (durable.duplicatedOrReordered > 0)
    broken.push(`${durable.duplicatedOrReordered} durable messages came twice, or after a later one`);
  if (durable.kept === 0) broken.push("no durable message was kept");
  const { duplicated = 0, "reordered or duplicated": reordered = 0 } = breaches;
  return {
    ok: broken.length === 0,
    ...about,
    asked,
    outcomes,
    unaccounted,
    handled: total((node) => node.handled),
    duplicatedOrReordered: duplicated + reordered,
    durable,
    together: perNode.every(({ outcomes }) => outcomes.Response !== undefined),
    broken,
    perNode,
  };
}
