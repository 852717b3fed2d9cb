/**
 * Writes what a soak found, one JSON line on stdin, into docs/soak.md between its marks:
 *
 *   npm run --silent soak -- --seconds 600 --json > soak.json; node scripts/soak-report.mjs < soak.json
 *
 * Where it broke something, the page says so too: exit 1.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";

const PAGE = fileURLToPath(new URL("../docs/soak.md", import.meta.url));
const BEGIN = "<!-- soak -->\n";
const END = "<!-- end soak -->";

const line = readFileSync(0, "utf8").trim().split("\n").at(-1) ?? "";
const report = JSON.parse(line);
const { node, clients } = report;

const number = (value) => value.toLocaleString("en");
const megabytes = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
const list = (counts) => {
  const parts = Object.entries(counts).map(([name, times]) => `${name} ${number(times)}`);
  return parts.length === 0 ? "none" : parts.join(", ");
};

const rows = [
  ["every guarantee", report.ok ? "held" : `**BROKEN**: ${report.broken.join("; ")}`],
  ["how long", `${number(report.seconds)} s, a crash every second`],
  ["crashes", `${number(report.crashes)}: ${list(node.crashes)}`],
  ["incarnations after the first", number(node.restarts)],
  ["requests of all kinds", number(report.requests)],
  ["unaccounted for", number(report.unaccounted)],
  ["requests between processes", `${number(node.asked)}: ${list(node.outcomes)}`],
  [
    "frames to be echoed",
    `${number(clients.frames)}, of which ${number(clients.lostWithChannel)} ended with their channel`,
  ],
  ["channels opened", `${number(clients.channels)}; ${number(clients.refused)} refused while their process was down`],
  ["HTTP requests", `${number(clients.httpRequests)}: ${list(clients.httpStatus)}`],
  ["state written, each flushed", `${number(node.stateWrites)} times`],
  ["timers", number(node.timersFired)],
  ["processes spawned, besides", number(node.spawned)],
  ["dead letters", list(node.deadLetters)],
  [
    "heap after collecting garbage",
    `${megabytes(report.heapStart)} → ${megabytes(report.heapEnd)} (at most ${megabytes(report.heapBound)})`,
  ],
  ["exit code of the node after SIGTERM", String(report.exitCode)],
];
const machine = `Node ${process.version}, ${cpus()[0]?.model.trim() ?? "unknown"}, ${cpus().length} cores, ${new Date().toISOString().slice(0, 10)}.`;
const table = ["| | |", "|---|---|", ...rows.map(([name, value]) => `| ${name} | ${value} |`)].join("\n");

const text = readFileSync(PAGE, "utf8");
const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)];
if (from < 0 || to < from)
  throw new Error(`Cannot write the report as docs/soak.md must have the lines ${BEGIN.trim()} and ${END}`);
writeFileSync(PAGE, `${text.slice(0, from + BEGIN.length)}\n${machine}\n\n${table}\n\n${text.slice(to)}`);
process.exitCode = report.ok ? 0 : 1;
