/**
 * WebSocket frames (RFC 6455 §5.2) as a client needs them: masked ones out, unmasked ones in.
 *
 * 1. Outgoing frames are masked once, ahead of time; sending is a `subarray` of one buffer.
 * 2. Incoming frames are told apart by their headers alone. While counting, no payload byte is read or copied.
 * 3. A chunk may end anywhere, also inside a header.
 */
import { randomBytes } from "node:crypto";

/** Frame types by their number on the wire (RFC 6455 §11.8). */
export const Opcode = { text: 0x1, binary: 0x2, close: 0x8, ping: 0x9, pong: 0xa } as const;

const FIN = 0x80;
const MASKED = 0x80;
const HEADER_MAX = 10; // bytes: two, and a 64-bit length; a server's frames carry no mask
const FRAME_MAX = 1 << 24; // bytes: nobody here sends that much, so a longer one is a misread header

/** One masked, final frame. */
export function maskedFrame(opcode: number, payload: Uint8Array): Buffer {
  const { length } = payload;
  const extended = length < 126 ? 0 : length < 65536 ? 2 : 8;
  const frame = Buffer.allocUnsafe(2 + extended + 4 + length);
  frame.writeUInt8(FIN | opcode, 0);
  frame.writeUInt8(MASKED | (extended === 0 ? length : extended === 2 ? 126 : 127), 1);
  if (extended === 2) frame.writeUInt16BE(length, 2);
  if (extended === 8) frame.writeBigUInt64BE(BigInt(length), 2);
  const mask = randomBytes(4);
  mask.copy(frame, 2 + extended);
  const start = 2 + extended + 4;
  for (let i = 0; i < length; i += 1) frame[start + i] = (payload[i] ?? 0) ^ (mask[i & 3] ?? 0);
  return frame;
}

/** `batches[k]` is k frames in a row, for k up to `most`; all share one memory. */
export function frameBatches(opcode: number, payload: Uint8Array, most: number): readonly Buffer[] {
  const frames = Array.from({ length: most }, () => maskedFrame(opcode, payload));
  const all = Buffer.concat(frames);
  const each = all.length / most;
  return Array.from({ length: most + 1 }, (_, k) => all.subarray(0, k * each));
}

/** Gets a frame that was not merely counted. `payload` is the callee's to keep. */
export type OnFrame = (opcode: number, payload: Buffer) => void;

/** Walks the frames of one connection. Hands over each of them, until `count` says which to count. */
export class FrameReader {
  readonly #onFrame: OnFrame;
  /** First byte and payload bytes of a frame that is counted; -1: none is. */
  #countedFirst = -1;
  #countedLength = -1;
  /** The start of a header whose rest is in the next chunk. */
  readonly #header = Buffer.alloc(HEADER_MAX);
  #headerBytes = 0;
  /** The frame whose payload is being passed. `#payload` is undefined when it is counted. */
  #inPayload = false;
  #opcode = 0;
  #missing = 0;
  #payload: Buffer | undefined;

  constructor(onFrame: OnFrame) {
    this.#onFrame = onFrame;
  }

  /** From here on whole messages of `opcode` with `length` bytes are only counted; any other frame is handed over. */
  count(opcode: number, length: number): void {
    this.#countedFirst = FIN | opcode;
    this.#countedLength = length;
  }

  /**
   * Passes over bytes `from` to `to` of `chunk`, which is not kept.
   * @returns how many counted frames ended in it
   * @throws {Error} a frame is longer than any that is sent here; and whatever `onFrame` throws
   */
  feed(chunk: Buffer, from: number, to: number): number {
    let counted = 0;
    let at = from;
    while (at < to) {
      if (!this.#inPayload) {
        at = this.#passHeader(chunk, at, to);
        if (!this.#inPayload) break;
      }
      const step = Math.min(this.#missing, to - at);
      if (this.#payload !== undefined) chunk.copy(this.#payload, this.#payload.length - this.#missing, at, at + step);
      at += step;
      this.#missing -= step;
      if (this.#missing > 0) break;
      this.#inPayload = false;
      if (this.#payload === undefined) counted += 1;
      else this.#onFrame(this.#opcode, this.#payload);
    }
    return counted;
  }

  /** Returns where the payload starts; or `to`, and `#inPayload` stays false, when the header goes on in the next chunk. */
  #passHeader(chunk: Buffer, from: number, to: number): number {
    if (this.#headerBytes === 0 && to - from >= HEADER_MAX) return from + this.#readHeader(chunk, from);
    let at = from;
    while (at < to) {
      this.#header[this.#headerBytes] = chunk[at] ?? 0;
      this.#headerBytes += 1;
      at += 1;
      if (this.#headerBytes >= 2 && this.#headerBytes === headerLength(this.#header, 0)) {
        this.#headerBytes = 0;
        this.#readHeader(this.#header, 0);
        break;
      }
    }
    return at;
  }

  /** Takes in the whole header at `at` and returns its length. */
  #readHeader(bytes: Buffer, at: number): number {
    const first = bytes[at] ?? 0;
    const length = payloadLength(bytes, at);
    if (length > FRAME_MAX) throw new Error(`Cannot read a frame of ${length} bytes as the most is ${FRAME_MAX}`);
    const isCounted = first === this.#countedFirst && length === this.#countedLength;
    this.#inPayload = true;
    this.#opcode = first & 0x0f;
    this.#missing = length;
    this.#payload = isCounted ? undefined : Buffer.allocUnsafe(length);
    return headerLength(bytes, at);
  }
}

function headerLength(bytes: Buffer, at: number): number {
  const short = (bytes[at + 1] ?? 0) & 0x7f;
  return short < 126 ? 2 : short === 126 ? 4 : 10;
}

function payloadLength(bytes: Buffer, at: number): number {
  const short = (bytes[at + 1] ?? 0) & 0x7f;
  if (short < 126) return short;
  return short === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
}
