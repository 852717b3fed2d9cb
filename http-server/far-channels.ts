/**
 * Channels whose socket is on another node, of processes of this one (docs/adr/0035).
 *
 * 1. A process here gets them only if it may use the network, takes channels of its own http-server, and could be messaged
 *    by who sends them: the process that handed the channel over, else the other node's http-server (network.ts).
 * 2. One Open and one Close per channel and incarnation, as for its own. Where the other node goes, or cannot be reached,
 *    it hears Close with 1006.
 * 3. What it publishes crosses the link once per node that has a channel of that topic.
 */
import { Alarm, type Keeper, mayBeReached, type Process } from "../kernel/index.ts";
import {
  Address,
  Blob,
  CLOSE,
  type CloseMetadata,
  Envelope,
  EventWriter,
  HTTP_SERVER,
  type HttpServerErrorKind,
  ProcessId,
  type WebSocketOpen,
} from "../lib/protocol/index.ts";
import { Awaiting } from "./awaiting.ts";
import { isOpen } from "./channel-events.ts";
import { FAR_SECONDS, type FarAnswer, type FarBatch, type FarRefused, LOST, readRefused } from "./far-events.ts";
import type { FarParts } from "./far-owners.ts";
import { isNodesOwn } from "./own-processes.ts";

const NODES_MAX = 10_000; // that have had channels of processes here, some 500 bytes each: as many as the link knows

const LOST_FACTS: CloseMetadata = { code: 1006, reason: "the node of the channel cannot be reached" };

export class FarChannels implements Keeper {
  readonly parts: FarParts;
  readonly #isSecure: (id: ProcessId) => boolean;
  readonly #nodes = new Map<string, NearNode>();
  readonly #byOwner = new Map<Process, Set<FarChannel>>();
  /** Nodes with a channel of that topic, by owner and topic. */
  readonly #topics = new Map<string, Map<NearNode, number>>();
  #size = 0;

  /** @param isSecure whether a process takes only who logged in on its own subdomain: nobody from elsewhere has */
  constructor(parts: FarParts, isSecure: (id: ProcessId) => boolean) {
    this.parts = parts;
    this.#isSecure = isSecure;
  }

  get hasTopics(): boolean {
    return this.#topics.size > 0;
  }

