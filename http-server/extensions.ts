/**
 * Extensions: programs of any language, on this machine, that work for a process over a socket (contract kinode §5.9).
 *
 *   process ──WebSocketExtPushOutgoing──▶ frame with the request's id ──▶ extension
 *           ◀──answer to that request──── frame "Response", same id   ◀──
 *           ◀──a request to answer──────  frame "Request", an id of the extension's own
 *           ──answer─────────────────▶    frame "Response", that id   ──▶
 *
 * 1. An outgoing push that waits for its answer ends as any request does: by the extension's Response, by its own
 *    timeout, or with Offline when the channel ends. Nothing is answered before that, but for a no.
 * 2. A Response that nobody waits for is a dead letter, and so is an action that an extension sends. All else that it
 *    sends is a push like that of any client.
 * 3. What waits is bounded for each channel: `extensionRequests` ways. A process that never answers its extension's
 *    requests, as the older ones do, gives the oldest up for it.
 * 4. Its channels stay `fresh`: so their frames come here, and those of all others pass by without being asked.
 */
import { type Kernel, LimitError, type Process, WheelEntry } from "../kernel/index.ts";
import {
  type Address,
  Blob,
  CLOSE,
  DEFAULT_DIALECT,
  Envelope,
  type ExtensionMessage,
  type ExtensionMessageType,
  type ExtensionTypeField,
  type Host,
  type HttpServerErrorKind,
  packExtensionMessage,
  type ReadExtensionMessage,
  type WsMessageType,
} from "../lib/protocol/index.ts";
import { type ActionResult, LATER } from "./action-result.ts";
import { Awaiting } from "./awaiting.ts";
import type { Channel } from "./channel.ts";
import type { Channels } from "./channels.ts";
import { WEB } from "./dialects.ts";
import { readExtensionFrame } from "./extension-frames.ts";
import type { HttpServerLimits } from "./limits.ts";

/** What waits on one channel. */
type Waiting = {
  /** For the extension: requests of its process, by their id. */
  readonly asks: Map<number | bigint, Ask>;
  /** For the process: requests of its extension, oldest first. */
  readonly questions: Set<Envelope>;
};

export class Extensions {
  readonly #kernel: Kernel;
  readonly #limits: HttpServerLimits;
  readonly #channels: Channels;
  readonly #host: () => Host;
  readonly #waiting = new Map<Channel, Waiting>();
  /** Of all channels. */
  #questions = 0;

  /** @param host the http-server's calls; a new one after each restart of it */
  constructor(kernel: Kernel, limits: HttpServerLimits, channels: Channels, host: () => Host) {
    this.#kernel = kernel;
    this.#limits = limits;
    this.#channels = channels;
    this.#host = host;
    channels.extensionEnded = (channel) => this.#ended(channel);
    channels.extensionHandedOver = (channel) => this.#endAsks(channel);
  }

