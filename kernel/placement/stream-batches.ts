/**
 * Batches and questions on a byte stream, each behind a head of three u32: its kind, its length, how many large blobs.
 *
 * 1. The lengths of the large ones follow the head, then all bytes. Nothing is joined to be written, nor cut to be read:
 *    what comes is put where it belongs, so that a large blob is copied once on either side.
 * 2. A head may claim anything: above BYTES_MAX it throws RangeError.
 */
import type { Batch } from "./batch-writer.ts";

export const BATCH = 0;
export const QUESTION = 1;
export type StreamKind = typeof BATCH | typeof QUESTION;

const HEAD = 12; // bytes
const BYTES_MAX = 1024 * 1024 * 1024; // bytes: of one batch or blob; what is claimed costs memory only as it comes
const LARGE_MAX = 65_536; // blobs in a batch

/** What goes on the stream, in order. */
export function streamed(kind: StreamKind, { bytes, large }: Batch): Uint8Array[] {
  const head = Buffer.allocUnsafe(HEAD + 4 * large.length);
  head.writeUInt32LE(kind, 0);
  head.writeUInt32LE(bytes.byteLength, 4);
  head.writeUInt32LE(large.length, 8);
  for (const [index, blob] of large.entries()) head.writeUInt32LE(blob.byteLength, HEAD + 4 * index);
  return [head, bytes, ...large];
}

export class StreamBatches {
  readonly #received: (kind: number, batch: Batch) => void;
  #filling = new Uint8Array(HEAD);
  #filled = 0; // bytes of `#filling`
  #head: DataView | null = null;
  #lengths: number[] | null = null; // of what is still to come
  #parts: Uint8Array[] = [];

  constructor(received: (kind: number, batch: Batch) => void) {
    this.#received = received;
  }

  /** @throws {RangeError} */
  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length || this.#filled === this.#filling.length; ) {
      const taken = Math.min(this.#filling.length - this.#filled, chunk.length - at);
      this.#filling.set(chunk.subarray(at, at + taken), this.#filled);
      this.#filled += taken;
      at += taken;
      if (this.#filled < this.#filling.length) return;
      this.#whole(this.#filling);
    }
  }

  #whole(part: Uint8Array): void {
    if (this.#head === null) {
      this.#head = new DataView(part.buffer);
      this.#expect(4 * within(this.#head.getUint32(8, true), LARGE_MAX));
    } else if (this.#lengths === null) {
      const view = new DataView(part.buffer);
      const large = Array.from({ length: part.length / 4 }, (_, index) => view.getUint32(4 * index, true));
      this.#lengths = [this.#head.getUint32(4, true), ...large].map((length) => within(length, BYTES_MAX));
      this.#expect(this.#lengths.shift() ?? 0);
    } else {
      this.#parts.push(part);
      const next = this.#lengths.shift();
      if (next === undefined) this.#deliver(this.#head.getUint32(0, true));
      else this.#expect(next);
    }
  }

  #deliver(kind: number): void {
    const [bytes = new Uint8Array(0), ...large] = this.#parts;
    this.#head = null;
    this.#lengths = null;
    this.#parts = [];
    this.#expect(HEAD);
    this.#received(kind, { bytes, large });
  }

  #expect(bytes: number): void {
    this.#filling = new Uint8Array(bytes);
    this.#filled = 0;
  }
}

function within(value: number, max: number): number {
  if (value > max) throw new RangeError(`a batch claims ${value}, more than ${max}`);
  return value;
}
