/**
 * The way out: from a push to the socket, with the limits of a slow reader (DESIGN §4.5, §4.7).
 *
 * 1. Frames of one channel leave in the order pushed. Inside that channel's own callback the transport has corked the
 *    socket: a frame goes straight out. Otherwise it waits for the end of the turn, and what a frame brings about for
 *    other channels for that of the loop's turn (docs/adr/0043). Then all of them leave in one write.
 * 2. While the kernel's buffer takes everything, nothing is counted. Once it is full, what is queued must stay under
 *    the channel's send limit; the policy decides about the push that would exceed it. Where nothing waits, one frame may
 *    be larger than that limit.
 * 3. Ending a channel queues the close frame behind what was accepted. Where a publish has queued more than that frame
 *    may follow, it waits until enough was read, at most slowReaderGrace.
 */
import { Buffer, isUtf8 } from "node:buffer"; // not the global Buffer: that is an accessor
import { type CapabilityEpoch, type Kernel, type Process, WheelEntry } from "../kernel/index.ts";
import {
  type Address,
  type Blob,
  CLOSE,
  type HttpServerErrorKind,
  type Shortcut,
  type WsMessageType,
} from "../lib/protocol/index.ts";
import type { Channel } from "./channel.ts";
import { type HttpServerLimits, maxBackpressure } from "./limits.ts";
import { type Frame, type Outgoing, owned, SendQueue } from "./send-queue.ts";
import { wellFormed } from "./transport/text.ts";
import { DROPPED, SENT, type TransportSocket } from "./transport/transport.ts";

const LONG_TEXT = 1024; // letters: to encode it takes longer than to find the memory of bytes
const LATE_BYTES = 16 * 1024; // of a frame: as many uWebSockets.js puts together in one write, with what stands beside it

export class OutgoingFrames implements Shortcut {
  readonly #kernel: Kernel;
  readonly #limits: HttpServerLimits;
  readonly #pushBytes: number;
  readonly #echoFits: boolean; // what a client may send may be pushed: no need to measure it
  readonly #self: Process; // the http-server
  readonly #epoch: CapabilityEpoch;
  readonly #finish: (channel: Channel, code: number, reason: string) => void;
  readonly #find: (channelId: number) => Channel | undefined;
  readonly #waiting: Channel[] = []; // what to send at the end of the turn; some have sent it
  readonly #late: Channel[] = []; // … of the loop's turn
  readonly #lingering = new Map<Channel, Linger>();
  /** Whose callback is running, corked; null: nobody's. See `awaited`. */
  corked: Channel | null = null;
  #waitsForLoop = false;
  /**
   * Pushes and publishes that a slow reader's policy left out, those that the transport had taken and lost counted once per
   * socket and loop; of one channel see `LatestReader.leftOut`.
   */
  dropped = 0;

