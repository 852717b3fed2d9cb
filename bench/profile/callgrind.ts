/**
 * Reads what callgrind writes (its format: valgrind's manual, "Callgrind Format Specification"), instruction by
 * instruction.
 *
 * 1. Needs `--dump-instr=yes --cache-sim=yes`: costs then carry the address they arose at, and cache misses.
 * 2. Only what an instruction cost itself is read. The line behind `calls=` says what its callees cost and is left out.
 * 3. Names and positions are compressed: `(7) name` once and `(7)` from then on; `+3`, `-3` and `*` count from the line
 *    before.
 */

/** Counted while one function, or all of them, ran. Misses are those of the first-level caches that valgrind models. */
export type Cost = {
  readonly instructions: number;
  /** An instruction had to be fetched from beyond the instruction cache. */
  readonly codeMisses: number;
  /** Data read or written was not in the data cache. */
  readonly dataMisses: number;
};

export const NO_COST: Cost = { instructions: 0, codeMisses: 0, dataMisses: 0 };

export function plus(one: Cost, other: Cost): Cost {
  return {
    instructions: one.instructions + other.instructions,
    codeMisses: one.codeMisses + other.codeMisses,
    dataMisses: one.dataMisses + other.dataMisses,
  };
}

/** @param messages by how many the cost is divided */
export function per(messages: number, { instructions, codeMisses, dataMisses }: Cost): Cost {
  return {
    instructions: instructions / messages,
    codeMisses: codeMisses / messages,
    dataMisses: dataMisses / messages,
  };
}

/** What the instruction at `address` cost. */
export type CostLine = {
  readonly address: number;
  /** Path of the file the code was loaded from; `???` for code that was made at run time. */
  readonly object: string;
  /** As its symbol says; callgrind's own make-shift where it has none. */
  readonly symbol: string;
  readonly cost: Cost;
};

const COST = /^(0x[0-9a-f]+|[+-]\d+|\*) (?:\S+)((?: \d+)*)$/;
const NAMED = /^(c?)(ob|fn)=\((\d+)\)(?: (.*))?$/;

/** @throws {Error} it was not made by callgrind with the flags above */
export function* readCallgrind(text: string): Generator<CostLine> {
  const costOf = costReader(text);
  const names = { ob: new Map<string, string>(), fn: new Map<string, string>() };
  const now = { ob: "", fn: "" };
  let address = 0;
  let isInclusive = false;
  for (const line of text.split("\n")) {
    if (line.startsWith("calls=")) {
      isInclusive = true;
      continue;
    }
    const [, position, counts] = COST.exec(line) ?? [];
    if (position !== undefined) {
      address = addressAt(position, address);
      if (!isInclusive) yield { address, object: now.ob, symbol: now.fn, cost: costOf(counts ?? "") };
      isInclusive = false;
      continue;
    }
    const [, callee, kind, id, name] = NAMED.exec(line) ?? [];
    if ((kind !== "ob" && kind !== "fn") || id === undefined) continue;
    if (name !== undefined) names[kind].set(id, name);
    if (callee === "") now[kind] = names[kind].get(id) ?? "";
  }
}

function addressAt(position: string, before: number): number {
  if (position === "*") return before;
  return position.startsWith("0x") ? Number(position) : before + Number(position);
}

/** Reads the counts of a line, which stand in the order of `events:`; those left out at its end are 0. */
function costReader(text: string): (counts: string) => Cost {
  const events = /^events: (.*)$/m.exec(text)?.[1]?.split(" ") ?? [];
  const has = (event: string): boolean => events.includes(event);
  if (!/^positions: instr line$/m.test(text) || !["Ir", "I1mr", "D1mr", "D1mw"].every(has)) {
    throw new Error(
      `Cannot read the output of callgrind as it must be made with --dump-instr=yes --cache-sim=yes: its events are ${events.join(" ") || "none"}`,
    );
  }
  const [ir, i1mr, d1mr, d1mw] = ["Ir", "I1mr", "D1mr", "D1mw"].map((event) => events.indexOf(event));
  return (counts) => {
    const each = counts.trim().split(" ").map(Number);
    const at = (index: number | undefined): number => each[index ?? -1] ?? 0;
    return { instructions: at(ir), codeMisses: at(i1mr), dataMisses: at(d1mr) + at(d1mw) };
  };
}
