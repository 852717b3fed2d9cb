/**
 * The load of bench/idle: told a Crowd, asked to `open <count>` and to `close`.
 *
 * Between the two it does nothing; a connection that is lost meanwhile ends it, and the round.
 */
import { answer, fail, told } from "../conversation.ts";
import type { Client } from "./client.ts";
import type { Crowd, OpenOutcome } from "./job.ts";
import { openClients } from "./open.ts";
import { WireCrowd } from "./wire-crowd.ts";

const crowd = new WireCrowd(await told<Crowd>());
let clients: readonly Client[] = [];
let opened = 0; // ever: a seat is taken once

async function open(count: number): Promise<OpenOutcome> {
  const cpu = process.cpuUsage();
  const from = performance.now();
  const onFailure = (_client: Client, error: Error): never => fail(error);
  clients = await openClients(count, { crowd, from: opened, counts: false, onFrames: () => undefined, onFailure });
  opened += count;
  const ms = performance.now() - from;
  const used = process.cpuUsage(cpu);
  return { ms, loadBusy: (used.user + used.system) / 1000 / ms };
}

function close(): object {
  for (const client of clients) client.drop();
  clients = [];
  return {};
}

answer({ open, close });
