/**
 * The load of bench/soak: told a SoakJob, asked to `open <count>` and to `run <milliseconds>`.
 *
 * Echoes as in bench/echo, in a closed loop: as many messages leave as echoes came back. After each run everything on
 * its way has come back, and the connections stay.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { answer, fail, told } from "../conversation.ts";
import type { Client } from "./client.ts";
import type { SoakJob, SoakOutcome } from "./job.ts";
import { openClients } from "./open.ts";
import { WireCrowd } from "./wire-crowd.ts";

const DRAIN_MS = 5000; // far above any latency seen here
const POLL_MS = 5;

const job = await told<SoakJob>();
const crowd = new WireCrowd(job);
const frame = crowd.message;
/** `batches[k]`: k messages in a row. */
const batches = Array.from({ length: job.inflight + 1 }, (_, k) => Buffer.concat(Array(k).fill(frame)));
let clients: readonly Client[] = [];
let running = false;
let onTheirWay = 0;
let echoes = 0;

function send(client: Client, messages: number): void {
  const batch = batches[messages];
  if (batch === undefined) fail(`Cannot answer ${messages} echoes as at most ${job.inflight} were on their way`);
  onTheirWay += messages;
  client.send(batch);
}

async function open(count: number): Promise<object> {
  const onFrames = (client: Client, frames: number): void => {
    onTheirWay -= frames;
    echoes += frames;
    if (running) send(client, frames);
  };
  const onFailure = (_client: Client, error: Error): never => fail(error);
  clients = await openClients(count, { crowd, counts: true, onFrames, onFailure });
  return {};
}

async function run(ms: number): Promise<SoakOutcome> {
  const from = performance.now();
  echoes = 0;
  running = true;
  for (const client of clients) send(client, job.inflight);
  await sleep(ms);
  running = false;
  const over = performance.now();
  while (onTheirWay > 0) {
    if (performance.now() - over > DRAIN_MS)
      throw new Error(`Cannot end as every message must come back: ${onTheirWay} have not`);
    await sleep(POLL_MS);
  }
  return { echoes, ms: performance.now() - from };
}

answer({ open, run });
