/**
 * http-server:distro:sys: what processes may ask of it, action by action (contract kinode §5.1).
 *
 *   WebSocketPush · WebSocketClose · WebSocketSubscribe · WebSocketUnsubscribe · WebSocketPublish
 *   Bind · Unbind · WebSocketBind · WebSocketUnbind · HttpChunk · HttpEnd · HttpRead
 *
 * 1. Answers are `{"Ok":null}` or `{"Err":…}`, where one is expected. A no that nobody waits for is a dead letter.
 * 2. Only processes of this node are obeyed; another node's gets the answer of one that owns nothing.
 * 3. A defect here must not take the sockets along: it is reported, the action answered, and the next one handled.
 */
import type { Kernel } from "../kernel/index.ts";
import {
  type Address,
  type Blob,
  Envelope,
  type Host,
  type HttpServerErrorKind,
  type Instance,
  type Program,
} from "../lib/protocol/index.ts";
import { type Action, parseAction } from "./actions.ts";
import type { Bindings } from "./bindings.ts";
import type { Channels } from "./channels.ts";
import type { HttpRequests } from "./http-requests.ts";
import { type Answerer, LATER } from "./http-stream.ts";
import type { HttpStreams, StreamResult } from "./http-streams.ts";
import type { HttpServerLimits } from "./limits.ts";
import { StaticContent } from "./static-content.ts";

export type ServerParts = {
  readonly kernel: Kernel;
  readonly limits: HttpServerLimits;
  readonly channels: Channels;
  readonly bindings: Bindings;
  readonly http: HttpRequests;
  readonly streams: HttpStreams;
  readonly stop: () => Promise<void>;
};

/** @param parts what the server is made of, asked for with the first message: the process comes first @param started takes the calls of each incarnation */
export function httpServerProgram(parts: () => ServerParts, started: (host: Host) => void): Program {
  return {
    start(host: Host): Instance {
      started(host);
      return new Actions(host, parts);
    },
  };
}

const OK = Object.freeze({ Ok: null });

type PushFields = { readonly channel_id?: unknown; readonly message_type?: unknown };

class Actions implements Instance {
  readonly #host: Host;
  readonly #ask: () => ServerParts;
  #known: ServerParts | undefined;

  constructor(host: Host, parts: () => ServerParts) {
    this.#host = host;
    this.#ask = parts;
  }

  #parts(): ServerParts {
    this.#known ??= this.#ask();
    return this.#known;
  }

  exit(): Promise<void> {
    return this.#parts().stop();
  }

  take(source: Address, body: unknown, blob: Blob | null): void {
    try {
      const error = this.#act(source, body, blob, null);
      if (error !== undefined && error !== LATER)
        this.#refuse(new Envelope("request", source, this.#host.our, body, blob));
    } catch (error) {
      this.#fault(error);
    }
  }

  handle(message: Envelope): void {
    try {
      if (message.kind === "request") {
        const error = this.#act(message.source, message.body, message.blob, message);
        if (error !== LATER && (error !== undefined || message.rsvp !== null)) this.#answer(message, error);
      } else if (message.kind !== "timer") this.#parts().http.answered(message);
    } catch (error) {
      this.#fault(error);
      if (message.kind === "request") this.#answer(message, "MalformedRequest");
    }
  }

  /**
   * Hot path: pushes are looked at first, and without an Action in between.
   * @param message null: nobody waits for an answer @returns undefined: done
   */
  #act(source: Address, body: unknown, blob: Blob | null, message: Envelope | null): StreamResult {
    if (typeof body === "object" && body !== null && "WebSocketPush" in body) {
      const { channel_id: channelId, message_type: messageType } = (body.WebSocketPush ?? {}) as PushFields;
      const isData = messageType === "Text" || messageType === "Binary";
      if (isData && typeof channelId === "number" && channelId >>> 0 === channelId)
        return this.#parts().channels.push(source, channelId, messageType, blob);
    }
    const action = parseAction(body);
    return action === undefined ? "MalformedRequest" : this.#do(action, source, blob, message);
  }

  #do(action: Action, source: Address, blob: Blob | null, message: Envelope | null): StreamResult {
    const { channels, streams } = this.#parts();
    switch (action.kind) {
      case "push":
        return channels.push(source, action.channelId, action.messageType, blob);
      case "close":
        return channels.close(source, action.channelId, action.code, action.reason);
      case "subscribe":
        return channels.subscribe(source, action.channelId, action.topic);
      case "unsubscribe":
        return channels.unsubscribe(source, action.channelId, action.topic);
      case "publish":
        return channels.publish(source, action.topic, action.messageType, blob);
      case "httpChunk":
      case "httpRead":
      case "httpEnd":
        return streams.act(
          action,
          source,
          blob,
          message === null || message.rsvp === null ? null : this.#later(message),
        );
      default:
        return this.#bind(action, source, blob);
    }
  }

  #bind(
    action: Extract<Action, { readonly path: string }>,
    source: Address,
    blob: Blob | null,
  ): HttpServerErrorKind | undefined {
    const { kernel, bindings, limits } = this.#parts();
    const owner = source.node === kernel.name ? kernel.registry.get(source.id) : undefined;
    if (owner === undefined || !source.id.isSafe()) return "InvalidSourceProcess";
    switch (action.kind) {
      case "bind": {
        const { path, cache, headers, kind, ...flags } = action;
        if (cache && blob === null) return "NoBlob";
        if (headers.reduce((sum, [name, value]) => sum + name.length + value.length, 0) > limits.staticHeaderBytes)
          return "LimitReached";
        const compressed = { min: limits.compressFrom, max: limits.compressUpTo };
        const content = cache && blob !== null ? new StaticContent(blob.keep(), headers, compressed) : null;
        return bindings.bindHttp(path, { owner, ...flags, content }) ? undefined : "LimitReached";
      }
      case "bindWs": {
        const { path, authenticated, slowReader, sendLimit } = action;
        if (sendLimit !== null && sendLimit > limits.sendLimit) return "LimitReached";
        const binding = {
          owner,
          authenticated,
          slowReader: slowReader ?? "close",
          sendLimit: sendLimit ?? limits.sendLimit,
        };
        return bindings.bindWs(path, binding) ? undefined : "LimitReached";
      }
      case "unbind":
        bindings.unbindHttp(owner, action.path);
        return undefined;
      case "unbindWs":
        bindings.unbindWs(owner, action.path);
        return undefined;
    }
  }

  /** For an action whose answer has to wait. */
  #later(message: Envelope): Answerer {
    return (body, blob) => this.#host.respond({ body, blob }, message);
  }

  #answer(message: Envelope, error: HttpServerErrorKind | undefined): void {
    if (message.rsvp !== null) this.#host.respond({ body: error === undefined ? OK : { Err: error } }, message);
    else if (error !== undefined) this.#refuse(message);
  }

  #refuse(message: Envelope): void {
    this.#parts().kernel.bus.bury(message, "refused");
  }

  #fault(error: unknown): void {
    this.#parts().kernel.events.emit({ type: "fault", process: this.#host.our.id.text, error });
  }
}
