/**
 * What a part's file says about itself, behind the part's own bytes: which of them are there.
 *
 * 1. The file is the part's `size` bytes, room up to a page's start, and two halves of RECORDS records each.
 * 2. One half counts: that of the highest generation whose head and what the head promises are whole. It begins with its
 *    head, a snapshot of all ranges, and has one more record for each range written since. When it is full the other one
 *    begins, a generation higher.
 * 3. A record never crosses a page, and has a sum: a kill in the middle of a write leaves it whole or makes it nothing.
 * 4. A range is recorded behind its bytes, in one write at positions: what is read here was written.
 */
import { type Range, Ranges } from "./ranges.ts";

const RECORD = 32; // bytes; divides a page
const PAGE = 4096; // bytes: what a system writes whole into its memory, on every platform Node runs on
const RECORDS = 2048; // in a half: with 1,024 ranges at most there are as many appends between snapshots
const HALF = RECORDS * RECORD;
const HEAD = 1;
const RANGE = 2;

/** The most that one write can add: a head and a snapshot. */
export const journalBytesMax = (ranges: number): number => (1 + ranges) * RECORD;

/** Of the file of a part of `size` bytes. */
export function fileLength(size: number): number {
  return journalPosition(size) + 2 * HALF;
}

/** Where in the file the journal is, and how long. */
export function journalPlace(size: number): { readonly position: number; readonly length: number } {
  return { position: journalPosition(size), length: 2 * HALF };
}

/** Where bytes go. */
export type JournalWrite = { readonly position: number; readonly bytes: Uint8Array };

export class Journal {
  /** What was read; the caller adds what it writes. */
  readonly ranges: Ranges;
  readonly #size: number;
  #generation: number;
  #records: number; // in the half that counts, its head too

  private constructor(size: number, ranges: Ranges, generation: number, records: number) {
    this.#size = size;
    this.ranges = ranges;
    this.#generation = generation;
    this.#records = records;
  }

  /** Of a new part, and the write that begins it. */
  static create(size: number, rangesMax: number): { readonly journal: Journal; readonly first: JournalWrite } {
    const journal = new Journal(size, new Ranges(rangesMax), 0, RECORDS + 1); // so that it begins a half
    return { journal, first: journal.append([]) };
  }

  /** @param bytes from `journalPlace` @returns undefined: they are no journal of a part of that size */
  static read(bytes: Uint8Array, size: number, rangesMax: number): Journal | undefined {
    const halves = [0, 1].map((half) => readHalf(bytes.subarray(half * HALF, (half + 1) * HALF), size, rangesMax));
    const best = halves.reduce((a, b) => ((b?.generation ?? 0) > (a?.generation ?? 0) ? b : a));
    return best === undefined ? undefined : new Journal(size, best.ranges, best.generation, best.records);
  }

  /** The write that makes `ranges` known, once what it is put behind is written. They count as added from now on. */
  append(added: readonly Range[]): JournalWrite {
    const ranges = added.filter(({ start, end }) => this.ranges.add(start, end)); // one too many would spoil the half
    if (this.#records + ranges.length <= RECORDS) {
      const at = this.#records;
      this.#records += ranges.length;
      return { position: this.#position(at), bytes: records(ranges, this.#generation) };
    }
    this.#generation++;
    const all = this.ranges.all();
    this.#records = 1 + all.length;
    const bytes = new Uint8Array(this.#records * RECORD);
    write(bytes, 0, { start: this.#size, end: all.length }, this.#generation, HEAD);
    bytes.set(records(all, this.#generation), RECORD);
    return { position: this.#position(0), bytes };
  }

  /** Odd generations are in the first half. */
  #position(record: number): number {
    return journalPosition(this.#size) + (this.#generation % 2 === 1 ? 0 : HALF) + record * RECORD;
  }
}

type Half = { readonly generation: number; readonly ranges: Ranges; readonly records: number };

function readHalf(bytes: Uint8Array, size: number, rangesMax: number): Half | undefined {
  const head = read(bytes, 0);
  if (head === undefined || head.kind !== HEAD || head.start !== size) return undefined;
  const ranges = new Ranges(rangesMax);
  let records = 1;
  for (; records < RECORDS; records++) {
    const record = read(bytes, records);
    if (record === undefined || record.kind !== RANGE || record.generation !== head.generation) break;
    if (record.end > size || !ranges.add(record.start, record.end)) return undefined;
  }
  return records > head.end ? { generation: head.generation, ranges, records } : undefined;
}

function journalPosition(size: number): number {
  return Math.ceil(size / PAGE) * PAGE;
}

function records(ranges: readonly Range[], generation: number): Uint8Array {
  const bytes = new Uint8Array(ranges.length * RECORD);
  ranges.forEach((range, at) => {
    write(bytes, at, range, generation, RANGE);
  });
  return bytes;
}

function write(bytes: Uint8Array, at: number, { start, end }: Range, generation: number, kind: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at * RECORD, RECORD);
  view.setFloat64(0, start, true); // whole numbers up to 2^53 are exact
  view.setFloat64(8, end, true);
  view.setUint32(16, generation, true);
  view.setUint32(20, kind, true);
  view.setUint32(28, sum(view), true);
}

type Read = Range & { readonly generation: number; readonly kind: number };

function read(bytes: Uint8Array, at: number): Read | undefined {
  if ((at + 1) * RECORD > bytes.byteLength) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at * RECORD, RECORD);
  if (view.getUint32(28, true) !== sum(view)) return undefined;
  return {
    start: view.getFloat64(0, true),
    end: view.getFloat64(8, true),
    generation: view.getUint32(16, true),
    kind: view.getUint32(20, true),
  };
}

/** FNV-1a over the record's words: nobody forges it, it tells a half-written record, or none. */
function sum(view: DataView): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < 28; at += 4) hash = Math.imul(hash ^ view.getUint32(at, true), 0x01000193);
  return hash >>> 0;
}
