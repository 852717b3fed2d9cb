/**
 * `npm run --silent bench -- <name> [flags]`: runs one bench and prints its report.
 *
 * stdout has the report and nothing else; rounds, doubts and errors go to stderr. Exit 1: no report.
 */
import { OptionError } from "../lib/protocol/index.ts";
import type { Bench, Figures, Report, Settings } from "./bench.ts";
import { echo } from "./echo.ts";
import { readSettings } from "./settings.ts";

/** Every bench there is; a new one is a file and a line here. */
const BENCHES: readonly Bench[] = [echo];

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

function table(report: Report, unit: string): string {
  const { connections, inflight, bytes, node, seconds, ratio } = report;
  const row = (name: string, { median, min, max }: Figures): string =>
    name.padEnd(14) + [median, min, max].map((n) => Math.round(n).toLocaleString("en").padStart(12)).join("");
  const lines = [
    `${report.bench}: ${connections} connections, ${inflight} in flight each, ${bytes} bytes, ${seconds} s a round, Node ${node}`,
    unit.padEnd(14) + ["median", "min", "max"].map((head) => head.padStart(12)).join(""),
    ...Object.entries(report.contenders).map(([name, figures]) => row(name, figures)),
  ];
  if (ratio !== null) lines.push(`jackfield is at ${ratio.toFixed(3)} of the limit`);
  return lines.join("\n");
}

const note = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

try {
  const { name, settings } = readSettings(process.argv.slice(2));
  const bench = find(name);
  checkOnly(bench, settings);
  const report = await bench.run(settings, note);
  process.stdout.write(`${settings.json ? JSON.stringify(report) : table(report, bench.unit)}\n`);
} catch (error) {
  note(error instanceof OptionError ? error.message : String(error));
  process.exitCode = 1;
}
