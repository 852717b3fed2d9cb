/**
 * Reads what a process asks of the http-server (contract kinode §5.1): any value in, an action or undefined out.
 * Unknown extra fields are ignored; a missing field, wrong case or number out of range is no action, nor is the
 * binding of a path that goes on behind a `*name`, which takes the rest. All dialects' spellings are read, whoever sends.
 */
import {
  type Address,
  EXTENSION_BLOBS,
  EXTENSION_TYPES,
  type ExtensionBlob,
  type ExtensionMessageType,
  HTTP_FALLBACKS,
  type HttpFallback,
  MESSAGE_TYPES,
  SLOW_READER_POLICIES,
  type SlowReaderPolicy,
  toAddress,
  type WsMessageType,
} from "../lib/protocol/index.ts";
import { type AdmissionRules, readAdmission } from "./admission.ts";
import type { StreamAction } from "./http-streams.ts";
import { readContentHeaders } from "./static-headers.ts";
import { isToken } from "./transport/http-check.ts";
import type { HeaderList } from "./transport/transport.ts";

export type Action =
  | StreamAction
  | {
      readonly kind: "push";
      readonly channelId: number;
      readonly messageType: WsMessageType;
      readonly key: string | null;
    }
  | {
      readonly kind: "pushExtension";
      readonly channelId: number;
      readonly messageType: WsMessageType;
      readonly replyType: ExtensionMessageType;
    }
  | { readonly kind: "close"; readonly channelId: number; readonly code: number; readonly reason: string }
  | {
      readonly kind: "subscribe" | "unsubscribe";
      readonly channelId: number;
      readonly topic: string;
      /** Whose channel it is; left out: this one's. */
      readonly node?: string;
    }
  | { readonly kind: "transfer" | "grant" | "ungrant"; readonly channelId: number; readonly to: Address }
  | { readonly kind: "publish"; readonly topic: string; readonly messageType: "Text" | "Binary" }
  | {
      readonly kind: "bind";
      readonly path: string;
      readonly authenticated: boolean;
      readonly localOnly: boolean;
      readonly cache: boolean;
      readonly secure: boolean;
      /** Of the content. */
      readonly headers: HeaderList;
      readonly fallback: HttpFallback;
      readonly streamBody: boolean;
      readonly admission: AdmissionRules | null;
    }
  | { readonly kind: "unbind" | "unbindWs"; readonly path: string }
  | {
      readonly kind: "bindWs";
      readonly path: string;
      readonly authenticated: boolean;
      readonly secure: boolean;
      /** How blobs are written to it; null: it is none. */
      readonly extension: ExtensionBlob | null;
      readonly slowReader: SlowReaderPolicy | null;
      readonly sendLimit: number | null;
      readonly compress: boolean;
      readonly protocols: readonly string[];
      readonly openHeaders: readonly string[];
      readonly admission: AdmissionRules | null;
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
  WebSocketPush: (fields) => parsePush(fields),
  WebSocketExtPushOutgoing: ({ channel_id: channelId, message_type: messageType, desired_reply_type: replyType }) =>
    isU32(channelId) && isMessageType(messageType) && isReplyType(replyType)
      ? { kind: "pushExtension", channelId, messageType, replyType }
      : undefined,
  WebSocketClose: (fields) => parseClose(fields),
  WebSocketSubscribe: (fields) => parseTopic("subscribe", fields),
  WebSocketUnsubscribe: (fields) => parseTopic("unsubscribe", fields),
  WebSocketTransfer: (fields) => parseTo("transfer", fields),
  WebSocketGrant: (fields) => parseTo("grant", fields),
  WebSocketUngrant: (fields) => parseTo("ungrant", fields),
  WebSocketPublish: ({ topic, message_type: messageType }) =>
    typeof topic === "string" && (messageType === "Text" || messageType === "Binary")
      ? { kind: "publish", topic, messageType }
      : undefined,
  Bind: (fields) => parseBind(fields, false),
  SecureBind: (fields) => parseBind({ ...fields, authenticated: true, local_only: false }, true),
  Unbind: ({ path }) => (typeof path === "string" ? { kind: "unbind", path } : undefined),
  HttpChunk: ({ stream_id: streamId }) => (isU32(streamId) ? { kind: "httpChunk", streamId } : undefined),
  HttpRead: ({ stream_id: streamId }) => (isU32(streamId) ? { kind: "httpRead", streamId } : undefined),
  HttpEnd: ({ stream_id: streamId, cut = false }) =>
    isU32(streamId) && typeof cut === "boolean" ? { kind: "httpEnd", streamId, cut } : undefined,
  WebSocketBind: (fields) => parseWsBind(fields, false),
  WebSocketSecureBind: (fields) => parseWsBind({ ...fields, authenticated: true }, true),
  WebSocketUnbind: ({ path }) => (typeof path === "string" ? { kind: "unbindWs", path } : undefined),
};

