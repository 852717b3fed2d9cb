/**
 * Runs test/hostile alone. `--report` writes what it measured into docs/security.md, between its marks.
 *
 *   npm run hostile
 *   npm run hostile -- --report
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const page = join(root, "docs/security.md");
const jest = [
  "--experimental-vm-modules",
  "--no-warnings",
  "node_modules/jest/bin/jest.js",
  "--runInBand", // one transport after the other: they would wait for each other
  "test/hostile",
];
const folder = mkdtempSync(join(tmpdir(), "jackfield-hostile-"));
const rows = join(folder, "rows");

const HEAD =
  "| attack | what happened | peak | left: all / heap | others waited at most: echo / HTTP | and were served |";
const RULE = "|---|---|---|---|---|---|";

const wantsReport = process.argv.includes("--report");
const env = wantsReport ? { ...process.env, JACKFIELD_HOSTILE_REPORT: rows } : process.env;
const { status } = spawnSync(process.execPath, jest, { cwd: root, env, stdio: "inherit" });
if (wantsReport && existsSync(rows)) {
  const lines = readFileSync(rows, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  let text = readFileSync(page, "utf8");
  for (const transport of ["uws", "ws"]) {
    const table = lines.filter((line) => line.transport === transport).map((line) => line.line);
    const [begin, end] = [`<!-- hostile ${transport} -->\n`, `<!-- end ${transport} -->`];
    const from = text.indexOf(begin) + begin.length;
    text = `${text.slice(0, from)}${[HEAD, RULE, ...table].join("\n")}\n${text.slice(text.indexOf(end))}`;
  }
  const machine = `Node ${process.version}, ${cpus()[0]?.model.trim() ?? "unknown"}, ${cpus().length} cores.`;
  writeFileSync(page, text.replace(/(<!-- machine -->).*/, `$1 ${machine}`));
}
rmSync(folder, { recursive: true });
process.exitCode = status ?? 1;
