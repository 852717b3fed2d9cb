/** How many cases there are, as docs/conformance.md has it. */
import type { TransportName } from "../../http-server/index.ts";
import { DEVIATIONS, type Deviation } from "./deviations.ts";
import { GROUPS } from "./groups.ts";
import { OFFERS } from "./offers.ts";

type Row = { readonly id: string; readonly title: string; readonly cases: number; readonly by: readonly Deviation[] };

const ROWS: readonly Row[] = [
  ...GROUPS.map(({ id, title, cases }) => ({
    id,
    title,
    cases: cases.length,
    by: cases.flatMap(({ differs = {} }) => Object.values(differs).map(({ by }) => by)),
  })),
  { id: "13", title: "offers of compression", cases: OFFERS.length, by: [] },
];

/** The table of groups. */
export function countsTable(): string {
  const total = ROWS.reduce((sum, { cases }) => sum + cases, 0);
  const departs = (by: readonly Deviation[], transport: TransportName): number =>
    by.filter((name) => DEVIATIONS[name] === transport).length;
  const line = (name: string, cases: number, by: readonly Deviation[]): string =>
    `| ${name} | ${cases} | ${departs(by, "uws")} | ${departs(by, "ws")} |`;
  return [
    "| group | cases on each transport | with a row of its own for uWebSockets.js | for ws |",
    "|---|---|---|---|",
    ...ROWS.map(({ id, title, cases, by }) => line(`${id} ${title}`, cases, by)),
    line(
      "all",
      total,
      ROWS.flatMap(({ by }) => by),
    ),
  ].join("\n");
}

/** The table of deviations: how many cases meet each. */
export function deviationsTable(): string {
  const all = ROWS.flatMap(({ by }) => by);
  const names = Object.keys(DEVIATIONS) as Deviation[];
  return [
    "| deviation | transport | cases |",
    "|---|---|---|",
    ...names.map((name) => `| ${name} | ${DEVIATIONS[name]} | ${all.filter((by) => by === name).length} |`),
  ].join("\n");
}
