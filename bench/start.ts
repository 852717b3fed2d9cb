/**
 * bench/start: from the start of a process to its first page.
 *
 * 1. The limit is bare uWebSockets.js serving one page (budget: DESIGN §9). Others serve the same page, and have their
 *    WebSocket server attached as their documentation shows: contenders/ws-page.ts, peers/*-page.ts.
 * 2. Jackfield is the shipped command as a person runs it, with its examples, and its page is /login: again and again on
 *    a data folder whose password is set, and as the very first start after an installation.
 * 3. Less is better, in `ratio`, `cpuRatio` and `ratios` too: each is Jackfield's over another's.
 */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Bench, Report, Result, Settings } from "./bench.ts";
import { firstLine, stop } from "./child.ts";
import { spawnScript, unpinnedBecause } from "./cores.ts";
import { figuresOf, ratioOf, ratiosOf } from "./figures.ts";
import { gather, peerScript } from "./install-peers.ts";
import { type InstalledName, measureInstalled } from "./installed.ts";
import type { Server, Start, StartsOutcome } from "./load/starts-job.ts";
import { alsoRatioOf } from "./turns.ts";

const STARTS = 10; // of each contender in a round
const ROUND_MS = 240_000; // for all starts of a round, sixty with everybody; each takes a fraction of a second
const PAGE = "<!doctype html><title>One page</title><h1>Hello</h1>";
const LOAD_SCRIPT = new URL("./load/starts.js", import.meta.url); // .js: the bench runs from dist/
const COMMAND = new URL("../bin/jackfield.js", import.meta.url);
const FIRST = "jackfield, first start";
const KEEPS_MS = 2000; // by then a node has kept its compiled code: see bin/command.cjs

/** What Node reads before it runs anything, the same for all: it makes every start longer and the ratio smaller. */
const NODE_VARIABLES = ["NODE_EXTRA_CA_CERTS", "NODE_OPTIONS"];

type Contender = {
  readonly name: InstalledName;
  readonly script: URL;
  readonly isPeer: boolean;
  /** What stands before the port. */
  readonly args: readonly string[];
};

function own(name: InstalledName): Contender {
  return { name, script: new URL(`./contenders/${name}-page.js`, import.meta.url), isPeer: false, args: [PAGE] };
}

function peer(name: InstalledName, script: string, ...args: readonly string[]): Contender {
  return { name, script: peerScript(script), isPeer: true, args: [PAGE, ...args] };
}

/** In the order they start. */
const CONTENDERS: readonly Contender[] = [
  own("uwebsockets"),
  { name: "jackfield", script: COMMAND, isPeer: false, args: [] }, // its data folder is made when it runs
  own("ws"),
  peer("socketio", "socketio-page", "http"),
  peer("socketio-uws", "socketio-page", "uws"),
  peer("colyseus", "colyseus-page"),
];

export const start: Bench = {
  name: "start",
  about: "from the start of a process to its first page, in ms: less is better",
  contenders: CONTENDERS.map(({ name }) => name),
  run,
};

async function run({ only, rounds }: Settings, note: (line: string) => void): Promise<Report> {
  if (unpinnedBecause !== undefined) note(`not pinned to cores as ${unpinnedBecause}: expect more noise`);
  const variables = NODE_VARIABLES.filter((name) => process.env[name] !== undefined);
  if (variables.length > 0) note(`${variables.join(" and ")} is set: every start is longer by what Node does for it`);
  const { playing, missing } = await gather("start", CONTENDERS, only, note);
  const names = playing.map(({ name }) => name);
  const contenders = await playAll(playing, rounds, note);
  return {
    bench: "start",
    unit: "ms",
    contenders,
    ratio: ratioOf(contenders, "jackfield", "uwebsockets"),
    ratios: ratiosOf(contenders),
    cpuRatio: alsoRatioOf(contenders, "cpuMs"),
    missing,
    starts: rounds * STARTS,
    nodeVariables: variables,
    installed: await measureInstalled(names).catch((error: unknown) => {
      note(`installed size is unknown as npm failed: ${String(error).split("\n", 1)[0]}`);
      return null;
    }),
    node: process.versions.node,
  };
}

/** First starts come first, as nothing may be kept of those that follow. */
async function playAll(
  playing: readonly Contender[],
  rounds: number,
  note: (line: string) => void,
): Promise<Readonly<Record<string, Result>>> {
  const starts = new Map<string, Start[]>();
  const play = async (round: number, servers: readonly Server[], times: number): Promise<void> => {
    for (const [name, each] of Object.entries(await playStarts(servers, times))) {
      starts.set(name, [...(starts.get(name) ?? []), ...each]);
      note(`round ${round}  ${name.padEnd(24)} ${describe(each)}`);
    }
  };
  const folder = await mkdtemp(join(tmpdir(), "jackfield-bench-"));
  try {
    const data = join(folder, "data");
    if (playing.some(({ name }) => name === "jackfield")) {
      await forgetCompiled();
      for (let round = 1; round <= rounds; round += 1)
        await play(round, [jackfield(FIRST, join(folder, `first-${round}`))], 1);
      await makeUsed(data);
    }
    const servers = playing.map((each) => (each.name === "jackfield" ? jackfield(each.name, data) : pageOf(each)));
    for (let round = 1; round <= rounds; round += 1) await play(round, servers, STARTS);
  } finally {
    await rm(folder, { recursive: true });
  }
  const firstMs = starts.get(FIRST)?.map(({ ms }) => ms) ?? [];
  return Object.fromEntries(
    playing.map(({ name }) => [name, resultOf(starts.get(name) ?? [], name === "jackfield" ? { firstMs } : {})]),
  );
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

function pageOf({ name, script, args }: Contender): Server {
  return { name, script: script.href, args, path: "/" };
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

/** Makes a data folder whose password is set, as everything is that a first start leaves for the second. */
async function makeUsed(data: string): Promise<void> {
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