  /** A batch of events of `node`'s channels. */
  take(name: string, batch: FarBatch, blob: Blob | null): FarAnswer {
    let node = this.#nodes.get(name);
    if (batch.seq === 0) {
      node?.lost();
      if (this.#nodes.size >= NODES_MAX && !this.#forgetIdle()) return LOST;
      node = new NearNode(this, name, batch.session);
      this.#nodes.set(name, node);
    } else if (node?.session !== batch.session || node.next !== batch.seq) return LOST;
    return { Ok: { refused: node.take(batch, blob?.bytes() ?? new Uint8Array()) } };
  }

  /** @returns why not */
  subscribe(from: Address, node: string, channelId: number, topic: string): HttpServerErrorKind | undefined {
    const channel = this.#owned(from, node, channelId);
    if (channel === undefined) return "WsChannelNotFound";
    const { topicsPerChannel, topicBytes } = this.parts.limits;
    channel.topics ??= new Set();
    if (channel.topics.has(topic)) return undefined;
    if (channel.topics.size >= topicsPerChannel || Buffer.byteLength(topic) > topicBytes) return "LimitReached";
    channel.topics.add(topic);
    const name = nameOf(channel.owner, topic);
    const nodes = this.#topics.get(name) ?? new Map<NearNode, number>();
    this.#topics.set(name, nodes.set(channel.node, (nodes.get(channel.node) ?? 0) + 1));
    channel.node.say({ FarTopic: { to: from.id.text, channel_id: channelId, topic, on: true } });
    return undefined;
  }

  unsubscribe(from: Address, node: string, channelId: number, topic: string): HttpServerErrorKind | undefined {
    const channel = this.#owned(from, node, channelId);
    if (channel === undefined) return "WsChannelNotFound";
    if (channel.topics?.delete(topic) !== true) return undefined;
    this.#leave(channel, topic);
    channel.node.say({ FarTopic: { to: from.id.text, channel_id: channelId, topic, on: false } });
    return undefined;
  }

  /** One message to each node that has a channel of that topic. */
  publish(from: Address, topic: string, messageType: "Text" | "Binary", blob: Blob | null): void {
    const nodes = this.#topics.get(`${from.id.text} ${topic}`);
    for (const node of nodes?.keys() ?? [])
      node.say({ FarPublish: { to: from.id.text, topic, message_type: messageType } }, blob);
  }

  /** Keeper: what a new incarnation hears first, of channels that no waiting Open tells of. */
  restarting(owner: Process, waiting: readonly Envelope[]): readonly Envelope[] {
    const known = new Set(this.#byOwner.get(owner));
    const found = new Set<FarChannel>();
    for (const { origin, body } of waiting) {
      if (!(origin instanceof FarChannel) || found.has(origin)) continue;
      found.add(origin);
      if (isOpen(body)) known.delete(origin);
      else known.add(origin); // perhaps ended: frames and a Close still wait
    }
    return [...known].map((channel) => channel.opened());
  }

  /** Keeper */
  gone(owner: Process): void {
    const { code } = CLOSE.goingAway;
    for (const channel of this.#byOwner.get(owner) ?? []) {
      const { id, node } = channel;
      this.forget(channel);
      node.say({ FarEnd: { to: owner.address.id.text, channel_ids: [id], code, reason: "the process has ended" } });
    }
  }

  /** What was said to the http-server of `node` did not come there: its clients must not go on without it. */
  unsent({ node, id }: Address): void {
    if (id.text === HTTP_SERVER.text) this.#nodes.get(node)?.lost();
  }

  /** This node stops. */
  leave(): void {
    for (const node of this.#nodes.values()) node.say({ FarLeave: null });
  }

  /** NearNode only. @returns why `to` does not take it; undefined: it has */
  open(node: NearNode, to: string, open: WebSocketOpen, note: Blob | null): FarRefused | undefined {
    const refused = { to, channel_id: open.channel_id };
    const { kernel, limits } = this.parts;
    if (this.#size >= limits.channels)
      return { ...refused, code: CLOSE.tooMany.code, reason: "the node of the process has too many channels" };
    const owner = this.#taker(node, to, open);
    if (owner === undefined && kernel.cluster?.mayHave(ProcessId.parse(to)) === true)
      return { ...refused, code: CLOSE.tryAgainLater.code, reason: "the process is on another node now, or has ended" };
    if (owner === undefined)
      return {
        ...refused,
        code: CLOSE.noSuchProcess.code,
        reason: `no process "${node.own}@${to}" takes channels here`,
      };
    const channel = new FarChannel(node, open, owner, note);
    if (!kernel.bus.deliver(channel.opened(), owner))
      return { ...refused, code: CLOSE.tryAgainLater.code, reason: "the process is overloaded" };
    node.channels.set(channel.id, channel);
    let owned = this.#byOwner.get(owner);
    if (owned === undefined) {
      owned = new Set();
      this.#byOwner.set(owner, owned);
    }
    owned.add(channel);
    this.#size++;
    return undefined;
  }

  /** NearNode only. */
  forget(channel: FarChannel): void {
    const { node, owner, topics } = channel;
    if (!node.channels.delete(channel.id)) return;
    this.#size--;
    const owned = this.#byOwner.get(owner);
    owned?.delete(channel);
    if (owned?.size === 0) this.#byOwner.delete(owner);
    for (const topic of topics ?? []) this.#leave(channel, topic);
  }

  /** NearNode only: its session is over. */
  drop(node: NearNode): void {
    if (this.#nodes.get(node.name) === node) this.#nodes.delete(node.name);
  }

  #taker(node: NearNode, to: string, { transferred_from: from }: WebSocketOpen): Process | undefined {
    const { kernel, self } = this.parts;
    const owner = kernel.registry.get(ProcessId.parse(to));
    if (owner === undefined || isNodesOwn(owner, self) || this.#isSecure(owner.address.id)) return undefined;
    if (!kernel.bus.mayMessage(self, owner)) return undefined;
    const giver = from?.startsWith(`${node.name}@`) === true ? Address.parse(from) : node.server;
    const asked = new Envelope("request", giver, owner.address, null, null);
    return mayBeReached(kernel.name, owner, asked) ? owner : undefined;
  }

  /** One that opens a channel again hears that its session is lost, and begins another. */
  #forgetIdle(): boolean {
    for (const [name, node] of this.#nodes)
      if (node.channels.size === 0 && this.#nodes.size > NODES_MAX * 0.9) this.#nodes.delete(name);
    return this.#nodes.size < NODES_MAX;
  }

  #owned(from: Address, node: string, channelId: number): FarChannel | undefined {
    const channel = this.#nodes.get(node)?.channels.get(channelId);
    return channel?.owner.address === from ? channel : undefined;
  }

  #leave({ node, owner }: FarChannel, topic: string): void {
    const name = nameOf(owner, topic);
    const nodes = this.#topics.get(name);
    const count = (nodes?.get(node) ?? 1) - 1;
    if (count > 0) nodes?.set(node, count);
    else nodes?.delete(node);
    if (nodes?.size === 0) this.#topics.delete(name);
  }
}

class FarChannel {
  readonly node: NearNode;
  readonly id: number;
  readonly owner: Process;
  readonly #open: WebSocketOpen;
  readonly #note: Blob | null;
  topics: Set<string> | null = null;

  constructor(node: NearNode, open: WebSocketOpen, owner: Process, note: Blob | null) {
    this.node = node;
    this.id = open.channel_id;
    this.owner = owner;
    this.#open = open;
    this.#note = note;
  }

  opened(): Envelope {
    const { owner, node } = this;
    return this.#of(node.writer.event(owner.dialect, owner.address, { WebSocketOpen: this.#open }, this.#note));
  }

  pushed(messageType: "Text" | "Binary" | "Ping" | "Pong" | "Close", bytes: Uint8Array): Envelope {
    const { owner, node, id } = this;
    const blob = Blob.of(messageType === "Text" ? Buffer.from(bytes).toString() : bytes);
    const body = { WebSocketPush: { channel_id: id, message_type: messageType } };
    return this.#of(node.writer.event(owner.dialect, owner.address, body, blob));
  }

  closed(facts: CloseMetadata): Envelope {
    const { owner, node, id } = this;
    return this.#of(node.writer.close(owner.dialect, owner.address, id, facts));
  }

  #of(event: Envelope): Envelope {
    event.origin = this;
    return event;
  }
}

/** A node that has the sockets, for one session of it. */
class NearNode {
  readonly name: string;
  readonly session: number;
  readonly server: Address;
  readonly writer: EventWriter;
  readonly channels: Map<number, FarChannel> = new Map();
  next = 0;
  readonly #all: FarChannels;
  readonly #alarm: Alarm;
  #isWatched = false;
  #hasSpoken = false;

  constructor(all: FarChannels, name: string, session: number) {
    this.#all = all;
    this.name = name;
    this.session = session;
    this.server = new Address(name, HTTP_SERVER);
    this.writer = new EventWriter(this.server);
    this.#alarm = new Alarm(() => this.#probe());
  }

  /** The name of this node. */
  get own(): string {
    return this.#all.parts.kernel.name;
  }

  /** @returns channels that must end */
  take({ events }: FarBatch, bytes: Uint8Array): readonly FarRefused[] {
    this.next++;
    this.#hasSpoken = true;
    const refused: FarRefused[] = [];
    let at = 0;
    const piece = (length: number): Uint8Array => {
      at += length;
      return bytes.slice(at - length, at); // not of the whole batch's memory
    };
    for (const event of events) {
      if (event.kind === "open") {
        const note = event.bytes === null ? null : Blob.of(piece(event.bytes));
        const why = this.#all.open(this, event.to, event.open, note);
        if (why !== undefined) refused.push(why);
      } else if (event.kind === "push") {
        const channel = this.channels.get(event.channel_id);
        const frame = piece(event.bytes);
        if (channel === undefined) continue; // refused just now, or its process has ended
        if (!this.#all.parts.kernel.bus.deliver(channel.pushed(event.message_type, frame), channel.owner))
          refused.push(overloaded(channel));
      } else {
        const channel = this.channels.get(event.channel_id);
        if (channel !== undefined) this.#close(channel, event.facts);
      }
    }
    this.#watch();
    return refused;
  }

  /** Nothing more comes of this session. */
  lost(): void {
    for (const channel of [...this.channels.values()]) this.#close(channel, LOST_FACTS);
    this.#all.drop(this);
  }

  /** To the node's http-server; it need not answer. */
  say(body: unknown, blob: Blob | null = null): void {
    const server = this.#all.parts.host();
    server.send(new Envelope("request", server.our, this.server, body, blob));
  }

  /** It was asked whether it knows this session. */
  answered(outcome: Envelope): void {
    if (outcome.kind === "error" || readRefused(outcome.body) === "Lost") this.lost();
  }

  #close(channel: FarChannel, facts: CloseMetadata): void {
    this.#all.forget(channel);
    channel.owner.postReserved(channel.closed(facts));
  }

  #watch(): void {
    if (this.#isWatched || this.channels.size === 0) return;
    this.#isWatched = true;
    const { kernel, limits } = this.#all.parts;
    kernel.wheel.add(this.#alarm, limits.farProbe);
  }

  #probe(): void {
    this.#isWatched = false;
    if (!this.#hasSpoken && this.channels.size > 0) {
      const server = this.#all.parts.host();
      const body = { FarProbe: { session: this.session } };
      const request = new Envelope("request", server.our, this.server, body, null);
      request.expectsResponse = FAR_SECONDS;
      request.context = new Probed(this);
      server.send(request);
    }
    this.#hasSpoken = false;
    this.#watch();
  }
}

class Probed extends Awaiting {
  readonly #node: NearNode;

  constructor(node: NearNode) {
    super();
    this.#node = node;
  }

  answered(outcome: Envelope): void {
    this.#node.answered(outcome);
  }
}

function nameOf(owner: Process, topic: string): string {
  return `${owner.address.id.text} ${topic}`; // no process id has a blank
}

function overloaded({ id, owner }: FarChannel): FarRefused {
  const to = owner.address.id.text;
  return { to, channel_id: id, code: CLOSE.tryAgainLater.code, reason: "the process is overloaded", full: true };
}
