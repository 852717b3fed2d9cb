/**
 * Where chunks wait for the disk: their one copy on the way from the socket to the file.
 *
 * 1. Chunks stand behind each other, so that all that came while the disk was busy goes there as one request.
 * 2. A slab is used again once it is written: a part that goes on for hours makes no garbage of its bytes.
 * 3. How many there are is bounded by who adds: each socket has at most limits.chunkBytes waiting (upload.ts).
 */
import type { Range } from "./ranges.ts";

const SPARE = 2; // slabs kept: one fills while the other is written

export type Chunk = Range & { readonly channelId: number };
/** What is answered only when those before it are: a chunk that was refused, and why. */
export type Refused = { readonly channelId: number; readonly error: string; readonly close: boolean };
export type Entry = Chunk | Refused;

/** One request to the disk. */
export type Slab = { readonly bytes: Uint8Array; used: number; readonly entries: Entry[] };

export class Staging {
  readonly #slabBytes: number;
  readonly #tailBytes: number;
  readonly #waiting: Slab[] = [];
  readonly #spare: Uint8Array[] = [];

  /** @param slabBytes the largest chunk @param tailBytes left free behind the chunks of a slab */
  constructor(slabBytes: number, tailBytes: number) {
    this.#slabBytes = slabBytes;
    this.#tailBytes = tailBytes;
  }

  /** Copies `data`. */
  add(chunk: Chunk, data: Uint8Array): void {
    let slab = this.#last();
    if (slab.used + data.byteLength > this.#slabBytes) {
      slab = this.#next();
      this.#waiting.push(slab);
    }
    slab.bytes.set(data, slab.used);
    slab.used += data.byteLength;
    slab.entries.push(chunk);
  }

  refuse(refused: Refused): void {
    this.#last().entries.push(refused);
  }

  /** The oldest; undefined: nothing waits. */
  take(): Slab | undefined {
    return this.#waiting.shift();
  }

  /** It was written: its memory may be used again. */
  done({ bytes }: Slab): void {
    if (this.#spare.length < SPARE) this.#spare.push(bytes);
  }

  /** What waits is not written. */
  clear(): void {
    this.#waiting.length = 0;
  }

  /** Nobody sends any more: no memory is kept for it. */
  rest(): void {
    this.#spare.length = 0;
  }

  #last(): Slab {
    const last = this.#waiting.at(-1);
    if (last !== undefined) return last;
    const slab = this.#next();
    this.#waiting.push(slab);
    return slab;
  }

  #next(): Slab {
    const bytes = this.#spare.pop() ?? new Uint8Array(this.#slabBytes + this.#tailBytes);
    return { bytes, used: 0, entries: [] };
  }
}
