/**
 * Slow readers whose policy is `latest`: telemetry, of which only the newest counts (DESIGN §4.7, docs/adr/0026).
 *
 * 1. Credit decides, not the socket's queue: kernel buffers take megabytes from a client that has stopped (contract
 *    soundlab §8). The server pings behind what it sends, and its pongs are told to nobody.
 * 2. A reader with credit is in the transport's topic tree like any other. One without is *behind*: with the next publish
 *    of each of its topics it is taken out of the tree, and the topic keeps its newest message for all who are.
 * 3. With its pong a reader that is behind is sent the newest of each topic and key that it missed, once, in the order
 *    they were published, as far as its credit goes. When nothing is left it is back in the tree.
 * 4. So nobody waits for a slow one, and what is kept is one message per topic, and per reader what it knows of its
 *    topics, and `latestKeys` keys within its send limit.
 * 5. Pushes without a key are not replaced and use no credit: they go out, also past what waits here.
 */
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { type Blob, CLOSE, type HttpServerErrorKind } from "../lib/protocol/index.ts";
import type { Channel } from "./channel.ts";
import { Credit } from "./credit.ts";
import type { HttpServerLimits } from "./limits.ts";
import { type OutgoingFrames, sizeOf, textFrame } from "./outgoing.ts";
import type { Frame } from "./send-queue.ts";
import { DROPPED, SENT } from "./transport/transport.ts";

/** A message that waits for a reader, or for several. @property place among all that were published or pushed here */
type Held = { readonly frame: Frame; readonly isBinary: boolean; readonly bytes: number; readonly place: number };

/** A topic with subscribers whose policy is `latest`. */
export class LatestTopic {
  /** On the transport. */
  readonly name: string;
  /** Those in the topic tree. */
  readonly readers: Set<LatestReader> = new Set();
  /** How many are taken out of it. */
  away = 0;
  /** Of these, for how many `newest` waits. */
  waiting = 0;
  newest: Held | null = null;
  /** Published since it is here. */
  count = 0;

  constructor(name: string) {
    this.name = name;
  }
}

/** What is known of a channel whose policy is `latest`, from its first topic or key on. */
export class LatestReader {
  readonly channel: Channel;
  readonly credit: Credit;
  /** Topics that it was taken out of, with the `count` up to which it knows them. */
  readonly away: Map<LatestTopic, number> = new Map();
  readonly keys: Map<string, Held> = new Map();
  keyBytes = 0;
  isBehind = false;
  #leftOut = 0;

  constructor(channel: Channel, credit: Credit) {
    this.channel = channel;
    this.credit = credit;
  }

  /** Messages of which it was sent a newer one, or nothing. */
  get leftOut(): number {
    let leftOut = this.#leftOut;
    for (const [topic, known] of this.away) leftOut += Math.max(0, topic.count - known - 1);
    return leftOut;
  }

  leaveOut(messages: number): void {
    this.#leftOut += messages;
  }
}

/** What it needs of the way out. */
export type LatestOutgoing = Pick<OutgoingFrames, "dropped" | "flushOf" | "queue" | "end">;

const TAG_BYTES = 4;
const PING_BYTES = TAG_BYTES + 4; // and a number

export class Latest {
  readonly #limits: HttpServerLimits;
  readonly #outgoing: LatestOutgoing;
  readonly #now: () => number;
  readonly #topics = new Map<string, LatestTopic>();
  readonly #due: LatestReader[] = []; // to be pinged behind the publish under way
  #tag: number | undefined; // unpredictable: no process can have a ping of its own that looks like ours. Made with the first: node:crypto takes a start 3 ms
  #place = 0;

  /** @param now milliseconds that only grow */
  constructor(limits: HttpServerLimits, outgoing: LatestOutgoing, now: () => number) {
    this.#limits = limits;
    this.#outgoing = outgoing;
    this.#now = now;
  }

  /** How many topics have subscribers of this policy. */
  get topics(): number {
    return this.#topics.size;
  }

  /** Undefined: a publish concerns nobody here. */
  topic(name: string): LatestTopic | undefined {
    return this.#topics.size === 0 ? undefined : this.#topics.get(name);
  }

  subscribe(channel: Channel, name: string): void {
    const reader = this.#reader(channel);
    let topic = this.#topics.get(name);
    if (topic === undefined) {
      topic = new LatestTopic(name);
      this.#topics.set(name, topic);
    }
    if (topic.readers.has(reader) || reader.away.has(topic)) return;
    topic.readers.add(reader);
    channel.socket?.subscribe(name);
  }

  /** What waits for it of the topic goes out first. */
  unsubscribe(channel: Channel, name: string): void {
    const topic = this.#topics.get(name);
    const reader = channel.latest;
    if (topic === undefined || reader === null) return;
    const known = reader.away.get(topic);
    if (known !== undefined && known < topic.count) this.settle(channel);
    this.#leave(reader, topic);
  }

