/**
 * The load of bench/idle: `node idle.js '<Crowd as JSON>'`, asked to `open <count>` and to `close`.
 *
 * Between the two it does nothing; a connection that is lost meanwhile ends it, and the round.
 */
import { answer, fail } from "../conversation.ts";
import type { Client } from "./client.ts";
import type { Crowd, OpenOutcome } from "./job.ts";
import { openClients } from "./open.ts";

const crowd = JSON.parse(process.argv[2] ?? "") as Crowd;
let clients: readonly Client[] = [];

async function open(count: number): Promise<OpenOutcome> {
  const cpu = process.cpuUsage();
  const from = performance.now();
  const onFailure = (_client: Client, error: Error): never => fail(error);
  clients = await openClients(count, { crowd, counts: -1, onFrames: () => undefined, onFailure });
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
