/**
 * The inbox of each node in JetStream, for durable messages (docs/adr/0036, contracts/cluster.md §8): the stream
 * `IN_<node>` of subjects `d.<node>.<from>`, with the consumer `k`. Made as the buckets are: nats-buckets.ts.
 *
 * A stream's bytes are set aside on each server that has it, and must fit its `max_file`.
 */
import type { JetStreamManager } from "@nats-io/jetstream";
import { textOf } from "../../lib/protocol/index.ts";
import { tokenOf } from "./nats-subjects.ts";

const SECOND_NS = 1e9;
const INBOX_BYTES = 64 * 1024 * 1024; // waiting for one node: what is more stays in the senders' outboxes
const ACK_WAIT_NS = 3 * SECOND_NS; // then it is handed out once more: a write takes ms, a node that was killed waits so long
const ACKS_PENDING = 1; // with more, those of a node that was killed would come again behind newer ones (docs/adr/0036)
const STREAM_NOT_FOUND = "stream not found"; // the client's words
const CONSUMER_NOT_FOUND = "consumer not found";

/** Of each inbox stream: its one consumer. */
export const INBOX_CONSUMER = "k";

export function inboxStream(node: string): string {
  return `IN_${tokenOf(node)}`;
}

/**
 * @param replicas in how many servers each message is; it can be changed later. null: as it is, or 1
 * @returns what was done: nothing, when it is there with as many. Rejects when it may not be made, or there is no JetStream
 */
export async function assertInbox(
  manager: JetStreamManager,
  node: string,
  replicas: number | null,
): Promise<"there" | "made" | "changed"> {
  const name = inboxStream(node);
  const there = await inboxReplicas(manager, node);
  if (there === undefined)
    await manager.streams.add({
      name,
      subjects: [`d.${tokenOf(node)}.*`],
      retention: "workqueue",
      storage: "file",
      discard: "new",
      max_bytes: INBOX_BYTES,
      allow_direct: false,
      num_replicas: replicas ?? 1,
    });
  else if (replicas !== null && there !== replicas) await manager.streams.update(name, { num_replicas: replicas });
  const hasConsumer = await isThere(manager.consumers.info(name, INBOX_CONSUMER), CONSUMER_NOT_FOUND);
  if (!hasConsumer)
    await manager.consumers.add(name, {
      durable_name: INBOX_CONSUMER,
      ack_policy: "explicit",
      ack_wait: ACK_WAIT_NS,
      max_ack_pending: ACKS_PENDING,
    });
  if (there === undefined || !hasConsumer) return "made";
  return replicas === null || there === replicas ? "there" : "changed";
}

/** @returns undefined: there is no such stream. Rejects when JetStream does not answer, or not to this user */
async function inboxReplicas(manager: JetStreamManager, node: string): Promise<number | undefined> {
  try {
    return (await manager.streams.info(inboxStream(node))).config.num_replicas;
  } catch (error) {
    if (textOf(error) === STREAM_NOT_FOUND) return undefined;
    throw error;
  }
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
