/**
 * Durable messages over JetStream (contracts/cluster.md §8): a stream per node, `IN_<node>`, of `d.<node>.<sender>`.
 *
 * 1. Each node takes from its own stream by a consumer of one delivery at a time. With more, those that were not yet
 *    acknowledged when a node ends would come again behind newer ones, and order be lost: several messages go in one
 *    publish instead (kernel/durable/).
 * 2. Who published, the server's permissions say, in the subject. What stands in the stream with another subject than
 *    `d.<self>.<node>` came by some reply subject, and is no delivery: acknowledged, counted, forgotten.
 * 3. No message has an id that JetStream would leave it out by when it comes again (`Nats-Msg-Id`): the inbox does, by
 *    numbers. Each server with a copy of the stream would judge by the ids that it has itself: 2.9.10 forgets, when it is
 *    killed, those of what was taken, keeps once more what had come twice, and its copy is so many places off the others'.
 *    Where another copy is handed out next, so many messages are taken for done that never were (docs/cluster.md).
 * 4. Stream and consumer are made by an administrator (nats-inboxes.ts); a server without permissions lets each node make
 *    its own. One that it had, in an earlier life too, is not made anew at the first "not found": a server that has just
 *    started may say so of streams that it has not heard of yet, and a second one of the name would end the first with all
 *    that is in it.
 */

import { setTimeout as sleep } from "node:timers/promises";
import type { Consumer, JetStreamClient, JetStreamManager, JsMsg } from "@nats-io/jetstream";
import { textOf } from "../../lib/protocol/index.ts";
import { DurableError } from "../durable/errors.ts";
import type { DurableLane } from "../durable/lane.ts";
import { assertInbox, INBOX_CONSUMER, inboxStream } from "./nats-inboxes.ts";
import type { NatsStore } from "./nats-store.ts";
import { isLinkName, nodeOf, tokenOf } from "./nats-subjects.ts";

const CLOSE_MS = 1_000; // for a write that is under way
const PULL_MS = 3_000; // of one question for the next: so long it waits for a leader that was killed, or left its servers
const PUBLISH_MS = 4_000; // a stream that elects a leader does not answer for 2 to 7 s: it is tried again
const PAUSE_MS = { first: 100, most: 2_000 }; // between questions that failed
const MISSING_MS = 15_000; // that a stream it had must be missing before it makes it anew: three servers that start again take up to 10 s to agree
const STREAM_FULL = 10_077; // contracts/cluster.md §8

export class NatsDurable implements DurableLane {
  readonly #store: NatsStore;
  #js: JetStreamClient | null = null;
  #missingSince: number | null = null; // ms, monotonic: of the stream that it had, or its consumer
  #dropped = 0;
  #isClosed = false;
  #taking: Promise<void> = Promise.resolve();
  #stopPull: () => void = () => undefined;

  constructor(store: NatsStore) {
    this.#store = store;
  }

  get where(): string {
    return this.#store.where;
  }

  get dropped(): number {
    return this.#dropped;
  }

