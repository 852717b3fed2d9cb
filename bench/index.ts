/**
 * `npm run --silent bench -- [name] [flags]`: runs one bench, or all of them in turn, and prints each report.
 *
 * stdout has reports and nothing else; rounds, doubts and errors go to stderr. Exit 1: a report is missing.
 */
import { OptionError } from "../lib/protocol/index.ts";
import { app } from "./app.ts";
import { ask } from "./ask.ts";
import type { Bench, Figures, Report } from "./bench.ts";
import { chooseBenches } from "./choose.ts";
import { churn } from "./churn.ts";
import { echo, echo1x1, echo50x1 } from "./echo.ts";
import { fanout1000, fanout10000 } from "./fanout.ts";
import { idle10000, idle19000 } from "./idle.ts";
import { json } from "./json.ts";
import { link } from "./link.ts";
import { publishCluster } from "./link-publish.ts";
import { placements } from "./placements.ts";
import { processes } from "./processes.ts";
import { request } from "./request.ts";
import { readSettings } from "./settings.ts";
import { soak } from "./soak.ts";
import { start } from "./start.ts";
import { telemetry } from "./telemetry.ts";
import { upload } from "./upload.ts";

/** Every bench there is, in the order they run; a new one is a file and a line here. */
const BENCHES: readonly Bench[] = [
  echo,
  echo50x1,
  echo1x1,
  json,
  ask,
  app,
  request,
  processes,
  placements,
  link,
  publishCluster,
  upload,
  fanout1000,
  fanout10000,
  telemetry,
  idle10000,
  idle19000,
  start,
  churn,
  soak,
];

function table({ bench, unit, contenders, ratio, ratios, missing = [], ...facts }: Report): string {
  const row = (name: string, { median, min, max }: Figures): string =>
    name.padEnd(24) + [median, min, max].map((n) => shown(n).padStart(14)).join("");
  const lines = [
    `${bench}: ${Object.entries(facts)
      .map(([name, fact]) => `${name} ${typeof fact === "object" ? JSON.stringify(fact) : fact}`)
      .join(", ")}`,
    unit.padEnd(24) + ["median", "min", "max"].map((head) => head.padStart(14)).join(""),
  ];
  for (const [name, result] of Object.entries(contenders)) {
    lines.push(row(name, result));
    for (const [what, figures] of Object.entries(result.also ?? {})) lines.push(row(`  ${what}`, figures));
  }
  for (const [pair, value] of Object.entries(ratios ?? {})) lines.push(pair.padEnd(24) + value.toFixed(3).padStart(14));
  if (missing.length > 0) lines.push(`missing: ${missing.join(", ")}`);
  if (ratio !== null) lines.push(`jackfield is at ${ratio.toFixed(3)} of the limit`);
  return lines.join("\n");
}

function shown(figure: number): string {
  return figure.toLocaleString("en", { maximumFractionDigits: figure < 100 ? 2 : 0 });
}

const note = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

const fail = (error: unknown): void => {
  note(error instanceof OptionError ? error.message : String(error));
  process.exitCode = 1;
};

try {
  const args = process.argv.slice(2);
  const { name, settings } = readSettings(args);
  for (const { bench, only } of chooseBenches(BENCHES, name, settings.only, note)) {
    if (name === undefined) note(`${bench.name}: ${bench.about}`);
    try {
      const own = readSettings([...(bench.defaults ?? []), ...args]).settings; // of a flag given twice the last counts
      const report = await bench.run({ ...own, only }, note);
      process.stdout.write(`${settings.json ? JSON.stringify(report) : table(report)}\n`);
    } catch (error) {
      fail(error); // the others may still have their turn
    }
  }
} catch (error) {
  fail(error);
}
