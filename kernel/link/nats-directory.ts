/**
 * The directory in a key-value bucket of NATS (contracts/cluster.md §5, §10): `$KV.dir.<node>`, and its only door.
 *
 * 1. Who writes a key, the server's permissions say. Listing needs no right to make consumers: which keys there are
 *    stands in the stream's facts, and each is then read by itself.
 * 2. The bucket is made by who may; a server without permissions lets the first node.
 */
import type { JetStreamManager } from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import { textOf } from "../../lib/protocol/index.ts";
import type { Directory, DirectoryRecord } from "./directory.ts";
import { DirectoryError } from "./errors.ts";
import { assertBucket, bucketReplicas, DIRECTORY_BUCKET, streamOf } from "./nats-buckets.ts";
import type { NatsStore } from "./nats-store.ts";
import { isLinkName, nodeOf, tokenOf } from "./nats-subjects.ts";

const BUCKET = DIRECTORY_BUCKET.name;
const STREAM = streamOf(DIRECTORY_BUCKET);
const SUBJECT = `$KV.${BUCKET}.`;
const READS = 64; // at once: of 10,000 keys, each some 0.25 ms away (contracts/cluster.md §10)

export class NatsDirectory implements Directory {
  readonly #store: NatsStore;
  #opened: Opened | null = null;

  constructor(store: NatsStore) {
    this.#store = store;
  }

  get where(): string {
    return this.#store.where;
  }

  async open(): Promise<void> {
    const { js, manager } = await this.#store.open().catch((cause: unknown) => {
      throw new DirectoryError(this.where, `none of its servers lets it in: ${textOf(cause)}`, { cause });
    });
    await this.#assertBucket(manager);
    this.#opened = { manager, kv: await new Kvm(js).open(BUCKET, { allow_direct: true }) };
  }

  async put(text: string): Promise<number> {
    return await this.#kv.put(tokenOf(this.#store.node), text);
  }

  async remove(): Promise<void> {
    await this.#kv.delete(tokenOf(this.#store.node));
  }

  async read(most: number): Promise<readonly DirectoryRecord[]> {
    const { manager, kv } = this.#isOpen();
    const { state } = await manager.streams.info(STREAM, { subjects_filter: `${SUBJECT}*` });
    const keys = Object.keys(state.subjects ?? {})
      .map((subject) => subject.slice(SUBJECT.length))
      .filter((key) => isLinkName(nodeOf(key)))
      .slice(0, most);
    const records: DirectoryRecord[] = [];
    for (let i = 0; i < keys.length; i += READS) {
      const some = await Promise.all(keys.slice(i, i + READS).map((key) => recordOf(kv, key)));
      for (const record of some) if (record !== undefined) records.push(record);
    }
    return records;
  }

  async close(): Promise<void> {
    this.#opened = null;
    await this.#store.close();
  }

  get #kv(): KV {
    return this.#isOpen().kv;
  }

  #isOpen(): Opened {
    if (this.#opened === null) throw new DirectoryError(this.where, "it is not open");
    return this.#opened;
  }

  /** @throws {DirectoryError} (rejects) there is none, and it may not be made */
  async #assertBucket(manager: JetStreamManager): Promise<void> {
    const there = await bucketReplicas(manager, DIRECTORY_BUCKET).catch((cause: unknown) => {
      throw this.#noJetStream(cause);
    });
    if (there !== undefined) return;
    try {
      await assertBucket(manager, DIRECTORY_BUCKET, 1);
    } catch (cause) {
      const rule = `there is no bucket "${BUCKET}", and this node may not make it: ${textOf(cause)}`;
      throw new DirectoryError(this.where, rule, { cause });
    }
  }

  #noJetStream(cause: unknown): DirectoryError {
    const rule = `JetStream does not answer: is it on there, and may this node's user use it? ${textOf(cause)}`;
    return new DirectoryError(this.where, rule, { cause });
  }
}

type Opened = { readonly manager: JetStreamManager; readonly kv: KV };

/** @returns undefined: it was deleted */
async function recordOf(kv: KV, key: string): Promise<DirectoryRecord | undefined> {
  const entry = await kv.get(key);
  if (entry === null || entry.operation !== "PUT") return undefined;
  return { node: nodeOf(key), revision: entry.revision, at: entry.created.getTime(), text: entry.string() };
}
