/**
 * The load of bench/publish-cluster: told a PublishJob, asked to `open`, and to `run` once all are
 * subscribed: a PublishOutcome.
 *
 * 1. Client 0 sends, and receives as all others do.
 * 2. First one publish at a time: from its sending until the last client has it. Then in two batches, a closed loop as in
 *    fanout.ts: how many are delivered in a second.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { answer, fail, told } from "../conversation.ts";
import { cpuMs } from "../watching.ts";
import type { Client } from "./client.ts";
import type { PublishJob, PublishOutcome } from "./job.ts";
import { Ledger } from "./ledger.ts";
import { openClients } from "./open.ts";
import { percentile } from "./percentile.ts";
import { WireCrowd } from "./wire-crowd.ts";

const LAST_MS = 10_000; // far above any spread seen here
const POLL_MS = 5;
const BETWEEN_MS = 20; // of two publishes that are timed one by one: the servers are at rest again

const job = await told<PublishJob>();
const { batch, warmupMs, measureMs, pids } = job;
const places = placesOf(job);
const receivers = places.length;
const crowd = new WireCrowd({ ports: places.map(({ port }) => port), talks: places.map(({ talk }) => talk) });
const frame = crowd.message;
const frames = Buffer.concat(Array(batch).fill(frame));
const batched = new Ledger(receivers, batch);
let ledger = new Ledger(receivers, 1);
let clients: readonly Client[] = [];
let [deliveries, isSending] = [0, false];
let onComplete: () => void = () => undefined; // every client has a publish

async function open(): Promise<object> {
  const onFailure = (_client: Client, error: Error): never => fail(error);
  const onFrames = (client: Client, count: number): void => {
    deliveries += count;
    ledger.arrived(client.index, count, performance.now(), () => onComplete());
    if (isSending) sendBatch();
  };
  clients = await openClients(receivers, { crowd, counts: true, onFailure, onFrames });
  return {};
}

/** @returns from its sending until the last client has it, ms */
async function publishOne(): Promise<number> {
  const from = performance.now();
  const late = setTimeout(() => fail(tooLate()), LAST_MS);
  await new Promise<void>((resolve) => {
    onComplete = resolve;
    ledger.send();
    clients[0]?.send(frame);
  });
  clearTimeout(late);
  return performance.now() - from;
}

function sendBatch(): void {
  if (!batched.due) return;
  batched.send();
  clients[0]?.send(frames);
}

async function run(): Promise<PublishOutcome> {
  const lastMs: number[] = [];
  const begin = performance.now();
  for (let now = begin; now - begin < warmupMs + measureMs; now = performance.now()) {
    const ms = await publishOne();
    if (now - begin >= warmupMs) lastMs.push(ms);
    await sleep(BETWEEN_MS);
  }
  lastMs.sort((a, b) => a - b);

  ledger = batched;
  isSending = true;
  sendBatch();
  await sleep(warmupMs);
  const cpu = (): number => pids.reduce((sum, pid) => sum + cpuMs(pid), 0);
  const own = process.cpuUsage();
  const [from, before, cpuBefore] = [performance.now(), deliveries, cpu()];
  await sleep(measureMs);
  const [ms, count, serverMs] = [performance.now() - from, deliveries - before, cpu() - cpuBefore];
  const used = process.cpuUsage(own);
  isSending = false;
  for (const end = performance.now() + LAST_MS; !ledger.settled; await sleep(POLL_MS))
    if (performance.now() > end) fail(tooLate());
  for (const client of clients) client.drop();
  return {
    deliveriesPerSecond: Math.round((count * 1000) / ms),
    lastP50Ms: hundredths(percentile(lastMs, 0.5)),
    lastP99Ms: hundredths(percentile(lastMs, 0.99)),
    cpuNsPerDelivery: hundredths((serverMs * 1e6) / count),
    serverBusy: serverMs / ms,
    loadBusy: (used.user + used.system) / 1000 / ms,
  };
}

function tooLate(): Error {
  return new Error(`Cannot go on as every client must have a publish within ${LAST_MS} ms`);
}

/** Client 0 at the first place; the others at the rest, in turn. */
function placesOf({ places: [first, ...others], perNode }: PublishJob): PublishJob["places"] {
  return [...(first === undefined ? [] : [first]), ...Array.from({ length: perNode }, () => others).flat()];
}

function hundredths(figure: number): number {
  return Math.round(figure * 100) / 100;
}

answer({ open, run });
