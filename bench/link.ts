/**
 * bench/link: requests from a process of one node to one of another, over a nats-server.
 *
 * 1. The limit is the bare client doing the least that works: one publish each way, one wildcard subscription, answers
 *    found by id. `client-request` is what the client itself offers, request() and respond().
 *    It packs nothing: what both ways of MessagePack cost, and who may ask whom, is in Jackfield's share. `client-request`
 *    has the client's `noAsyncTraces`, without which it is slower still.
 * 2. One request at a time and 64, with 64 bytes and 16 KiB; answers are small. The main figure is 64 at once of 64 bytes.
 *    64 at once go first: one at a time, the warm-up is too short for V8 to compile what is then timed.
 * 3. Two processes each, on a core of their own; the nats-server shares both, as it would.
 */
import type { Bench, Report, Result, Settings } from "./bench.ts";
import { firstLine, stop } from "./child.ts";
import { startServers } from "./cluster/servers.ts";
import { spawnScript } from "./cores.ts";
import { ratioOf } from "./figures.ts";
import { type Round, takeTurns } from "./turns.ts";

const WARMUP_MS = 1_000;
const SPARE_MS = 15_000; // to start
const CONTENDERS = ["limit", "client-request", "jackfield"] as const;

export type Work = { readonly name: string; readonly depth: number; readonly bytes: number };

const MAIN = "depth64Bytes64";
const WORK: readonly Work[] = [
  { name: MAIN, depth: 64, bytes: 64 },
  { name: "depth64Bytes16384", depth: 64, bytes: 16_384 },
  { name: "depth1Bytes64", depth: 1, bytes: 64 },
  { name: "depth1Bytes16384", depth: 1, bytes: 16_384 },
];

export type LinkJob = { readonly work: readonly Work[]; readonly warmupMs: number; readonly measureMs: number };
/** Requests a second, by the name of the work. */
export type LinkOutcome = Readonly<Record<string, number>>;

export const link: Bench = {
  name: "link",
  about:
    "requests from one node to another over a nats-server, against the bare client, and the client's own request()",
  contenders: CONTENDERS,
  defaults: ["--seconds", "3"],
  run,
};

async function run(settings: Settings, note: (line: string) => void): Promise<Report> {
  const { seconds } = settings;
  const job: LinkJob = { work: WORK, warmupMs: WARMUP_MS, measureMs: seconds * 1000 };
  const servers = await startServers(1);
  try {
    const [url = ""] = servers.urls;
    const all = CONTENDERS.map((name) => ({ name }));
    const contenders = await takeTurns(all, settings, note, ({ name }) => playRound(name, url, job));
    return {
      bench: "link",
      unit: "requests/s",
      contenders,
      ratio: ratioOf(contenders, "jackfield", "limit"),
      ratios: ratiosOf(contenders),
      node: process.versions.node,
      seconds,
    };
  } finally {
    await servers.end();
  }
}

/** Of the medians, for each kind of work. */
export function ratiosOf(contenders: Readonly<Record<string, Result>>): Readonly<Record<string, number>> {
  const { jackfield } = contenders;
  const ratios: Record<string, number> = {};
  for (const other of ["limit", "client-request"]) {
    for (const { name } of WORK) {
      const [ours, theirs] = [jackfield?.also?.[name], contenders[other]?.also?.[name]];
      if (ours !== undefined && theirs !== undefined)
        ratios[`jackfield/${other} ${name}`] = ours.median / theirs.median;
    }
  }
  return ratios;
}

async function playRound(way: string, url: string, job: LinkJob): Promise<Round> {
  // what Jackfield does only outside production (freezing bodies, DESIGN §3.5) is not what is measured
  const env = { ...process.env, NODE_ENV: "production" };
  const script = (name: string): URL => new URL(`./contenders/link-${name}.js`, import.meta.url); // .js: it runs from dist/
  const answerer = spawnScript("server", script("answerer"), [way, url], env);
  try {
    await firstLine(answerer, `${way}'s answerer`, SPARE_MS);
    const asker = spawnScript("load", script("asker"), [way, url, JSON.stringify(job)], env);
    try {
      const timeoutMs = job.work.length * (job.warmupMs + job.measureMs) + SPARE_MS;
      const outcome = (await firstLine(asker, `${way}'s asker`, timeoutMs)) as LinkOutcome; // our own script
      const shown = Object.entries(outcome).map(([name, perSecond]) => `${name} ${perSecond.toLocaleString("en")}`);
      return { main: outcome[MAIN] ?? Number.NaN, also: outcome, note: shown.join("  ") };
    } finally {
      await stop(asker);
    }
  } finally {
    await stop(answerer);
  }
}
