/**
 * Turns handlers into a program the kernel can run.
 *
 * 1. One message at a time: a handler that returns a promise holds the mailbox until it settles.
 * 2. What a handler returns is the next state; undefined keeps the present one.
 * 3. A throw ends this incarnation; the manifest's on_exit says what then. After a restart, `init` runs anew and
 *    `onOpen` is called for every channel that is still open.
 * 4. Whatever dialect the process speaks, its handlers are the same; `ctx.message` and `onRequest` show the dialect's.
 */
import {
  Blob,
  type Envelope,
  type Host,
  HTTP_SERVER_IN,
  type HttpClientRequest,
  type HttpServerRequest,
  type Instance,
  type Message,
  type ProcessId,
  type Program,
  RPC_ORIGIN,
  readCloseFacts,
  readEvent,
  SendError,
  type WebSocketOpen,
  type WsMessageType,
} from "../protocol/index.ts";
import { Context, type TimerHandler } from "./context.ts";
import { running } from "./current.ts";
import { decode } from "./decode.ts";
import { type Down, downOf } from "./down.ts";
import { clientEvent } from "./http-client.ts";
import { IncomingHttp } from "./http-request.ts";
import { isPromise } from "./promise.ts";
import type { InputEvent, Listeners, Sample, StreamNews } from "./streams.ts";

/** The next state, now or later; undefined: unchanged. */
export type Next<State> = State | void | Promise<State | void>;

/** The first state; a process without state need return none. */
export type First<State> = State | Promise<State> | (undefined extends State ? void | Promise<void> : never);

export type Open = {
  readonly channelId: number;
  /** There when its socket is on another node, whose it is: `ctx.push(open, …)` finds it by both. */
  readonly node?: string;
  /** Without the process id; `/` on the main route, and in Uqbar. */
  readonly path: string;
  /** `address:port`; null when unknown. */
  readonly peer: string | null;
  /** Who is logged in; null: nobody. */
  readonly user: string | null;
  /** Decoded; the last of several. */
  readonly query: Readonly<Record<string, string>>;
  /** Those that `bindWs` asked for and the client sent, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The sub-protocol that was selected; null: none. */
  readonly protocol: string | null;
  /** There when another process had the channel before and handed it over; after a restart too. */
  readonly handover?: Handover;
};
/**
 * @property from the address of the process that had the channel: whether to believe its note is for this one to say
 * @property note parsed JSON, else text, else bytes; undefined when it had none
 */
export type Handover = { readonly from: string; readonly note: unknown };
export type Push = { readonly channelId: number; readonly node?: string; readonly messageType: WsMessageType };
/** @property code 1005: the client gave none; 1006: the connection was lost */
export type Close = {
  readonly channelId: number;
  readonly node?: string;
  readonly code: number;
  readonly reason: string;
  /** There when this process handed the channel over: the address of who has it now. */
  readonly transferredTo?: string;
};

/** @property channelId what `ctx.http.openWs` returned */
export type ClientPush = { readonly channelId: number; readonly messageType: WsMessageType };
/** @property code 1005: the peer gave none; 1006: the connection was lost */
export type ClientClose = { readonly channelId: number; readonly code: number; readonly reason: string };

