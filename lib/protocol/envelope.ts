/**
 * A message on its way: what the bus carries and a handler receives.
 *
 * 1. One object from sender to handler: the author's side makes it, the kernel stamps `id`, `source` and `rsvp`.
 * 2. `body` is a value: nobody changes it after sending (DESIGN §3.5).
 * 3. `context` and `prompting` stay with the requester; they never travel.
 */
import type { Address } from "./address.ts";
import type { Blob } from "./blob.ts";
import type { Capability } from "./capability.ts";
import type { Dialect } from "./dialect.ts";
import { KernelError, type SendErrorKind } from "./errors.ts";
import type { WsMessageType } from "./http.ts";

/** - `timer`: a process's own timer came due; it never crosses the bus. */
export type MessageKind = "request" | "response" | "error" | "timer";

const NO_CAPABILITIES: readonly Capability[] = [];

export class Envelope {
  readonly kind: MessageKind;
  /** Unique among what is outstanding on this node; an answer carries its request's. 0 where none is wanted. */
  id = 0;
  /** Who sent it, by the kernel's word. For an error: whom the request was for. */
  source: Address;
  target: Address;
  /** Where the answer goes; null: none is wanted (contract kinode §2.3). */
  rsvp: Address | null = null;
  body: unknown;
  blob: Blob | null;
  /** Free text, JSON by convention. */
  metadata: string | null = null;
  capabilities: readonly Capability[] = NO_CAPABILITIES;
  /** Seconds to wait for an answer; null: fire and forget. */
  expectsResponse: number | null = null;
  /**
   * Pass on the blob of the message in hand (when that has none, of the request it leads back to), and the requester
   * as the one to answer. Not the newest blob ever received: that may be of something else (contract kinode §2.3).
   */
  inherit = false;
  /** On an answer or error: what the requester kept when it sent the request. */
  context: unknown = undefined;
  /** On an error: which. */
  error: SendErrorKind | null = null;
  /** Kernel only. On a request: what waits for its answer on this node. */
  pending: unknown = null;
  /** Kernel only. The request that was being handled when the one answered here was sent. */
  prompting: Envelope | null = null;
  /** Kernel and system processes only: what made it, e.g. the channel of a WebSocket event. */
  origin: unknown = null;

  constructor(kind: MessageKind, source: Address, target: Address, body: unknown, blob: Blob | null) {
    this.kind = kind;
    this.source = source;
    this.target = target;
    this.body = body;
    this.blob = blob;
  }

  /** A response to `request`, under its id. No `new` where it is needed: V8 calls one that it does not inline by a slow way. */
  static answer(request: Envelope, source: Address, rsvp: Address, body: unknown, blob: Blob | null): Envelope {
    const answer = new Envelope("response", source, rsvp, body, blob);
    answer.id = request.id;
    return answer;
  }

  /** What `body` was called until 2024 (contract kinode §8). */
  get ipc(): unknown {
    return this.body;
  }

  /** What `blob` was called. */
  get payload(): Blob | null {
    return this.blob;
  }

  /**
   * Of a message sent with `durable()`: which one. null: it is none. The same message has the same `from` and `id` each
   * time that it is handed to a handler: after a crash of the node it may be a second time (docs/adr/0036).
   */
  get durable(): Durable | null {
    const { origin } = this;
    return origin instanceof DurableOrigin ? { from: origin.from, id: origin.id } : null;
  }
}

/** @property from an outbox: its node and its own name @property id of one outbox rising, not without gaps */
export type Durable = { readonly from: string; readonly id: number };

/** The `origin` of a durable message: no field of its own, which every envelope would pay for. */
export class DurableOrigin {
  readonly from: string;
  readonly id: number;

  constructor(from: string, id: number) {
    this.from = from;
    this.id = id;
  }
}

/**
 * The `origin` of a request that the http-server sends for a caller of RPC (contract kinode §5.8): its source is the
 * http-server, but it is none of the http-server's own events, whatever it looks like.
 */
export const RPC_ORIGIN = "rpc";

/** A message as a process sees it. */
export type Message = Readonly<Omit<Envelope, "pending" | "prompting" | "origin">>;

/** Kernel and system processes only: where a node's frames come from. It makes the message that one of them is. */
export interface FrameSource {
  /**
   * @param origin what the frame was handed over with
   * @param taker who has it in hand: its channel may belong to another meanwhile; left out: whose its channel is
   */
  messageOf(origin: unknown, messageType: WsMessageType, blob: Blob, taker?: FrameTaker): Envelope;
}

/** A process, as far as a message is made for it. */
export type FrameTaker = { readonly address: Address; readonly dialect: Dialect };

/** The way back to the channel whose callback is running, or its microtasks: its socket is right here, corked (docs/adr/0001). */
export interface Shortcut {
  /** Hot path. @returns false when nothing was done: the push must go as a message, and be judged as one */
  push(from: Address, channelId: number, messageType: WsMessageType, blob: Blob): boolean;
  /** The same for a push that answers no frame whose callback is running: it leaves at the end of the turn. */
  later(from: Address, channelId: number, messageType: WsMessageType, blob: Blob): boolean;
}

/**
 * A request ended without an answer. It brings everything back that was sent.
 * `kind` says what to do: see SendErrorKind.
 */
export class SendError extends KernelError {
  override readonly name = "SendError";
  readonly kind: SendErrorKind;
  readonly target: Address;
  readonly body: unknown;
  readonly blob: Blob | null;
  readonly context: unknown;

  constructor(envelope: Envelope) {
    const kind = envelope.error ?? "Offline";
    super(kind, `Cannot get an answer from "${envelope.source.text}" as ${WHY[kind]}`);
    this.kind = kind;
    this.target = envelope.source;
    this.body = envelope.body;
    this.blob = envelope.blob;
    this.context = envelope.context;
  }
}

const WHY: Record<SendErrorKind, string> = {
  Timeout: "it did not answer in time: raise expectsResponse, or look whether it is stuck",
  Offline: "no process has that address, or it exited: check the name with the kernel's Debug query",
  Overloaded: "its mailbox is full: send less, or later",
  Denied: "the sender holds no messaging capability for it: list it in request_capabilities, or make it public",
};
