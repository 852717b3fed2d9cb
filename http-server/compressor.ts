/**
 * Compresses static content, once, off the main thread, when somebody first asks for it so.
 *
 * 1. Nothing at a bind: what nobody asks for costs nothing, and a start is not slower for it.
 * 2. One at a time: zlib works in the threads that files and the state store need too.
 * 3. Only bound content: answers of a process may hold a secret beside what a stranger chose (BREACH), so they go out
 *    as they are; a process that knows better compresses its own.
 */
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import type { StaticBytes } from "./static-bytes.ts";
import type { Coding, StaticContent } from "./static-content.ts";

const BROTLI_QUALITY = 9; // of 11: that took 13 times as long for 9 % less of 0.76 MB of JavaScript (93 and 1,179 ms)
const GZIP_LEVEL = 9;
const PAYS_BELOW = 0.9; // of its size: for less, decoding costs the client more than it saves

export class Compressor {
  readonly #room: StaticBytes;
  readonly #fault: (error: unknown) => void;
  readonly #underWay = new Map<StaticContent, Map<Coding, Promise<void>>>();
  #last: Promise<void> = Promise.resolve();

  constructor(room: StaticBytes, fault: (error: unknown) => void) {
    this.#room = room;
    this.#fault = fault;
  }

  /** Settles when `content.coded(coding)` says something; never rejects. */
  compress(content: StaticContent, coding: Coding): Promise<void> {
    const codings = this.#underWay.get(content) ?? new Map<Coding, Promise<void>>();
    const known = codings.get(coding);
    if (known !== undefined) return known;
    const work = this.#last.then(() => this.#compress(content, coding));
    this.#last = work;
    codings.set(coding, work);
    this.#underWay.set(content, codings);
    return work;
  }

  async #compress(content: StaticContent, coding: Coding): Promise<void> {
    try {
      if (content.isDropped) content.keepCoded(coding, null);
      else this.#keep(content, coding, await PACK[coding](content.bytes));
    } catch (error) {
      content.keepCoded(coding, null);
      this.#fault(error);
    }
    const codings = this.#underWay.get(content);
    codings?.delete(coding);
    if (codings?.size === 0) this.#underWay.delete(content);
  }

  /** Content that was unbound meanwhile is nobody's to count. */
  #keep(content: StaticContent, coding: Coding, packed: Uint8Array): void {
    const pays = packed.byteLength < content.bytes.byteLength * PAYS_BELOW;
    const isKept = pays && !content.isDropped && this.#room.take(packed.byteLength);
    content.keepCoded(coding, isKept ? packed : null);
  }
}

/** Promisified in the call, not above: a start does not load zlib, which takes it 2 ms (bench/start). */
const PACK: Readonly<Record<Coding, (bytes: Uint8Array) => Promise<Uint8Array>>> = {
  br: (bytes) => {
    const params = {
      [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.byteLength,
    };
    return promisify(brotliCompress)(bytes, { params });
  },
  gzip: (bytes) => promisify<Uint8Array, { level: number }, Buffer>(gzip)(bytes, { level: GZIP_LEVEL }),
};
