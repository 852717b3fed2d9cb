/**
 * http-server:distro:sys: what processes may ask of it, action by action (contract kinode §5.1).
 *
 *   WebSocketPush · WebSocketClose · WebSocketSubscribe · WebSocketUnsubscribe · WebSocketPublish · WebSocketTransfer
 *   WebSocketGrant · WebSocketUngrant
 *   WebSocketExtPushOutgoing · HttpChunk · HttpEnd · HttpRead
 *   Bind · SecureBind · Unbind · WebSocketBind · WebSocketSecureBind · WebSocketUnbind
 *
 * 1. Answers are `{"Ok":null}` or `{"Err":…}`, where one is expected, in the asker's dialect. A no that nobody waits for is a dead letter.
 * 2. Only processes of this node are obeyed; what another node's may do is in far.ts.
 *    So is who asks on behalf of another: channels, topics, streams and paths are its own, and no capability stands for them.
 * 3. A defect here must not take the sockets along: it is reported, the action answered, and the next one handled.
 */
import type { Kernel } from "../kernel/index.ts";
import {
  type Address,
  type Blob,
  DEFAULT_DIALECT,
  type Dialect,
  Envelope,
  type Host,
  type HttpServerErrorKind,
  type Instance,
  isOnBehalf,
  type Program,
  spellResult,
} from "../lib/protocol/index.ts";
import { type ActionResult, type Answerer, LATER } from "./action-result.ts";
import { type Action, parseAction } from "./actions.ts";
import { Awaiting } from "./awaiting.ts";
import type { Bindings } from "./bindings.ts";
import type { Channels } from "./channels.ts";
import type { Extensions } from "./extensions.ts";
import type { Far } from "./far.ts";
import type { HttpRequests } from "./http-requests.ts";
import type { HttpStreams } from "./http-streams.ts";
import type { HttpServerLimits } from "./limits.ts";
import { withScript } from "./page-script.ts";
import { StaticContent } from "./static-content.ts";

