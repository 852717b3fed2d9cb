/**
 * The http-server's side of a process under test: channels that write down what was sent to them, topics, bindings.
 *
 * It answers each action as the real one does, and looks in the same order (contract kinode §5.1). What it leaves
 * out: limits, slow readers, path patterns.
 */
import {
  type Blob,
  CLOSE,
  type Envelope,
  type HttpServerAction,
  type HttpServerErrorKind,
  isSendableCloseCode,
  PING_PAYLOAD_MAX,
  toAddress,
  type WsMessageType,
} from "../../protocol/index.ts";
import { decode } from "../decode.ts";

/** What was sent to a channel. `data`: parsed JSON, else text, else bytes. */
export type Frame = { readonly messageType: WsMessageType; readonly data: unknown };
export type Published = { readonly topic: string; readonly value: unknown; readonly messageType: "Text" | "Binary" };
/** @property transferredTo the process has handed it over to that one: for its client it goes on */
export type Closed = { readonly code: number; readonly reason: string; readonly transferredTo?: string };
/** @property to text of an address @property note parsed JSON, else text, else bytes; undefined when there was none */
export type Transferred = { readonly channelId: number; readonly to: string; readonly note: unknown };
/** An action that failed while nobody waited for its answer. */
export type Refused = { readonly action: unknown; readonly error: HttpServerErrorKind };

/** How a channel comes from another process. @property from text of an address */
export type GivenHandover = { readonly from: string; readonly note: Blob | null };

export type HttpServerPort = {
  /** The process has closed a channel, or handed it over. */
  closed(channel: Channel, closed: Closed): void;
  /** It hands one over. @returns why not */
  transferring(transferred: Transferred): HttpServerErrorKind | undefined;
};

export class Channel {
  readonly id: number;
  readonly path: string;
  readonly peer: string;
  readonly handover: GivenHandover | undefined;
  readonly frames: Frame[] = [];
  readonly topics: Set<string> = new Set();
  closed: Closed | undefined;

  constructor(id: number, path: string, peer: string, handover: GivenHandover | undefined) {
    this.id = id;
    this.path = path;
    this.peer = peer;
    this.handover = handover;
  }
}

export class HarnessHttpServer {
  readonly channels: Map<number, Channel> = new Map(); // closed ones too
  readonly published: Published[] = [];
  readonly refused: Refused[] = [];
  readonly files: Map<string, Blob> = new Map();
  readonly httpPaths: Set<string> = new Set();
  readonly wsPaths: Set<string> = new Set();
  readonly transferred: Transferred[] = [];
  readonly #node: string;
  readonly #port: HttpServerPort;

  constructor(node: string, port: HttpServerPort) {
    this.#node = node;
    this.#port = port;
  }

  open(path: string, peer: string, handover?: GivenHandover): Channel {
    const channel = new Channel(this.channels.size + 1, path, peer, handover);
    this.channels.set(channel.id, channel);
    return channel;
  }

  #live(): readonly Channel[] {
    return [...this.channels.values()].filter(({ closed }) => closed === undefined);
  }

  /** @returns undefined: done */
  act({ body, blob, rsvp }: Envelope): HttpServerErrorKind | undefined {
    const isAction = typeof body === "object" && body !== null;
    const error = isAction ? this.#act(body as HttpServerAction, blob) : "MalformedRequest";
    if (error !== undefined && rsvp === null) this.refused.push({ action: body, error });
    return error;
  }

  #act(action: HttpServerAction, blob: Blob | null): HttpServerErrorKind | undefined {
    if ("WebSocketPush" in action)
      return this.#push(action.WebSocketPush.channel_id, action.WebSocketPush.message_type, blob);
    if ("WebSocketPublish" in action) {
      if (blob === null) return "NoBlob";
      const { topic, message_type: messageType } = action.WebSocketPublish;
      const data = decode(blob);
      this.published.push({ topic, value: data, messageType });
      for (const { topics, frames } of this.#live()) if (topics.has(topic)) frames.push({ messageType, data });
      return undefined;
    }
    if ("WebSocketSubscribe" in action) {
      const { channel_id, topic } = action.WebSocketSubscribe;
      return this.#with(channel_id, ({ topics }) => topics.add(topic));
    }
    if ("WebSocketUnsubscribe" in action) {
      const { channel_id, topic } = action.WebSocketUnsubscribe;
      return this.#with(channel_id, ({ topics }) => topics.delete(topic));
    }
    if ("WebSocketClose" in action) return this.#close(action.WebSocketClose);
    if ("WebSocketTransfer" in action)
      return this.#transfer(action.WebSocketTransfer.channel_id, action.WebSocketTransfer.to, blob);
    return this.#bind(action, blob);
  }

  #push(id: number, messageType: WsMessageType, blob: Blob | null): HttpServerErrorKind | undefined {
    if (blob === null) return "NoBlob";
    if ((messageType === "Ping" || messageType === "Pong") && blob.byteLength > PING_PAYLOAD_MAX)
      return "WsPingPongTooLong";
    return this.#with(id, (channel) => {
      if (messageType === "Close") this.#end(channel, { code: CLOSE.normal.code, reason: blob.text() ?? "" });
      else channel.frames.push({ messageType, data: decode(blob) });
    });
  }

  #close(asked: number | { readonly channel_id: number; readonly code?: number; readonly reason?: string }) {
    const {
      channel_id: id,
      code = CLOSE.normal.code,
      reason = "",
    } = typeof asked === "number" ? { channel_id: asked } : asked;
    const channel = this.channels.get(id);
    if (channel === undefined || channel.closed !== undefined) return undefined; // closed already: no error
    if (!isSendableCloseCode(code)) return "MalformedRequest";
    this.#end(channel, { code, reason });
    return undefined;
  }

  #transfer(id: number, to: string, note: Blob | null): HttpServerErrorKind | undefined {
    const channel = this.channels.get(id);
    if (channel === undefined || channel.closed !== undefined) return "WsChannelNotFound";
    const target = toAddress(to, this.#node);
    if (target.node !== this.#node) return "WsTargetNotFound";
    const transferred = { channelId: id, to: target.text, note: note === null ? undefined : decode(note) };
    const refusal = this.#port.transferring(transferred);
    if (refusal !== undefined) return refusal;
    this.transferred.push(transferred);
    this.#end(channel, { code: CLOSE.normal.code, reason: "", transferredTo: target.text });
    return undefined;
  }

  #bind(action: HttpServerAction, blob: Blob | null): HttpServerErrorKind | undefined {
    if ("Bind" in action) {
      const { path, cache } = action.Bind;
      if (cache && blob === null) return "NoBlob";
      this.#unbind(path);
      if (cache && blob !== null) this.files.set(path, blob.keep());
      else this.httpPaths.add(path);
    } else if ("Unbind" in action) this.#unbind(action.Unbind.path);
    else if ("WebSocketBind" in action) this.wsPaths.add(action.WebSocketBind.path);
    else if ("WebSocketUnbind" in action) this.wsPaths.delete(action.WebSocketUnbind.path);
    else return "MalformedRequest";
    return undefined;
  }

  #unbind(path: string): void {
    this.files.delete(path);
    this.httpPaths.delete(path);
  }

  #with(id: number, act: (channel: Channel) => void): HttpServerErrorKind | undefined {
    const channel = this.channels.get(id);
    if (channel === undefined || channel.closed !== undefined) return "WsChannelNotFound";
    act(channel);
    return undefined;
  }

  #end(channel: Channel, closed: Closed): void {
    channel.closed = closed;
    channel.topics.clear();
    this.#port.closed(channel, closed);
  }
}
