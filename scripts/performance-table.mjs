/**
 * Reports of the bench, one JSON line each on stdin, as the tables of docs/performance.md on stdout:
 *
 *   npm run --silent bench -- --json > reports.jsonl; node scripts/performance-table.mjs < reports.jsonl
 */
import { readFileSync } from "node:fs";

/** What goes into a table besides the main figure, where a bench has it, under which head. */
const ALSO = {
  p50Us: "p50 µs",
  p99Us: "p99 µs",
  cpuNsPerMessage: "server ns each",
  spreadP50Ms: "spread p50 ms",
  spreadP99Ms: "spread p99 ms",
  cpuNsPerDelivery: "server ns each",
  rssGrowthKb: "RSS growth kB",
  bytesPerChannelAfterGc: "after gc",
  opensPerSecond: "opened /s",
  cpuUsPerOpen: "server µs to open",
  closeMs: "all closed in ms",
  perSecond: "per second",
  cpuMs: "server ms",
};

const LOAD = { connections: "connections", inflight: "in flight each", bytes: "bytes", seconds: "s a round" };

const number = (value) =>
  Number.isFinite(value) ? value.toLocaleString("en", { maximumFractionDigits: Math.abs(value) < 10 ? 2 : 0 }) : "";
const row = (cells) => `| ${cells.join(" | ")} |`;

function table({ bench, unit, contenders, ratio, ratios = {}, ...facts }) {
  const names = Object.keys(ALSO).filter((name) =>
    Object.values(contenders).some(({ also }) => also?.[name] !== undefined),
  );
  const head = ["", unit, "min", "max", ...names.map((name) => ALSO[name])];
  const rows = Object.entries(contenders).map(([name, { median, min, max, also = {} }]) =>
    row([name, ...[median, min, max].map(number), ...names.map((each) => number(also[each]?.median))]),
  );
  const load = Object.entries(facts).filter(([name]) => name in LOAD);
  const others = Object.entries(facts).filter(([name, fact]) => typeof fact === "number" && !(name in LOAD));
  const [first] = Object.values(contenders);
  const turns = first?.rounds?.length ?? 0;
  const all = [...(ratio === null ? [] : [["ratio to the limit", ratio]]), ...Object.entries(ratios), ...others];
  return [
    `### ${bench}`,
    "",
    [...load.map(([name, value]) => `${value} ${LOAD[name]}`), `rounds: ${turns}`].join(", "),
    "",
    row(head),
    row(head.map((_, i) => (i === 0 ? "---" : "--:"))),
    ...rows,
    "",
    ...(all.length === 0
      ? []
      : [
          all
            .map(([pair, value]) => `${pair} **${value < 100 ? value.toFixed(value < 10 ? 3 : 1) : number(value)}**`)
            .join(" · "),
          "",
        ]),
  ].join("\n");
}

const lines = readFileSync(0, "utf8").split("\n").filter(Boolean);
process.stdout.write(lines.map((line) => table(JSON.parse(line))).join("\n"));
