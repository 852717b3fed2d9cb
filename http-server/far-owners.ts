/**
 * Processes of other nodes that own channels here (docs/adr/0035).
 *
 * 1. For each there is a small process here, its stand-in, that owns its channels: to channels.ts it is a process like any
 *    other, and what it hears goes to the other node's http-server (far-channels.ts), in order.
 * 2. What waits for a node is bounded. A frame that finds no room ends its channel with 1013, as a full mailbox does.
 * 3. A batch that was lost, or a node that cannot be reached or began anew, ends all channels of that node with 1013: none
 *    has a hole in it, and no client talks to nobody. A probe goes out while nothing else does.
 */
import { Alarm, type Kernel, type Process } from "../kernel/index.ts";
import {
  Address,
  Blob,
  CLOSE,
  type CloseMetadata,
  Envelope,
  type Host,
  HTTP_SERVER,
  type Instance,
  ProcessId,
  type Program,
  type WebSocketOpen,
  type WsMessageType,
} from "../lib/protocol/index.ts";
import { Awaiting } from "./awaiting.ts";
import { Channel } from "./channel.ts";
import type { Channels } from "./channels.ts";
import { FAR_SECONDS, type FarAnswer, type FarEvent, LOST, readRefused, TAKEN } from "./far-events.ts";
import type { HttpServerLimits } from "./limits.ts";

const PACKAGE = "far-owners"; // of the stand-ins: far-owners:sys
const PUBLISHER = "sys";
const FAREWELL_POLL = 5; // ms between looks whether all has been said
const BATCH_EVENTS = 100; // handled by a process in one go: well below a mailbox of 4,096
const BATCH_BYTES = 128 * 1024; // half of what one frame of the link takes whole (kernel/link/limits.ts)

export type FarParts = {
  readonly kernel: Kernel;
  readonly limits: HttpServerLimits;
  readonly self: Process; // the http-server
  readonly channels: Channels;
  readonly host: () => Host;
};

type Queued = { readonly event: FarEvent; readonly bytes: Uint8Array | null };

export class FarOwners {
  readonly parts: FarParts;
  readonly #byAddress = new Map<string, StandIn>();
  readonly #byProcess = new WeakMap<Process, StandIn>();
  readonly #nodes = new Map<string, FarNode>();
  #count = 0;

  constructor(parts: FarParts) {
    this.parts = parts;
    parts.channels.addressOf = (owner) => this.#byProcess.get(owner)?.address ?? owner.address;
  }

