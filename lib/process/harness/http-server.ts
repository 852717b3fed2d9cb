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
  type HttpReadResult,
  type HttpServerAction,
  type HttpServerErrorKind,
  isSendableCloseCode,
  PING_PAYLOAD_MAX,
  toAddress,
  type WsMessageType,
} from "../../protocol/index.ts";
import { decode } from "../decode.ts";

/** What was sent to a channel. `data`: parsed JSON, else text, else bytes. `key`: of `pushLatest`; here nothing is replaced. */
export type Frame = { readonly messageType: WsMessageType; readonly data: unknown; readonly key?: string };
export type Published = { readonly topic: string; readonly value: unknown; readonly messageType: "Text" | "Binary" };
/** @property transferredTo the process has handed it over to that one: for its client it goes on */
export type Closed = { readonly code: number; readonly reason: string; readonly transferredTo?: string };
/** @property to text of an address @property note parsed JSON, else text, else bytes; undefined when there was none */
export type Transferred = { readonly channelId: number; readonly to: string; readonly note: unknown };
/** An action that failed while nobody waited for its answer. */
export type Refused = { readonly action: unknown; readonly error: HttpServerErrorKind };

/** How a client of a test connects. */
export type Opening = {
  readonly path: string;
  readonly peer: string;
  readonly user: string | null;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly protocol: string | null;
};

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
  readonly opening: Opening;
  readonly handover: GivenHandover | undefined;
  readonly frames: Frame[] = [];
  readonly topics: Set<string> = new Set();
  closed: Closed | undefined;

  constructor(id: number, opening: Opening, handover: GivenHandover | undefined) {
    this.id = id;
    this.opening = opening;
    this.handover = handover;
  }
}

/** One request whose body, or answer, may go in pieces. */
export class HarnessExchange {
  readonly id: number;
  readonly written: Uint8Array[] = [];
  /** Whether the answer came whole. */
  readonly ended: Promise<boolean>;
  isOpen = true;
  #body: Blob | null;
  #settle: (isWhole: boolean) => void = () => {};

  constructor(id: number, body: Blob) {
    this.id = id;
    this.#body = body.byteLength === 0 ? null : body;
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  /** The body, once, then null. */
  take(): Blob | null {
    const body = this.#body;
    this.#body = null;
    return body;
  }

  end(isCut: boolean): void {
    this.isOpen = false;
    this.#settle(!isCut);
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
  /** Paths whose process reads the body itself. */
  readonly streamedPaths: Set<string> = new Set();
  readonly #exchanges = new Map<number, HarnessExchange>();
  readonly #node: string;
  readonly #port: HttpServerPort;

  constructor(node: string, port: HttpServerPort) {
    this.#node = node;
    this.#port = port;
  }

  open(opening: Opening, handover?: GivenHandover): Channel {
    const channel = new Channel(this.channels.size + 1, opening, handover);
    this.channels.set(channel.id, channel);
    return channel;
  }

  /** A client asks: what it sends, and what it is sent in pieces. */
  exchange(body: Blob): HarnessExchange {
    const exchange = new HarnessExchange(this.#exchanges.size + 1, body);
    this.#exchanges.set(exchange.id, exchange);
    return exchange;
  }

  /** @returns the answer to HttpRead; undefined: `action` is another one */
  read(action: unknown): { readonly body: HttpReadResult; readonly blob: Blob | null } | undefined {
    if (typeof action !== "object" || action === null || !("HttpRead" in action)) return undefined;
    const { stream_id: id } = (action as { HttpRead: { stream_id: number } }).HttpRead;
    const exchange = this.#exchanges.get(id);
    if (exchange === undefined) return { body: { Err: "HttpStreamClosed" }, blob: null };
    const blob = exchange.take();
    return { body: { Ok: { done: blob === null } }, blob };
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
    if ("WebSocketPush" in action) return this.#push(action.WebSocketPush, blob);
    if ("WebSocketExtPushOutgoing" in action) {
      const { channel_id, message_type } = action.WebSocketExtPushOutgoing;
      return blob === null || message_type !== "Binary" ? "NoBlob" : this.#with(channel_id, () => undefined);
    }
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
    if ("WebSocketGrant" in action) return this.#with(action.WebSocketGrant.channel_id, () => undefined);
    if ("WebSocketUngrant" in action) return this.#with(action.WebSocketUngrant.channel_id, () => undefined);
    if ("WebSocketClose" in action) return this.#close(action.WebSocketClose);
    if ("HttpChunk" in action || "HttpEnd" in action) return this.#stream(action, blob);
    if ("WebSocketTransfer" in action)
      return this.#transfer(action.WebSocketTransfer.channel_id, action.WebSocketTransfer.to, blob);
    return this.#bind(action, blob);
  }

  #push(
    {
      channel_id: id,
      message_type: messageType,
      key,
    }: Extract<HttpServerAction, { WebSocketPush: unknown }>["WebSocketPush"],
    blob: Blob | null,
  ): HttpServerErrorKind | undefined {
    const isData = messageType === "Text" || messageType === "Binary";
    if (key !== undefined && !(isData && typeof key === "string")) return "MalformedRequest";
    if (blob === null) return "NoBlob";
    if ((messageType === "Ping" || messageType === "Pong") && blob.byteLength > PING_PAYLOAD_MAX)
      return "WsPingPongTooLong";
    return this.#with(id, (channel) => {
      if (messageType === "Close") this.#end(channel, { code: CLOSE.normal.code, reason: blob.text() ?? "" });
      else channel.frames.push({ messageType, data: decode(blob), ...(key === undefined ? {} : { key }) });
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

  #stream(
    action: Extract<HttpServerAction, { HttpChunk: unknown } | { HttpEnd: unknown }>,
    blob: Blob | null,
  ): HttpServerErrorKind | undefined {
    const isChunk = "HttpChunk" in action;
    const id = isChunk ? action.HttpChunk.stream_id : action.HttpEnd.stream_id;
    const exchange = this.#exchanges.get(id);
    if (isChunk && blob === null) return "NoBlob";
    if (exchange === undefined || !exchange.isOpen) return "HttpStreamClosed";
    if (isChunk) exchange.written.push(new Uint8Array(blob?.bytes() ?? []));
    else exchange.end(action.HttpEnd.cut === true);
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
    const http = "Bind" in action ? action.Bind : "SecureBind" in action ? action.SecureBind : undefined;
    if (http !== undefined) {
      const { path, cache, stream_body: isStreamed } = http;
      if (cache && blob === null) return "NoBlob";
      this.#unbind(path);
      if (isStreamed === true) this.streamedPaths.add(path);
      if (cache && blob !== null) this.files.set(path, blob.keep());
      else this.httpPaths.add(path);
    } else if ("Unbind" in action) this.#unbind(action.Unbind.path);
    else if ("WebSocketBind" in action) this.wsPaths.add(action.WebSocketBind.path);
    else if ("WebSocketSecureBind" in action) this.wsPaths.add(action.WebSocketSecureBind.path);
    else if ("WebSocketUnbind" in action) this.wsPaths.delete(action.WebSocketUnbind.path);
    else return "MalformedRequest";
    return undefined;
  }

  #unbind(path: string): void {
    this.files.delete(path);
    this.httpPaths.delete(path);
    this.streamedPaths.delete(path);
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
