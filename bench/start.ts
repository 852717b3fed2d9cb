/**
 * bench/start: from the start of a process to its first page.
 *
 * The limit is bare uWebSockets.js serving one page (budget: DESIGN §9). Jackfield is the shipped command as a person runs
 * it, with its examples, and its page is /login: again and again on a data folder whose password is set, and as the very
 * first start after an installation. Less is better.
 */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Bench, Figures, Report, Result, Settings } from "./bench.ts";
import { firstLine, stop } from "./child.ts";
import { spawnScript, unpinnedBecause } from "./cores.ts";
import { figuresOf } from "./figures.ts";
import { measureInstalled } from "./installed.ts";
import type { Server, Start, StartsOutcome } from "./load/starts-job.ts";

const STARTS = 10; // of each contender in a round
const ROUND_MS = 120_000; // for all starts of a round; each takes a fraction of a second
const LOAD_SCRIPT = new URL("./load/starts.js", import.meta.url); // .js: the bench runs from dist/
const COMMAND = new URL("../bin/jackfield.js", import.meta.url);
const FIRST = "jackfield, first start";
const KEEPS_MS = 2000; // by then a node has kept its compiled code: see bin/command.cjs

/** What Node reads before it runs anything, the same for both: it makes every start longer and the ratio smaller. */
const NODE_VARIABLES = ["NODE_EXTRA_CA_CERTS", "NODE_OPTIONS"];

export const start: Bench = {
  name: "start",
  about: "from the start of a process to its first page, in ms: less is better",
  contenders: ["uwebsockets", "jackfield"],
  run,
};

async function run({ only, rounds }: Settings, note: (line: string) => void): Promise<Report> {
  if (unpinnedBecause !== undefined) note(`not pinned to cores as ${unpinnedBecause}: expect more noise`);
  const variables = NODE_VARIABLES.filter((name) => process.env[name] !== undefined);
  if (variables.length > 0) note(`${variables.join(" and ")} is set: every start is longer by what Node does for it`);
  const isAsked = (name: string): boolean => only === undefined || only.includes(name);
  const folder = await mkdtemp(join(tmpdir(), "jackfield-bench-"));
  try {
    const starts: Record<string, Start[]> = { uwebsockets: [], jackfield: [], [FIRST]: [] };
    const play = async (round: number, servers: readonly Server[], times: number): Promise<void> => {
      for (const [name, each] of Object.entries(await playStarts(servers, times))) {
        starts[name]?.push(...each);
        note(`round ${round}  ${name.padEnd(24)} ${describe(each)}`);
      }
    };
    const servers: Server[] = isAsked("uwebsockets") ? [pageOfUws()] : [];
    if (isAsked("jackfield")) {
      await forgetCompiled();
      for (let round = 1; round <= rounds; round += 1)
        await play(round, [jackfield(FIRST, join(folder, `first-${round}`))], 1);
      servers.push(jackfield("jackfield", await usedFolder(folder)));
    }
    for (let round = 1; round <= rounds; round += 1) await play(round, servers, STARTS);
    return await report(starts, rounds, variables, note);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function report(
  starts: Readonly<Record<string, readonly Start[]>>,
  rounds: number,
  variables: readonly string[],
  note: (line: string) => void,
): Promise<Report> {
  const { uwebsockets = [], jackfield: ours = [], [FIRST]: first = [] } = starts;
  const contenders: Record<string, Result> = {};
  if (uwebsockets.length > 0) contenders.uwebsockets = resultOf(uwebsockets, {});
  if (ours.length > 0) contenders.jackfield = resultOf(ours, { firstMs: first.map(({ ms }) => ms) });
  const { uwebsockets: limit, jackfield: measured } = contenders;
  return {
    bench: "start",
    unit: "ms",
    contenders,
    ratio: quotient(measured, limit),
    cpuRatio: quotient(measured?.also?.cpuMs, limit?.also?.cpuMs),
    starts: rounds * STARTS,
    nodeVariables: variables,
    installed: await measureInstalled().catch((error: unknown) => {
      note(`installed size is unknown as npm failed: ${String(error).split("\n", 1)[0]}`);
      return null;
    }),
    node: process.versions.node,
  };
}

function quotient(ours: Figures | undefined, limit: Figures | undefined): number | null {
  return ours === undefined || limit === undefined ? null : ours.median / limit.median;
}

function resultOf(starts: readonly Start[], more: Readonly<Record<string, readonly number[]>>): Result {
  const cpu = starts.flatMap(({ cpuMs }) => cpuMs ?? []);
  const also = Object.entries({ cpuMs: cpu, ...more }).filter(([, each]) => each.length > 0);
  return {
    ...figuresOf(starts.map(({ ms }) => rounded(ms))),
    also: Object.fromEntries(also.map(([name, each]) => [name, figuresOf(each.map(rounded))])),
  };
}

/** To hundredths: a start is never known better. */
function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
}

function pageOfUws(): Server {
  const script = new URL("./contenders/uwebsockets-page.js", import.meta.url).href;
  return { name: "uwebsockets", script, args: [], path: "/" };
}

function jackfield(name: string, data: string): Server {
  return { name, script: COMMAND.href, args: ["start", "--data", data, "--port"], path: "/login" };
}

/** What a node of this Node.js made of its code: without it, the next start is as the first after an installation. */
async function forgetCompiled(): Promise<void> {
  const folder = new URL(".", COMMAND);
  const files = (await readdir(folder)).filter((file) => /^(core|later)\.cjs\./.test(file));
  for (const file of files) await rm(new URL(file, folder));
}

/** A data folder whose password is set, as everything is that a first start leaves for the second. */
async function usedFolder(folder: string): Promise<string> {
  const data = join(folder, "data");
  const args = ["start", "--data", data, "--password", "bench password", "--port", "0"];
  const child = spawnScript("server", COMMAND, args, process.env);
  let printed = "";
  await new Promise<void>((resolve, reject) => {
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
      if (printed.includes("Ctrl-C")) resolve(); // its last line: the password is kept
    });
    child.once("close", () => reject(new Error(`Cannot start jackfield as it ended at once: ${printed}`)));
  });
  await sleep(KEEPS_MS);
  await stop(child);
  return data;
}

async function playStarts(servers: readonly Server[], starts: number): Promise<StartsOutcome> {
  const child = spawnScript("load", LOAD_SCRIPT, [JSON.stringify({ servers, starts })], process.env);
  try {
    return (await firstLine(child, "the process that starts them", ROUND_MS)) as StartsOutcome; // our own script printed it
  } finally {
    await stop(child);
  }
}

function describe(starts: readonly Start[]): string {
  const { median, min, max } = figuresOf(starts.map(({ ms }) => Math.round(ms)));
  const cpu = starts.flatMap(({ cpuMs }) => cpuMs ?? []);
  const busy = cpu.length === 0 ? "unknown" : `${figuresOf(cpu).median.toFixed(1)} ms`;
  return `${median} ms (${min} to ${max}), processor time ${busy}`;
}