  /** To be called before a publish, which `published` must follow. @returns whether some get it later: see `keep` */
  publishing(topic: LatestTopic, bytes: number): boolean {
    const now = this.#now();
    for (const reader of topic.readers) {
      if (this.#hasCredit(reader, bytes, now)) {
        reader.credit.use(bytes);
        if (reader.credit.isPingDue(now)) this.#due.push(reader);
      } else this.#takeOut(reader, topic);
    }
    topic.count++;
    this.#outgoing.dropped += topic.waiting; // of each of these the newest is not the newest any more
    topic.waiting = topic.away;
    return topic.away > 0;
  }

  /** @param frame stays as it is from now on */
  keep(topic: LatestTopic, frame: Frame, isBinary: boolean): void {
    topic.newest = { frame, isBinary, bytes: sizeOf(frame), place: ++this.#place };
  }

  published(): void {
    const now = this.#now();
    for (let reader = this.#due.pop(); reader !== undefined; reader = this.#due.pop()) this.#ping(reader, now);
  }

  /** A push that a newer one of its key replaces. @returns undefined: sent, or it will be */
  push(channel: Channel, key: string, blob: Blob, isBinary: boolean): HttpServerErrorKind | undefined {
    const { byteLength: bytes } = blob;
    if (bytes > this.#limits.pushBytes || Buffer.byteLength(key) > this.#limits.topicBytes) return "LimitReached";
    const reader = this.#reader(channel);
    const now = this.#now();
    if (!this.#hasRoom(channel, bytes) || !this.#hasCredit(reader, bytes, now)) {
      this.#fallBehind(reader, now);
      if (channel.finished) return "WsChannelOverloaded"; // its ping found no room
      return this.#hold(reader, key, blob.keep(), isBinary);
    }
    const error = this.#outgoing.queue(channel, blob, isBinary);
    if (error !== undefined) return error;
    reader.credit.use(bytes);
    if (reader.credit.isPingDue(now)) this.#ping(reader, now);
    return undefined;
  }

  /** @returns false when it is not the answer to a ping of ours */
  pong(channel: Channel, data: ArrayBuffer | Uint8Array): boolean {
    const reader = channel.latest;
    if (reader === null || data.byteLength !== PING_BYTES) return false;
    const bytes = data instanceof Uint8Array ? data : new Uint8Array(data);
    const view = new DataView(bytes.buffer, bytes.byteOffset, PING_BYTES);
    if (view.getUint32(0) !== this.#tag || !reader.credit.answered(view.getUint32(TAG_BYTES))) return false;
    if (reader.isBehind) this.#catchUp(reader);
    return true;
  }

  /** Sends what waits for it, credit or not, as far as its send limit goes. */
  settle(channel: Channel): void {
    if (channel.latest?.isBehind === true) this.#sendHeld(channel.latest, false);
  }

  /** It has ended, or goes to another process, and what waits for it is left out. */
  forget(channel: Channel): void {
    const reader = channel.latest;
    if (reader === null) return;
    for (const name of channel.topics ?? []) {
      const topic = this.#topics.get(name);
      if (topic !== undefined) this.#leave(reader, topic);
    }
    this.#leaveOut(reader, reader.keys.size);
    reader.keys.clear();
    reader.keyBytes = 0;
  }

  #reader(channel: Channel): LatestReader {
    const { latestFrames: frames, latestMs: ms } = this.#limits;
    channel.latest ??= new LatestReader(channel, new Credit({ frames, ms, bytes: channel.sendLimit }));
    return channel.latest;
  }

  /** While something is left to be sent nothing newer may overtake it. */
  #hasCredit(reader: LatestReader, bytes: number, now: number): boolean {
    return !reader.isBehind && !reader.credit.isOut(bytes, now);
  }

  /** What was pushed to it without a key may have filled its queue, or still waits to be sent: that goes first. */
  #hasRoom(channel: Channel, bytes: number): boolean {
    const { socket, sendLimit, sendQueue } = channel;
    if (sendQueue !== null && sendQueue.bytes + bytes > sendLimit) this.#outgoing.flushOf(channel);
    const waits = (socket?.getBufferedAmount() ?? 0) + (channel.sendQueue?.bytes ?? 0);
    return waits === 0 || waits + bytes <= sendLimit;
  }

  /** Not while the transport walks its subscribers (transport/dropped.ts): a publish takes out before it begins. */
  #takeOut(reader: LatestReader, topic: LatestTopic): void {
    this.#fallBehind(reader, this.#now());
    if (reader.channel.finished) return; // as in push
    topic.readers.delete(reader);
    topic.away++;
    reader.away.set(topic, topic.count);
    reader.channel.socket?.unsubscribe(topic.name);
  }

