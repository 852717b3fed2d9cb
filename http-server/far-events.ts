/**
 * What the http-servers of two nodes say to each other about channels whose socket is on one and whose process on the
 * other (docs/adr/0035). "Near" is the node of the socket, "far" that of the process.
 *
 *   near → far   {"FarEvents": {session, seq, events}}   answered {"Ok": {refused}} or {"Err": "Lost"}; blob: all bytes in a row
 *   near → far   {"FarSeek": {to}}                       answered {"Ok": {node}} or {"Err": …}: far-names.ts
 *   far → near   {"FarProbe": {session}}                 answered {"Ok": null} or {"Err": "Lost"}
 *                {"FarEnd": {to, channel_ids, code, reason}} · {"FarTopic": {to, channel_id, topic, on}}
 *                {"FarPublish": {to, topic, message_type}} and a blob · {"FarLeave": null}
 *
 * 1. Which node they are of the link says, and only an http-server's word is taken.
 * 2. Of a session, batches come one after the other, each when the one before was answered. One that is lost, or comes
 *    to a node that does not know the session, ends it and all its channels: no hole in a stream, no channel of nobody.
 */
import type { CloseMetadata, WebSocketOpen, WsMessageType } from "../lib/protocol/index.ts";

/** @property to process id of the owner @property bytes of the blob; null: it has none */
export type FarEvent =
  | {
      readonly kind: "open";
      readonly to: string;
      readonly open: WebSocketOpen;
      readonly bytes: number | null;
    }
  | { readonly kind: "push"; readonly channel_id: number; readonly message_type: WsMessageType; readonly bytes: number }
  | { readonly kind: "close"; readonly channel_id: number; readonly facts: CloseMetadata };

export type FarBatch = { readonly session: number; readonly seq: number; readonly events: readonly FarEvent[] };

/** A channel that is to end. @property full its process's mailbox was: one that drops need not end */
export type FarRefused = {
  readonly to: string;
  readonly channel_id: number;
  readonly code: number;
  readonly reason: string;
  readonly full?: boolean;
};

export type FarAnswer = { readonly Ok: { readonly refused: readonly FarRefused[] } | null } | { readonly Err: "Lost" };

export const LOST: FarAnswer = { Err: "Lost" };
export const TAKEN: FarAnswer = { Ok: null };

export const FAR_SECONDS = 10; // seconds for an answer of another http-server, which gives it in its turn: it is stuck, or the way to it is

type Fields = Readonly<Record<string, unknown>>;

/** The one argument of `{"name": {…}}`; undefined: it is something else. */
export function farArgument(body: unknown): readonly [name: string, fields: Fields] | undefined {
  if (typeof body !== "object" || body === null) return undefined;
  const [name] = Object.keys(body);
  if (name?.startsWith("Far") !== true) return undefined;
  const fields = (body as Fields)[name];
  return [name, typeof fields === "object" && fields !== null ? (fields as Fields) : {}];
}

export function readBatch({ session, seq, events }: Fields): FarBatch | undefined {
  if (!isCount(session) || !isCount(seq) || !Array.isArray(events) || !events.every(isEvent)) return undefined;
  return { session, seq, events };
}

export function readRefused(body: unknown): readonly FarRefused[] | "Lost" {
  const { Ok: ok } = (body ?? {}) as { readonly Ok?: { readonly refused?: unknown } | null };
  if (ok === undefined) return "Lost";
  const refused = ok?.refused;
  return Array.isArray(refused) ? refused.filter(isRefused) : [];
}

/** What a node says of a name of the cluster: who has it; or why there is nobody. */
export function readSought(body: unknown): { readonly node: string } | "NotFound" | "Overloaded" | "Offline" {
  const { Ok: ok, Err: error } = (body ?? {}) as {
    readonly Ok?: { readonly node?: unknown } | null;
    readonly Err?: unknown;
  };
  if (typeof ok?.node === "string") return { node: ok.node };
  return error === "NotFound" || error === "Overloaded" ? error : "Offline";
}

export function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isEvent(value: unknown): value is FarEvent {
  if (typeof value !== "object" || value === null) return false;
  const { kind, to, open, bytes, channel_id: id, facts } = value as Fields;
  if (kind === "open") {
    const isSized = bytes === null || isCount(bytes);
    return typeof to === "string" && isSized && typeof open === "object" && open !== null && isCount(idOf(open));
  }
  if (kind === "push") return isCount(id) && isCount(bytes);
  return kind === "close" && isCount(id) && typeof facts === "object" && facts !== null;
}

function idOf(open: object): unknown {
  return (open as Fields).channel_id;
}

function isRefused(value: unknown): value is FarRefused {
  if (typeof value !== "object" || value === null) return false;
  const { to, channel_id: id, code, reason } = value as Fields;
  return typeof to === "string" && isCount(id) && isCount(code) && typeof reason === "string";
}
