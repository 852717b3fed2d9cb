/**
 * The oldest clients, @uqbar/client-encryptor-api 0.1.x of 2023 (contract kinode §5.6): they register without naming a
 * process, and wrap each message in one that does.
 *
 *   {"WsRegister": {"auth_token", "ws_auth_token"?, "channel_id"?}}
 *   {"WsMessage":  {"auth_token", "ws_auth_token"?, "channel_id", "target": {"node", "process": {"Name"}}, "json"}}
 *
 * 1. The first message's target is the channel's process. One for another process ends the channel.
 * 2. The process gets `json` alone, as bytes. The tokens in messages are not looked at: the registration's was.
 * 3. Their other kind, EncryptedWsMessage, needs a key of a service that is not here: refused.
 */
import { ProcessId } from "../lib/protocol/index.ts";

export type WrappedMessage = { readonly target: ProcessId; readonly data: Uint8Array };

const encoder = new TextEncoder();
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** @param node whose processes may be named @returns why not, as a sentence */
export function readWrapped(bytes: Uint8Array, node: string): WrappedMessage | string {
  try {
    return unwrap(JSON.parse(utf8.decode(bytes)), node);
  } catch {
    return 'a message must be JSON, {"WsMessage":{"target":…,"json":…}}: register with target_process to send anything else';
  }
}

/** @throws {RangeError} the data is nested too deeply to be written again */
function unwrap(frame: unknown, node: string): WrappedMessage | string {
  const { WsMessage: message, EncryptedWsMessage: encrypted } = fieldsOf(frame);
  if (encrypted !== undefined) return "this node decrypts no messages: send them with encrypted: false";
  const { target, json = null } = fieldsOf(message);
  const { node: on, process } = fieldsOf(target);
  const id = processOf(process);
  if (id === undefined) return "a WsMessage must have a target with a node and a process";
  if (on !== node && on !== "our") return `a target must be on this node, ${node}`;
  return { target: id, data: encoder.encode(JSON.stringify(json)) };
}

/** `{Name: …}` around a text, from 0.1.4 on around the three parts; or the parts alone, as in an EncryptedWsMessage. */
function processOf(process: unknown): ProcessId | undefined {
  const { Name: named = process } = fieldsOf(process);
  const { process_name: name, package_name: packageName, publisher_node: publisher } = fieldsOf(named);
  const parts = [name, packageName, publisher];
  const text = parts.every((part) => typeof part === "string") ? parts.join(":") : named;
  try {
    return typeof text === "string" ? ProcessId.parse(text) : undefined;
  } catch {
    return undefined;
  }
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
