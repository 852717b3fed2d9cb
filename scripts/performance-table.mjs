/**
 * Reports of the bench, one JSON line each on stdin, as the tables of docs/performance.md on stdout:
 *
 *   npm run --silent bench -- --json > reports.jsonl; node scripts/performance-table.mjs < reports.jsonl
 */
import { readFileSync } from "node:fs";
import { tableOf } from "./report-table.mjs";

const lines = readFileSync(0, "utf8").split("\n").filter(Boolean);
process.stdout.write(lines.map((line) => tableOf(JSON.parse(line))).join("\n"));
