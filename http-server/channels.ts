/**
 * Every channel: its id, its socket, its process. The one place that knows both sides.
 *
 * 1. A process hears of a channel as Open, then Push, then Close; one Open and one Close per channel and incarnation.
 *    After a restart the Opens stand before the frames that were kept (DESIGN §4.4).
 * 2. Only the process a channel is bound to may push to it, close it or subscribe it, and whom it granted the first two
 *    (grants.ts); all others are told that there is no such channel (DESIGN §4.5).
 * 3. A frame that its process cannot take ends the channel with 1013, as leaving it out would make a hole in the stream;
 *    on a channel whose policy is to drop, it is left out: a dead letter, counted as refused (docs/adr/0019).
 * 4. Events are spelled in the dialect of the process. Frames of a dialect that calls them all one type take the careful
 *    way, each of them; for all others the dialect is looked at when somebody asks for the message.
 * 5. An Open that finds a full mailbox refuses the channel; a Close always finds room: there is one per channel.
 * 6. A channel that is handed over ends for its process and begins for the next, with what waited: see transfers.ts.
 */
import type { CapabilityEpoch, Keeper, Kernel, Process, RunQueue } from "../kernel/index.ts";
import {
  type Address,
  Blob,
  CLOSE,
  type Envelope,
  frameTypeIn,
  type HttpServerErrorKind,
  isSendableCloseCode,
  PING_PAYLOAD_MAX,
  type WsMessageType,
} from "../lib/protocol/index.ts";
import { Channel } from "./channel.ts";
import { ChannelEvents, isOpen } from "./channel-events.ts";
import { ChannelIds } from "./channel-id.ts";
import { ChannelList } from "./channel-list.ts";
import { ChannelTable } from "./channel-table.ts";
import { Grants } from "./grants.ts";
import { Latest } from "./latest.ts";
import type { HttpServerLimits } from "./limits.ts";
import { isAbove, OutgoingFrames } from "./outgoing.ts";
import type { Session } from "./sessions.ts";
import { Topics } from "./topics.ts";
import { Transfers } from "./transfers.ts";
import type { Listener } from "./transport/transport.ts";
import { messageSeconds, UnfinishedMessages } from "./unfinished.ts";

/** Why a channel ends with its login. */
export const SESSION_ENDED = "the session has ended: log in again";

const RATE_WINDOW = 1000; // ms: messagesPerSecond

export class Channels implements Keeper {
  readonly outgoing: OutgoingFrames;
  /** Told of the end of each channel that is an extension's. */
  extensionEnded: (channel: Channel) => void = () => undefined;
  /** Told when one has another process from now on. */
  extensionHandedOver: (channel: Channel) => void = () => undefined;
  readonly events: ChannelEvents;
  /** What other processes know an owner by: one of another node has a process that stands for it (far-owners.ts). */
  addressOf: (owner: Process) => Address = (owner) => owner.address;
  readonly #grants: Grants;
  /** Those of the policy `latest`. */
  readonly latest: Latest;
  readonly #kernel: Kernel;
  readonly #limits: HttpServerLimits;
  readonly #self: Process; // the http-server
  // Not #private: V8 holds such a field, given in the constructor, for one that changes, and reads it anew for each
  // frame. These it takes for the constants that they are (bench/profile).
  readonly queue: RunQueue;
  readonly epoch: CapabilityEpoch;
  readonly messagesPerSecond: number;
  readonly topics: Topics;
  readonly #ids = new ChannelIds();
  readonly #byId = new ChannelTable();
  readonly #byOwner = new Map<Process, ChannelList>();
  readonly #unfinished: UnfinishedMessages;
  readonly #transfers: Transfers;

