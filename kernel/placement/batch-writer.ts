/**
 * Packs the records of one turn into one batch (records.ts).
 *
 * 1. `take` lends its memory, which is used again: who sends it later copies it.
 * 2. What may throw (packing a body) is done before the first field of a record is written, or within `whole`: no record
 *    is cut short.
 * 3. What is written by `frame` stays where it is until it is released: who keeps the frame needs no copy of his own.
 *    Such a writer is told now and then (`rest`) that nobody reads what is neither held nor waits.
 */
import { type Blob, packMessage } from "../../lib/protocol/index.ts";
import { FRAME } from "./records.ts";
import { Slab } from "./slab.ts";

const WORD = 8; // bytes: where a batch begins (shared-ring.ts)
const FIRST_SIZE = 16 * 1024; // bytes; doubled when too small
const KEPT_SIZE = 1024 * 1024; // bytes: memory that one big turn needed is not kept for all others
export const BATCH_BYTES: number = 256 * 1024; // bytes: a batch leaves before the end of a turn, so that the other side works meanwhile
export const LARGE_BLOB: number = 64 * 1024; // bytes: from here on, memory of its own costs less than a copy more

export const FRAME_HEAD = 15; // bytes of a FRAME before those that came: type, seq, channel, message type, flags, length

export type Batch = {
  readonly bytes: Uint8Array;
  /** Blobs that are not in `bytes`, each with memory of its own. */
  readonly large: readonly Uint8Array[];
};

/** Of a blob; none: there is none. */
export const BLOB_FLAGS = { isThere: 1, isText: 2, hasMime: 4, isLarge: 8 } as const;

const { isThere, isText, hasMime, isLarge } = BLOB_FLAGS;

export class BatchWriter {
  #slab = new Slab(FIRST_SIZE);
  #bytes = this.#slab.bytes;
  #view = this.#slab.view;
  #from = 0; // of the batch, at the beginning of a word: what stands before it was taken
  #at = 0;
  #large: Uint8Array[] = [];
  #largeBytes = 0;
  #slot = -1; // of the section that is open; -1: none
  #section = 0; // where its length stands
  readonly #keepsFrames: boolean;
  readonly #held: Slab[] = []; // others, of which frames were held when they were full
  #spare: Slab | null = null;

  /** @param keepsFrames see rule 3 */
  constructor(keepsFrames = false) {
    this.#keepsFrames = keepsFrames;
  }

  /** Bytes so far, large ones included. */
  get length(): number {
    return this.#at - this.#from + this.#largeBytes;
  }

  /** What `frame` has written to last. */
  get slab(): Slab {
    return this.#slab;
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
    const length = this.#at - this.#from;
    try {
      write(this);
    } catch (thrown) {
      this.#at = this.#from + length;
      throw thrown;
    }
  }

  /** Hot path: the head of a record about a message. */
  head(type: number, seq: number): this {
    this.#reserve(5);
    this.#bytes[this.#at] = type;
    this.#view.setUint32(this.#at + 1, seq, true);
    this.#at += 5;
    return this;
  }

  /** Hot path: a push, but for its blob. */
  push(type: number, channelId: number, messageType: number): this {
    this.#reserve(6);
    this.#bytes[this.#at] = type;
    this.#view.setUint32(this.#at + 1, channelId, true);
    this.#bytes[this.#at + 5] = messageType;
    this.#at += 6;
    return this;
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

  /** Hot path: a FRAME record. @returns where in `slab` its bytes begin, which are held there from now on */
  frame(seq: number, channelId: number, messageType: number, bytes: Uint8Array, textual: boolean): number {
    const { length } = bytes;
    this.#reserve(FRAME_HEAD + length);
    const at = this.#at;
    const view = this.#view;
    const own = this.#bytes;
    own[at] = FRAME;
    view.setUint32(at + 1, seq, true);
    view.setUint32(at + 5, channelId, true);
    own[at + 9] = messageType;
    own[at + 10] = textual ? isThere | isText : isThere;
    view.setUint32(at + 11, length, true);
    own.set(bytes, at + FRAME_HEAD);
    this.#at = at + FRAME_HEAD + length;
    this.#slab.held++;
    return at + FRAME_HEAD;
  }

  /** @returns what was written, lent until the next write; null: nothing was */
  take(): Batch | null {
    if (this.#at === this.#from) return null;
    this.#closeSection();
    const bytes = this.#bytes.subarray(this.#from, this.#at);
    const large = this.#large;
    this.#slot = -1;
    this.#large = [];
    this.#largeBytes = 0;
    if (this.#keepsFrames) this.#from = this.#at = inWords(this.#at);
    else if (this.#bytes.length > KEPT_SIZE) this.#use(new Slab(FIRST_SIZE), 0);
    else this.#at = 0;
    return { bytes, large };
  }

  /** Whatever was taken has been sent, and nobody reads a frame that is not held. */
  rest(): void {
    for (let i = this.#held.length - 1; i >= 0; i--) {
      const slab = this.#held[i];
      if (slab === undefined || slab.held > 0) continue;
      this.#held.splice(i, 1);
      if (slab.bytes.length <= KEPT_SIZE) this.#spare = slab;
    }
    if (this.#at !== this.#from) return;
    if (this.#slab.held > 0) {
      if (this.#at * 2 > this.#bytes.length) this.#grow(1); // or the next batch would be moved in the middle
    } else if (this.#bytes.length > KEPT_SIZE) this.#use(new Slab(FIRST_SIZE), 0);
    else this.#from = this.#at = 0;
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
    if (this.#at + more > this.#bytes.length) this.#grow(more);
  }

  /** Goes on elsewhere, with what of this batch is written, and room for `more` bytes. Frames stay where they were. */
  #grow(more: number): void {
    const wanted = this.#at - this.#from + more;
    let size = this.#from > 0 ? Math.min(this.#bytes.length, KEPT_SIZE) : this.#bytes.length * 2; // all of it: too small
    while (size < wanted) size *= 2;
    const spare = this.#spare;
    if (this.#keepsFrames) this.#held.push(this.#slab);
    if (spare !== null) this.#spare = null;
    this.#use(spare !== null && spare.bytes.length >= size ? spare : new Slab(size), this.length - this.#largeBytes);
  }

  /** @param written bytes of the batch, which go along */
  #use(slab: Slab, written: number): void {
    slab.bytes.set(this.#bytes.subarray(this.#from, this.#from + written));
    this.#section -= this.#from;
    this.#slab = slab;
    this.#bytes = slab.bytes;
    this.#view = slab.view;
    this.#from = 0;
    this.#at = written;
  }
}

/** Up to the next word. */
function inWords(bytes: number): number {
  return (bytes + WORD - 1) & -WORD;
}
