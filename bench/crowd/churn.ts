/**
 * The load of bench/churn: told a ChurnJob, asked to `run <milliseconds>`.
 *
 * 1. Connections begin at their rate, however long those before them take, up to AT_ONCE of them.
 * 2. One is done when it has connected, registered, pushed, got its push back, and both sides have said goodbye.
 * 3. A failure is counted and told of; the run goes on.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { answer, told } from "../conversation.ts";
import { Client } from "./client.ts";
import type { ChurnJob, ChurnOutcome } from "./job.ts";
import { WireCrowd } from "./wire-crowd.ts";

const TICK_MS = 5;
const AT_ONCE = 256; // as in open.ts
const PATIENCE_MS = 5000; // for those that are open when the time is over; then they have failed

const job = await told<ChurnJob>();
const crowd = new WireCrowd(job);
const push = crowd.message;
const open = new Set<Client>();
let started = 0;
let done = 0;
let failures = 0;
let firstFailure: string | null = null;

function begin(): void {
  const client = new Client({
    crowd,
    index: started,
    counts: true,
    onReady: () => client.send(push),
    onFrames: () => client.close(() => end(client)),
    onFailure: (_client, error) => end(client, error.message),
  });
  started += 1;
  open.add(client);
}

function end(client: Client, failure?: string): void {
  open.delete(client);
  if (failure === undefined) {
    done += 1;
    return;
  }
  failures += 1;
  firstFailure ??= failure;
}

async function run(ms: number): Promise<ChurnOutcome> {
  const from = performance.now();
  started = 0;
  done = 0;
  failures = 0;
  firstFailure = null;
  for (let now = from; now - from < ms; now = performance.now()) {
    const due = Math.floor(((now - from) * job.perSecond) / 1000);
    while (started < due && open.size < AT_ONCE) begin();
    await sleep(TICK_MS);
  }
  const over = performance.now();
  while (open.size > 0 && performance.now() - over < PATIENCE_MS) await sleep(TICK_MS);
  for (const client of [...open]) {
    client.drop();
    end(client, `Cannot count client ${client.index} as done as it must be within ${PATIENCE_MS} ms`);
  }
  return { done, failures, firstFailure, perSecond: Math.round((done * 1000) / (performance.now() - from)) };
}

answer({ run });