  /** @param listeners grows as ports are opened; a publish goes to all */
  constructor(kernel: Kernel, limits: HttpServerLimits, self: Process, listeners: readonly Listener[]) {
    this.#kernel = kernel;
    this.#limits = limits;
    this.#self = self;
    this.queue = kernel.queue;
    this.epoch = kernel.capabilityEpoch;
    this.messagesPerSecond = limits.messagesPerSecond;
    this.outgoing = new OutgoingFrames(
      kernel,
      limits,
      self,
      (channel, code, reason) => this.#finish(channel, code, reason),
      (channelId) => this.#byId.get(channelId),
    );
    this.#grants = new Grants(limits);
    this.latest = new Latest(limits, this.outgoing, () => kernel.clock.monotonic());
    this.topics = new Topics(limits, this.outgoing, this.latest, listeners);
    this.events = new ChannelEvents(kernel, self.address);
    kernel.frames = this.events;
    kernel.shortcut = this.outgoing;
    this.#transfers = new Transfers(kernel, limits, self, this.events);
    const tooLate = `no whole message and no pong in ${messageSeconds(limits)} seconds`;
    this.#unfinished = new UnfinishedMessages(kernel.clock, limits, this.#byId, (channel) =>
      this.end(channel, CLOSE.tooLate.code, tooLate),
    );
  }

  get size(): number {
    return this.#byId.size;
  }

  /** Binds `channel` to `owner` and queues its Open. @returns false when the owner's mailbox is full */
  open(channel: Channel, owner: Process): boolean {
    do channel.id = this.#ids.next();
    while (this.#byId.get(channel.id) !== undefined); // one that stays open while 2^31 others come and go keeps its id
    if (!this.#kernel.bus.deliver(this.events.open(channel, owner, undefined), owner)) {
      channel.id = 0;
      return false;
    }
    channel.windowStart = Math.floor(this.#kernel.clock.monotonic());
    this.#byId.add(channel);
    this.#unfinished.opened();
    this.#give(channel, owner);
    return true;
  }

  /** Hot path: a frame of an open channel, in its transport's callback. `data` is lent. */
  frame(channel: Channel, data: ArrayBuffer | Uint8Array, isBinary: boolean): void {
    if (++channel.frames > this.messagesPerSecond && this.#tooFast(channel)) return;
    const blob = Blob.lend(data, !isBinary);
    const { owner } = channel;
    this.queue.begin();
    this.outgoing.corked = channel;
    try {
      if (channel.allowedEpoch !== this.epoch.value || owner === null) this.#deliver(channel, typeOf(isBinary), blob);
      else if (!owner.frameNow(channel, channel.id, blob)) this.#post(channel, owner, typeOf(isBinary), blob);
    } catch (error) {
      this.#returned(blob); // not in a finally, which costs each frame some 10 instructions (bench/profile)
      throw error;
    }
    this.#returned(blob);
  }

  /** A frame that does not come by `frame` counts all the same. @returns false when it is one too many */
  count(channel: Channel): boolean {
    return ++channel.frames <= this.messagesPerSecond || !this.#tooFast(channel);
  }

  /** A ping or pong, which count as frames: a process is told of them. */
  control(channel: Channel, messageType: "Ping" | "Pong", data: ArrayBuffer | Uint8Array): void {
    if (channel.owner === null || channel.finished) return;
    if (channel.latest !== null && messageType === "Pong" && this.#isCredit(channel, data)) return;
    if (++channel.frames > this.messagesPerSecond && this.#tooFast(channel)) return;
    if (messageType === "Pong") {
      if (channel.pings === 0 && data.byteLength === 0) return; // answers the transport's own ping
      if (channel.pings > 0) channel.pings--;
    }
    const blob = Blob.lend(data, false);
    this.queue.begin();
    this.outgoing.corked = channel;
    try {
      this.#deliver(channel, messageType, blob);
    } finally {
      this.#returned(blob);
    }
  }

  /** The socket has closed; it must not be touched any more. */
  closed(channel: Channel, code: number, reason: string): void {
    channel.socket = null;
    this.outgoing.forget(channel);
    this.#finish(channel, code, reason);
  }

  /** Ends a channel for a reason of the server's. */
  end(channel: Channel, code: number, reason: string): void {
    this.outgoing.end(channel, code, reason);
  }

  /** The checks stand in the contract's order (kinode §5.1). @returns undefined: queued */
  push(
    from: Address,
    channelId: number,
    messageType: WsMessageType,
    blob: Blob | null,
    key: string | null = null,
  ): HttpServerErrorKind | undefined {
    if (blob === null) return "NoBlob";
    const isControl = messageType === "Ping" || messageType === "Pong";
    if (isControl && blob.byteLength > PING_PAYLOAD_MAX) return "WsPingPongTooLong";
    const channel = this.#owned(from, channelId) ?? this.#granted(from, channelId);
    if (channel === undefined) return "WsChannelNotFound";
    if (key !== null && channel.slowReader === "latest")
      return this.latest.push(channel, key, blob, messageType === "Binary");
    if (messageType === "Text" || messageType === "Binary")
      return this.outgoing.queue(channel, blob, messageType === "Binary");
    if (messageType === "Close") {
      this.latest.settle(channel);
      this.outgoing.end(channel, CLOSE.normal.code, blob.text() ?? "");
      return undefined;
    }
    if (messageType === "Ping") return this.outgoing.ping(channel, blob.bytes());
    return this.outgoing.pong(channel, blob.bytes());
  }

  /** An unknown channel is closed already: no error (contract kinode §10 case 114). */
  close(from: Address, channelId: number, code: number, reason: string): HttpServerErrorKind | undefined {
    if (this.#byId.get(channelId) === undefined) return undefined;
    const channel = this.#owned(from, channelId) ?? this.#granted(from, channelId);
    if (channel === undefined) return "WsChannelNotFound";
    if (!isSendableCloseCode(code)) return "MalformedRequest";
    this.latest.settle(channel);
    this.outgoing.end(channel, code, reason);
    return undefined;
  }

  /** From now on `to` may push to it, and close it. @returns why not */
  grant(from: Address, channelId: number, to: Address): HttpServerErrorKind | undefined {
    const channel = this.#owned(from, channelId);
    return channel === undefined ? "WsChannelNotFound" : this.#grants.add(channel, to);
  }

  ungrant(from: Address, channelId: number, to: Address): HttpServerErrorKind | undefined {
    const channel = this.#owned(from, channelId);
    if (channel === undefined) return "WsChannelNotFound";
    this.#grants.remove(channel, to);
    return undefined;
  }

  subscribe(from: Address, channelId: number, topic: string): HttpServerErrorKind | undefined {
    const channel = this.#owned(from, channelId);
    if (channel === undefined) return "WsChannelNotFound";
    if (Buffer.byteLength(topic) > this.#limits.topicBytes) return "LimitReached";
    return this.topics.subscribe(channel, topicName(from, topic));
  }

  unsubscribe(from: Address, channelId: number, topic: string): HttpServerErrorKind | undefined {
    const channel = this.#owned(from, channelId);
    if (channel === undefined) return "WsChannelNotFound";
    this.topics.unsubscribe(channel, topicName(from, topic));
    return undefined;
  }

  publish(
    from: Address,
    topic: string,
    messageType: "Text" | "Binary",
    blob: Blob | null,
  ): HttpServerErrorKind | undefined {
    if (blob === null) return "NoBlob";
    if (isAbove(blob.raw(), this.#limits.pushBytes)) return "LimitReached"; // byteLength would make bytes of a text
    // Another node owns no topic here, and so reaches nobody.
    if (from.node === this.#kernel.name) this.topics.publish(topicName(from, topic), blob, messageType === "Binary");
    return undefined;
  }

  /** Hands a channel over to another process; `note` goes along. @returns undefined: it is that one's now */
  transfer(from: Address, channelId: number, to: Address, note: Blob | null): HttpServerErrorKind | undefined {
    const channel = this.#owned(from, channelId);
    const owner = channel?.owner ?? null;
    if (channel === undefined || owner === null) return "WsChannelNotFound";
    const target = this.#transfers.check(owner, to, note);
    if (typeof target === "string") return target;
    const frames = this.#transfers.take(channel, owner, target);
    if (frames === undefined) return "WsTargetOverloaded";
    if (channel.extension !== null) this.extensionHandedOver(channel);
    this.latest.settle(channel);
    this.topics.leave(channel);
    this.#byOwner.get(owner)?.delete(channel);
    const facts = { code: CLOSE.normal.code, reason: "", transferred_to: this.addressOf(target).text };
    owner.postReserved(this.events.close(channel, owner, facts));
    this.#grants.forget(channel);
    this.#transfers.add(channel, { from: this.addressOf(owner).text, note });
    this.#give(channel, target);
    target.post(this.#openAgain(channel, target));
    for (const frame of frames)
      this.#kernel.bus.deliver(this.events.readdressed(frame, channel, owner, target), target); // there is room
    return undefined;
  }

  /** Whether it has had another process. */
  wasHandedOver(channel: Channel): boolean {
    return this.#transfers.has(channel);
  }

  /** Keeper: what a new incarnation hears first. What comes first of a channel must be an Open. */
  restarting(owner: Process, waiting: readonly Envelope[]): readonly Envelope[] {
    const announced = new Set<Channel>();
    const known = new Set<Channel>(this.#byOwner.get(owner)?.all());
    const found = new Set<Channel>();
    for (const { source, origin, body } of waiting) {
      if (!this.events.isOurs(source) || !(origin instanceof Channel) || found.has(origin)) continue;
      found.add(origin);
      if (isOpen(body)) announced.add(origin);
      else known.add(origin); // perhaps no longer its own: frames and a Close still wait
    }
    return [...known].filter((channel) => !announced.has(channel)).map((channel) => this.#openAgain(channel, owner));
  }

  /** Keeper: nobody is left to talk to; a client that comes back is told so. */
  gone(owner: Process): void {
    const owned = this.#byOwner.get(owner)?.all() ?? [];
    for (const channel of owned) this.outgoing.end(channel, CLOSE.goingAway.code, "the process has ended");
    this.#byOwner.delete(owner);
  }

  /** Ends all that `owner` has. */
  endOwned(owner: Process, code: number, reason: string): void {
    for (const channel of this.#byOwner.get(owner)?.all() ?? []) this.outgoing.end(channel, code, reason);
  }

  /** Whether `owner` has any. */
  owns(owner: Process): boolean {
    return (this.#byOwner.get(owner)?.length ?? 0) > 0;
  }

  /** Somebody logged out: what these logins let in ends. */
  endSessions(ended: ReadonlySet<Session>): void {
    for (const channel of this.#byId.all()) {
      const { session } = channel.opening;
      if (session !== null && ended.has(session)) this.outgoing.end(channel, CLOSE.badToken.code, SESSION_ENDED);
    }
  }

  /** `owner` has become secure: who came by another login than its own would be refused now (registrar.ts, rule 4). */
  endOthersOf(owner: Process): void {
    const { text } = owner.address.id;
    for (const channel of this.#byOwner.get(owner)?.all() ?? []) {
      const { session } = channel.opening;
      if (session !== null && session.subdomain !== text)
        this.outgoing.end(channel, CLOSE.badToken.code, "the process has a subdomain of its own now: log in there");
    }
  }

  /** The node stops: every channel hears 1001, which says that it may come back. */
  endAll(): void {
    for (const owned of this.#byOwner.values())
      for (const channel of owned.all()) this.outgoing.end(channel, CLOSE.goingAway.code, "the node is stopping");
  }

  /** The channel of that id, if it is bound to `from`. */
  channelOf(from: Address, channelId: number): Channel | undefined {
    return this.#owned(from, channelId);
  }

  #owned(from: Address, channelId: number): Channel | undefined {
    const channel = this.#byId.get(channelId);
    // Addresses of this node are made once per process: another node's has another object, whatever it says.
    return channel?.owner?.address === from ? channel : undefined;
  }

  #granted(from: Address, channelId: number): Channel | undefined {
    return this.#grants.pick(this.#byId.get(channelId), from);
  }

  /** Whether a pong answers a ping of `latest`: a sign of life, and no message. */
  #isCredit(channel: Channel, data: ArrayBuffer | Uint8Array): boolean {
    this.queue.begin();
    try {
      if (!this.latest.pong(channel, data)) return false;
    } finally {
      this.queue.end();
    }
    if (channel.frames === 0) channel.frames = 1;
    return true;
  }

  /** The end of the turn of a frame: its bytes go back to the transport. */
  #returned(blob: Blob): void {
    this.queue.end();
    if (blob.settle()) this.outgoing.awaited();
    else this.outgoing.corked = null;
  }

  /** A frame once per channel and epoch; each, for a dialect that has its own word for it; pings and pongs. */
  #deliver(channel: Channel, messageType: WsMessageType, blob: Blob): void {
    const { owner } = channel;
    if (owner === null || channel.finished) return;
    if (!this.#kernel.bus.mayMessage(this.#self, owner)) {
      this.#kernel.bus.refuse(this.events.messageOf(channel, messageType, blob), "Denied");
      return;
    }
    const isFrame = messageType === "Text" || messageType === "Binary";
    if (isFrame && frameTypeIn(owner.dialect) === null) {
      channel.allowedEpoch = this.epoch.value;
      if (owner.frameNow(channel, channel.id, blob)) return;
    }
    this.#post(channel, owner, messageType, blob);
  }

  #post(channel: Channel, owner: Process, messageType: WsMessageType, blob: Blob): void {
    const event = this.events.messageOf(channel, messageType, blob);
    if (!this.#kernel.bus.deliver(event, owner) && channel.slowReader !== "drop")
      this.end(channel, CLOSE.tryAgainLater.code, "the process is overloaded");
  }

  #tooFast(channel: Channel): boolean {
    const now = Math.floor(this.#kernel.clock.monotonic());
    const isTooFast = now - channel.windowStart < RATE_WINDOW;
    channel.windowStart = now;
    channel.frames = 1;
    if (isTooFast)
      this.end(channel, CLOSE.tooMany.code, `more than ${this.#limits.messagesPerSecond} messages in a second`);
    return isTooFast;
  }

  #finish(channel: Channel, code: number, reason: string): void {
    if (channel.finished) return;
    channel.finished = true;
    channel.lookCloser();
    const { owner } = channel;
    if (owner === null) return;
    this.#byId.delete(channel);
    this.#unfinished.closed();
    this.#byOwner.get(owner)?.delete(channel);
    if (channel.extension !== null) this.extensionEnded(channel);
    this.#transfers.forget(channel);
    this.topics.leave(channel);
    owner.postReserved(this.events.close(channel, owner, { code, reason }));
  }

  #give(channel: Channel, owner: Process): void {
    channel.owner = owner;
    channel.lookCloser();
    let owned = this.#byOwner.get(owner);
    if (owned === undefined) {
      owned = new ChannelList();
      this.#byOwner.set(owner, owned);
      this.#self.routes.note(owner); // its events and frames go past the bus
    }
    owned.add(channel);
  }

  /** Of a channel that its owner has had already, or was handed. */
  #openAgain(channel: Channel, owner: Process): Envelope {
    return this.events.open(channel, owner, this.#transfers.of(channel, owner));
  }
}

function typeOf(isBinary: boolean): WsMessageType {
  return isBinary ? "Binary" : "Text";
}

/** Topics are private to the process that owns them: no process id has a blank. */
function topicName(owner: Address, topic: string): string {
  return `${owner.id.text} ${topic}`;
}