  /**
   * The checks stand in the contract's order (kinode §5.1).
   * @param request the message that asks for it, when it waits for an answer @returns undefined: queued
   */
  push(
    from: Address,
    action: {
      readonly channelId: number;
      readonly messageType: WsMessageType;
      readonly replyType: ExtensionMessageType;
    },
    blob: Blob | null,
    request: Envelope | null,
  ): ActionResult {
    if (blob === null || action.messageType !== "Binary") return "NoBlob";
    const channel = this.#channels.channelOf(from, action.channelId);
    if (channel === undefined || channel.extension === null) return "WsChannelNotFound";
    // Where its extension comes back with a request instead, the answer is only that it was queued.
    const asking = action.replyType === "Response" ? request : null;
    const isFull = (this.#waiting.get(channel)?.asks.size ?? 0) >= this.#limits.extensionRequests;
    if (asking !== null && isFull) return "LimitReached";
    const id = request === null ? this.#kernel.nextMessageId() : request.id;
    const error = this.#send(channel, { id, type: action.replyType, blob: blob.bytes() });
    if (error !== undefined || asking === null) return error;
    const { asks } = this.#of(channel);
    const ask: Ask = new Ask(asking, () => {
      if (asks.get(id) === ask) asks.delete(id); // one that was passed on twice has its id twice
    });
    asks.set(id, ask);
    // Whoever asked is told by the kernel; how long the one who passed it on was to wait is not known here.
    this.#kernel.wheel.add(ask, (asking.expectsResponse ?? this.#limits.extensionSeconds) * 1000);
    return LATER;
  }

  /** A frame of an extension, in its transport's callback. `data` is lent. */
  frame(channel: Channel, data: ArrayBuffer | Uint8Array, isBinary: boolean): void {
    const bytes = data instanceof Uint8Array ? data : new Uint8Array(data);
    const frame = isBinary ? readExtensionFrame(bytes) : "data";
    if (frame === "data") return this.#channels.frame(channel, data, isBinary);
    if (channel.finished || !this.#channels.count(channel)) return undefined;
    const isMessage = frame !== "action";
    const payload = isMessage ? frame.blob : bytes;
    const blob = !isMessage || frame.lent ? Blob.lend(payload, false) : Blob.of(payload);
    try {
      if (!isMessage) this.#kernel.bus.bury(this.#channels.events.messageOf(channel, "Binary", blob), "refused");
      else if (frame.type === "Response") this.#respond(channel, frame, blob);
      else this.#ask(channel, frame, blob);
    } finally {
      blob.settle();
    }
  }

  /** The process has answered a request of its extension, or never will. */
  settled(question: Question, outcome: Envelope): void {
    const { channel, request } = question;
    if (this.#waiting.get(channel)?.questions.delete(request) === true) this.#questions--;
    if (outcome.kind === "error") {
      if (outcome.error === "Overloaded") this.#overloaded(channel);
      else if (outcome.error === "Denied") this.#kernel.bus.bury(request, "denied");
      return; // Timeout: it means to say nothing; Offline: its crash was told
    }
    if (this.#send(channel, { id: question.id, type: "Response", blob: payloadOf(outcome) }) !== undefined)
      this.#kernel.bus.bury(outcome, "refused");
  }

  #respond(channel: Channel, { id }: ReadExtensionMessage, blob: Blob): void {
    const { owner } = channel;
    const waiting = this.#waiting.get(channel);
    const ask = waiting?.asks.get(id);
    const { body } = this.#channels.events.messageOf(channel, "Binary", blob);
    if (ask === undefined) {
      const { our } = this.#host();
      return this.#kernel.bus.bury(
        new Envelope("response", our, owner?.address ?? our, body, blob),
        "unexpected_answer",
      );
    }
    waiting?.asks.delete(id);
    this.#kernel.wheel.cancel(ask);
    this.#host().respond({ body, blob }, ask.request);
  }

  #ask(channel: Channel, { id }: ReadExtensionMessage, blob: Blob): void {
    const { questions } = this.#of(channel);
    const [oldest] = questions;
    if (oldest !== undefined && questions.size >= this.#limits.extensionRequests) {
      questions.delete(oldest);
      this.#questions--;
      this.#kernel.bus.refuse(oldest, "Timeout");
    }
    if (this.#questions >= this.#limits.extensionQuestions) return this.#overloaded(channel);
    const request = this.#channels.events.messageOf(channel, "Binary", blob);
    request.expectsResponse = Math.min(this.#limits.extensionSeconds, this.#kernel.limits.requestSeconds);
    request.context = new Question(this, channel, request, id);
    questions.add(request);
    this.#questions++;
    try {
      this.#host().send(request);
    } catch (error) {
      if (!(error instanceof LimitError)) throw error;
      if (questions.delete(request)) this.#questions--;
      this.#overloaded(channel);
    }
  }

  #send(channel: Channel, message: ExtensionMessage): HttpServerErrorKind | undefined {
    const { extension, owner } = channel;
    const bytes = packExtensionMessage(message, typeFieldFor(owner), extension ?? "array");
    return this.#channels.outgoing.queue(channel, Blob.of(bytes), true);
  }

  /** As a frame that its process cannot take: what follows would have a hole before it. */
  #overloaded(channel: Channel): void {
    this.#channels.end(channel, CLOSE.tryAgainLater.code, "the process is overloaded");
  }

  /** Nobody is left to answer, nor to be answered: what waits holds a place among the server's requests. */
  #ended(channel: Channel): void {
    this.#endAsks(channel);
    const waiting = this.#waiting.get(channel);
    this.#waiting.delete(channel);
    this.#questions -= waiting?.questions.size ?? 0;
    for (const question of waiting?.questions ?? []) this.#kernel.bus.refuse(question, "Offline");
  }

  /** What its process asked of it. */
  #endAsks(channel: Channel): void {
    const asks = this.#waiting.get(channel)?.asks;
    for (const ask of asks?.values() ?? []) {
      this.#kernel.wheel.cancel(ask);
      this.#kernel.bus.refuse(ask.request, "Offline");
    }
    asks?.clear();
  }

  #of(channel: Channel): Waiting {
    let waiting = this.#waiting.get(channel);
    if (waiting === undefined) {
      waiting = { asks: new Map(), questions: new Set() };
      this.#waiting.set(channel, waiting);
    }
    return waiting;
  }
}

/** A request of the process that its extension has to answer. Forgotten when nobody waits any more. */
class Ask extends WheelEntry {
  readonly request: Envelope;
  readonly #forget: () => void;

  constructor(request: Envelope, forget: () => void) {
    super();
    this.request = request;
    this.#forget = forget;
  }

  expire(): void {
    this.#forget();
  }
}

/** A request of the extension that its process has to answer. */
class Question extends Awaiting {
  readonly channel: Channel;
  readonly request: Envelope;
  /** The extension's own. */
  readonly id: number | bigint;
  readonly #extensions: Extensions;

  constructor(extensions: Extensions, channel: Channel, request: Envelope, id: number | bigint) {
    super();
    this.#extensions = extensions;
    this.channel = channel;
    this.request = request;
    this.id = id;
  }

  answered(outcome: Envelope): void {
    this.#extensions.settled(this, outcome);
  }
}

/** Which spelling of the type field an extension of `owner` is written; both are read. */
export function typeFieldFor(owner: Process | null): ExtensionTypeField {
  return WEB[owner?.dialect ?? DEFAULT_DIALECT].extensionType;
}

/** The blob of an answer; where it has none, its body as text or JSON. */
function payloadOf({ blob, body }: Envelope): Uint8Array {
  if (blob !== null) return blob.bytes();
  return (typeof body === "string" ? Blob.of(body) : Blob.json(body)).bytes();
}