  /** @param finish tells the channel's process that it has ended @param find the channel of that id */
  constructor(
    kernel: Kernel,
    limits: HttpServerLimits,
    self: Process,
    finish: (channel: Channel, code: number, reason: string) => void,
    find: (channelId: number) => Channel | undefined,
  ) {
    this.#kernel = kernel;
    this.#limits = limits;
    this.#pushBytes = limits.pushBytes;
    this.#echoFits = limits.messageBytes <= limits.pushBytes;
    this.#self = self;
    this.#epoch = kernel.capabilityEpoch;
    this.#finish = finish;
    this.#find = find;
    kernel.queue.afterTurn(() => this.#flushAll(this.#waiting));
  }

  /** Hot path: straight out to the channel whose callback is running, which the transport has corked. */
  push(from: Address, channelId: number, messageType: WsMessageType, blob: Blob): boolean {
    const channel = this.corked;
    if (channel === null || channel.id !== channelId) return false;
    if (channel.sendQueue !== null) this.#flushOne(channel); // what was published to it before
    if (channel.pushEpoch !== this.#epoch.value && !this.#mayPush(channel)) return false;
    const { owner, socket } = channel;
    if (owner === null || owner.address !== from || socket === null) return false;
    if (!this.#self.idle) return false; // what the process sent before goes first
    const isBinary = messageType === "Binary";
    if (!isBinary && messageType !== "Text") return false;
    let frame: Frame | null = this.#echoFits === true ? blob.echo(isBinary) : null;
    if (frame === null) {
      frame = isBinary ? blob.raw() : textFrame(blob);
      if (isAbove(frame, this.#pushBytes)) return false;
    }
    const outcome = socket.send(frame, isBinary);
    if (outcome === SENT) return true;
    channel.slowDown();
    return outcome !== DROPPED; // publishes have filled its queue: nothing was taken
  }

  /** Hot path of who runs elsewhere: no action is made of it, and none is read. What needs a closer look is sent as one. */
  later(from: Address, channelId: number, messageType: WsMessageType, blob: Blob): boolean {
    const channel = this.#find(channelId);
    if (channel === undefined || channel.inTree) return false;
    if (channel.pushEpoch !== this.#epoch.value && !this.#mayPush(channel)) return false;
    if (channel.owner?.address !== from || channel.socket === null || !this.#self.idle) return false;
    const isBinary = messageType === "Binary";
    if (!isBinary && messageType !== "Text") return false;
    const data = isBinary ? blob.raw() : textFrame(blob);
    return this.#queue(channel, { data, isBinary, isOwn: false }, false) === undefined; // else nothing was done: its socket has room
  }

  /** What was found for one frame holds until a capability changes, or who is there, or the channel (`lookCloser`). */
  #mayPush(channel: Channel): boolean {
    const { owner } = channel;
    if (owner === null || channel.finished || channel.slow) return false;
    if (!this.#kernel.bus.mayMessage(owner, this.#self)) return false; // the bus refuses it
    channel.pushEpoch = this.#epoch.value;
    return true;
  }

  /**
   * Leaves at the end of the turn; to others than the channel whose callback is running, at that of the loop's turn, as
   * the next callbacks may have more for them. @returns undefined when the frame was taken
   */
  queue(channel: Channel, blob: Blob, isBinary: boolean): HttpServerErrorKind | undefined {
    const data = isBinary ? blob.raw() : textFrame(blob);
    return this.#queue(channel, { data, isBinary, isOwn: false }, this.corked !== null);
  }

  /** @returns undefined when it was taken */
  ping(channel: Channel, data: Uint8Array): HttpServerErrorKind | undefined {
    return this.#control(channel, data, (socket) => {
      channel.pings++;
      socket.ping(data);
    });
  }

  /** @returns undefined when it was taken */
  pong(channel: Channel, data: Uint8Array): HttpServerErrorKind | undefined {
    if (channel.socket?.pong === undefined) return "MalformedRequest"; // uWebSockets.js offers no pong of one's own
    return this.#control(channel, data, (socket) => socket.pong?.(data));
  }

  /**
   * One frame to each of `channels`, at the end of the loop's turn as by the transport's tree: what comes from another node
   * or process in the same one leaves with it. The bytes are copied. A slow reader's policy decides as for a push.
   */
  publish(channels: readonly Channel[], frame: Frame, isBinary: boolean): void {
    // One copy for all, of a long text as bytes: each of them would have it encoded.
    const isLong = typeof frame === "string" && frame.length > LONG_TEXT && channels.length > 1;
    const outgoing = owned({ data: isLong ? Buffer.from(frame) : frame, isBinary, isOwn: isLong });
    for (let i = channels.length - 1; i >= 0; i--) this.#queue(channels[i] as Channel, outgoing, true); // one that ends leaves
  }

  /**
   * A frame's callback ends, and its handler does not: what it pushes in the callback's microtasks finds the socket
   * still corked. Nobody tells when they are over: `corked` stays until the transport's next callback, or the end of the
   * loop's turn. What others (a file that was read) bring about meanwhile may be a write for each push to that channel.
   */
  awaited(): void {
    this.#waitForLoop();
  }

  /** A callback of the transport's begins that is not a frame's. */
  notAwaited(): void {
    if (!this.#kernel.queue.inTurn) this.corked = null; // else it is within a frame's: one that is ended closes at once
  }

  /** Lets everything that waits leave: before a publish by the transport's topic tree, which would overtake it. */
  flush(): void {
    this.#flushAll(this.#waiting);
    this.#flushAll(this.#late);
  }

  /** Lets what waits for one channel leave. */
  flushOf(channel: Channel): void {
    this.#flushOne(channel);
  }

  /** Ends a channel behind what was pushed to it, and tells its process. */
  end(channel: Channel, code: number, reason: string): void {
    this.#flushOne(channel);
    const { socket } = channel;
    if (socket === null || channel.finished) return;
    this.#finish(channel, code, reason);
    if (socket.getBufferedAmount() <= maxBackpressure(this.#limits)) socket.end(code, reason);
    else this.#linger(channel, code, reason);
  }

  /** A publish left this channel out. */
  publishDropped(channel: Channel): void {
    this.dropped++;
    if (channel.slowReader !== "drop") this.end(channel, CLOSE.tryAgainLater.code, "the client reads too slowly");
  }

  drained(channel: Channel): void {
    const { socket } = channel;
    if (socket === null) return;
    const buffered = socket.getBufferedAmount();
    if (buffered > 0) channel.slowDown();
    else channel.slow = false;
    const linger = this.#lingering.get(channel);
    if (linger === undefined || buffered > this.#limits.sendLimit) return;
    this.forget(channel);
    socket.end(linger.code, linger.reason);
  }

  /** Its socket has closed. */
  forget(channel: Channel): void {
    const linger = this.#lingering.get(channel);
    if (linger === undefined) return;
    this.#lingering.delete(channel);
    this.#kernel.wheel.cancel(linger);
  }

  /** In its place among the frames, and within the send limit like them. */
  #control(
    channel: Channel,
    data: Uint8Array,
    send: (socket: TransportSocket<Channel>) => void,
  ): HttpServerErrorKind | undefined {
    this.#flushOne(channel);
    const { socket } = channel;
    if (socket === null) return "WsChannelNotFound";
    const waits = socket.getBufferedAmount();
    if (waits > 0 && waits + data.byteLength > channel.sendLimit) return this.#tooSlow(channel);
    send(socket);
    return undefined;
  }

  /** @param mayWait for the end of the loop's turn */
  #queue(channel: Channel, outgoing: Outgoing, mayWait: boolean): HttpServerErrorKind | undefined {
    const { data } = outgoing;
    const isCounted = channel.slow || channel.inTree;
    const size = isCounted ? sizeOf(data) : mostOf(data); // else no less than that: a flush comes a little sooner
    if (size > this.#pushBytes && sizeOf(data) > this.#pushBytes) return "LimitReached";

    // What must leave before it. What waits late for the channel in hand leaves with what that is answered now.
    const isLate = mayWait && channel !== this.corked && !isAbove(data, LATE_BYTES);
    const { sendQueue: before } = channel;
    if (before !== null && ((before.isLate && !isLate) || !before.hasRoom(size, channel.sendLimit)))
      this.#flushOne(channel);

    const { sendQueue, socket } = channel;
    if (socket === null) return "WsChannelNotFound";
    if (isCounted) {
      const waits = socket.getBufferedAmount() + (sendQueue?.bytes ?? 0);
      if (waits > 0 && waits + size > channel.sendLimit) return this.#tooSlow(channel);
    }
    if (sendQueue === null) this.#wait(channel, new SendQueue(outgoing, size, isLate));
    else sendQueue.add(outgoing, size);
    return undefined;
  }

  #wait(channel: Channel, sendQueue: SendQueue): void {
    channel.sendQueue = sendQueue;
    if (sendQueue.isLate) {
      this.#waitForLoop();
      this.#late.push(channel);
    } else {
      this.#waiting.push(channel);
      this.#kernel.queue.callHook();
    }
  }

  #tooSlow(channel: Channel): HttpServerErrorKind {
    this.dropped++;
    if (channel.slowReader !== "drop") this.end(channel, CLOSE.tryAgainLater.code, "the client reads too slowly");
    return "WsChannelOverloaded";
  }

  #waitForLoop(): void {
    if (this.#waitsForLoop) return;
    this.#waitsForLoop = true;
    setImmediate(this.#loopEnds);
  }

  readonly #loopEnds = (): void => {
    this.#waitsForLoop = false;
    this.corked = null;
    this.#flushAll(this.#late);
  };

  #flushAll(channels: Channel[]): void {
    for (let channel = channels.pop(); channel !== undefined; channel = channels.pop()) this.#flushOne(channel);
  }

  #flushOne(channel: Channel): void {
    const { sendQueue, socket } = channel;
    if (sendQueue === null) return;
    channel.sendQueue = null;
    if (socket === null) return;
    try {
      if (!sendQueue.sendTo(socket)) channel.slowDown();
    } catch (error) {
      // bytes that their process has transferred meanwhile: nobody is left on the stack who could be told
      this.#kernel.events.emit({ type: "fault", process: this.#self.address.id.text, error });
      this.end(channel, CLOSE.tryAgainLater.code, "what was pushed to it could not be sent");
    }
  }

  #linger(channel: Channel, code: number, reason: string): void {
    const linger = new Linger(channel, code, reason);
    this.#lingering.set(channel, linger);
    this.#kernel.wheel.add(linger, this.#limits.slowReaderGrace);
  }
}

/** A channel that has ended for its process and whose client still has to read before it can be told. */
class Linger extends WheelEntry {
  readonly code: number;
  readonly reason: string;
  readonly #channel: Channel;

  constructor(channel: Channel, code: number, reason: string) {
    super();
    this.#channel = channel;
    this.code = code;
    this.reason = reason;
  }

  expire(): void {
    this.#channel.socket?.close();
  }
}

/** Bytes. */
export function sizeOf(frame: Frame): number {
  return typeof frame === "string" ? Buffer.byteLength(frame) : frame.byteLength;
}

/** No less than its bytes, and not counted: UTF-8 has at most three for each unit of a string. */
function mostOf(frame: Frame): number {
  return typeof frame === "string" ? frame.length * 3 : frame.byteLength;
}

/** Whether it has more bytes than that; those of a text are counted only where it is near. */
export function isAbove(frame: Frame, bytes: number): boolean {
  return mostOf(frame) > bytes && sizeOf(frame) > bytes;
}

/** Text frames must be UTF-8: bytes that are not are repaired with U+FFFD (contract kinode §5.1). */
export function textFrame(blob: Blob): Frame {
  const raw = blob.raw();
  if (typeof raw === "string") return wellFormed(raw);
  if (blob.isText) return raw;
  const bytes = raw instanceof Uint8Array ? raw : new Uint8Array(raw);
  return isUtf8(bytes) ? bytes : new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}
