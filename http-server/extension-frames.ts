/**
 * What a binary frame of an extension is (contract kinode §5.9): a message for its process; another of the actions,
 * which has no business on this socket; or data like that of any client. Any bytes: never a throw.
 */
import {
  EXTENSION_DATA,
  EXTENSION_TYPES,
  MESSAGE_TYPES,
  packedActionName,
  type ReadExtensionMessage,
  unpackExtensionMessage,
  unpackMessage,
} from "../lib/protocol/index.ts";

export type ExtensionFrame = ReadExtensionMessage | "action" | "data";

export function readExtensionFrame(bytes: Uint8Array): ExtensionFrame {
  const name = packedActionName(bytes);
  if (name === undefined) return "data";
  if (name === EXTENSION_DATA) return unpackExtensionMessage(bytes) ?? "data";
  return Object.hasOwn(FIELDS, name) && isAction(bytes, name) ? "action" : "data";
}

function isAction(bytes: Uint8Array, name: string): boolean {
  let argument: unknown;
  try {
    argument = (unpackMessage(bytes) as Readonly<Record<string, unknown>>)[name]; // a map: its name was read from one
  } catch {
    return false; // not whole, or too deep
  }
  const fields = FIELDS[name] ?? [];
  if (name === "WebSocketClose") return isU32(argument);
  if (typeof argument !== "object" || argument === null) return false;
  const values = Array.isArray(argument) ? argument : fields.map((field) => argument[field as keyof typeof argument]);
  return values.length === fields.length && fields.every((field, at) => CHECKS[field]?.(values[at]) === true);
}

/** Of each action (contract kinode §5.1) the fields in their order: what is written with names or by position. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  Bind: ["path", "authenticated", "local_only", "cache"],
  SecureBind: ["path", "cache"],
  Unbind: ["path"],
  WebSocketBind: ["path", "authenticated", "extension"],
  WebSocketSecureBind: ["path", "extension"],
  WebSocketUnbind: ["path"],
  WebSocketOpen: ["path", "channel_id"],
  WebSocketPush: ["channel_id", "message_type"],
  WebSocketExtPushOutgoing: ["channel_id", "message_type", "desired_reply_type"],
  WebSocketClose: [],
};

const isFlag = (value: unknown): boolean => typeof value === "boolean";
const isU32 = (value: unknown): boolean => typeof value === "number" && value >>> 0 === value;

const CHECKS: Readonly<Record<string, (value: unknown) => boolean>> = {
  path: (value) => typeof value === "string",
  authenticated: isFlag,
  local_only: isFlag,
  cache: isFlag,
  extension: isFlag,
  channel_id: isU32,
  message_type: (value) => MESSAGE_TYPES.some((type) => type === value),
  desired_reply_type: (value) => EXTENSION_TYPES.some((type) => type === value),
};
