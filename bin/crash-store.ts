/**
 * Crash reports over the end of a node: one file, a report per line of JSON, the last ones kept.
 *
 * 1. Written at once, and not synced: a report is for people, and outlives the end of the node, not that of the machine.
 * 2. What cannot be read is passed over, and what cannot be written is lost: no crash may cause another.
 * 3. The file has at most twice as many reports as are kept: it is cut when it has that many.
 */
import { appendFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CrashReport, CrashStore } from "../kernel/index.ts";

const FILE = "crashes.jsonl";

/** @param folder null: nothing is kept @param most reports */
export function crashStore(folder: string | null, most: number): CrashStore | undefined {
  if (folder === null || most === 0) return undefined;
  const path = join(folder, FILE);
  let lines = 0; // in the file
  return {
    load() {
      const written = linesOf(path);
      lines = written.length;
      return written.flatMap(reportOf).slice(-most);
    },
    add(report) {
      try {
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        appendFileSync(path, `${JSON.stringify(report)}\n`, { mode: 0o600 }); // a stack may quote what a process was sent
        if (++lines >= most * 2) lines = cut(path, most);
      } catch {
        // rule 2
      }
    },
  };
}

function linesOf(path: string): readonly string[] {
  try {
    return readFileSync(path, "utf8").split("\n").filter(Boolean);
  } catch {
    return [];
  }
}

/** @returns how many lines are left */
function cut(path: string, most: number): number {
  const kept = linesOf(path).slice(-most);
  writeFileSync(`${path}.new`, `${kept.join("\n")}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
  return kept.length;
}

/** None for a line that was not written whole, or by something else. */
function reportOf(line: string): readonly CrashReport[] {
  try {
    const report = JSON.parse(line) as Partial<CrashReport> | null;
    return typeof report?.at === "number" && typeof report.process === "string" ? [report as CrashReport] : [];
  } catch {
    return [];
  }
}