export type Handlers<State> = {
  init?(ctx: Context<State>): First<State>;
  onOpen?(state: State, open: Open, ctx: Context<State>): Next<State>;
  /**
   * `blob` is lent: read it before the handler returns or first awaits, or keep() it.
   * What an extension asks comes here too, then `ctx.asked`: answer with `ctx.respond`.
   */
  onPush?(state: State, push: Push, blob: Blob, ctx: Context<State>): Next<State>;
  onClose?(state: State, close: Close, ctx: Context<State>): Next<State>;
  /** Answer with `request.reply`, now or later; after 15 s the client gets 408. */
  onHttp?(state: State, request: IncomingHttp, ctx: Context<State>): Next<State>;
  /** Any other request: of a process, or of RPC. Answer with `ctx.respond`. */
  onRequest?(state: State, message: Message, ctx: Context<State>): Next<State>;
  /** A frame of a WebSocket that `ctx.http.openWs` opened. The next ones wait until this is done. */
  onClientPush?(state: State, push: ClientPush, blob: Blob, ctx: Context<State>): Next<State>;
  /** It has ended, whoever ended it. */
  onClientClose?(state: State, close: ClientClose, ctx: Context<State>): Next<State>;
  /** The answer to a request sent with `send`. */
  onResponse?(state: State, message: Message, ctx: Context<State>): Next<State>;
  /** A request sent with `send` ended without an answer. */
  onSendError?(state: State, error: SendError, ctx: Context<State>): Next<State>;
  /** A process that `ctx.monitor` named has ended, or will be restarted. Without this it comes to onRequest. */
  onDown?(state: State, down: Down, ctx: Context<State>): Next<State>;
  /** Of an output that `ctx.streams.listen` named. Without this it comes to onRequest. */
  onSample?(state: State, sample: Sample, ctx: Context<State>): Next<State>;
  /** Of an input that `ctx.streams.input` declared. Without this it comes to onRequest. */
  onInput?(state: State, event: InputEvent, ctx: Context<State>): Next<State>;
  /** How many listen to an output of this process has changed; `output.listeners` knows too. */
  onListeners?(state: State, listeners: Listeners, ctx: Context<State>): Next<State>;
  /** Before it exits or the node stops; not after a crash. */
  onExit?(state: State, ctx: Context<State>): void | Promise<void>;
};

type OnPush<State> = NonNullable<Handlers<State>["onPush"]>;

export function defineProcess<State = undefined>(handlers: Handlers<State>): Program {
  return { start: (host: Host): Instance => new DefinedProcess(handlers, host) };
}

