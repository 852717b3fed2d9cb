/** What rounds come down to: a median with its bounds, and one contender's median over another's. */
import type { Figures, Result } from "./bench.ts";
import type { Outcome } from "./load/job.ts";

/** @param rounds at least one */
export function figuresOf(rounds: readonly number[]): Figures {
  const sorted = [...rounds].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const low = sorted[Math.ceil(middle) - 1] ?? 0;
  const high = sorted[Math.floor(middle)] ?? 0;
  return { median: (low + high) / 2, min: sorted[0] ?? 0, max: sorted.at(-1) ?? 0, rounds };
}

/** Messages per second; beside it what a message took to come back and what it cost the server. @param rounds at least one */
export function resultOf(rounds: readonly Outcome[]): Result {
  const also: Record<string, Figures> = {};
  for (const name of ["p50Us", "p99Us", "serverBusy", "cpuNsPerMessage"] as const) {
    const each = rounds.map((round) => round[name]).filter((figure) => figure !== null);
    if (each.length > 0) also[name] = figuresOf(each);
  }
  return { ...figuresOf(rounds.map((round) => round.messagesPerSecond)), also };
}

/** What is compared besides `jackfield` with each other: what the `ws` transport and other placements cost. */
const MORE_PAIRS = [
  ["jackfield-ws", "ws"],
  ["jackfield-worker", "uwebsockets"],
  ["jackfield-isolated", "uwebsockets"],
] as const;

/** `jackfield`'s median over that of each other, and MORE_PAIRS, by `<one>/<other>`; without those that did not run. */
export function ratiosOf(results: Readonly<Record<string, Result>>): Record<string, number> {
  const pairs = Object.keys(results).map((name) => ["jackfield", name] as const);
  const ratios: Record<string, number> = {};
  for (const [one, other] of [...pairs, ...MORE_PAIRS]) {
    const ratio = ratioOf(results, one, other);
    if (ratio !== null && one !== other) ratios[`${one}/${other}`] = ratio;
  }
  return ratios;
}

/** Null when either did not run. */
export function ratioOf(results: Readonly<Record<string, Result>>, one: string, other: string): number | null {
  const { [one]: a, [other]: b } = results;
  return a === undefined || b === undefined ? null : a.median / b.median;
}
