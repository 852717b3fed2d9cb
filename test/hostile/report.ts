/** The figures of docs/security.md: `npm run hostile -- --report` has each attack write its row. */
import { appendFileSync } from "node:fs";
import type { Waits } from "./bystander.ts";
import type { Measure } from "./target.ts";

export type Row = {
  readonly name: string;
  /** What happened. */
  readonly told: string;
  readonly before: Measure;
  readonly peakBytes: number;
  readonly after: Measure;
  readonly waits: Waits;
};

const REPORT = process.env.JACKFIELD_HOSTILE_REPORT; // a file; left out: nothing is written
const MIB = 1024 * 1024;

export function writeRow(transport: string, { name, told, before, peakBytes, after, waits }: Row): void {
  if (REPORT === undefined) return;
  const above = (bytes: number): string => `${bytes >= 0 ? "+" : "−"}${Math.abs(bytes / MIB).toFixed(1)}`;
  const cells = [
    name,
    told,
    above(peakBytes - before.rssBytes),
    `${above(after.rssBytes - before.rssBytes)} / ${above(after.heapBytes - before.heapBytes)}`,
    `${Math.round(waits.echoMs)} / ${Math.round(waits.requestMs)}`,
    `${waits.echoes} / ${waits.requests}`,
  ];
  appendFileSync(REPORT, `${JSON.stringify({ transport, line: `| ${cells.join(" | ")} |` })}\n`);
}