export type ServerParts = {
  readonly kernel: Kernel;
  readonly limits: HttpServerLimits;
  readonly channels: Channels;
  readonly bindings: Bindings;
  readonly extensions: Extensions;
  readonly far: Far;
  readonly http: HttpRequests;
  readonly streams: HttpStreams;
  /** See HttpServerOptions. */
  readonly pageScript: string | null;
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

type PushFields = { readonly channel_id?: unknown; readonly message_type?: unknown; readonly key?: unknown };

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
      if (message.kind === "request" && message.source.node !== this.#host.our.node) this.#ofOther(message);
      else if (message.kind === "request") {
        const error =
          message.capabilities.length > 0 && isOnBehalf(message)
            ? notOwned(message.body)
            : this.#act(message.source, message.body, message.blob, message.rsvp === null ? null : message);
        if (error !== LATER && (error !== undefined || message.rsvp !== null)) this.#answer(message, error);
      } else if (message.context instanceof Awaiting) message.context.answered(message);
      else if (message.kind !== "timer") this.#parts().http.answered(message);
    } catch (error) {
      this.#fault(error);
      if (message.kind === "request") this.#answer(message, "MalformedRequest");
    }
  }

  /** Of another node. */
  #ofOther(message: Envelope): void {
    const { far } = this.#parts();
    const heard = far.heard(message, (body) => {
      if (message.rsvp !== null) this.#host.respond({ body }, message);
    });
    if (heard === LATER) return;
    if (heard === undefined) {
      const error = far.act(message);
      if (error !== undefined || message.rsvp !== null) this.#answer(message, error);
    } else if (heard === "MalformedRequest") this.#answer(message, heard);
    else if (message.rsvp !== null) this.#host.respond({ body: heard }, message);
  }

  /**
   * Hot path: pushes are looked at first, and without an Action in between.
   * @param asking the message, when it waits for an answer
   */
  #act(source: Address, body: unknown, blob: Blob | null, asking: Envelope | null): ActionResult {
    if (typeof body === "object" && body !== null && "WebSocketPush" in body) {
      const { channel_id: channelId, message_type: messageType, key } = (body.WebSocketPush ?? {}) as PushFields;
      const isData = (messageType === "Text" || messageType === "Binary") && key === undefined;
      if (isData && typeof channelId === "number" && channelId >>> 0 === channelId)
        return this.#parts().channels.push(source, channelId, messageType, blob);
    }
    const action = parseAction(body);
    return action === undefined ? "MalformedRequest" : this.#do(action, source, blob, asking);
  }

  #do(action: Action, source: Address, blob: Blob | null, asking: Envelope | null): ActionResult {
    const { channels, extensions, streams, far } = this.#parts();
    switch (action.kind) {
      case "push":
        return channels.push(source, action.channelId, action.messageType, blob, action.key);
      case "pushExtension":
        return extensions.push(source, action, blob, asking);
      case "close":
        return channels.close(source, action.channelId, action.code, action.reason);
      case "subscribe":
      case "unsubscribe": {
        const { kind, channelId, topic, node } = action;
        if (node === undefined || far.isLocal(node)) return channels[kind](source, channelId, topic);
        return far.channels[kind](source, node, channelId, topic);
      }
      case "publish":
        if (far.channels.hasTopics && blob !== null && blob.byteLength <= this.#parts().limits.pushBytes)
          far.channels.publish(source, action.topic, action.messageType, blob);
        return channels.publish(source, action.topic, action.messageType, blob);
      case "transfer":
        return far.isLocal(action.to.node) && !far.owners.isStandIn(action.to.id)
          ? channels.transfer(source, action.channelId, action.to, blob)
          : far.transfer(source, action.channelId, action.to, blob);
      case "grant":
      case "ungrant":
        return channels[action.kind](source, action.channelId, far.full(action.to));
      case "httpChunk":
      case "httpRead":
      case "httpEnd":
        return streams.act(action, source, blob, asking === null ? null : this.#later(asking));
      default:
        return this.#bind(action, source, blob);
    }
  }

  #bind(
    action: Extract<Action, { readonly path: string }>,
    source: Address,
    blob: Blob | null,
  ): HttpServerErrorKind | undefined {
    const { kernel, bindings, channels, limits } = this.#parts();
    const owner = source.node === kernel.name ? kernel.registry.get(source.id) : undefined;
    if (owner === undefined || !source.id.isSafe()) return "InvalidSourceProcess";
    if ("secure" in action && action.secure) {
      const { subdomains } = bindings;
      const wasSecure = subdomains.isSecure(source.id);
      if (!subdomains.claim(source.id)) return "SubdomainTaken";
      if (!wasSecure) channels.endOthersOf(owner);
    }
    switch (action.kind) {
      case "bind": {
        const { path, cache, headers, kind, admission, ...flags } = action;
        if (cache && blob === null) return "NoBlob";
        if (headers.reduce((sum, [name, value]) => sum + name.length + value.length, 0) > limits.staticHeaderBytes)
          return "LimitReached";
        const { pageScript } = this.#parts();
        const compressed = { min: limits.compressFrom, max: limits.compressUpTo };
        const content =
          cache && blob !== null ? new StaticContent(withScript(blob.keep(), pageScript), headers, compressed) : null;
        const gate = bindings.httpGate(owner, admission, kernel.clock);
        return bindings.bindHttp(path, { owner, ...flags, content, gate }) ? undefined : "LimitReached";
      }
      case "bindWs": {
        const { path, authenticated, secure, extension, slowReader, sendLimit } = action;
        const { compress, protocols, openHeaders } = action;
        if (Math.max(protocols.length, openHeaders.length) > limits.bindingNames) return "LimitReached";
        if (sendLimit !== null && sendLimit > limits.sendLimit) return "LimitReached";
        const binding = {
          owner,
          authenticated,
          secure,
          extension,
          slowReader: slowReader ?? "close",
          sendLimit: sendLimit ?? limits.sendLimit,
          compress,
          protocols: [...protocols], // a body is its sender's
          openHeaders,
          gate: bindings.wsGate(owner, path, action.admission, kernel.clock),
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
    return (body, blob) => {
      const { Err: error } = body as { readonly Err?: HttpServerErrorKind }; // an HttpServerResult, or what was read
      const spelled = error === undefined ? body : spellResult(this.#dialectOf(message), error, message.body);
      this.#host.respond({ body: spelled, blob }, message);
    };
  }

  #answer(message: Envelope, error: HttpServerErrorKind | undefined): void {
    if (message.rsvp !== null)
      this.#host.respond({ body: spellResult(this.#dialectOf(message), error, message.body) }, message);
    else if (error !== undefined) this.#refuse(message);
  }

  /** What its asker speaks; one of another node, which this one knows nothing of, is answered in Kinode. */
  #dialectOf({ source }: Envelope): Dialect {
    const { kernel } = this.#parts();
    const asker = source.node === kernel.name ? kernel.registry.get(source.id) : undefined;
    return asker?.dialect ?? DEFAULT_DIALECT;
  }

  #refuse(message: Envelope): void {
    this.#parts().kernel.bus.bury(message, "refused");
  }

  #fault(error: unknown): void {
    this.#parts().kernel.events.emit({ type: "fault", process: this.#host.our.id.text, error });
  }
}

/** What a process is told that owns nothing. */
function notOwned(body: unknown): HttpServerErrorKind {
  const action = parseAction(body);
  if (action === undefined) return "MalformedRequest";
  return "path" in action ? "InvalidSourceProcess" : "WsChannelNotFound";
}
