/**
 * What JetStream keeps for a cluster, and how: the buckets of the directory, of claims and of what processes of the cluster
 * keep, and the inbox stream of each node. Whoever makes one makes it by what stands here.
 *
 * 1. With keys an administrator makes them (nats-set-up.ts); a server that lets anybody in lets the first node.
 * 2. A bucket is a stream as the client's key-value part reads it: `KV_<bucket>`, subjects `$KV.<bucket>.<key>`.
 * 3. Claims and what is kept are read from a stream's leader alone: a copy may be behind (docs/adr/0037).
 * 4. The bytes of all are set aside on each server that has them, and must fit its `max_file`.
 */
import {
  AckPolicy,
  type ConsumerConfig,
  DeliverPolicy,
  DiscardPolicy,
  type JetStreamManager,
  ReplayPolicy,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from "@nats-io/jetstream";
import { textOf } from "../../lib/protocol/index.ts";
import { tokenOf } from "./nats-subjects.ts";
import { RECORD_BYTES } from "./roster.ts";

const MIB = 1024 * 1024;
const REPLICAS = 3; // of 3 or 5 servers: one may be lost, or one in maintenance and none lost
const DIR_KEPT_MS = 10 * 60 * 1000; // of a node that is gone; long enough for a person to ask which one it was
const DIR_BYTES = 64 * MIB; // 10,000 records of RECORD_BYTES, and half as much again
const CLAIM_BYTES = 4 * 1024; // a node's name of 253 characters and a life, with headers, many times
const CLAIMS_BYTES = 256 * MIB; // a million names, of some 250 bytes each
const KEPT_BYTES = 1024 * MIB; // of all processes of the cluster
const IN_BYTES = 64 * MIB; // waiting for one node: what is more stays in the senders' outboxes
const TWICE_MS = 10 * 60 * 1000; // contracts/cluster.md §8: longer than an outbox takes to try again
const ACK_WAIT_MS = 30_000; // contracts/cluster.md §8: then it is handed out once more
const ACKS_PENDING = 500; // contracts/cluster.md §8

/** All that a stream is made of; what is left out is the server's to choose. */
export type StreamSettings = Pick<StreamConfig, "name" | "subjects" | "num_replicas"> & Partial<StreamConfig>;
export type ConsumerSettings = Partial<ConsumerConfig> & { readonly durable_name: string };

export const BUCKETS = ["dir", "claims", "kept"] as const;
export type Bucket = (typeof BUCKETS)[number];

/** Of each inbox stream: its one consumer. */
export const INBOX_CONSUMER = "k";

/** As many copies as make sense with so many servers. */
export function replicasOf(servers: number): number {
  return servers < REPLICAS ? 1 : REPLICAS;
}

export function bucketStream(bucket: Bucket): string {
  return `KV_${bucket}`;
}

export function bucketSettings(bucket: Bucket, replicas: number): StreamSettings {
  const own = {
    dir: { max_age: nanos(DIR_KEPT_MS), max_msg_size: RECORD_BYTES, max_bytes: DIR_BYTES, allow_direct: true },
    claims: { max_age: 0, max_msg_size: CLAIM_BYTES, max_bytes: CLAIMS_BYTES, allow_direct: false },
    kept: { max_age: 0, max_msg_size: -1, max_bytes: KEPT_BYTES, allow_direct: false }, // each as large as the servers' max_payload
  }[bucket];
  return {
    name: bucketStream(bucket),
    subjects: [`$KV.${bucket}.>`],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.New,
    max_msgs_per_subject: 1,
    allow_rollup_hdrs: true,
    deny_delete: true,
    num_replicas: replicas,
    ...own,
  };
}

export function inboxStream(node: string): string {
  return `IN_${tokenOf(node)}`;
}

/** Durable messages to `node`: `d.<node>.<from>` (docs/adr/0036). */
export function inboxSettings(node: string, replicas: number): StreamSettings {
  return {
    name: inboxStream(node),
    subjects: [`d.${tokenOf(node)}.*`],
    retention: RetentionPolicy.Workqueue,
    storage: StorageType.File,
    discard: DiscardPolicy.New, // a full one refuses: the sender's outbox keeps it
    max_bytes: IN_BYTES,
    duplicate_window: nanos(TWICE_MS),
    allow_direct: false,
    num_replicas: replicas,
  };
}

export function inboxConsumerSettings(): ConsumerSettings {
  return {
    durable_name: INBOX_CONSUMER,
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    replay_policy: ReplayPolicy.Instant,
    ack_wait: nanos(ACK_WAIT_MS),
    max_ack_pending: ACKS_PENDING,
  };
}

export type Asserted = "made" | "there";

/**
 * Has a stream, by name: one that is there stays as it is. Two who ask at once both have it.
 * Rejects with the client's words: JetStream does not answer, or this user may not make it.
 */
export async function assertStream(manager: JetStreamManager, settings: StreamSettings): Promise<Asserted> {
  if (await isStreamThere(manager, settings.name)) return "there";
  try {
    await manager.streams.add(settings);
    return "made";
  } catch (error) {
    if (/already in use/.test(textOf(error))) return "there";
    throw error;
  }
}

/** Rejects with the client's words when JetStream does not answer. */
export async function isStreamThere(manager: JetStreamManager, name: string): Promise<boolean> {
  return await isThere(manager.streams.info(name), "stream not found");
}

/** As assertStream, the consumer of an inbox stream. */
export async function assertConsumer(manager: JetStreamManager, stream: string): Promise<Asserted> {
  if (await isThere(manager.consumers.info(stream, INBOX_CONSUMER), "consumer not found")) return "there";
  await manager.consumers.add(stream, inboxConsumerSettings()); // of the same settings twice is one
  return "made";
}

/** JetStream's unit of time. */
function nanos(ms: number): number {
  return ms * 1_000_000;
}

async function isThere(info: Promise<unknown>, missing: string): Promise<boolean> {
  try {
    await info;
    return true;
  } catch (error) {
    if (textOf(error) === missing) return false;
    throw error;
  }
}
