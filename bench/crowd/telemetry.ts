/**
 * The load of bench/telemetry: told a TelemetryJob, asked to `run`: a TelemetryOutcome.
 *
 * The first `stalled` clients stop reading once all are there: of those that read, every frame is counted, by reader.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { answer, fail, told } from "../conversation.ts";
import { cpuMs, rssKb } from "../watching.ts";
import type { Client } from "./client.ts";
import type { TelemetryJob, TelemetryOutcome } from "./job.ts";
import { openClients } from "./open.ts";
import { WireCrowd } from "./wire-crowd.ts";

async function run({ readers, stalled, warmupMs, measureMs, serverPid, ...job }: TelemetryJob) {
  const crowd = new WireCrowd(job);
  const counts = new Float64Array(readers);
  const onFrames = (client: Client, frames: number): void => {
    counts[client.index] = (counts[client.index] ?? 0) + frames;
  };
  const onFailure = (_client: Client, error: Error): never => fail(error);
  const clients = await openClients(readers, { crowd, counts: true, onFrames, onFailure });
  for (const client of clients.slice(0, stalled)) client.pause();
  await sleep(warmupMs);
  const load = process.cpuUsage();
  const before = { cpu: cpuMs(serverPid), rss: rssKb(serverPid), counts: counts.slice(), at: performance.now() };
  await sleep(measureMs);
  const elapsedMs = performance.now() - before.at;
  const rates = Array.from(counts.subarray(stalled), (count, i) => {
    return ((count - (before.counts[stalled + i] ?? 0)) * 1000) / elapsedMs;
  });
  const serverMs = cpuMs(serverPid) - before.cpu;
  const after = rssKb(serverPid);
  const { user, system } = process.cpuUsage(load);
  for (const client of clients) client.drop();
  const sum = rates.reduce((total, rate) => total + rate, 0);
  const outcome: TelemetryOutcome = {
    framesPerSecond: rounded(sum / rates.length),
    slowestPerSecond: rounded(rates.reduce((least, rate) => Math.min(least, rate), Number.POSITIVE_INFINITY)),
    cpuNsPerDelivery: Math.round((serverMs * 1e6) / ((sum * elapsedMs) / 1000)),
    rssKb: after,
    rssGrowthKb: after - before.rss,
    serverBusy: rounded(serverMs / elapsedMs),
    loadBusy: rounded((user + system) / 1000 / elapsedMs),
  };
  return outcome;
}

/** To a hundredth: no figure here is better than that. */
function rounded(figure: number): number {
  return Math.round(figure * 100) / 100;
}

const job = await told<TelemetryJob>();
answer({ run: () => run(job) });
