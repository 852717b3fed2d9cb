/**
 * Turns handlers into a program the kernel can run.
 *
 * 1. One message at a time: a handler that returns a promise holds the mailbox until it settles.
 * 2. What a handler returns is the next state; undefined keeps the present one.
 * 3. A throw ends this incarnation; the manifest's on_exit says what then. After a restart, `init` runs anew and
 *    `onOpen` is called for every channel that is still open.
 */
import {
  Blob,
  type Envelope,
  type Host,
  HTTP_SERVER,
  type HttpServerRequest,
  type Instance,
  type Message,
  type Program,
  SendError,
  type WsMessageType,
} from "../protocol/index.ts";
import { Context, type TimerHandler } from "./context.ts";
import { running } from "./current.ts";
import { IncomingHttp } from "./http-request.ts";
import { isPromise } from "./promise.ts";

/** The next state, now or later; undefined: unchanged. */
export type Next<State> = State | void | Promise<State | void>;

/** The first state; a process without state need return none. */
export type First<State> = State | Promise<State> | (undefined extends State ? void | Promise<void> : never);

/** @property path without the process id; `/` on the main route @property peer `address:port`, null when unknown */
export type Open = { readonly channelId: number; readonly path: string; readonly peer: string | null };
export type Push = { readonly channelId: number; readonly messageType: WsMessageType };
/** @property code 1005: the client gave none; 1006: the connection was lost */
export type Close = { readonly channelId: number; readonly code: number; readonly reason: string };

export type Handlers<State> = {
  init?(ctx: Context<State>): First<State>;
  onOpen?(state: State, open: Open, ctx: Context<State>): Next<State>;
  /** `blob` is lent: read it before the handler returns or first awaits, or keep() it. */
  onPush?(state: State, push: Push, blob: Blob, ctx: Context<State>): Next<State>;
  onClose?(state: State, close: Close, ctx: Context<State>): Next<State>;
  /** Answer with `request.reply`, now or later; after 15 s the client gets 408. */
  onHttp?(state: State, request: IncomingHttp, ctx: Context<State>): Next<State>;
  /** Any other request. Answer with `ctx.respond`. */
  onRequest?(state: State, message: Message, ctx: Context<State>): Next<State>;
  /** The answer to a request sent with `send`. */
  onResponse?(state: State, message: Message, ctx: Context<State>): Next<State>;
  /** A request sent with `send` ended without an answer. */
  onSendError?(state: State, error: SendError, ctx: Context<State>): Next<State>;
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
  readonly #ctx: Context<State>;
  readonly #running = running;
  #state: State;

  constructor(handlers: Handlers<State>, host: Host) {
    this.#handlers = handlers;
    this.#onPush = handlers.onPush?.bind(handlers);
    this.#ctx = new Context<State>(host);
    this.#state = undefined as State; // `init` gives it before any handler runs; without init, State is undefined
  }

  init(): void | Promise<void> {
    return this.#run(() => this.#keep(this.#handlers.init?.(this.#ctx)));
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
        return this.#isFromHttpServer(message) ? this.#event(message) : this.#request(message);
      case "response":
        return handlers.onResponse?.(this.#state, message, this.#ctx);
      case "error":
        return this.#sendError(new SendError(message));
      case "timer":
        return (message.context as TimerHandler<State>)(this.#state, this.#ctx); // ctx.after put it there
    }
  }

  #isFromHttpServer({ source }: Envelope): boolean {
    return (source.id === HTTP_SERVER || source.id.text === HTTP_SERVER.text) && source.node === this.#ctx.our.node;
  }

  #event(message: Envelope): Next<State> {
    const event = message.body as HttpServerRequest; // the http-server's word
    if (!("WebSocketPush" in event)) return this.#channelEvent(message, event);
    const onPush = this.#onPush;
    if (onPush === undefined) return undefined;
    const { channel_id: channelId, message_type: messageType } = event.WebSocketPush;
    return onPush(this.#state, { channelId, messageType }, message.blob ?? Blob.of(""), this.#ctx);
  }

  #channelEvent(message: Envelope, event: HttpServerRequest): Next<State> {
    const handlers = this.#handlers;
    if ("Http" in event)
      return handlers.onHttp?.(
        this.#state,
        new IncomingHttp(this.#ctx.host, message, event.Http, this.#ctx.httpWriters),
        this.#ctx,
      );
    if ("WebSocketOpen" in event) {
      const { channel_id, path, source_socket_addr } = event.WebSocketOpen;
      return handlers.onOpen?.(
        this.#state,
        { channelId: channel_id, path, peer: source_socket_addr ?? null },
        this.#ctx,
      );
    }
    if ("WebSocketClose" in event) {
      const { code, reason } = closeFacts(message.metadata);
      return handlers.onClose?.(this.#state, { channelId: event.WebSocketClose, code, reason }, this.#ctx);
    }
    if ("HttpClose" in event) return this.#ctx.httpWriters.closed(event.HttpClose);
    return this.#request(message);
  }

  #request(message: Envelope): Next<State> {
    if (this.#handlers.onRequest === undefined) {
      this.#ctx.log(`a request from ${message.source.text} was left unanswered: there is no onRequest`);
      return undefined;
    }
    return this.#handlers.onRequest(this.#state, message, this.#ctx);
  }

  #sendError(error: SendError): Next<State> {
    if (this.#handlers.onSendError === undefined) {
      this.#ctx.log(`${error.message}; there is no onSendError`);
      return undefined;
    }
    return this.#handlers.onSendError(this.#state, error, this.#ctx);
  }

  #keep(next: Next<State> | undefined): void | Promise<void> {
    if (next === undefined) return undefined;
    if (isPromise(next)) {
      return next.then((state) => {
        if (state !== undefined) this.#state = state as State;
      });
    }
    this.#state = next as State;
    return undefined;
  }
}

/** The close code and reason travel as metadata: the body is the contract's. */
function closeFacts(metadata: string | null): { code: number; reason: string } {
  if (metadata === null) return { code: 1005, reason: "" };
  const facts = JSON.parse(metadata) as { code: number; reason: string }; // the http-server's own text
  return { code: facts.code, reason: facts.reason };
}
