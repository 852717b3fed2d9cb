/**
 * Packs the records of one turn into one batch (records.ts).
 *
 * 1. `take` lends its memory, which is used again for the next batch: who sends it later copies it.
 * 2. What may throw (packing a body) is done before the first field of a record is written, or within `whole`: no record
 *    is cut short.
 */
import { type Blob, packMessage } from "../../lib/protocol/index.ts";

const FIRST_SIZE = 16 * 1024; // bytes; doubled when too small
const KEPT_SIZE = 1024 * 1024; // bytes: memory that one big turn needed is not kept for all others
export const BATCH_BYTES: number = 256 * 1024; // bytes: a batch leaves before the end of a turn, so that the other side works meanwhile
export const LARGE_BLOB: number = 64 * 1024; // bytes: from here on, memory of its own costs less than a copy more

export type Batch = {
  readonly bytes: Uint8Array;
  /** Blobs that are not in `bytes`, each with memory of its own. */
  readonly large: readonly Uint8Array[];
};

/** Of a blob; none: there is none. */
export const BLOB_FLAGS = { isThere: 1, isText: 2, hasMime: 4, isLarge: 8 } as const;

const { isThere, isText, hasMime, isLarge } = BLOB_FLAGS;

export class BatchWriter {
  #bytes: Buffer = Buffer.allocUnsafeSlow(FIRST_SIZE);
  #view = viewOf(this.#bytes);
  #at = 0;
  #large: Uint8Array[] = [];
  #largeBytes = 0;
  #slot = -1; // of the section that is open; -1: none
  #section = 0; // where its length stands

  /** Bytes so far, large ones included. */
  get length(): number {
    return this.#at + this.#largeBytes;
  }

  /** Hot path. What follows is about `slot`. */
  section(slot: number): this {
    if (slot === this.#slot) return this;
    this.#closeSection();
    this.#reserve(8);
    this.#view.setUint32(this.#at, slot, true);
    this.#section = this.#at + 4;
    this.#slot = slot;
    this.#at += 8;
    return this;
  }

  /** Writes a record, or nothing when that throws. */
  whole(write: (out: this) => void): void {
    const at = this.#at;
    try {
      write(this);
    } catch (thrown) {
      this.#at = at;
      throw thrown;
    }
  }

  u8(value: number): this {
    this.#reserve(1);
    this.#bytes[this.#at++] = value;
    return this;
  }

  u32(value: number): this {
    this.#reserve(4);
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
    return this;
  }

  f64(value: number): this {
    this.#reserve(8);
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
    return this;
  }

  text(given: string): this {
    const value = String(given); // who wrote JavaScript may have given something else
    this.#reserve(4 + value.length * 3); // UTF-8 has at most three bytes for each unit of a string
    const length = this.#bytes.write(value, this.#at + 4);
    this.#view.setUint32(this.#at, length, true);
    this.#at += 4 + length;
    return this;
  }

  bytes(value: Uint8Array): this {
    const { length } = value;
    this.#reserve(4 + length);
    this.#view.setUint32(this.#at, length, true);
    this.#bytes.set(value, this.#at + 4);
    this.#at += 4 + length;
    return this;
  }

  /** Anything MessagePack can carry. Throws when it is not: see rule 2. */
  value(value: unknown): this {
    return this.bytes(packMessage(value));
  }

  /** Hot path. */
  blob(blob: Blob | null): this {
    if (blob === null) return this.u8(0);
    const { mime } = blob;
    const raw = blob.raw();
    const flags = isThere | (blob.isText ? isText : 0) | (mime === null ? 0 : hasMime);
    const goesApart = (typeof raw === "string" ? raw.length : raw.byteLength) >= LARGE_BLOB;
    this.u8(goesApart ? flags | isLarge : flags);
    if (mime !== null) this.text(mime);
    if (goesApart) return this.u32(this.#addLarge(blob.bytes()));
    if (typeof raw === "string") return this.text(raw);
    return this.bytes(raw instanceof Uint8Array ? raw : new Uint8Array(raw));
  }

  /** @returns what was written, lent until the next write; null: nothing was */
  take(): Batch | null {
    if (this.#at === 0) return null;
    this.#closeSection();
    const bytes = this.#bytes.subarray(0, this.#at);
    const large = this.#large;
    this.#at = 0;
    this.#slot = -1;
    this.#large = [];
    this.#largeBytes = 0;
    if (this.#bytes.length > KEPT_SIZE) this.#grow(0);
    return { bytes, large };
  }

  /** @returns its place among the large ones */
  #addLarge(bytes: Uint8Array): number {
    this.#largeBytes += bytes.byteLength;
    return this.#large.push(new Uint8Array(bytes)) - 1; // a copy: the other side gets the memory itself
  }

  #closeSection(): void {
    if (this.#slot !== -1) this.#view.setUint32(this.#section, this.#at - this.#section - 4, true);
    this.#slot = -1;
  }

  #reserve(more: number): void {
    if (this.#at + more > this.#bytes.length) this.#grow(this.#at + more);
  }

  /** @param atLeast bytes; 0: begin anew */
  #grow(atLeast: number): void {
    let size = atLeast === 0 ? FIRST_SIZE : this.#bytes.length;
    while (size < atLeast) size *= 2;
    const bytes = Buffer.allocUnsafeSlow(size);
    bytes.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
