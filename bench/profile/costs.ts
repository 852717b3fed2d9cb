/** What a message cost by function, and by group of functions: the output of callgrind under the names of symbols.ts. */
import { type Cost, NO_COST, per, plus, readCallgrind } from "./callgrind.ts";
import { type Code, compiledCode, JAVASCRIPT, nativeCode, PerfMap } from "./symbols.ts";

/** All per message. */
export type Costs = {
  readonly total: Cost;
  readonly groups: Readonly<Record<string, Cost>>;
  /** Those of at least SEEN_LEAST, the dearest first. */
  readonly functions: readonly (Code & Cost)[];
};

const SEEN_LEAST = 0.5; // instructions per message: less reads 0

/** @param root as placeOf */
export function costsOf(callgrind: string, perfMap: string, messages: number, root: string): Costs {
  const map = new PerfMap(perfMap);
  const functions = new Map<string, { readonly code: Code; cost: Cost }>();
  for (const { address, object, symbol, cost } of readCallgrind(callgrind)) {
    const name = map.find(address);
    const code = name === undefined ? nativeCode(symbol, object) : compiledCode(name, root);
    const known = functions.get(keyOf(code));
    if (known === undefined) functions.set(keyOf(code), { code, cost });
    else known.cost = plus(known.cost, cost);
  }
  const groups: Record<string, Cost> = {};
  let total = NO_COST;
  for (const { code, cost } of functions.values()) {
    groups[code.group] = plus(groups[code.group] ?? NO_COST, cost);
    total = plus(total, cost);
  }
  return {
    total: per(messages, total),
    groups: Object.fromEntries(
      Object.entries(groups)
        .sort(([, a], [, b]) => b.instructions - a.instructions)
        .map(([group, cost]) => [group, per(messages, cost)]),
    ),
    functions: [...functions.values()]
      .map(({ code, cost }) => ({ ...code, ...per(messages, cost) }))
      .filter(({ instructions }) => instructions >= SEEN_LEAST)
      .sort((a, b) => b.instructions - a.instructions),
  };
}

/** Of JavaScript it is the name, which says where it is. */
export function keyOf({ group, name }: Code): string {
  return group === JAVASCRIPT ? name : `[${group}] ${name}`;
}
