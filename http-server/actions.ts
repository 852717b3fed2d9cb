/**
 * Reads what a process asks of the http-server (contract kinode §5.1): any value in, an action or undefined out.
 * Unknown extra fields are ignored; a missing field, wrong case or number out of range is no action, nor is the
 * binding of a path that goes on behind a `*name`, which takes the rest.
 */
import {
  HTTP_FALLBACKS,
  type HttpFallback,
  MESSAGE_TYPES,
  SLOW_READER_POLICIES,
  type SlowReaderPolicy,
  type WsMessageType,
} from "../lib/protocol/index.ts";
import type { StreamAction } from "./http-streams.ts";
import { readContentHeaders } from "./static-headers.ts";
import type { HeaderList } from "./transport/transport.ts";

export type Action =
  | StreamAction
  | { readonly kind: "push"; readonly channelId: number; readonly messageType: WsMessageType }
  | { readonly kind: "close"; readonly channelId: number; readonly code: number; readonly reason: string }
  | { readonly kind: "subscribe" | "unsubscribe"; readonly channelId: number; readonly topic: string }
  | { readonly kind: "publish"; readonly topic: string; readonly messageType: "Text" | "Binary" }
  | {
      readonly kind: "bind";
      readonly path: string;
      readonly authenticated: boolean;
      readonly localOnly: boolean;
      readonly cache: boolean;
      /** Of the content. */
      readonly headers: HeaderList;
      readonly fallback: HttpFallback;
      readonly streamBody: boolean;
    }
  | { readonly kind: "unbind" | "unbindWs"; readonly path: string }
  | {
      readonly kind: "bindWs";
      readonly path: string;
      readonly authenticated: boolean;
      readonly slowReader: SlowReaderPolicy | null;
      readonly sendLimit: number | null;
    };

type Fields = Readonly<Record<string, unknown>>;

export function parseAction(body: unknown): Action | undefined {
  if (!isRecord(body)) return undefined;
  const [name] = Object.keys(body);
  if (name === undefined) return undefined;
  const argument = body[name];
  if (name === "WebSocketClose" && typeof argument === "number") return parseClose({ channel_id: argument });
  return isRecord(argument) ? PARSERS[name]?.(argument) : undefined;
}

const PARSERS: Readonly<Record<string, ((fields: Fields) => Action | undefined) | undefined>> = {
  __proto__: null as never, // a body may be named like anything of Object's
  WebSocketPush: ({ channel_id: channelId, message_type: messageType }) =>
    isU32(channelId) && isMessageType(messageType) ? { kind: "push", channelId, messageType } : undefined,
  WebSocketClose: (fields) => parseClose(fields),
  WebSocketSubscribe: (fields) => parseTopic("subscribe", fields),
  WebSocketUnsubscribe: (fields) => parseTopic("unsubscribe", fields),
  WebSocketPublish: ({ topic, message_type: messageType }) =>
    typeof topic === "string" && (messageType === "Text" || messageType === "Binary")
      ? { kind: "publish", topic, messageType }
      : undefined,
  Bind: (fields) => parseBind(fields),
  Unbind: ({ path }) => (typeof path === "string" ? { kind: "unbind", path } : undefined),
  HttpChunk: ({ stream_id: streamId }) => (isU32(streamId) ? { kind: "httpChunk", streamId } : undefined),
  HttpRead: ({ stream_id: streamId }) => (isU32(streamId) ? { kind: "httpRead", streamId } : undefined),
  HttpEnd: ({ stream_id: streamId, cut = false }) =>
    isU32(streamId) && typeof cut === "boolean" ? { kind: "httpEnd", streamId, cut } : undefined,
  WebSocketBind: (fields) => parseWsBind(fields),
  WebSocketUnbind: ({ path }) => (typeof path === "string" ? { kind: "unbindWs", path } : undefined),
};

/** Headers are the content's, and what cannot be sent is refused; a body is streamed to who is asked. */
function parseBind(fields: Fields): Action | undefined {
  const { path, authenticated, local_only: localOnly, cache } = fields;
  const { headers: given = {}, fallback = "all", stream_body: streamBody = false } = fields;
  if (!isPath(path) || typeof authenticated !== "boolean" || typeof localOnly !== "boolean") return undefined;
  if (typeof cache !== "boolean" || typeof streamBody !== "boolean" || (cache && streamBody)) return undefined;
  if (!HTTP_FALLBACKS.some((known) => known === fallback)) return undefined;
  const headers = readContentHeaders(given);
  if (headers === undefined || (!cache && headers.length > 0)) return undefined;
  const flags = { path, authenticated, localOnly, cache, headers, streamBody };
  return { kind: "bind", ...flags, fallback: fallback as HttpFallback };
}

function parseClose({ channel_id: channelId, code = 1000, reason = "" }: Fields): Action | undefined {
  return isU32(channelId) && isU32(code) && typeof reason === "string"
    ? { kind: "close", channelId, code, reason }
    : undefined;
}

function parseTopic(kind: "subscribe" | "unsubscribe", { channel_id: channelId, topic }: Fields): Action | undefined {
  return isU32(channelId) && typeof topic === "string" ? { kind, channelId, topic } : undefined;
}

/** `extension: true` is refused as malformed until the extension protocol is served. */
function parseWsBind({
  path,
  authenticated,
  extension,
  slow_reader: slowReader = null,
  send_limit: sendLimit = null,
}: Fields): Action | undefined {
  if (!isPath(path) || typeof authenticated !== "boolean" || extension !== false) return undefined;
  if (slowReader !== null && !SLOW_READER_POLICIES.some((policy) => policy === slowReader)) return undefined;
  if (sendLimit !== null && !(typeof sendLimit === "number" && sendLimit > 0)) return undefined;
  return { kind: "bindWs", path, authenticated, slowReader: slowReader as SlowReaderPolicy | null, sendLimit };
}

function isRecord(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isPath(value: unknown): value is string {
  return typeof value === "string" && !/(^|\/)\*[^/]+\/./.test(value); // one slash at the end does not count
}

function isU32(value: unknown): value is number {
  return typeof value === "number" && value >>> 0 === value;
}

function isMessageType(value: unknown): value is WsMessageType {
  return MESSAGE_TYPES.some((type) => type === value);
}
