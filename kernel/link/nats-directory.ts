/**
 * The directory in a key-value bucket of NATS (contracts/cluster.md §5, §10): `$KV.dir.<node>`, and its only door.
 *
 * 1. A connection of its own, into the account STORE: an account that messages go through has no JetStream, or a node
 *    could make the server speak in another's name (contracts/cluster.md §5).
 * 2. Who writes a key, the server's permissions say. Listing needs no right to make consumers: which keys there are
 *    stands in the stream's facts, and each is then read by itself.
 * 3. The bucket is made by who may; `cluster init` has it made, and a server without permissions lets the first node.
 */
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import { connect, type NatsConnection, nkeyAuthenticator } from "@nats-io/transport-node";
import { textOf } from "../../lib/protocol/index.ts";
import type { Directory, DirectoryRecord } from "./directory.ts";
import { DirectoryError } from "./errors.ts";
import { isLinkName, nodeOf, tokenOf } from "./nats-subjects.ts";
import { CONNECTION, cut, type NatsOptions, tlsOf } from "./nats-wire.ts";
import { RECORD_BYTES } from "./roster.ts";

const BUCKET = "dir";
const STREAM = `KV_${BUCKET}`;
const SUBJECT = `$KV.${BUCKET}.`;
const KEPT_MS = 10 * 60 * 1000; // of a node that is gone; long enough for a person to ask which one it was
const BUCKET_BYTES = 64 * 1024 * 1024; // 10,000 records of RECORD_BYTES, and half as much again
const ANSWER_MS = 2_000; // a stream that elects a leader takes up to 7 s (contracts/cluster.md §8): the next beat has it
const READS = 64; // at once: of 10,000 keys, each some 0.25 ms away (contracts/cluster.md §10)
const STALE_MS = 250; // as nats-wire.ts

export class NatsDirectory implements Directory {
  readonly where: string;
  readonly #options: NatsOptions;
  #opened: Opened | null = null;

  /** @param options with the seed of the node's user in the account STORE */
  constructor(options: NatsOptions) {
    this.#options = options;
    this.where = options.servers.join(", ");
  }

  async open(): Promise<void> {
    const { node, servers, seed, tls } = this.#options;
    let nc: NatsConnection;
    try {
      nc = await connect({
        ...CONNECTION,
        servers: [...servers],
        name: `${node} directory`,
        inboxPrefix: `_INBOX_${tokenOf(node)}`, // all that its permissions let it hear
        ...(seed === undefined ? {} : { authenticator: nkeyAuthenticator(new TextEncoder().encode(seed)) }),
        ...(tls === undefined ? {} : { tls: tlsOf(tls, servers) }),
      });
    } catch (cause) {
      throw new DirectoryError(this.where, `none of its servers lets it in: ${textOf(cause)}`, { cause });
    }
    void watch(nc);
    const js = jetstream(nc, { timeout: ANSWER_MS });
    try {
      const manager = await jetstreamManager(nc, { checkAPI: false, timeout: ANSWER_MS });
      await this.#assertBucket(manager, js);
      const kv = await new Kvm(js).open(BUCKET, { allow_direct: true });
      this.#opened = { nc, manager, kv };
    } catch (error) {
      await nc.close();
      throw error;
    }
  }

  async put(text: string): Promise<number> {
    return await this.#kv.put(tokenOf(this.#options.node), text);
  }

  async remove(): Promise<void> {
    await this.#kv.delete(tokenOf(this.#options.node));
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
    const opened = this.#opened;
    this.#opened = null;
    await opened?.nc.close();
  }

  get #kv(): KV {
    return this.#isOpen().kv;
  }

  #isOpen(): Opened {
    if (this.#opened === null) throw new DirectoryError(this.where, "it is not open");
    return this.#opened;
  }

  /** @throws {DirectoryError} (rejects) there is none, and it may not be made */
  async #assertBucket(manager: JetStreamManager, js: JetStreamClient): Promise<void> {
    try {
      await manager.streams.info(STREAM);
      return;
    } catch (cause) {
      if (textOf(cause) !== "stream not found") throw this.#noJetStream(cause);
    }
    try {
      const options = { history: 1, ttl: KEPT_MS, maxValueSize: RECORD_BYTES, max_bytes: BUCKET_BYTES };
      await new Kvm(js).create(BUCKET, options);
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

type Opened = { readonly nc: NatsConnection; readonly manager: JetStreamManager; readonly kv: KV };

/** @returns undefined: it was deleted */
async function recordOf(kv: KV, key: string): Promise<DirectoryRecord | undefined> {
  const entry = await kv.get(key);
  if (entry === null || entry.operation !== "PUT") return undefined;
  return { node: nodeOf(key), revision: entry.revision, at: entry.created.getTime(), text: entry.string() };
}

/** A frozen server is cut off here, as in nats-wire.ts; the client then finds another. */
async function watch(nc: NatsConnection): Promise<void> {
  for await (const { type } of nc.status()) if (type === "staleConnection") setTimeout(() => cut(nc), STALE_MS).unref();
}
