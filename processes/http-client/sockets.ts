/**
 * WebSockets to elsewhere, as channels of the processes that opened them; with ws, which tells of pings and can be paused.
 *
 * 1. A channel is named by its process and the number that this chose. One opened under the same number ends the first.
 * 2. Its frames are requests to the process, in order. Where these are to be answered, at most limits.framesAhead are
 *    under way, and the peer is not read meanwhile; a frame that is not taken ends the channel: it would leave a hole.
 * 3. It ends with its process, looked for every limits.pingEvery; a restart is no end.
 * 4. Its process hears of its end once, whoever ended it; not of one that a new one has replaced.
 */
import type { Context } from "jackfield/process";
import {
  type Address,
  Blob,
  type HttpClientRequest,
  SendError,
  toAddress,
  type WsMessageType,
} from "jackfield/protocol";
import { type RawData, WebSocket } from "ws";
import { assertHost, lookupElsewhere } from "./addresses.ts";
import type { HttpClientLimits } from "./limits.ts";
import type { Reach } from "./permission.ts";
import { limitReached, Refusal } from "./refusal.ts";

const FRAME_SECONDS = 600; // seconds: a handler may wait as long, and its peer with it
const OURS = Buffer.from("jackfield"); // what our own pings carry: their pongs are nobody's business
const GOING_AWAY = 1001;
const LOST = 1006;
const POLICY = 1008;
const TOO_LARGE = 1009;
const TRY_LATER = 1013;
const CLOSE_TIME = 2000; // ms: for a peer to answer a close; then it is cut

export type OpenJob = {
  readonly owner: Address;
  readonly channelId: number;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly protocols: readonly string[];
  readonly answered: boolean;
  readonly reach: Reach;
};

/** What it does through its process. */
type Calls = Pick<Context, "request" | "capabilities" | "node"> & { after(ms: number, run: () => void): unknown };

type Fault = { readonly code: number; readonly reason: string };

type Channel = {
  readonly owner: Address;
  readonly id: number;
  readonly answered: boolean;
  readonly socket: WebSocket;
  opened: boolean;
  fault: Fault | null;
  ahead: number; // frames that are not answered
  alive: boolean; // since the last ping
  ended: boolean;
};

export class Sockets {
  readonly #ctx: Calls;
  readonly #limits: HttpClientLimits;
  readonly #channels = new Map<string, Channel>(); // open, or opening
  #pings = false;

  constructor(ctx: Calls, limits: HttpClientLimits) {
    this.#ctx = ctx;
    this.#limits = limits;
  }

  /** @param ack called when it is open, before its first frame @throws {Refusal} WsOpenFailed, LimitReached */
  open(job: OpenJob, ack: () => void): Promise<void> {
    const { owner, channelId, url, headers, protocols, reach } = job;
    const key = keyOf(owner, channelId);
    const before = this.#channels.get(key);
    if (before === undefined) this.#assertRoom(owner);
    else this.#replace(before);
    return new Promise((resolve, reject) => {
      const fail = (error: string): void => reject(new Refusal({ WsOpenFailed: { url: url.href, error } }));
      let socket: WebSocket;
      try {
        if (reach === "public") assertHost(url.hostname);
        socket = new WebSocket(url, [...protocols], {
          headers,
          handshakeTimeout: this.#limits.handshakeTime,
          maxPayload: this.#limits.messageBytes,
          perMessageDeflate: false,
          followRedirects: false, // another host: the process may open that itself
          ...(reach === "public" ? { lookup: lookupElsewhere } : {}),
        });
      } catch (error) {
        return fail(messageOf(error));
      }
      const channel: Channel = {
        ...job,
        id: channelId,
        socket,
        opened: false,
        fault: null,
        ahead: 0,
        alive: true,
        ended: false,
      };
      this.#channels.set(key, channel);
      socket.once("open", () => {
        channel.opened = true;
        socket.pause(); // or a frame might be told before the answer
        ack();
        resolve();
        socket.resume();
        this.#ping();
      });
      socket.on("error", (error) => {
        channel.fault ??= faultOf(error); // once it is open: `close` follows
        fail(messageOf(error));
      });
      socket.on("close", (code, reason) => {
        fail("it was closed");
        this.#closed(channel, (code === LOST ? channel.fault : null) ?? { code, reason: reason.toString() });
      });
      socket.on("message", (data, isBinary) => {
        const mime = isBinary ? "application/octet-stream" : "text/plain"; // contract kinode §6
        this.#tell(channel, isBinary ? "Binary" : "Text", Blob.of(bytesOf(data), mime));
      });
      socket.on("ping", () => this.#tell(channel, "Ping", null));
      socket.on("pong", (data) => {
        channel.alive = true;
        if (!OURS.equals(data)) this.#tell(channel, "Pong", null);
      });
    });
  }

  /** Resolves when there is room for more. @throws {Refusal} */
  push(owner: Address, channelId: number, type: WsMessageType, blob: Blob | null): Promise<void> {
    const channel = this.#channels.get(keyOf(owner, channelId));
    if (channel === undefined || channel.socket.readyState !== WebSocket.OPEN)
      throw new Refusal({ WsPushUnknownChannel: { channel_id: channelId } });
    const { socket } = channel;
    if (type === "Close") socket.close(1000);
    else if (type === "Ping") socket.ping();
    else if (type === "Pong") socket.pong();
    else return this.#send(socket, type === "Binary", blob);
    return Promise.resolve();
  }

  /** @throws {Refusal} WsCloseFailed */
  close(owner: Address, channelId: number, code: number, reason: string): void {
    const channel = this.#channels.get(keyOf(owner, channelId));
    if (channel === undefined) throw new Refusal({ WsCloseFailed: { channel_id: channelId } });
    this.#end(channel, code, reason);
  }

  closeAll(): void {
    for (const channel of this.#channels.values()) {
      channel.ended = true; // nobody is told: the node stops
      this.#end(channel, GOING_AWAY, "the node stops");
      channel.socket.terminate();
    }
  }

  #send(socket: WebSocket, binary: boolean, blob: Blob | null): Promise<void> {
    if (blob === null) throw new Refusal("WsPushNoBlob");
    const data = binary ? blob.bytes() : blob.text();
    if (data === undefined) throw new Refusal("WsPushBadText");
    if (socket.bufferedAmount + blob.byteLength > this.#limits.sendMax) throw limitReached(this.#limits, "sendMax");
    return new Promise((resolve) => {
      const waits = socket.bufferedAmount + blob.byteLength > this.#limits.sendLimit;
      socket.send(data, { binary }, () => resolve()); // lost too: then `close` says so
      if (!waits) resolve();
    });
  }

  #assertRoom(owner: Address): void {
    if (this.#channels.size >= this.#limits.socketsTotal) throw limitReached(this.#limits, "socketsTotal");
    let own = 0;
    for (const channel of this.#channels.values()) if (channel.owner.text === owner.text) own++;
    if (own >= this.#limits.sockets) throw limitReached(this.#limits, "sockets");
  }

  /** Rule 1: nothing more is told of it. */
  #replace(channel: Channel): void {
    channel.ended = true;
    this.#channels.delete(keyOf(channel.owner, channel.id));
    this.#end(channel, 1000, "opened anew");
  }

  #end({ socket }: Channel, code: number, reason: string): void {
    if (socket.readyState === WebSocket.CONNECTING) return socket.terminate();
    socket.resume(); // a paused one never sees the peer's answer
    socket.close(code, reason);
    setTimeout(() => socket.terminate(), CLOSE_TIME).unref();
  }

  #closed(channel: Channel, { code, reason }: Fault): void {
    if (channel.ended) return;
    channel.ended = true;
    this.#channels.delete(keyOf(channel.owner, channel.id));
    if (channel.opened) this.#notify({ WebSocketClose: { channel_id: channel.id, code, reason } }, channel);
  }

