/** The report as text. Figures stand before names, as names may be long. */
import type { Allocations } from "./allocations.ts";
import { type Cost, NO_COST } from "./callgrind.ts";
import { type Costs, keyOf } from "./costs.ts";
import type { Cpu } from "./cpu.ts";

/** By contender, in the order they ran. */
export type By<Figures> = Readonly<Record<string, Figures>>;

type Row = { readonly name: string; readonly figures: readonly string[] };

const NAME_MAX = 120; // characters: those of C++ templates have no end

/** @param top the most rows of each table */
export function cpuTables(by: By<Cpu>, top: number): string {
  const tables = Object.entries(by).map(([contender, { messages, samples, waiting, functions, file }]) => {
    const rows = functions.map(({ name, share }) => ({ name, figures: [decimal(share * 100, 1)] }));
    const head = { name: `of the time that ${contender} was at work`, figures: ["%"] };
    const waited = `waiting ${decimal(waiting * 100, 1)} % of the time`;
    const foot = `${decimal(messages, 0)} messages, ${decimal(samples, 0)} samples, ${waited}: ${file}`;
    return `${table(head, rows.slice(0, top))}\n${foot}`;
  });
  return tables.join("\n\n");
}

/** Totals side by side, then what each contender made where. */
export function allocationTables(by: By<Allocations>, top: number): string {
  const row = (name: string, digits: number, figure: (each: Allocations) => number): Row => ({
    name,
    figures: Object.values(by).map((each) => decimal(figure(each), digits)),
  });
  const totals = table({ name: "allocated by a message", figures: Object.keys(by) }, [
    row("bytes of heap", 1, ({ heapBytes }) => heapBytes),
    row("objects", 2, ({ objects }) => objects),
    row("bytes of ArrayBuffers", 1, ({ bufferBytes }) => bufferBytes),
  ]);
  const places = Object.entries(by).map(([contender, { functions, file }]) => {
    const rows = functions.map(({ name, objects, bytes }) => ({ name, figures: [decimal(objects, 2), `${bytes}`] }));
    const head = { name: `made by a message of ${contender}`, figures: ["objects", "bytes each"] };
    return `${table(head, rows.slice(0, top))}\n${file}`;
  });
  return [totals, ...places].join("\n\n");
}

/**
 * Contenders side by side: instructions of a message, and how often it missed the first-level caches for instructions
 * (I1) and data (D1). The difference is the last one's to the first; where it is largest, that comes first.
 */
export function instructionTables(by: By<Costs & { readonly file: string }>, top: number): string {
  const contenders = Object.keys(by);
  const all = Object.values(by);
  const differs = contenders.length > 1;
  const head = (name: string): Row => ({
    name,
    figures: [...contenders.flatMap((contender) => [contender, "I1", "D1"]), ...(differs ? ["difference"] : [])],
  });
  const row = ({ name, costs }: Compared): Row => ({
    name: name.length > NAME_MAX ? `${name.slice(0, NAME_MAX)}…` : name,
    figures: [
      ...costs.flatMap(({ instructions, codeMisses, dataMisses }) => [
        decimal(instructions, 0),
        decimal(codeMisses, 1),
        decimal(dataMisses, 1),
      ]),
      ...(differs ? [signed(differenceOf(costs))] : []),
    ],
  });
  const total = { name: "all", costs: all.map((each) => each.total) };
  const groups = compare(all.map((each) => Object.entries(each.groups)));
  const functions = compare(all.map((each) => each.functions.map((code) => [keyOf(code), code])));
  return [
    table(head("instructions of a message"), [total, ...groups].map(row)),
    table(head("by function"), functions.slice(0, top).map(row)),
    all.map(({ file }) => file).join("\n"),
  ].join("\n\n");
}

/** By contender. */
export type Compared = { readonly name: string; readonly costs: readonly Cost[] };

/** Whatever has a name with any of them: the largest difference first, and of equal ones the dearest. */
export function compare(all: readonly (readonly (readonly [string, Cost])[])[]): readonly Compared[] {
  const known = all.map((each) => new Map(each));
  const names = new Set(known.flatMap((each) => [...each.keys()]));
  const most = ({ costs }: Compared): number => Math.max(...costs.map(({ instructions }) => instructions));
  const apart = ({ costs }: Compared): number => Math.abs(Math.round(differenceOf(costs))); // as it is shown
  return [...names]
    .map((name) => ({ name, costs: known.map((each) => each.get(name) ?? NO_COST) }))
    .filter((each) => Math.round(most(each)) > 0)
    .sort((a, b) => apart(b) - apart(a) || most(b) - most(a));
}

/** In instructions, the last one's less the first one's; 0 when there is but one. */
function differenceOf(costs: readonly Cost[]): number {
  return (costs.at(-1)?.instructions ?? 0) - (costs[0]?.instructions ?? 0);
}

function table(head: Row, rows: readonly Row[]): string {
  const all = [head, ...rows];
  const widths = head.figures.map((_, column) => Math.max(...all.map(({ figures }) => figures[column]?.length ?? 0)));
  const line = ({ name, figures }: Row): string =>
    [...figures.map((figure, column) => figure.padStart(widths[column] ?? 0)), name].join("  ");
  return all.map(line).join("\n");
}

function decimal(figure: number, digits: number): string {
  return figure.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function signed(figure: number): string {
  return figure.toLocaleString("en", { maximumFractionDigits: 0, signDisplay: "exceptZero" });
}