  async open(take: (from: string, bytes: Uint8Array) => Promise<boolean>, had: boolean): Promise<void> {
    const { js, manager } = await this.#store.open().catch((cause: unknown) => {
      throw this.#no(`none of its servers lets it in: ${textOf(cause)}`, cause);
    });
    const consumer = await (had ? this.#again(js, manager) : this.#consumer(js, manager)).catch((cause: unknown) => {
      const what = `no stream "${inboxStream(this.#store.node)}" with a consumer "${INBOX_CONSUMER}"`;
      const rule =
        had && isNotFound(cause)
          ? `it says that there is ${what}, which there was: made anew, where that may be, once it has said so for ${MISSING_MS} ms`
          : `it has ${what}, and may not make them: ${textOf(cause)}`;
      throw this.#no(rule, cause);
    });
    if (this.#isClosed) return;
    this.#js = js;
    this.#taking = this.#take(consumer, () => this.#again(js, manager), take);
  }

  async publish(to: string, bytes: Uint8Array): Promise<void> {
    if (this.#js === null) throw this.#no("it is not open");
    const stream = inboxStream(to);
    try {
      const subject = `d.${tokenOf(to)}.${tokenOf(this.#store.node)}`;
      const { stream: by } = await this.#js.publish(subject, bytes, { timeout: PUBLISH_MS }); // rule 3
      if (by !== stream) throw new Error(`"${by}" took it`);
    } catch (cause) {
      throw this.#no(whyNot(cause, stream), cause);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#js = null;
    this.#stopPull();
    await Promise.race([this.#taking, sleep(CLOSE_MS, undefined, { ref: false })]); // a server that is gone holds nobody up
  }

  async #consumer(js: JetStreamClient, manager: JetStreamManager): Promise<Consumer> {
    const { node } = this.#store;
    const stream = inboxStream(node);
    try {
      return await js.consumers.get(stream, INBOX_CONSUMER);
    } catch (error) {
      if (!isNotFound(error)) throw error; // it does not answer now: tried again
    }
    await assertInbox(manager, node, null);
    return await js.consumers.get(stream, INBOX_CONSUMER);
  }

  /** Rejects while it cannot be had, and while it may only seem to be missing. */
  async #again(js: JetStreamClient, manager: JetStreamManager): Promise<Consumer> {
    try {
      const consumer = await js.consumers.get(inboxStream(this.#store.node), INBOX_CONSUMER);
      this.#missingSince = null;
      return consumer;
    } catch (error) {
      if (!isNotFound(error)) {
        this.#missingSince = null;
        throw error;
      }
      this.#missingSince ??= performance.now();
      if (performance.now() - this.#missingSince < MISSING_MS) throw error;
    }
    const made = await this.#consumer(js, manager);
    this.#missingSince = null;
    return made;
  }

  /** Asks for one after the other, until it is closed. @param again the consumer, made when it is not there for long */
  async #take(
    consumer: Consumer,
    again: () => Promise<Consumer>,
    take: (from: string, bytes: Uint8Array) => Promise<boolean>,
  ): Promise<void> {
    let asked = consumer;
    for (let pause = PAUSE_MS.first; !this.#isClosed; ) {
      try {
        const message = await this.#untilClosed(asked.next({ expires: PULL_MS }));
        pause = PAUSE_MS.first;
        this.#missingSince = null; // it has answered
        if (message !== null && !this.#isClosed) await this.#taken(message, take);
      } catch {
        await this.#untilClosed(sleep(pause, undefined, { ref: false })); // servers that are away, or elect a leader
        pause = Math.min(PAUSE_MS.most, pause * 2);
        asked = this.#isClosed ? asked : await again().catch(() => asked); // or somebody deleted it
      }
    }
  }

  /** null: it was closed first. No race with one promise for all: that would keep whatever each of them came to. */
  #untilClosed<Result>(wait: Promise<Result>): Promise<Result | null> {
    return new Promise((resolve, reject) => {
      this.#stopPull = () => resolve(null);
      wait.then(resolve, reject);
    });
  }

  async #taken(message: JsMsg, take: (from: string, bytes: Uint8Array) => Promise<boolean>): Promise<void> {
    const from = this.#senderOf(message.subject);
    if (from === undefined) this.#dropped++;
    if (from === undefined || (await take(from, message.data))) message.ack();
  }

  /** Rule 2. */
  #senderOf(subject: string): string | undefined {
    const [d, to, from, ...rest] = subject.split(".");
    if (d !== "d" || to !== tokenOf(this.#store.node) || from === undefined || rest.length > 0) return undefined;
    const node = nodeOf(from);
    return isLinkName(node) && tokenOf(node) === from ? node : undefined;
  }

  #no(rule: string, cause?: unknown): DurableError {
    return new DurableError(`in "${this.where}"`, rule, cause === undefined ? {} : { cause });
  }
}

function isNotFound(error: unknown): boolean {
  return /not found/.test(textOf(error));
}

function whyNot(cause: unknown, stream: string): string {
  const code = typeof cause === "object" && cause !== null && "code" in cause ? cause.code : undefined;
  if (code === STREAM_FULL) return `the stream "${stream}" is full: its node takes nothing, or is away`;
  return `no stream "${stream}" has said that it has them: ${textOf(cause)}`;
}