  #tell(channel: Channel, type: WsMessageType, blob: Blob | null): void {
    if (channel.ended) return;
    const event: HttpClientRequest = { WebSocketPush: { channel_id: channel.id, message_type: type } };
    if (!channel.answered) return this.#notify(event, channel, blob);
    if (++channel.ahead >= this.#limits.framesAhead) channel.socket.pause();
    const request = this.#ctx.request(channel.owner).body(event);
    if (blob !== null) request.blob(blob);
    request.sendAndAwaitResponse(FRAME_SECONDS).then(
      () => this.#answered(channel),
      (error: unknown) => this.#notTaken(channel, error),
    );
  }

  #answered(channel: Channel): void {
    if (channel.ahead-- === this.#limits.framesAhead) channel.socket.resume();
  }

  /** Rule 2. A process that crashed with the frame in hand is there again: that frame is its own loss (DESIGN §3.6). */
  #notTaken(channel: Channel, error: unknown): void {
    if (error instanceof SendError && error.kind === "Offline" && this.#reaches(channel))
      return this.#answered(channel);
    const isFull = error instanceof SendError && (error.kind === "Overloaded" || error.kind === "Timeout");
    this.#end(channel, isFull ? TRY_LATER : POLICY, isFull ? "its process does not keep up" : "its process is gone");
  }

  #notify(event: HttpClientRequest, channel: Channel, blob: Blob | null = null): void {
    try {
      const request = this.#ctx.request(channel.owner).body(event);
      if (blob !== null) request.blob(blob);
      request.send();
    } catch {
      channel.socket.terminate(); // this incarnation has ended
    }
  }

  #reaches({ owner }: Channel): boolean {
    return this.#ctx.capabilities.canMessage(toAddress(owner, this.#ctx.node));
  }

  /** Rule 3. */
  #ping(): void {
    if (this.#pings) return;
    try {
      this.#ctx.after(this.#limits.pingEvery, () => {
        this.#pings = false;
        for (const channel of this.#channels.values()) {
          if (!this.#reaches(channel)) this.#end(channel, GOING_AWAY, "its process is gone");
          else if (!channel.alive) channel.socket.terminate();
          else if (channel.socket.readyState === WebSocket.OPEN && !channel.socket.isPaused) {
            channel.alive = false;
            channel.socket.ping(OURS);
          }
        }
        if (this.#channels.size > 0) this.#ping();
      });
      this.#pings = true;
    } catch {
      // This incarnation has ended, or has too many timers: the next channel that opens tries again.
    }
  }
}

function keyOf(owner: Address, channelId: number): string {
  return `${owner.text} ${channelId}`;
}

function bytesOf(data: RawData): Uint8Array | ArrayBuffer {
  return Array.isArray(data) ? Buffer.concat(data) : data;
}

function messageOf(error: unknown): string {
  const { message = "", code = "" } = error as { readonly message?: string; readonly code?: string };
  return message || code || "it could not be reached";
}

/** What ws found wrong with the peer: `close` says only that it is lost. */
function faultOf(error: unknown): Fault {
  const isLarge = (error as { readonly code?: string }).code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH";
  return { code: isLarge ? TOO_LARGE : LOST, reason: messageOf(error) };
}