/** Headers are the content's, and what cannot be sent is refused; a body is streamed to who is asked. */
function parseBind(fields: Fields, secure: boolean): Action | undefined {
  const { path, authenticated, local_only: localOnly, cache } = fields;
  const { headers: given = {}, fallback = "all", stream_body: streamBody = false } = fields;
  if (!isPath(path) || typeof authenticated !== "boolean" || typeof localOnly !== "boolean") return undefined;
  if (typeof cache !== "boolean" || typeof streamBody !== "boolean" || (cache && streamBody)) return undefined;
  if (!HTTP_FALLBACKS.some((known) => known === fallback)) return undefined;
  const headers = readContentHeaders(given);
  if (headers === undefined || (!cache && headers.length > 0)) return undefined;
  const admission = readAdmission(fields.admission);
  if (admission === undefined) return undefined;
  const flags = { path, authenticated, localOnly, secure, cache, headers, streamBody, admission };
  return { kind: "bind", ...flags, fallback: fallback as HttpFallback };
}

/** Only what carries data can be replaced. */
function parsePush({ channel_id: channelId, message_type: messageType, key = null }: Fields): Action | undefined {
  if (!isU32(channelId) || !isMessageType(messageType)) return undefined;
  if (key === null) return { kind: "push", channelId, messageType, key };
  const isData = messageType === "Text" || messageType === "Binary";
  return isData && typeof key === "string" ? { kind: "push", channelId, messageType, key } : undefined;
}

function parseClose({ channel_id: channelId, code = 1000, reason = "" }: Fields): Action | undefined {
  return isU32(channelId) && isU32(code) && typeof reason === "string"
    ? { kind: "close", channelId, code, reason }
    : undefined;
}

function parseTopic(
  kind: "subscribe" | "unsubscribe",
  { channel_id: channelId, topic, node }: Fields,
): Action | undefined {
  if (!isU32(channelId) || typeof topic !== "string") return undefined;
  if (node === undefined) return { kind, channelId, topic };
  return typeof node === "string" ? { kind, channelId, topic, node } : undefined;
}

/** `to` is a process id, or an address; a bare id, and the node `our`, are on this node. */
function parseTo(kind: "transfer" | "grant" | "ungrant", { channel_id: channelId, to }: Fields): Action | undefined {
  if (!isU32(channelId) || typeof to !== "string") return undefined;
  try {
    return { kind, channelId, to: toAddress(to, "our") };
  } catch {
    return undefined; // no address
  }
}

/** Until 2024-12 there was `encrypted`, under Nectar in place of `extension`; true is refused: there is no such thing (contract kinode §8). */
function parseWsBind(fields: Fields, secure: boolean): Action | undefined {
  const {
    path,
    authenticated,
    encrypted = false,
    slow_reader: slowReader = null,
    send_limit: sendLimit = null,
  } = fields;
  const { extension: isExtension = fields.encrypted, extension_blob: extensionBlob = "array" } = fields;
  const { compress = false, protocols = [], open_headers: openHeaders = [] } = fields;
  if (!isPath(path) || typeof authenticated !== "boolean" || typeof isExtension !== "boolean") return undefined;
  if (encrypted !== false) return undefined;
  const blob = EXTENSION_BLOBS.find((way) => way === extensionBlob);
  if (blob === undefined) return undefined;
  if (slowReader !== null && !SLOW_READER_POLICIES.some((policy) => policy === slowReader)) return undefined;
  if (sendLimit !== null && !(typeof sendLimit === "number" && sendLimit > 0)) return undefined;
  if (typeof compress !== "boolean" || !isTokens(protocols) || !isTokens(openHeaders)) return undefined;
  const admission = readAdmission(fields.admission);
  // Another site's page would come with this node's cookies.
  if (admission === undefined || (authenticated && admission?.origins === "any")) return undefined;
  return {
    kind: "bindWs",
    path,
    authenticated,
    secure,
    extension: isExtension ? blob : null,
    slowReader: slowReader as SlowReaderPolicy | null,
    sendLimit,
    compress,
    protocols,
    openHeaders: openHeaders.map((name) => name.toLowerCase()),
    admission,
  };
}

function isTokens(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((name) => typeof name === "string" && isToken(name));
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

function isReplyType(value: unknown): value is ExtensionMessageType {
  return EXTENSION_TYPES.some((type) => type === value);
}
