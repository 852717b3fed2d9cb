/**
 * Reads the first message of the main route: a WsRegister in JSON or MessagePack, text or binary, alone or wrapped as
 * `{"WsRegister": {…}}` (contract kinode §5.7, §8.4). Any bytes: always a registration or a refusal, never a throw.
 */
import {
  type Address,
  CLOSE,
  type CloseCode,
  type ProcessId,
  packMessage,
  parseUntrustedJson,
  SLOW_READER_POLICIES,
  type SlowReaderPolicy,
  textOf,
  toAddress,
  unpackUntrusted,
} from "../lib/protocol/index.ts";

/** How the client wrote, and so how it is answered. */
export type Encoding = "json" | "messagepack";

export type Registration = {
  readonly encoding: Encoding;
  /** null: none given; a cookie may stand in. */
  readonly token: string | null;
  /** null: the first message after it says (wrapped.ts). */
  readonly target: ProcessId | null;
  /** Of the target; null: this one. */
  readonly node: string | null;
  /** null: the server's. */
  readonly slowReader: SlowReaderPolicy | null;
};

export type Refusal = {
  readonly refused: true;
  readonly encoding: Encoding;
  readonly close: CloseCode;
  readonly message: string;
};

/** @param bytes the whole message @param maxBytes limits.registerBytes */
export function parseRegistration(bytes: Uint8Array, maxBytes: number): Registration | Refusal {
  const encoding = looksLikeMessagePack(bytes) ? "messagepack" : "json";
  if (bytes.byteLength > maxBytes)
    return refuse(encoding, `a WsRegister has at most ${maxBytes} bytes: got ${bytes.byteLength}`);
  let value: unknown;
  try {
    value = encoding === "json" ? parseUntrustedJson(bytes) : unpackUntrusted(bytes);
  } catch {
    return refuse(
      encoding,
      'the first message must be a WsRegister, e.g. {"target_process":"chat:chat:template.os"}: got no JSON and no MessagePack',
    );
  }
  const inner = isRecord(value) ? value.WsRegister : undefined;
  const isWrapped = isRecord(inner);
  if (isWrapped) value = inner;
  if (!isRecord(value)) return refuse(encoding, "a WsRegister is an object with target_process");
  const { auth_token: token = null, target_process: target, encrypted = false, slow_reader: slowReader = null } = value;
  const isLater = isWrapped && target === undefined && encoding === "json"; // a client of 2023-10
  if (typeof target !== "string" && !isLater)
    return refuse(encoding, "target_process must be a text, process:package:publisher");
  if (token !== null && typeof token !== "string") return refuse(encoding, "auth_token must be a text, or left out");
  if (encrypted !== false && encrypted !== null)
    return refuse(encoding, "encrypted must be false: this node offers no encrypted channels");
  if (slowReader !== null && !isPolicy(slowReader))
    return refuse(encoding, `slow_reader must be one of ${SLOW_READER_POLICIES.join(", ")}`);
  try {
    if (typeof target !== "string") return { encoding, token, target: null, node: null, slowReader };
    const { node, id } = targetOf(target);
    return { encoding, token, target: id, node: node === "our" ? null : node, slowReader };
  } catch (thrown) {
    return refuse(encoding, textOf(thrown));
  }
}

let lastText = "";
let lastTarget: Address | null = null;

/** Most sockets name the process that the one before named: what is known of a name stays with its object. @throws {IdError} */
function targetOf(text: string): Address {
  if (lastTarget !== null && text === lastText) return lastTarget;
  lastTarget = toAddress(text, "our");
  lastText = text;
  return lastTarget;
}

function refuse(encoding: Encoding, message: string): Refusal {
  return { refused: true, encoding, close: CLOSE.malformed, message };
}

/** Encodes an answer as its question was. */
export function encodeAnswer(value: unknown, encoding: Encoding): string | Uint8Array {
  return encoding === "json" ? JSON.stringify(value) : packMessage(value);
}

/** A MessagePack map begins with 0x80–0x8f, 0xde or 0xdf: no JSON text begins so. */
function looksLikeMessagePack(bytes: Uint8Array): boolean {
  const first = bytes[0] ?? 0;
  return (first >= 0x80 && first <= 0x8f) || first === 0xde || first === 0xdf;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isPolicy(value: unknown): value is SlowReaderPolicy {
  return SLOW_READER_POLICIES.some((policy) => policy === value);
}
