/**
 * bench/publish-cluster: one publish to a topic, whose channels are on three nodes, 1,000 on each.
 *
 * 1. The publisher is on a fourth node, with the one channel that sends. One message crosses per node that has receivers.
 * 2. The limit is what each part does bare: the NATS client publishes once, and each of four uWebSockets.js processes
 *    publishes what it gets to its own sockets. It promises nothing: no order, no bound, no word of what was lost.
 * 3. The nodes share a core, and the load has the other; the nats-server shares both.
 */
import type { ChildProcess } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import type { Bench, Report, Settings } from "./bench.ts";
import { firstLine, stop } from "./child.ts";
import { startServers } from "./cluster/servers.ts";
import { ask, tell } from "./conversation.ts";
import { spawnScript } from "./cores.ts";
import type { PublishJob, PublishOutcome } from "./crowd/job.ts";
import { checkFiles } from "./crowd.ts";
import { exchangeOf } from "./exchanges.ts";
import { ratioOf } from "./figures.ts";
import type { Talk } from "./load/job.ts";
import { plainTalk, registeredTalk } from "./talk.ts";
import { busyNote, type Round, takeTurns } from "./turns.ts";

const CONTENDERS = ["limit", "jackfield"] as const;
const HALL = "hall"; // the node that publishes
const TARGET = "hall:bench:sys"; // as contenders/publish-node.ts names its process
const LOAD_SCRIPT = new URL("./crowd/publish.js", import.meta.url); // .js: it runs from dist/
const NODES = ["one", "two", "three"] as const; // with the receivers
const RECEIVERS = 1000; // on each
const INFLIGHT = 16; // publishes, in two batches: as in fanout.ts
const WARMUP_MS = 1500; // as in echo.ts
const START_MS = 15_000;
const OPEN_MS = 60_000; // 3,001 took 2 s while others used the cores
const SPARE_MS = 20_000; // to drain
const POLL_MS = 20;

export const publishCluster: Bench = {
  name: "publish-cluster",
  about: "one publish to a topic with 1,000 channels on each of three nodes, against bare NATS and bare uWebSockets.js",
  contenders: CONTENDERS,
  run,
};

type Work = Pick<PublishJob, "batch" | "warmupMs" | "measureMs">;

async function run(settings: Settings, note: (line: string) => void): Promise<Report> {
  const { connections: perNode = RECEIVERS, inflight = INFLIGHT, bytes, seconds } = settings;
  checkFiles(NODES.length * perNode + 1);
  const batch = Math.max(1, Math.floor(inflight / 2));
  const work: Work = { batch, warmupMs: WARMUP_MS, measureMs: seconds * 1000 };
  const servers = await startServers(1);
  try {
    const [url = ""] = servers.urls;
    const all = CONTENDERS.map((name) => ({ name }));
    const contenders = await takeTurns(all, settings, note, ({ name }) => playRound(name, url, perNode, work, bytes));
    const cost = (name: string): number | undefined => contenders[name]?.also?.cpuNsPerDelivery?.median;
    const [ours, limit] = [cost("jackfield"), cost("limit")];
    return {
      bench: "publish-cluster",
      unit: "deliveries/s",
      contenders,
      ratio: ratioOf(contenders, "jackfield", "limit"),
      cpuRatio: ours === undefined || limit === undefined ? null : limit / ours,
      nodes: NODES.length,
      receiversPerNode: perNode,
      inflight: 2 * batch,
      bytes,
      node: process.versions.node,
      seconds,
    };
  } finally {
    await servers.end();
  }
}

type Announced = { readonly port: number; readonly token?: string };

async function playRound(way: string, url: string, perNode: number, work: Work, bytes: number): Promise<Round> {
  const exchange = exchangeOf("echo", bytes);
  // what Jackfield does only outside production (freezing bodies, DESIGN §3.5) is not what is measured
  const env = { ...process.env, NODE_ENV: "production" };
  const script = new URL("./contenders/publish-node.js", import.meta.url); // .js: it runs from dist/
  const children: ChildProcess[] = [];
  try {
    const announced: Announced[] = [];
    for (const name of [HALL, ...NODES]) {
      const child = spawnScript("server", script, [way, url, name], env);
      children.push(child);
      announced.push((await firstLine(child, `${way}'s ${name}`, START_MS)) as Announced); // our own script
    }
    const talkOf = (token: string | undefined, target: string): Talk =>
      token === undefined ? plainTalk(exchange) : registeredTalk(exchange, token, target);
    const places = announced.map(({ port, token }, index) => ({
      port,
      talk: talkOf(token, index === 0 ? TARGET : `${HALL}@${TARGET}`),
    }));
    const job: PublishJob = { ...work, places, perNode, pids: children.map(({ pid = 0 }) => pid) };
    const nodes = [...children];
    const load = spawnScript("load", LOAD_SCRIPT, [], process.env);
    children.push(load);
    tell(load, job);
    const what = `the load against ${way}`;
    await ask(load, what, "open", OPEN_MS);
    await untilSubscribed(nodes, way, NODES.length * perNode + 1);
    const timeoutMs = 2 * (work.warmupMs + work.measureMs) + SPARE_MS;
    const outcome = (await ask(load, what, "run", timeoutMs)) as PublishOutcome; // our own script
    const { deliveriesPerSecond, serverBusy, loadBusy, ...also } = outcome;
    const rate = `${deliveriesPerSecond.toLocaleString("en")} /s`.padStart(12);
    const last = `last channel p50 ${also.lastP50Ms} ms, p99 ${also.lastP99Ms} ms`;
    const cost = `${Math.round(also.cpuNsPerDelivery)} ns of the nodes each`;
    return { main: deliveriesPerSecond, also, note: `${rate}  ${last}  ${cost}  ${busyNote(serverBusy, loadBusy)}` };
  } finally {
    for (const child of children.reverse()) await stop(child);
  }
}

/** A client has its channel before a process of another node has heard of it: a publish then would leave it out. */
async function untilSubscribed(nodes: readonly ChildProcess[], way: string, count: number): Promise<void> {
  for (const end = performance.now() + OPEN_MS; performance.now() < end; await sleep(POLL_MS)) {
    const each = await Promise.all(nodes.map((node) => ask(node, `a node of ${way}`, "subscribed", START_MS)));
    if (each.reduce<number>((sum, own) => sum + Number(own), 0) === count) return;
  }
  throw new Error(`Cannot go on as ${count} channels of ${way} must be subscribed within ${OPEN_MS} ms`);
}
