/**
 * Kills a kernel with state on disk at random moments, and looks each time what the next one finds.
 *
 *   node test/support/state-kills.mjs KILLS [LANES]  →  one line of JSON, exit 1 when something acknowledged is gone or torn
 *
 * Each lane has a folder of its own and one child at a time: four writers, values of 1 byte to 3 MB, clears in between,
 * and an issuer of capabilities. It is killed a random moment after a random number of its words, however slow the disk.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const [kills = "100", lanes = "3"] = process.argv.slice(2);
const WRITERS = 4;
const LINES = 40; // at most, that a child says before it is killed: fewer are likelier
const AFTER_MS = 8; // at most, behind those: about what an operation takes
const STARTING = 0.1; // of all are killed while they start, open and read
const STARTING_MS = 150;

const folder = mkdtempSync(join(tmpdir(), "jackfield-kills-"));
const script = join(folder, "child.cjs");
const children = new Set();
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});
process.once("SIGTERM", () => process.exit(1));

const report = {
  kills: 0,
  beforeFirst: 0,
  acknowledged: 0,
  large: 0,
  clears: 0,
  inHandLanded: 0,
  issued: 0,
  revoked: 0,
  wrong: [],
};

await build({
  absWorkingDir: root,
  entryPoints: ["test/support/state-child.ts"],
  outfile: script,
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  define: { "import.meta.url": '"file:///"' },
  external: ["lmdb"],
  alias: {
    "jackfield/process": join(root, "lib/process/index.ts"),
    "jackfield/protocol": join(root, "lib/protocol/index.ts"),
  },
  logLevel: "error",
});

/** What is there after an operation: its number, or "none" after one that cleared. */
const after = (operation) => (operation === 0 || operation % 7 === 0 ? "none" : String(operation));

async function lane(name) {
  const acknowledged = Array(WRITERS).fill(0); // the last operation of each
  let issued = 0;
  const revoked = new Set();
  while (report.kills < Number(kills)) {
    report.kills++;
    const lines = await run(
      join(folder, name),
      acknowledged.map((operation) => operation + 1),
    );
    if (lines.length <= WRITERS) report.beforeFirst++;
    for (const line of lines) {
      const [word, first, second] = line.split(" ");
      if (word === "found") {
        const last = acknowledged[first];
        const isNext = second === after(last + 1);
        if (second !== after(last) && !isNext)
          report.wrong.push(`${name}: writer ${first} found ${second}, acknowledged was ${last}`);
        if (isNext && after(last) !== after(last + 1)) report.inHandLanded++;
      } else if (word === "ack") {
        acknowledged[first] = Number(second);
        report.acknowledged++;
        if (second % 7 === 0) report.clears++;
        else if (second % 23 === 0) report.large++;
      } else if (word === "holds") {
        const held = JSON.parse(first);
        const isRight =
          held.every((number) => !revoked.has(number)) && (issued === 0 || held.some((number) => number >= issued));
        if (!isRight) report.wrong.push(`${name}: holds ${first}, issued last was ${issued}`);
      } else if (word === "issued") {
        issued = Number(first);
        report.issued++;
      } else if (word === "revoked") {
        revoked.add(Number(first));
        report.revoked++;
      } else report.wrong.push(`${name}: ${line}`);
    }
  }
}

/** One child, killed at a random moment. @returns the whole lines it said */
function run(state, starts) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [script, state, ...starts], {
      env: { PATH: process.env.PATH, NODE_PATH: join(root, "node_modules") },
    });
    children.add(child);
    let said = "";
    let timer;
    const killIn = (ms) => {
      timer ??= setTimeout(() => child.kill("SIGKILL"), ms);
    };
    const lines = 1 + Math.floor(Math.random() ** 2 * LINES);
    if (Math.random() < STARTING) killIn(Math.random() * STARTING_MS);
    child.stdout.setEncoding("utf8").on("data", (text) => {
      said += text;
      if (said.split("\n").length > lines) killIn(Math.random() * AFTER_MS);
    });
    child.stderr.setEncoding("utf8").on("data", (text) => report.wrong.push(text));
    child.once("close", (code, signal) => {
      children.delete(child);
      clearTimeout(timer);
      if (signal !== "SIGKILL") report.wrong.push(`it ended by itself, with ${code}`);
      resolve(said.split("\n").slice(0, -1));
    });
  });
}

await Promise.all(Array.from({ length: Number(lanes) }, (_, index) => lane(`lane-${index}`)));
process.stdout.write(`${JSON.stringify(report)}\n`);
process.exitCode = report.wrong.length > 0 ? 1 : 0;
