/** Reads a batch (records.ts). Throws RangeError where it is cut short: who wrote it may have meant harm. */
import { Blob, unpackMessage } from "../../lib/protocol/index.ts";
import { type Batch, BLOB_FLAGS } from "./batch-writer.ts";

/** A blob as it came: `bytes` are a part of the batch, or of a large one's own memory. */
export type Piece = { readonly bytes: Uint8Array; readonly isText: boolean; readonly mime: string | null };

export class BatchReader {
  readonly #bytes: Buffer;
  readonly #memory: ArrayBuffer; // of #bytes, which begin #from there: to ask them for it is a call out of JavaScript
  readonly #from: number;
  readonly #view: DataView;
  readonly #large: readonly Uint8Array[];
  #at = 0;
  #end = 0; // of the open section

  constructor({ bytes, large }: Batch) {
    this.#memory = bytes.buffer as ArrayBuffer; // what is shared was copied out (shared-ring.ts)
    this.#from = bytes.byteOffset;
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#large = large;
  }

  /** Goes on to the next section, leaving out what is left of this one. @returns its slot; -1: there is none */
  nextSection(): number {
    this.#at = this.#end;
    this.#end = this.#bytes.length; // for the head of it
    if (this.#at === this.#end) return -1;
    const slot = this.u32();
    const length = this.u32();
    this.#end = this.#at + length;
    if (this.#end > this.#bytes.length) throw new RangeError("a section ends behind its batch");
    return slot;
  }

  /** Hot path. @returns the type of the next record of this section; 0: there is none */
  nextRecord(): number {
    if (this.#at < this.#end) return this.u8();
    if (this.#at > this.#end) throw cutShort(); // the last one went on into the next section
    return 0;
  }

  u8(): number {
    const value = this.#bytes[this.#at++];
    if (value === undefined) throw cutShort();
    return value;
  }

  u32(): number {
    const at = this.#at;
    this.#at = at + 4;
    if (this.#at > this.#end) throw cutShort();
    return this.#view.getUint32(at, true);
  }

  f64(): number {
    const at = this.#at;
    this.#at = at + 8;
    if (this.#at > this.#end) throw cutShort();
    return this.#view.getFloat64(at, true);
  }

  text(): string {
    const from = this.#skip();
    return this.#bytes.toString("utf8", from, this.#at);
  }

  /** A part of the batch. */
  bytes(): Uint8Array {
    const from = this.#skip();
    return new Uint8Array(this.#memory, this.#from + from, this.#at - from);
  }

  value(): unknown {
    return unpackMessage(this.bytes());
  }

  /** Hot path: as `blob`, lent, and without a view of it unless somebody asks for one. */
  lent(): Blob {
    const flags = this.#bytes[this.#at];
    if (flags !== BLOB_FLAGS.isThere && flags !== (BLOB_FLAGS.isThere | BLOB_FLAGS.isText)) {
      const piece = this.blob();
      return Blob.lend(piece?.bytes ?? EMPTY, piece?.isText ?? false);
    }
    this.#at++;
    const from = this.#skip();
    return Blob.lendPart(this.#memory, this.#from + from, this.#at - from, flags !== BLOB_FLAGS.isThere);
  }

  /** Hot path. */
  blob(): Piece | null {
    const flags = this.u8();
    if (flags === 0) return null;
    const mime = (flags & BLOB_FLAGS.hasMime) === 0 ? null : this.text();
    const isText = (flags & BLOB_FLAGS.isText) !== 0;
    if ((flags & BLOB_FLAGS.isLarge) === 0) return { bytes: this.bytes(), isText, mime };
    const bytes = this.#large[this.u32()];
    if (bytes === undefined) throw new RangeError("a large blob is missing");
    return { bytes, isText, mime };
  }

  /** @returns where the bytes begin whose length stands here; from then on it is behind them */
  #skip(): number {
    const length = this.u32();
    const from = this.#at;
    this.#at += length;
    if (this.#at > this.#end) throw cutShort();
    return from;
  }
}

function cutShort(): RangeError {
  return new RangeError("a record is cut short");
}

const EMPTY = new Uint8Array(0);
