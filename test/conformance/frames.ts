/** Client frames, right and wrong, and what came back, as text. */
import { createHash } from "node:crypto";
import { inflate, RSV1 } from "../support/deflate.ts";
import { closePayload, type Frame } from "../support/sockets.ts";

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

const MASK = Buffer.from([0x37, 0xfa, 0x21, 0x3d]); // RFC 6455 §5.7's; the same each time, so that a failure can be had again
const SHOWN = 40; // bytes: what is longer shows its digest

export type FrameParts = {
  readonly final?: boolean;
  /** 1 to 7: RSV1 is 4, RSV2 is 2, RSV3 is 1. */
  readonly reserved?: number;
  readonly masked?: boolean;
  /** How long the length is written: 2 or 8 bytes, whatever it is. */
  readonly lengthBytes?: 2 | 8;
  /** The length that is claimed. */
  readonly length?: bigint;
};

export function frame(opcode: number, data: string | Uint8Array = "", parts: FrameParts = {}): Buffer {
  const { final = true, reserved = 0, masked = true } = parts;
  const payload = Buffer.from(data);
  const length = parts.length ?? BigInt(payload.length);
  const lengthBytes = parts.lengthBytes ?? (length < 126n ? 0 : length < 65_536n ? 2 : 8);
  const head = Buffer.alloc(2 + lengthBytes);
  head[0] = (final ? 0x80 : 0) | (reserved << 4) | opcode;
  head[1] = (masked ? 0x80 : 0) | (lengthBytes === 0 ? Number(length) : lengthBytes === 2 ? 126 : 127);
  if (lengthBytes === 2) head.writeUInt16BE(Number(length), 2);
  if (lengthBytes === 8) head.writeBigUInt64BE(length, 2);
  if (!masked) return Buffer.concat([head, payload]);
  for (let at = 0; at < payload.length; at++) payload[at] = (payload[at] ?? 0) ^ (MASK[at & 3] ?? 0);
  return Buffer.concat([head, MASK, payload]);
}

export const text = (data: string | Uint8Array, parts?: FrameParts): Buffer => frame(OPCODE.text, data, parts);
export const binary = (data: Uint8Array, parts?: FrameParts): Buffer => frame(OPCODE.binary, data, parts);
export const ping = (data: string | Uint8Array = "", parts?: FrameParts): Buffer => frame(OPCODE.ping, data, parts);
export const pong = (data: string | Uint8Array = "", parts?: FrameParts): Buffer => frame(OPCODE.pong, data, parts);
export const close = (code: number, reason: string | Uint8Array = ""): Buffer =>
  frame(OPCODE.close, closePayload(code, reason));

/** One message in frames that carry `sizes` bytes, the last what is left. @param reserved of the first */
export function fragments(opcode: number, data: string | Uint8Array, size: number, reserved = 0): Buffer[] {
  const payload = Buffer.from(data);
  const count = Math.max(1, Math.ceil(payload.length / size));
  return Array.from({ length: count }, (_, at) =>
    frame(at === 0 ? opcode : OPCODE.continuation, payload.subarray(at * size, (at + 1) * size), {
      final: at === count - 1,
      reserved: at === 0 ? reserved : 0,
    }),
  );
}

/** What a frame is expected to look like. */
export function said(kind: "text" | "binary" | "pong", data: string | Uint8Array = "", compressed = false): string {
  const bytes = Buffer.from(data);
  const shown =
    bytes.length <= SHOWN
      ? JSON.stringify(kind === "binary" ? bytes.toString("hex") : bytes.toString())
      : `${bytes.length} bytes ${createHash("sha256").update(bytes).digest("hex").slice(0, 8)}`;
  return `${compressed ? "compressed " : ""}${kind} ${shown}`;
}

/** What a frame that came looks like; a close as `close`, `close 1000` or `close 1000 "bye"`. */
export function describeFrame({ kind, final, reserved, payload }: Frame): string {
  if (!final) return `unfinished ${kind}`;
  if (kind === "close") {
    if (payload.length === 0) return "close";
    const reason = payload.subarray(2).toString();
    return `close ${payload.readUInt16BE(0)}${reason === "" ? "" : ` ${JSON.stringify(reason)}`}`;
  }
  if (kind === "ping" || kind === "continuation") return kind;
  if (reserved === RSV1 && kind !== "pong") return said(kind, inflate(payload), true);
  return `${reserved === 0 ? "" : `reserved ${reserved} `}${said(kind, payload)}`;
}