  /** Who stands here for the process `address` of another node; undefined: there is no link, or there are too many. */
  of(address: Address): Process | undefined {
    const known = this.#byAddress.get(address.text);
    if (known !== undefined) return known.process;
    const { kernel, limits } = this.parts;
    if (kernel.link === null) return undefined;
    if (this.#byAddress.size >= limits.farOwners) this.#forgetIdle();
    if (this.#byAddress.size >= limits.farOwners) return undefined;
    const made = new StandIn(this.#node(address.node), address);
    made.process = kernel.register({
      id: new ProcessId(`owner-${++this.#count}`, PACKAGE, PUBLISHER),
      program: made,
      onExit: "Restart",
      public: true, // for the http-server; nobody else is heard
    });
    made.process.run();
    this.#byAddress.set(address.text, made);
    this.#byProcess.set(made.process, made);
    return made.process;
  }

  /** A client, or a process, must not name a stand-in itself: it would go past the checks of `of`'s callers. */
  isStandIn(id: ProcessId): boolean {
    return id.package === PACKAGE && id.publisher === PUBLISHER;
  }

  /** The address that channels know `source` by when it owns `channelId`; else its own. */
  acting(source: Address, channelId: number): Address {
    const own = this.standIn(source);
    return own !== undefined && this.parts.channels.channelOf(own, channelId) !== undefined ? own : source;
  }

  /** Of the process `source`, if it has one. */
  standIn(source: Address): Address | undefined {
    return this.#byAddress.get(source.text)?.process?.address;
  }

  /** Ends channels that the process `to` of `node` owns. */
  end(node: string, to: string, channelId: number, { code, reason }: Pick<CloseMetadata, "code" | "reason">): void {
    const { channels } = this.parts;
    const address = this.#byAddress.get(`${node}@${to}`)?.process?.address;
    const channel = address === undefined ? undefined : channels.channelOf(address, channelId);
    if (channel !== undefined) channels.end(channel, code, reason);
  }

  /** The node's http-server asks whether it still has what this one thinks it has. */
  probed(node: string, session: unknown): FarAnswer {
    return this.#nodes.get(node)?.session === session ? TAKEN : LOST;
  }

  /** `node` says that it stops. */
  left(node: string): void {
    this.#nodes.get(node)?.lose(CLOSE.goingAway.code, "the node of the process is stopping");
  }

  /** Something of `node`'s did not come: it may have been a push, a topic, or the end of a channel. */
  missed(node: string): void {
    this.#nodes.get(node)?.missed();
  }

  /** This node stops: fulfilled when every Close has come to its process's node, or after `ms`. */
  async farewell(ms: number): Promise<void> {
    const { clock } = this.parts.kernel;
    const end = clock.monotonic() + ms;
    const isBusy = (): boolean => [...this.#nodes.values()].some((node) => !node.isIdle);
    while (isBusy() && clock.monotonic() < end)
      await new Promise<void>((resolve) => clock.setTimeout(resolve, FAREWELL_POLL));
  }

  /** FarNode only: ends all channels of the node. */
  endOf(node: FarNode, code: number, reason: string): void {
    for (const { process, node: of } of this.#byAddress.values())
      if (of === node && process !== undefined) this.parts.channels.endOwned(process, code, reason);
  }

  #node(name: string): FarNode {
    let node = this.#nodes.get(name);
    if (node === undefined) {
      node = new FarNode(this, name);
      this.#nodes.set(name, node);
    }
    return node;
  }

  #forgetIdle(): void {
    const { channels } = this.parts;
    for (const [text, { process, node }] of this.#byAddress) {
      if (process === undefined || channels.owns(process) || !process.quiet) continue;
      this.#byAddress.delete(text);
      process.kill();
      if (node.isIdle && ![...this.#byAddress.values()].some((other) => other.node === node))
        this.#nodes.delete(node.name);
    }
  }
}

/** One process of another node, as the channels here know it. */
class StandIn implements Program, Instance {
  readonly node: FarNode;
  readonly address: Address;
  process: Process | undefined;

  constructor(node: FarNode, address: Address) {
    this.node = node;
    this.address = address;
  }

  start(): Instance {
    return this;
  }

  /** Events of channels, and nothing else: it is public, so anybody may send. */
  handle({ kind, source, origin, body, blob, metadata }: Envelope): void {
    const { channels } = this.node.owners.parts;
    if (kind !== "request" || !(origin instanceof Channel) || !channels.events.isOurs(source)) return;
    const event = body as {
      readonly WebSocketOpen?: WebSocketOpen;
      readonly WebSocketPush?: { readonly message_type: WsMessageType };
    }; // our own words
    if (event.WebSocketOpen !== undefined) {
      if (!this.node.open(this.address.id.text, event.WebSocketOpen, blob)) this.#overloaded(origin);
    } else if (event.WebSocketPush !== undefined) this.#push(origin, event.WebSocketPush.message_type, blob);
    else this.node.close(origin.id, JSON.parse(metadata ?? "{}") as CloseMetadata);
  }

  #push(channel: Channel, type: WsMessageType, blob: Blob | null): void {
    if (this.node.push(channel.id, type, blob?.bytes() ?? new Uint8Array()) || channel.slowReader === "drop") return;
    this.#overloaded(channel);
  }

  #overloaded(channel: Channel): void {
    this.node.owners.parts.channels.end(channel, CLOSE.tryAgainLater.code, "the process is overloaded");
  }
}

/** What goes to the http-server of one node. */
class FarNode {
  readonly owners: FarOwners;
  readonly name: string;
  readonly #address: Address;
  readonly #alarm: Alarm;
  /** That the other node has heard Open of, or will. */
  readonly #open = new Set<number>();
  session: number;
  #seq = 0;
  #queue: Queued[] = [];
  #bytes = 0;
  #isUnderWay = false;
  #sentAt = 0; // ms monotonic
  #isWatched = false;

  constructor(owners: FarOwners, name: string) {
    this.owners = owners;
    this.name = name;
    this.#address = new Address(name, HTTP_SERVER);
    this.session = this.#newSession();
    this.#alarm = new Alarm(() => this.#probe());
  }

  get isIdle(): boolean {
    return this.#open.size === 0 && this.#queue.length === 0 && !this.#isUnderWay;
  }

  /** @returns false when there is no room: clients that come and go must not fill memory while the node is slow */
  open(to: string, open: WebSocketOpen, note: Blob | null): boolean {
    const bytes = note?.bytes().slice() ?? null;
    if (!this.#hasRoom(bytes?.byteLength ?? 0)) return false;
    this.#open.add(open.channel_id);
    this.#add({ kind: "open", to, open, bytes: bytes?.byteLength ?? null }, bytes);
    return true;
  }

  /** @param bytes lent @returns false when there is no room */
  push(channelId: number, messageType: WsMessageType, bytes: Uint8Array): boolean {
    if (!this.#open.has(channelId)) return true; // its session was lost: its Close is on its way
    if (!this.#hasRoom(bytes.byteLength)) return false;
    const event = { kind: "push", channel_id: channelId, message_type: messageType, bytes: bytes.byteLength } as const;
    this.#add(event, bytes.slice());
    return true;
  }

  /** There is always room: one per channel. */
  close(channelId: number, facts: CloseMetadata): void {
    if (this.#open.delete(channelId)) this.#add({ kind: "close", channel_id: channelId, facts }, null);
  }

  /** What the other node has of this one's, it has no more. */
  lose(code: number, reason: string): void {
    this.session = this.#newSession();
    this.#seq = 0;
    this.#queue = [];
    this.#bytes = 0;
    this.#isUnderWay = false;
    this.#open.clear();
    this.owners.endOf(this, code, reason);
  }

  missed(): void {
    if (this.#open.size > 0) this.lose(CLOSE.tryAgainLater.code, "what the process sent was lost");
  }

  /** A batch was answered, or not. */
  ended(session: number, outcome: Envelope): void {
    if (session !== this.session) return;
    this.#isUnderWay = false;
    const refused = outcome.kind === "error" ? "Lost" : readRefused(outcome.body);
    if (refused === "Lost") {
      const why = outcome.kind === "error" ? "cannot be reached" : "began anew";
      this.lose(CLOSE.tryAgainLater.code, `the node of the process ${why}`);
      return;
    }
    for (const { to, channel_id: id, code, reason, full = false } of refused) {
      if (!full) this.#open.delete(id); // it was never opened there, or has ended
      if (!full || !this.#drops(to, id)) this.owners.end(this.name, to, id, { code, reason });
    }
    this.#pump();
  }

  #drops(to: string, channelId: number): boolean {
    const owner = this.owners.standIn(new Address(this.name, ProcessId.parse(to)));
    return owner !== undefined && this.owners.parts.channels.channelOf(owner, channelId)?.slowReader === "drop";
  }

  #hasRoom(bytes: number): boolean {
    const { farEvents, farBytes } = this.owners.parts.limits;
    return this.#queue.length < farEvents && (this.#bytes === 0 || this.#bytes + bytes <= farBytes);
  }

  #newSession(): number {
    return Math.floor(this.owners.parts.kernel.random() * Number.MAX_SAFE_INTEGER);
  }

  #add(event: FarEvent, bytes: Uint8Array | null): void {
    this.#queue.push({ event, bytes });
    this.#bytes += bytes?.byteLength ?? 0;
    this.#pump();
    this.#watch();
  }

  #pump(): void {
    if (!this.#isUnderWay && this.#queue.length > 0) this.#send(this.#take());
  }

  #take(): readonly Queued[] {
    let count = 0;
    let bytes = 0;
    for (const { bytes: own } of this.#queue) {
      bytes += own?.byteLength ?? 0;
      if (count > 0 && (count >= BATCH_EVENTS || bytes > BATCH_BYTES)) break;
      count++;
    }
    const taken = this.#queue.splice(0, count);
    for (const { bytes: own } of taken) this.#bytes -= own?.byteLength ?? 0;
    return taken;
  }

  #send(batch: readonly Queued[]): void {
    const { host, kernel } = this.owners.parts;
    const { session } = this;
    const server = host();
    const body = { FarEvents: { session, seq: this.#seq++, events: batch.map(({ event }) => event) } };
    const blob = Blob.of(Buffer.concat(batch.flatMap(({ bytes }) => (bytes === null ? [] : [bytes]))));
    const request = new Envelope("request", server.our, this.#address, body, blob);
    request.expectsResponse = FAR_SECONDS;
    request.context = new Sent(this, session);
    this.#isUnderWay = true;
    this.#sentAt = kernel.clock.monotonic();
    server.send(request);
  }

  #watch(): void {
    if (this.#isWatched) return;
    this.#isWatched = true;
    const { kernel, limits } = this.owners.parts;
    kernel.wheel.add(this.#alarm, limits.farProbe);
  }

  #probe(): void {
    this.#isWatched = false;
    if (this.isIdle) return;
    const { kernel, limits } = this.owners.parts;
    const waitedMs = kernel.clock.monotonic() - this.#sentAt;
    if (!this.#isUnderWay) this.#send([]);
    else if (waitedMs > FAR_SECONDS * 1000 + limits.farProbe)
      this.lose(CLOSE.tryAgainLater.code, "the node of the process cannot be reached"); // whoever waited for its answer is gone
    this.#watch();
  }
}

class Sent extends Awaiting {
  readonly #node: FarNode;
  readonly #session: number;

  constructor(node: FarNode, session: number) {
    super();
    this.#node = node;
    this.#session = session;
  }

  answered(outcome: Envelope): void {
    this.#node.ended(this.#session, outcome);
  }
}
