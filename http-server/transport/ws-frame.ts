/** Server frames of RFC 6455 §5.2: whole, unmasked; compressed or not. */
import { deflateMessage } from "./deflate.ts";

export const OPCODE = { text: 1, binary: 2, ping: 9, pong: 10 } as const;

export type Opcode = (typeof OPCODE)[keyof typeof OPCODE];

export const CONTROL_MAX = 125; // bytes a control frame may carry (RFC 6455 §5.5)

const COMPRESSED = 0x40; // RSV1 (RFC 7692 §6)

/** A data frame that holds `data` compressed. */
export function encodeDeflated(opcode: Opcode, data: string | Uint8Array | ArrayBuffer): Buffer {
  return encodeFrame(opcode, deflateMessage(data), COMPRESSED);
}

/** Copies `data` into a frame. A string becomes UTF-8, with U+FFFD for a lone surrogate. @param reserved its RSV bits */
export function encodeFrame(opcode: Opcode, data: string | Uint8Array | ArrayBuffer, reserved: number = 0): Buffer {
  const size = typeof data === "string" ? Buffer.byteLength(data) : data.byteLength;
  const head = size < 126 ? 2 : size < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(head + size); // every byte is written below
  frame[0] = 0x80 | reserved | opcode;
  if (head === 2) {
    frame[1] = size;
  } else if (head === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(size, 2);
  } else {
    frame[1] = 127;
    frame.writeBigUInt64BE(BigInt(size), 2);
  }
  if (typeof data === "string") frame.write(data, head);
  else frame.set(ArrayBuffer.isView(data) ? data : new Uint8Array(data), head);
  return frame;
}