  /** With a ping on its way, or nothing would ever give it credit again. */
  #fallBehind(reader: LatestReader, now: number): void {
    reader.isBehind = true;
    if (!reader.credit.isPinged) this.#ping(reader, now);
  }

  #hold(reader: LatestReader, key: string, blob: Blob, isBinary: boolean): HttpServerErrorKind | undefined {
    const frame = isBinary ? blob.raw() : textFrame(blob);
    const bytes = sizeOf(frame);
    const before = reader.keys.get(key);
    const keyBytes = reader.keyBytes - (before?.bytes ?? 0) + bytes;
    const isOneTooMany = before === undefined && reader.keys.size >= this.#limits.latestKeys;
    if (isOneTooMany || keyBytes > reader.channel.sendLimit) {
      this.#leaveOut(reader, 1);
      return "WsChannelOverloaded";
    }
    if (before !== undefined) this.#leaveOut(reader, 1);
    reader.keys.set(key, { frame, isBinary, bytes, place: ++this.#place });
    reader.keyBytes = keyBytes;
    return undefined;
  }

  #catchUp(reader: LatestReader): void {
    const { channel } = reader;
    if (!this.#sendHeld(reader, true)) {
      if (!reader.credit.isPinged) this.#ping(reader, this.#now());
      return;
    }
    reader.isBehind = false;
    for (const topic of reader.away.keys()) {
      topic.away--;
      topic.readers.add(reader);
      channel.socket?.subscribe(topic.name);
    }
    reader.away.clear();
  }

  /** @returns whether all of it was sent */
  #sendHeld(reader: LatestReader, needsCredit: boolean): boolean {
    const { channel, credit } = reader;
    const { socket } = channel;
    if (socket === null || channel.finished) return false;
    const held = heldFor(reader);
    if (held.length === 0) return true;
    this.#outgoing.flushOf(channel); // what was pushed before goes first
    let sent = 0;
    socket.cork(() => {
      const now = this.#now();
      for (const { message, key, topic } of held) {
        const { frame, isBinary, bytes } = message;
        if ((needsCredit && credit.isOut(bytes, now)) || !this.#hasRoom(channel, bytes)) return;
        const outcome = socket.send(frame, isBinary);
        if (outcome !== SENT) channel.slowDown();
        if (outcome === DROPPED) return;
        sent++;
        credit.use(bytes);
        if (topic !== null) this.#knows(reader, topic);
        else if (reader.keys.delete(key)) reader.keyBytes -= bytes;
        if (credit.isPingDue(now)) this.#ping(reader, now);
        if (channel.finished) return; // as in push
      }
    });
    return sent === held.length;
  }

  /** It was sent the newest of a topic that it is taken out of. */
  #knows(reader: LatestReader, topic: LatestTopic): void {
    reader.leaveOut(topic.count - (reader.away.get(topic) ?? topic.count) - 1);
    reader.away.set(topic, topic.count);
    topic.waiting--;
    if (topic.waiting === 0) topic.newest = null;
  }

  #leave(reader: LatestReader, topic: LatestTopic): void {
    const known = reader.away.get(topic);
    if (known !== undefined) {
      reader.away.delete(topic);
      topic.away--;
      if (known < topic.count) {
        reader.leaveOut(topic.count - known);
        this.#outgoing.dropped++; // the others were counted as they came
        topic.waiting--;
        if (topic.waiting === 0) topic.newest = null;
      }
    }
    topic.readers.delete(reader);
    if (topic.readers.size === 0 && topic.away === 0) this.#topics.delete(topic.name);
  }

  #leaveOut(reader: LatestReader, messages: number): void {
    reader.leaveOut(messages);
    this.#outgoing.dropped += messages;
  }

  #ping(reader: LatestReader, now: number): void {
    const { channel, credit } = reader;
    const { socket } = channel;
    if (socket === null || channel.finished) return;
    this.#outgoing.flushOf(channel);
    const payload = new Uint8Array(PING_BYTES);
    const view = new DataView(payload.buffer);
    this.#tag ??= randomBytes(TAG_BYTES).readUInt32BE();
    view.setUint32(0, this.#tag);
    view.setUint32(TAG_BYTES, credit.ping(now));
    let outcome = SENT;
    socket.cork(() => {
      outcome = socket.ping(payload); // in one write with what the topic tree has for it
    });
    // Its queue is full of what is never replaced; without a ping its credit would not come back.
    if (outcome === DROPPED) this.#outgoing.end(channel, CLOSE.tryAgainLater.code, "the client reads too slowly");
  }
}

type Waiting = { readonly message: Held; readonly key: string; readonly topic: LatestTopic | null };

/** In the order published. */
function heldFor({ away, keys }: LatestReader): readonly Waiting[] {
  const held: Waiting[] = [];
  for (const [topic, known] of away)
    if (known < topic.count && topic.newest !== null) held.push({ message: topic.newest, key: "", topic });
  for (const [key, message] of keys) held.push({ message, key, topic: null });
  return held.sort((a, b) => a.message.place - b.message.place);
}