class DefinedProcess<State> implements Instance {
  readonly #handlers: Handlers<State>;
  readonly #onPush: OnPush<State> | undefined; // bound once: 20 processes have 20 shapes of handlers to look it up in
  readonly #hearsDown: boolean; // looked up once, as above: each request asks
  readonly #hearsStreams: boolean; // whatever this incarnation has asked for: what was sent to the one before comes too
  readonly #ctx: Context<State>;
  readonly #httpServer: ProcessId; // as its dialect calls it
  readonly #running = running;
  /** What the promise of a handler brought: made once, not per message. */
  readonly #take = (state: unknown): void => {
    if (state !== undefined) this.#state = state as State;
  };
  #hostTakes = false; // see Instance.results
  #state: State;

  constructor(handlers: Handlers<State>, host: Host) {
    this.#handlers = handlers;
    this.#onPush = handlers.onPush?.bind(handlers);
    this.#hearsDown = handlers.onDown !== undefined;
    this.#hearsStreams = handlers.onSample !== undefined || handlers.onInput !== undefined;
    this.#ctx = new Context<State>(host);
    this.#httpServer = HTTP_SERVER_IN[host.dialect];
    this.#state = undefined as State; // `init` gives it before any handler runs; without init, State is undefined
  }

  init(): void | Promise<void> {
    return this.#run(() => {
      const first = this.#handlers.init?.(this.#ctx);
      return isPromise(first) ? first.then(this.#take) : this.#keep(first);
    });
  }

  /** Hot path: no closure, no promise for a plain return. No handler runs within another's: `init` may. */
  handle(message: Envelope): void | Promise<void> {
    const running = this.#running;
    running.context = this.#ctx as Context;
    let next: Next<State>;
    try {
      next = this.#dispatch(message);
    } catch (error) {
      running.context = null; // not in a finally, which costs a handler that returns
      throw error;
    }
    running.context = null;
    return next === undefined ? undefined : this.#keep(next);
  }

  /** Hot path, as `handle`. */
  push(channelId: number, messageType: WsMessageType, blob: Blob): void | Promise<void> {
    const onPush = this.#onPush;
    if (onPush === undefined) return undefined;
    const running = this.#running;
    running.context = this.#ctx as Context;
    let next: Next<State>;
    try {
      next = onPush(this.#state, { channelId, messageType }, blob, this.#ctx);
    } catch (error) {
      running.context = null;
      throw error;
    }
    running.context = null;
    return next === undefined ? undefined : this.#keep(next);
  }

  results(): (value: unknown) => void {
    this.#hostTakes = true;
    return this.#take;
  }

  exit(): void | Promise<void> {
    return this.#run(() => this.#handlers.onExit?.(this.#state, this.#ctx));
  }

  #run<Result>(work: () => Result): Result {
    const before = running.context;
    running.context = this.#ctx as Context;
    try {
      return work();
    } finally {
      running.context = before;
    }
  }

  #dispatch(message: Envelope): Next<State> {
    const handlers = this.#handlers;
    switch (message.kind) {
      case "request":
        if (!this.#isOfHttpServer(message)) return this.#request(message);
        if (message.source.node === this.#ctx.our.node) return this.#event(message);
        return isFarEvent(message.body) ? this.#farEvent(message) : this.#request(message);
      case "response":
        return handlers.onResponse?.(this.#state, message, this.#ctx);
      case "error":
        return this.#sendError(new SendError(message));
      case "timer":
        return (message.context as TimerHandler<State>)(this.#state, this.#ctx); // ctx.after put it there
    }
  }

  /** Of an http-server itself, here or elsewhere: what it passes on for a caller of RPC is a request like any other. */
  #isOfHttpServer({ source, origin }: Envelope): boolean {
    const { text } = this.#httpServer;
    // The length first: comparing texts is a call, and most have another.
    return source.id.text.length === text.length && source.id.text === text && origin !== RPC_ORIGIN;
  }

  #farEvent(message: Envelope): Next<State> {
    const handlers = this.#handlers;
    const { node } = message.source;
    const event = readEvent(message.body as HttpServerRequest); // the http-server's word
    if ("WebSocketOpen" in event)
      return handlers.onOpen?.(this.#state, { ...openOf(event.WebSocketOpen, message.blob), node }, this.#ctx);
    if ("WebSocketClose" in event) {
      const close = { channelId: event.WebSocketClose, node, ...closeFacts(message.metadata) };
      return handlers.onClose?.(this.#state, close, this.#ctx);
    }
    if (!("WebSocketPush" in event)) return undefined;
    const { channel_id: channelId, message_type: messageType } = event.WebSocketPush;
    const push = { channelId, node, messageType };
    return handlers.onPush?.(this.#state, push, message.blob ?? Blob.of(""), this.#ctx);
  }

  #event(message: Envelope): Next<State> {
    const event = message.body as HttpServerRequest; // the http-server's word
    if (!("WebSocketPush" in event)) return this.#channelEvent(message, event);
    const onPush = this.#onPush;
    if (onPush === undefined) return undefined;
    const { channel_id: channelId, message_type: messageType } = event.WebSocketPush;
    return onPush(this.#state, { channelId, messageType }, message.blob ?? Blob.of(""), this.#ctx);
  }

  #channelEvent(message: Envelope, body: HttpServerRequest): Next<State> {
    const handlers = this.#handlers;
    const event = readEvent(body);
    if ("Http" in event)
      return handlers.onHttp?.(
        this.#state,
        new IncomingHttp(this.#ctx.host, message, event.Http, this.#ctx.httpWriters),
        this.#ctx,
      );
    if ("WebSocketOpen" in event) {
      return handlers.onOpen?.(this.#state, openOf(event.WebSocketOpen, message.blob), this.#ctx);
    }
    if ("WebSocketClose" in event) {
      const close = { channelId: event.WebSocketClose, ...closeFacts(message.metadata) };
      return handlers.onClose?.(this.#state, close, this.#ctx);
    }
    if ("HttpClose" in event) return this.#ctx.httpWriters.closed(event.HttpClose);
    return this.#request(message);
  }

  #request(message: Envelope): Next<State> {
    if (this.#hearsDown) {
      const down = downOf(message, this.#ctx.our.node);
      if (down !== undefined) return this.#handlers.onDown?.(this.#state, down, this.#ctx);
    }
    const news = this.#hearsStreams ? this.#ctx.streams.read(message) : this.#ctx.streamNews(message);
    if (news !== undefined && this.#hears(news)) return this.#news(news);
    const { onClientPush, onClientClose } = this.#handlers;
    if (onClientPush !== undefined || onClientClose !== undefined) {
      const event = clientEvent(message, this.#ctx.our.node);
      if (event !== undefined) return this.#clientEvent(message, event);
    }
    if (this.#handlers.onRequest === undefined) {
      this.#ctx.log(`a request from ${message.source.text} was left unanswered: there is no onRequest`);
      return undefined;
    }
    return this.#handlers.onRequest(this.#state, message, this.#ctx);
  }

  #clientEvent(message: Envelope, event: HttpClientRequest): Next<State> {
    const handlers = this.#handlers;
    let next: Next<State>;
    if ("WebSocketPush" in event) {
      const { channel_id: channelId, message_type: messageType } = event.WebSocketPush;
      const blob = message.blob ?? Blob.of("");
      next = handlers.onClientPush?.(this.#state, { channelId, messageType }, blob, this.#ctx);
    } else {
      const { channel_id: channelId, code = 1005, reason = "" } = event.WebSocketClose;
      next = handlers.onClientClose?.(this.#state, { channelId, code, reason }, this.#ctx);
    }
    if (message.rsvp === null) return next;
    const done = (state: State | void): State | void => {
      this.#ctx.respond("Ok", { to: message }); // and the peer may send more
      return state;
    };
    return isPromise(next) ? next.then(done) : done(next);
  }

  #hears({ to }: StreamNews): boolean {
    return to === "onListeners" || this.#handlers[to] !== undefined;
  }

  #news(news: StreamNews): Next<State> {
    if (news.to === "onSample") return this.#handlers.onSample?.(this.#state, news.sample, this.#ctx);
    if (news.to === "onInput") return this.#handlers.onInput?.(this.#state, news.event, this.#ctx);
    return this.#handlers.onListeners?.(this.#state, news.listeners, this.#ctx);
  }

  #sendError(error: SendError): Next<State> {
    if (this.#handlers.onSendError === undefined) {
      this.#ctx.log(`${error.message}; there is no onSendError`);
      return undefined;
    }
    return this.#handlers.onSendError(this.#state, error, this.#ctx);
  }

  /** A handler that changed its state in place may return it: nothing to keep. */
  #keep(next: Next<State> | undefined): void | Promise<void> {
    if (next === undefined || next === this.#state) return undefined;
    if (isPromise(next)) return this.#hostTakes ? (next as Promise<void>) : next.then(this.#take);
    this.#state = next as State;
    return undefined;
  }
}

const FAR_EVENTS = ["WebSocketOpen", "WebSocketPush", "WebSocketClose"] as const;

/** About a channel of another node: nothing else that its http-server says is an event here. */
function isFarEvent(body: unknown): boolean {
  return typeof body === "object" && body !== null && FAR_EVENTS.some((name) => name in body);
}

function openOf(event: WebSocketOpen, note: Blob | null): Open {
  const { transferred_from: from } = event;
  return {
    channelId: event.channel_id,
    path: event.path,
    peer: event.source_socket_addr ?? null,
    user: event.user ?? null,
    query: event.query_params ?? {},
    headers: event.headers ?? {},
    protocol: event.protocol ?? null,
    ...(from === undefined ? {} : { handover: { from, note: note === null ? undefined : decode(note) } }),
  };
}

function closeFacts(metadata: string | null): Omit<Close, "channelId"> {
  const { code, reason, transferred_to: transferredTo } = readCloseFacts(metadata);
  return { code, reason, ...(transferredTo === undefined ? {} : { transferredTo }) };
}
