/**
 * What a machine that is a process hears and may say: the messages of a process as events, its calls as emitted events.
 *
 * 1. Events carry values, never lent memory: a machine may keep them. What holds a `request` or `message` to answer
 *    later cannot be persisted, though.
 * 2. Each has `at`, so that a machine needs no clock of its own.
 */
import {
  type Address,
  type AddressLike,
  type BlobLike,
  type Envelope,
  type HttpHeaders,
  type HttpServerErrorKind,
  type Message,
  OptionError,
  type SendError,
  type SendErrorKind,
  type WsMessageType,
} from "../protocol/index.ts";
import type { Context } from "./context.ts";
import { decode } from "./decode.ts";
import type { Open } from "./define-process.ts";
import type { Down } from "./down.ts";
import type { IncomingHttp } from "./http-request.ts";

/** Milliseconds since the Unix epoch, by this node's clock: when the process began to handle the message. */
type Timed = { readonly at: number };

/** A message that arrived. `data` is its blob: parsed JSON, else text, else bytes; undefined when it had none. */
type Arrived = Timed & {
  readonly source: Address;
  readonly body: unknown;
  readonly data: unknown;
  readonly message: Message;
};

/** What a machine is sent. */
export type MachineEvent =
  /** First of all after a restore: the channels of before are not there; live ones are opened anew. */
  | (Timed & { readonly type: "restored" })
  | (Timed & { readonly type: "open" } & Open)
  | (Timed & {
      readonly type: "push";
      readonly channelId: number;
      readonly messageType: WsMessageType;
      readonly data: unknown;
    })
  /** `code` 1005: the client gave none; 1006: the connection was lost. `transferredTo`: this process handed it over. */
  | (Timed & {
      readonly type: "close";
      readonly channelId: number;
      readonly code: number;
      readonly reason: string;
      readonly transferredTo?: string;
    })
  /** A `transfer` was not done: the channel is still this process's. */
  | (Timed & {
      readonly type: "refused";
      readonly channelId: number;
      readonly to: AddressLike;
      readonly error: HttpServerErrorKind;
    })
  /** Answer with `reply`, now or later; after 15 s the client gets 408. */
  | (Timed & { readonly type: "http"; readonly request: IncomingHttp; readonly data: unknown })
  /** Answer with `respond`; later on, name `message`. */
  | (Arrived & { readonly type: "request" })
  /** The answer to a `send` that expected one, with its `context`. */
  | (Arrived & { readonly type: "response"; readonly context: unknown })
  /** A process that `ctx.monitor` named, in `init`, has ended, or begins anew. */
  | (Timed & { readonly type: "down" } & Down)
  /** A `send` that expected an answer ended without. */
  | (Timed & {
      readonly type: "error";
      readonly kind: SendErrorKind;
      readonly context: unknown;
      readonly error: SendError;
    });

/** What a machine may `emit`. Values go out as with `ctx.push`: text and bytes as they are, anything else as JSON. */
export type MachineEffect =
  | {
      readonly type: "push";
      readonly channelId: number;
      readonly value: unknown;
      readonly messageType?: WsMessageType | undefined;
    }
  | {
      readonly type: "publish";
      readonly topic: string;
      readonly value: unknown;
      readonly messageType?: "Text" | "Binary" | undefined;
    }
  | { readonly type: "subscribe" | "unsubscribe"; readonly channelId: number; readonly topic: string }
  /** @property code 1000 unless given */
  | {
      readonly type: "close";
      readonly channelId: number;
      readonly code?: number | undefined;
      readonly reason?: string | undefined;
    }
  /** Hands the channel over. Nothing else is handled until that is done, then `close` with `transferredTo` comes, or `refused`. */
  | {
      readonly type: "transfer";
      readonly channelId: number;
      readonly to: AddressLike;
      readonly note?: unknown;
    }
  /** @property expectsResponse seconds; then `response` or `error` comes, with `context` */
  | {
      readonly type: "send";
      readonly target: AddressLike;
      readonly body: unknown;
      readonly blob?: BlobLike | undefined;
      readonly expectsResponse?: number | undefined;
      readonly context?: unknown;
    }
  /** Answers the request in hand; `to`, the `message` of an earlier one. */
  | {
      readonly type: "respond";
      readonly body: unknown;
      readonly blob?: BlobLike | undefined;
      readonly to?: Message | undefined;
    }
  /** Answers an `http` event. */
  | {
      readonly type: "reply";
      readonly request: IncomingHttp;
      readonly value: unknown;
      readonly status?: number | undefined;
      readonly headers?: HttpHeaders | undefined;
    };

const EFFECTS: readonly MachineEffect["type"][] = [
  "push",
  "publish",
  "subscribe",
  "unsubscribe",
  "close",
  "transfer",
  "send",
  "respond",
  "reply",
];

/** The event of a request from, or an answer by, another process. */
export function arrived<Type extends "request" | "response">(
  type: Type,
  message: Message,
  at: number,
): Arrived & { readonly type: Type; readonly context: unknown } {
  const { source, body, blob, context } = message;
  return { type, source, body, data: blob === null ? undefined : decode(blob), context, message, at };
}

/** @returns a promise when the next must wait for it: for what the machine hears of it, if anything @throws {OptionError} the machine emitted something else */
export function perform<State>(ctx: Context<State>, effect: MachineEffect): void | Promise<MachineEvent | undefined> {
  switch (effect.type) {
    case "push":
      return ctx.push(effect.channelId, effect.value, effect.messageType);
    case "publish":
      return ctx.publish(effect.topic, effect.value, effect.messageType);
    case "subscribe":
      return ctx.subscribe(effect.channelId, effect.topic);
    case "unsubscribe":
      return ctx.unsubscribe(effect.channelId, effect.topic);
    case "close":
      return ctx.close(effect.channelId, effect.code, effect.reason);
    case "transfer":
      return handOver(ctx, effect);
    case "send": {
      const request = ctx.request(effect.target).body(effect.body).context(effect.context);
      if (effect.blob !== undefined) request.blob(effect.blob);
      if (effect.expectsResponse !== undefined) request.expectsResponse(effect.expectsResponse);
      return request.send();
    }
    case "respond": {
      const { body, blob, to } = effect;
      const options = { ...(blob === undefined ? {} : { blob }), ...(to === undefined ? {} : { to }) };
      return ctx.respond(body, options);
    }
    case "reply":
      return effect.request.reply(effect.value, { status: effect.status ?? 200, headers: effect.headers ?? {} });
    default:
      throw new OptionError(
        `Cannot act on the emitted event "${(effect as Envelope["body"] as { type: string }).type}" as a process knows ${EFFECTS.join(", ")}: emit one of these`,
      );
  }
}

/** Waited for: frames that were handled meanwhile could no longer be answered. */
async function handOver<State>(
  ctx: Context<State>,
  { channelId, to, note }: Extract<MachineEffect, { readonly type: "transfer" }>,
): Promise<MachineEvent | undefined> {
  const result = await ctx.transferChannel(channelId, to, { note });
  return "Ok" in result ? undefined : { type: "refused", channelId, to, error: result.Err, at: ctx.now() };
}
