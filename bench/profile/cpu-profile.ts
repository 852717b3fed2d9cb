/** A CPU profile of V8 by function: how much of its time each was the one that ran. */
import type { Profiler } from "node:inspector";
import { placeOf } from "./place.ts";

export type SelfTime = {
  /** With its place; or what it was instead of a function. */
  readonly name: string;
  /** Of the time in which the server did not wait, 0 to 1. What V8 inlined counts for the function it was written as. */
  readonly share: number;
};

/**
 * V8's own words for "no JavaScript". Node.js tells it that it is idle while it polls, which is when uWebSockets.js
 * reads, writes and calls back: the two can't be told apart here.
 */
const NATIVE = new Set(["(program)", "(idle)"]);
const OUTSIDE = "(native: the socket library, libuv, the system)";

const SEEN_LEAST = 0.0005; // less reads 0.0 %

/**
 * @param waiting share of the time in which the server waited for something to happen, 0 to 1
 * @param root as placeOf
 * @returns the largest first, those of at least SEEN_LEAST
 */
export function selfTimes({ nodes, samples = [] }: Profiler.Profile, waiting: number, root: string): SelfTime[] {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame, root)]));
  const counts = new Map<string, number>();
  for (const id of samples) {
    const name = names.get(id) ?? OUTSIDE;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  counts.set(OUTSIDE, Math.max(0, (counts.get(OUTSIDE) ?? 0) - waiting * samples.length));
  const worked = [...counts.values()].reduce((sum, count) => sum + count, 0);
  return [...counts]
    .map(([name, count]) => ({ name, share: count / worked }))
    .filter(({ share }) => share >= SEEN_LEAST)
    .sort((a, b) => b.share - a.share);
}

function nameOf(
  { functionName, url, lineNumber }: Profiler.Profile["nodes"][number]["callFrame"],
  root: string,
): string {
  return NATIVE.has(functionName) ? OUTSIDE : placeOf(functionName, url, lineNumber + 1, root); // it counts from 0
}
