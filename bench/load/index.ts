/**
 * The load process: takes one Job as JSON on stdin, answers one Outcome as a JSON line on stdout.
 *
 * 1. All connections are ready before the first message; then comes the warm-up, then the measured window.
 * 2. A closed loop: a message leaves only when an echo came back, so a slow server is never flooded, only slow.
 * 3. After the window all messages on their way must come back: a server that drops some is not faster, it is wrong.
 * 4. One connection or one message lost is the whole run lost: exit 1 and the reason on stderr.
 */
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { Connection } from "./connection.ts";
import { frameBatches } from "./frames.ts";
import { Histogram } from "./histogram.ts";
import type { Job, Outcome } from "./job.ts";
import { readTalk } from "./wire.ts";

const READY_MS = 10_000; // as long as a node waits for a registration (DESIGN §4.2)
const DRAIN_MS = 5_000; // far above any latency seen here
const TICK_MS = 10; // Linux tells processor time in hundredths of a second, on every architecture

async function run(job: Job): Promise<Outcome> {
  const { port, inflight } = job;
  const talk = readTalk(job.talk);
  const batches = frameBatches(talk.message.opcode, talk.message.payload, inflight);
  const window = { from: Number.POSITIVE_INFINITY, histogram: new Histogram() };
  const onEcho = (now: number, ms: number, times: number): void => {
    if (now >= window.from) window.histogram.record(ms * 1000, times);
  };
  let fail: (error: Error) => void = () => {};
  const failure = new Promise<never>((_, reject) => {
    fail = reject;
  });

  const connections: Connection[] = [];
  const allReady = new Promise<void>((resolve) => {
    let missing = job.connections;
    const onReady = (): void => {
      missing -= 1;
      if (missing === 0) resolve();
    };
    for (let i = 0; i < job.connections; i += 1) {
      const path = talk.paths[i % talk.paths.length] ?? "/";
      connections.push(new Connection({ port, path, talk, inflight, batches, onReady, onEcho, onFailure: fail }));
    }
  });
  await within(READY_MS, `all ${job.connections} connections must be ready`, allReady, failure);

  for (const connection of connections) connection.start();
  await Promise.race([sleep(job.warmupMs), failure]);
  const loadBefore = process.cpuUsage();
  const serverBefore = processorMs(job.serverPid);
  const from = performance.now();
  window.from = from;
  await Promise.race([sleep(job.measureMs), failure]);
  const elapsedMs = performance.now() - from;
  const serverAfter = processorMs(job.serverPid);
  const load = process.cpuUsage(loadBefore);
  const drained = Promise.all(connections.map((connection) => connection.drain()));
  await within(DRAIN_MS, "every message must come back", drained, failure);
  for (const connection of connections) connection.drop();

  const { histogram } = window;
  const serverMs = serverBefore === null || serverAfter === null ? null : serverAfter - serverBefore;
  return {
    messagesPerSecond: Math.round((histogram.total * 1000) / elapsedMs),
    p50Us: histogram.percentile(0.5),
    p99Us: histogram.percentile(0.99),
    p999Us: histogram.percentile(0.999),
    serverBusy: serverMs === null ? null : serverMs / elapsedMs,
    loadBusy: (load.user + load.system) / 1000 / elapsedMs,
    cpuNsPerMessage: serverMs === null ? null : (serverMs * 1e6) / histogram.total,
  };
}

/** Waits for `done`, or throws what `failure` has, or that `rule` was not kept. */
async function within(ms: number, rule: string, done: Promise<unknown>, failure: Promise<never>): Promise<void> {
  const timer = new AbortController();
  const late = sleep(ms, "late", { signal: timer.signal }).catch(() => undefined); // aborted: nobody waits any more
  const first = await Promise.race([done, late, failure]);
  timer.abort();
  if (first === "late") throw new Error(`Cannot go on as ${rule} within ${ms} ms`);
}

/** Processor time that `pid` has used so far, all its threads together; null where there is no /proc. */
function processorMs(pid: number): number | null {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return null;
  }
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" "); // the name before it may hold spaces; see proc(5)
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS; // utime and stime
}

try {
  const outcome = await run(JSON.parse(await text(process.stdin)) as Job);
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
} catch (error) {
  process.stderr.write(`load: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
process.exit();
