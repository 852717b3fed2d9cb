/**
 * The load of bench/fanout: told a FanoutJob, asked to `run`: a FanoutOutcome.
 *
 * 1. Every client receives; the first one also sends.
 * 2. A closed loop: see Ledger. A receiver that misses a frame stops it, and the round.
 * 3. After the window everything on its way must arrive.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { answer, fail, told } from "../conversation.ts";
import { cpuMs, rssKb } from "../watching.ts";
import type { Client } from "./client.ts";
import type { FanoutJob, FanoutOutcome } from "./job.ts";
import { Ledger } from "./ledger.ts";
import { openClients } from "./open.ts";
import { percentile } from "./percentile.ts";
import { WireCrowd } from "./wire-crowd.ts";

const DRAIN_MS = 10_000; // far above any spread seen here
const DRAIN_POLL_MS = 5;

async function run(job: FanoutJob): Promise<FanoutOutcome> {
  const { receivers, batch, serverPid } = job;
  const crowd = new WireCrowd(job);
  const frames = Buffer.concat(Array.from({ length: batch }, () => crowd.message));
  const ledger = new Ledger(receivers, batch);
  const spreads: number[] = [];
  const onComplete = (spreadMs: number): void => {
    spreads.push(spreadMs);
  };
  let sender: Client | undefined; // undefined: nothing more is sent
  let deliveries = 0;
  const publish = (): void => {
    if (sender === undefined || !ledger.due) return;
    ledger.send();
    sender.send(frames);
  };
  const onFrames = (client: Client, frames: number): void => {
    deliveries += frames;
    ledger.arrived(client.index, frames, performance.now(), onComplete);
    publish();
  };
  const onFailure = (_client: Client, error: Error): never => fail(error);
  const clients = await openClients(receivers, { crowd, counts: true, onFrames, onFailure });

  sender = clients[0];
  publish();
  await sleep(job.warmupMs);
  const load = process.cpuUsage();
  const before = { cpu: cpuMs(serverPid), rss: rssKb(serverPid), deliveries, at: performance.now() };
  spreads.length = 0;
  await sleep(job.measureMs);
  const elapsedMs = performance.now() - before.at;
  const delivered = deliveries - before.deliveries;
  const serverMs = cpuMs(serverPid) - before.cpu;
  const rssGrowthKb = rssKb(serverPid) - before.rss;
  const loadUsed = process.cpuUsage(load);
  const measured = spreads.slice().sort((a, b) => a - b); // a copy: those of the drain do not count

  sender = undefined;
  const end = performance.now() + DRAIN_MS;
  while (!ledger.settled) {
    if (performance.now() > end) throw new Error(`Cannot end as every delivery must arrive within ${DRAIN_MS} ms`);
    await sleep(DRAIN_POLL_MS);
  }
  for (const client of clients) client.drop();
  return {
    deliveriesPerSecond: Math.round((delivered * 1000) / elapsedMs),
    spreadP50Ms: rounded(percentile(measured, 0.5)),
    spreadP99Ms: rounded(percentile(measured, 0.99)),
    cpuNsPerDelivery: rounded((serverMs * 1e6) / delivered),
    rssGrowthKb,
    serverBusy: serverMs / elapsedMs,
    loadBusy: (loadUsed.user + loadUsed.system) / 1000 / elapsedMs,
  };
}

/** To a hundredth: no figure here is better than that. */
function rounded(figure: number): number {
  return Math.round(figure * 100) / 100;
}

const job = await told<FanoutJob>();
answer({ run: () => run(job) });
