/**
 * A node's connection into JetStream, in the account STORE (contracts/cluster.md §5): the directory, claims and durable
 * messages share it.
 *
 * 1. A connection of its own: an account that messages go through has no JetStream, or a node could make the server speak
 *    in another's name (contracts/cluster.md §5).
 * 2. `open` may be called again after it failed, and by each who shares it; `close` ends it for all.
 */
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection, nkeyAuthenticator } from "@nats-io/transport-node";
import { tokenOf } from "./nats-subjects.ts";
import { CONNECTION, type NatsOptions, socketOf, tlsOf } from "./nats-wire.ts";

const ANSWER_MS = 2_000; // a stream that elects a leader takes up to 7 s (contracts/cluster.md §8): who asks tries again
const STALE_MS = 250; // as nats-wire.ts

export type OpenStore = {
  readonly nc: NatsConnection;
  readonly js: JetStreamClient;
  readonly manager: JetStreamManager;
};

export class NatsStore {
  readonly node: string;
  readonly where: string;
  readonly #options: NatsOptions;
  #opening: Promise<OpenStore> | null = null;

  /** @param options with the seed of the node's user in the account STORE */
  constructor(options: NatsOptions) {
    this.#options = options;
    this.node = options.node;
    this.where = options.servers.join(", ");
  }

  /** Rejects with the client's words when no server lets it in. */
  async open(): Promise<OpenStore> {
    this.#opening ??= this.#open();
    try {
      return await this.#opening;
    } catch (error) {
      this.#opening = null;
      throw error;
    }
  }

  async close(): Promise<void> {
    const opening = this.#opening;
    this.#opening = null;
    const opened = await opening?.catch(() => null);
    await opened?.nc.close();
  }

  async #open(): Promise<OpenStore> {
    const { node, servers, seed, tls } = this.#options;
    const nc = await connect({
      ...CONNECTION,
      servers: [...servers],
      name: `${node} store`,
      inboxPrefix: `_INBOX_${tokenOf(node)}`, // all that its permissions let it hear
      ...(seed === undefined ? {} : { authenticator: nkeyAuthenticator(new TextEncoder().encode(seed)) }),
      ...(tls === undefined ? {} : { tls: tlsOf(tls, servers) }),
    });
    void watch(nc);
    const js = jetstream(nc, { timeout: ANSWER_MS });
    try {
      return { nc, js, manager: await jetstreamManager(nc, { checkAPI: false, timeout: ANSWER_MS }) };
    } catch (error) {
      await nc.close();
      throw error;
    }
  }
}

/** A frozen server is cut off here, as in nats-wire.ts; the client then finds another. */
async function watch(nc: NatsConnection): Promise<void> {
  for await (const { type } of nc.status())
    if (type === "staleConnection") setTimeout(() => socketOf(nc)?.destroy(), STALE_MS).unref();
}
