/**
 * What nodes may not make is made here, by the administrator's key: the buckets and each node's inbox (nats-buckets.ts,
 * nats-inboxes.ts). `jackfield cluster set-up`.
 *
 * 1. What is there stays as it is, whatever it holds; only in how many servers it is kept is changed. It can be cut at any
 *    moment and run again.
 * 2. A cluster that has just started has no leader yet and refuses: it is tried again, for `patienceMs`.
 * 3. Inboxes of nodes that are no more are named, and deleted, with the messages in them, only when asked.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { JetStreamApiError, type JetStreamManager } from "@nats-io/jetstream";
import { textOf } from "../../lib/protocol/index.ts";
import { SetUpError } from "./errors.ts";
import { assertBucket, CLAIMS_BUCKET, DIRECTORY_BUCKET, KEPT_BUCKET } from "./nats-buckets.ts";
import { isWorthWaiting, patiently } from "./nats-first.ts";
import { assertInbox, inboxStream } from "./nats-inboxes.ts";
import { NatsStore } from "./nats-store.ts";
import type { LeftInbox, SetUpFacts, SetUpOptions } from "./set-up.ts";

const PATIENCE_MS = 20_000; // three servers that start elect a leader in 1.5 s; after all of them were killed it took 10 (contracts/cluster.md §8)
const OFF_MS = 3_000; // a server that has just started may not have JetStream yet
const AGAIN_MS = 250;
const BUCKETS = [DIRECTORY_BUCKET, CLAIMS_BUCKET, KEPT_BUCKET];
const COPIES = 3; // with five servers too: one may be lost while another is being mended
const SOUND = [2, 10, 19]; // by its history, nats-server keeps the count since then
const INBOX = /^IN_/;
const NO_ROOM = 10047; // JetStream's error codes, as its server/errors.json has them
const OFF: readonly number[] = [10039, 10076];

/** @throws {SetUpError} (rejects) what was made until then stays */
export async function setUp(options: SetUpOptions): Promise<SetUpFacts> {
  const { servers, patienceMs = PATIENCE_MS } = options;
  const where = servers.join(", ");
  const store = new NatsStore({ ...options, node: "admin" });
  try {
    const { manager, nc } = await patiently(() => store.open(), patienceMs).catch((cause: unknown) => {
      const isThere = !isWorthWaiting(cause);
      const rule = isThere
        ? `none of its servers lets the administrator in: ${textOf(cause)}; is it the cluster that this folder is of, and runs each server with the users.conf beside it?`
        : `none of its servers answers: ${textOf(cause)}; tried for ${patienceMs} ms, start them first`;
      throw new SetUpError(where, rule, { cause });
    });
    const done: Done = { made: [], changed: [] };
    const left = await untilMade(where, patienceMs, () => makeAll(manager, options, done));
    const copies = copiesOf(servers.length);
    const version = nc.info?.version ?? "";
    return { ...done, left, copies, losing: copies > 1 && losesAcknowledged(version) ? version : null };
  } finally {
    await store.close();
  }
}

type Done = { readonly made: string[]; readonly changed: string[] };

/** @param done what was until now, and what is @returns what is left over */
async function makeAll(
  manager: JetStreamManager,
  { servers, nodes, removeLeft }: SetUpOptions,
  done: Done,
): Promise<readonly LeftInbox[]> {
  const copies = copiesOf(servers.length);
  const note = (what: string, how: "there" | "made" | "changed"): void => {
    if (how !== "there") done[how].push(what);
  };
  for (const bucket of BUCKETS) note(`bucket ${bucket.name}`, await assertBucket(manager, bucket, copies));
  for (const node of nodes) note(`inbox of ${node}`, await assertInbox(manager, node, copies));
  const left = await leftInboxes(manager, nodes);
  if (removeLeft) for (const { stream } of left) await manager.streams.delete(stream);
  return left;
}

/** Servers that keep copies of each other, and forget with a kill how they count (docs/cluster.md, What NATS 2.9 loses). */
export function losesAcknowledged(version: string): boolean {
  const numbers = /^(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number) ?? [];
  for (const [at, sound] of SOUND.entries()) if (numbers[at] !== sound) return (numbers[at] ?? sound) < sound;
  return false;
}

/** In how many servers each message and each key is. */
function copiesOf(servers: number): number {
  return servers < COPIES ? 1 : COPIES;
}

async function leftInboxes(manager: JetStreamManager, nodes: readonly string[]): Promise<readonly LeftInbox[]> {
  const known = new Set(nodes.map(inboxStream));
  const left: LeftInbox[] = [];
  for await (const { config, state } of manager.streams.list())
    if (INBOX.test(config.name) && !known.has(config.name))
      left.push({ stream: config.name, messages: state.messages });
  return left;
}

/** Each try does what the one before could not. @throws {SetUpError} (rejects) */
async function untilMade<T>(where: string, patienceMs: number, make: () => Promise<T>): Promise<T> {
  const begun = performance.now();
  for (;;) {
    try {
      return await make();
    } catch (cause) {
      const off = isOff(cause);
      const isFinal = codeOf(cause) === NO_ROOM;
      const waited = performance.now() - begun;
      if (isFinal || waited > (off ? Math.min(OFF_MS, patienceMs) : patienceMs))
        throw new SetUpError(where, ruleOf(cause, patienceMs), { cause });
      await sleep(AGAIN_MS);
    }
  }
}

function ruleOf(cause: unknown, patienceMs: number): string {
  if (isOff(cause))
    return "JetStream is off there: have jetstream { } in each nats.conf, and jetstream: enabled in the account STORE";
  if (codeOf(cause) === NO_ROOM)
    return `there is no room set aside for it: raise max_file under jetstream in each nats.conf, and start the servers again one after the other: ${textOf(cause)}`;
  return `JetStream refuses: ${textOf(cause)}; tried for ${patienceMs} ms, are all servers running, and do they reach each other?`;
}

/** undefined: it is no word of JetStream's. */
function codeOf(error: unknown): number | undefined {
  return error instanceof JetStreamApiError ? error.code : undefined;
}

function isOff(error: unknown): boolean {
  return OFF.includes(codeOf(error) ?? 0) || (error instanceof Error && error.name === "JetStreamNotEnabled"); // not exported
}
