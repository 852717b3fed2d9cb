/** What a request to http-client:distro:sys asks for, checked: nothing behind this sees a body. */
import type { HttpClientAction, OutgoingHttp } from "jackfield/protocol";

type Fields = Readonly<Record<string, unknown>>;

const TYPES = ["Text", "Binary", "Ping", "Pong", "Close"];
const CHANNEL_MAX = 2 ** 32 - 1; // a u32
const PROTOCOLS_MAX = 16; // sub-protocols that one handshake offers

/** @returns undefined: it is malformed */
export function readAction(body: unknown): HttpClientAction | undefined {
  const entries = isRecord(body) ? Object.entries(body) : [];
  const [name, value] = entries.length === 1 ? (entries[0] ?? []) : [];
  if (!isRecord(value)) return undefined;
  switch (name) {
    case "Http":
      return readHttp(value);
    case "WebSocketOpen": {
      const { url, headers = {}, channel_id, protocols = [], answered = false } = value;
      const isOpen =
        typeof url === "string" && isTexts(headers) && isChannel(channel_id) && typeof answered === "boolean";
      if (!isOpen || !Array.isArray(protocols) || protocols.length > PROTOCOLS_MAX) return undefined;
      if (!protocols.every((each): each is string => typeof each === "string")) return undefined;
      return { WebSocketOpen: { url, headers, channel_id, protocols, answered } };
    }
    case "WebSocketPush": {
      const { channel_id, message_type } = value;
      if (!isChannel(channel_id) || !TYPES.some((type) => type === message_type)) return undefined;
      return { WebSocketPush: { channel_id, message_type: message_type as "Text" } };
    }
    case "WebSocketClose": {
      const { channel_id, code, reason = "" } = value;
      if (!isChannel(channel_id) || typeof reason !== "string" || Buffer.byteLength(reason) > 123) return undefined;
      if (code === undefined) return { WebSocketClose: { channel_id } };
      const isCode =
        code === 1000 || (typeof code === "number" && code >= 3000 && code <= 4999 && Number.isInteger(code));
      return isCode ? { WebSocketClose: { channel_id, code, reason } } : undefined;
    }
    case "HttpRead":
      return isCount(value.stream_id) ? { HttpRead: { stream_id: value.stream_id } } : undefined;
    case "HttpCancel":
      return isCount(value.stream_id) ? { HttpCancel: { stream_id: value.stream_id } } : undefined;
    default:
      return undefined;
  }
}

function readHttp(value: Fields): HttpClientAction | undefined {
  const { method, version = null, url, headers = {}, redirect = "follow", stream = false, timeout } = value;
  if (typeof method !== "string" || typeof url !== "string" || !isTexts(headers)) return undefined;
  if (version !== null && typeof version !== "string") return undefined;
  if (redirect !== "follow" && redirect !== "manual" && redirect !== "error") return undefined;
  if (typeof stream !== "boolean" || (timeout !== undefined && !isCount(timeout))) return undefined;
  const http: OutgoingHttp = { method, version, url, headers, redirect, stream };
  return { Http: timeout === undefined ? http : { ...http, timeout } };
}

function isRecord(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isTexts(value: unknown): value is Readonly<Record<string, string>> {
  return isRecord(value) && Object.values(value).every((each) => typeof each === "string");
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isChannel(value: unknown): value is number {
  return isCount(value) && value <= CHANNEL_MAX;
}
