/**
 * `npm run --silent bench -- <name> [flags]`: runs one bench and prints its report.
 *
 * stdout has the report and nothing else; rounds, doubts and errors go to stderr. Exit 1: no report.
 */
import { OptionError } from "../lib/protocol/index.ts";
import type { Bench, Figures, Report, Settings } from "./bench.ts";
import { echo } from "./echo.ts";
import { readSettings } from "./settings.ts";
import { start } from "./start.ts";

/** Every bench there is; a new one is a file and a line here. */
const BENCHES: readonly Bench[] = [echo, start];

function find(name: string | undefined): Bench {
  const bench = BENCHES.find((each) => each.name === name);
  if (bench !== undefined) return bench;
  const names = BENCHES.map((each) => each.name).join(", ");
  throw new OptionError(`Cannot run bench "${name ?? ""}" as there is none of that name: known are ${names}`);
}

function checkOnly(bench: Bench, { only }: Settings): void {
  const stranger = only?.find((name) => !bench.contenders.includes(name));
  if (stranger === undefined) return;
  throw new OptionError(
    `Cannot run only "${stranger}" as ${bench.name} has no such contender: known are ${bench.contenders.join(", ")}`,
  );
}

function table({ bench, unit, contenders, ratio, ...facts }: Report): string {
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
  if (ratio !== null) lines.push(`jackfield is at ${ratio.toFixed(3)} of the limit`);
  return lines.join("\n");
}

function shown(figure: number): string {
  return figure.toLocaleString("en", { maximumFractionDigits: figure < 100 ? 2 : 0 });
}

const note = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

try {
  const { name, settings } = readSettings(process.argv.slice(2));
  const bench = find(name);
  checkOnly(bench, settings);
  const report = await bench.run(settings, note);
  process.stdout.write(`${settings.json ? JSON.stringify(report) : table(report)}\n`);
} catch (error) {
  note(error instanceof OptionError ? error.message : String(error));
  process.exitCode = 1;
}
