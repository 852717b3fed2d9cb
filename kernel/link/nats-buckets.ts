/**
 * The buckets of a cluster in JetStream, and who may make them: an administrator (`jackfield cluster set-up`), or where a
 * server lets anybody in, the first node.
 *
 * 1. One message per key, the newest; none is thrown away to make room: a bucket that is full refuses.
 * 2. No rollups: whoever may write one key could clear the whole bucket by a header.
 */
import type { JetStreamManager } from "@nats-io/jetstream";
import { textOf } from "../../lib/protocol/index.ts";
import { RECORD_BYTES } from "./roster.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const MINUTE_NS = 60 * 1e9;
const STREAM_NOT_FOUND = "stream not found"; // the client's words

export type Bucket = {
  readonly name: string;
  /** The most of one key. */
  readonly valueBytes: number;
  /** Of all together; the server sets so much of its `max_file` aside. */
  readonly bytes: number;
  /** What nobody wrote again for so long is gone; 0: never. */
  readonly ageNs: number;
  /** Whether any copy may be asked, and not the leader alone: what is read may be some moments old. */
  readonly direct: boolean;
};

/** 10,000 records, and half as much again; a node that is gone stays for people to ask which one it was. */
export const DIRECTORY_BUCKET: Bucket = {
  name: "dir",
  valueBytes: RECORD_BYTES,
  bytes: 64 * MIB,
  ageNs: 10 * MINUTE_NS,
  direct: true,
};

/** Of some 200 bytes each: 300,000 names. */
export const CLAIMS_BUCKET: Bucket = { name: "claims", valueBytes: KIB, bytes: 64 * MIB, ageNs: 0, direct: false };

/** 100,000 names with 2.5 KiB each. A value is one message: the servers' `max_payload` holds too. */
export const KEPT_BUCKET: Bucket = { name: "kept", valueBytes: MIB, bytes: 256 * MIB, ageNs: 0, direct: false };

export function streamOf({ name }: Bucket): string {
  return `KV_${name}`;
}

/**
 * @param replicas in how many servers each key is; it can be changed later
 * @returns what was done: nothing, when it is there with as many. Rejects when it may not be made, or there is no JetStream
 */
export async function assertBucket(
  manager: JetStreamManager,
  bucket: Bucket,
  replicas: number,
): Promise<"there" | "made" | "changed"> {
  const name = streamOf(bucket);
  const there = await bucketReplicas(manager, bucket);
  if (there === replicas) return "there";
  if (there !== undefined) {
    await manager.streams.update(name, { num_replicas: replicas });
    return "changed";
  }
  await manager.streams.add({
    name,
    subjects: [`$KV.${bucket.name}.>`],
    max_msgs_per_subject: 1,
    max_msg_size: bucket.valueBytes,
    max_bytes: bucket.bytes,
    max_age: bucket.ageNs,
    allow_direct: bucket.direct,
    allow_rollup_hdrs: false,
    discard: "new",
    storage: "file",
    retention: "limits",
    num_replicas: replicas,
  });
  return "made";
}

/** @returns undefined: there is no such bucket. Rejects when JetStream does not answer, or not to this user */
export async function bucketReplicas(manager: JetStreamManager, bucket: Bucket): Promise<number | undefined> {
  try {
    return (await manager.streams.info(streamOf(bucket))).config.num_replicas;
  } catch (error) {
    if (textOf(error) === STREAM_NOT_FOUND) return undefined;
    throw error;
  }
}
