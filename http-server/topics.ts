/**
 * Topics: what a process publishes, and to whom it goes (DESIGN §4.6).
 *
 * 1. Few subscribers are kept here, and a message is queued for each of them as if it were pushed: it leaves with what
 *    else goes to that client, in one write, and what is queued is counted (docs/adr/0043).
 * 2. Where they are more than `limits.fewSubscribers`, they are in the transport's topic tree, which encodes a message
 *    once, and the topic stays there until its last has left. So are all of the policy `latest`, and all on ws.
 * 3. Messages reach a channel in the order published and pushed, whichever way each goes; but see latest.ts.
 */
import type { Blob, HttpServerErrorKind } from "../lib/protocol/index.ts";
import type { Channel } from "./channel.ts";
import type { Latest } from "./latest.ts";
import type { HttpServerLimits } from "./limits.ts";
import { type OutgoingFrames, textFrame } from "./outgoing.ts";
import type { Listener } from "./transport/transport.ts";

/** Its subscribers but those of the policy `latest`, of whom latest.ts knows. */
class Topic {
  readonly few: Channel[] = [];
  /** In the transport's tree; then `few` is empty. */
  many = 0;
}

export class Topics {
  readonly #limits: HttpServerLimits;
  readonly #outgoing: OutgoingFrames;
  readonly #latest: Latest;
  readonly #listeners: readonly Listener[];
  readonly #byName = new Map<string, Topic>();

  /** @param listeners grows as ports are opened; a publish goes to all */
  constructor(limits: HttpServerLimits, outgoing: OutgoingFrames, latest: Latest, listeners: readonly Listener[]) {
    this.#limits = limits;
    this.#outgoing = outgoing;
    this.#latest = latest;
    this.#listeners = listeners;
  }

  /** How many have subscribers, but those whose subscribers are all of the policy `latest`. */
  get size(): number {
    return this.#byName.size;
  }

  /** The ws transport has no cork that its tree could end, and compresses a publish once for all. */
  get #few(): number {
    return this.#listeners[0]?.transport === "ws" ? 0 : this.#limits.fewSubscribers;
  }

  /** Once, however often it is asked for. @returns why not */
  subscribe(channel: Channel, name: string): HttpServerErrorKind | undefined {
    channel.topics ??= new Set();
    if (channel.topics.has(name)) return undefined;
    if (channel.topics.size >= this.#limits.topicsPerChannel) return "LimitReached";
    channel.topics.add(name);
    if (channel.slowReader === "latest") {
      channel.inTree = true;
      this.#latest.subscribe(channel, name);
      return undefined;
    }
    let topic = this.#byName.get(name);
    if (topic === undefined) {
      topic = new Topic();
      this.#byName.set(name, topic);
    }
    if (topic.many === 0 && topic.few.length < this.#few) {
      topic.few.push(channel);
      return undefined;
    }
    for (const one of topic.few.splice(0)) plant(one, topic, name);
    plant(channel, topic, name);
    return undefined;
  }

  /** Does nothing where it has not subscribed. */
  unsubscribe(channel: Channel, name: string): void {
    if (channel.topics?.delete(name) !== true) return;
    this.#latest.unsubscribe(channel, name);
    this.#remove(channel, name);
  }

  /** Unsubscribes it from all. */
  leave(channel: Channel): void {
    this.#latest.forget(channel);
    for (const name of channel.topics ?? []) this.#remove(channel, name);
    channel.topics?.clear();
  }

  /** @param blob no longer than a push may be */
  publish(name: string, blob: Blob, isBinary: boolean): void {
    const topic = this.#byName.get(name);
    const latest = this.#latest.topic(name);
    if (topic === undefined && latest === undefined) return;
    const isKept = latest !== undefined && this.#latest.publishing(latest, blob.byteLength);
    if (isKept) blob.keep();
    const frame = isBinary ? blob.raw() : textFrame(blob);
    if (isKept) this.#latest.keep(latest, frame, isBinary);
    if (topic !== undefined && topic.many === 0) {
      this.#outgoing.publish(topic.few, frame, isBinary);
      if (latest === undefined) return;
    }
    this.#outgoing.flush();
    for (const listener of this.#listeners) listener.publish(name, frame, isBinary);
    if (latest !== undefined) this.#latest.published();
  }

  #remove(channel: Channel, name: string): void {
    const topic = channel.slowReader === "latest" ? undefined : this.#byName.get(name);
    if (topic === undefined || topic.many > 0) channel.socket?.unsubscribe(name);
    if (topic === undefined) return;
    if (topic.many > 0) topic.many--;
    else topic.few.splice(topic.few.indexOf(channel), 1);
    if (topic.many === 0 && topic.few.length === 0) this.#byName.delete(name);
  }
}

/** Into the transport's tree. */
function plant(channel: Channel, topic: Topic, name: string): void {
  topic.many++;
  channel.inTree = true;
  channel.socket?.subscribe(name);
}
