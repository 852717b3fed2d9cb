/** Which bytes are there: ranges in memory, and the journal that keeps them behind a part's bytes. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { fileLength, Journal, type JournalWrite, journalPlace } from "../../../processes/hanami/uploads/journal.ts";
import { Ranges } from "../../../processes/hanami/uploads/ranges.ts";

const range = fc.tuple(fc.nat(60), fc.nat(12)).map(([start, length]) => ({ start, end: start + length }));

/** The plain way to the same: one flag a byte. */
function flags(added: readonly { readonly start: number; readonly end: number }[]): boolean[] {
  const there = Array.from({ length: 80 }, () => false);
  for (const { start, end } of added) there.fill(true, start, end);
  return there;
}

describe("Ranges", () => {
  test("have what was added, merged and in order, however it came", () => {
    fc.assert(
      fc.property(fc.array(range), (added) => {
        const ranges = new Ranges(1000);
        for (const { start, end } of added) expect(ranges.add(start, end)).toBe(true);
        const there = flags(added);
        expect(ranges.covered).toBe(there.filter(Boolean).length);
        expect(flags(ranges.all())).toEqual(there);
        const all = ranges.all();
        for (const [at, { start, end }] of all.entries()) {
          expect(start).toBeLessThan(end);
          expect(start).toBeGreaterThan(all[at - 1]?.end ?? -1); // a gap, or they were one
        }
        expect(ranges.clone().all()).toEqual(all);
      }),
    );
  });

  test("has() is true where all of it is there", () => {
    fc.assert(
      fc.property(fc.array(range), range, (added, { start, end }) => {
        const ranges = new Ranges(1000);
        for (const one of added) ranges.add(one.start, one.end);
        expect(ranges.has(start, end)).toBe(flags(added).slice(start, end).every(Boolean));
      }),
    );
  });

  test("a range too many is refused and nothing is added; one that fills a gap is not", () => {
    fc.assert(
      fc.property(fc.array(range), range, (added, { start, end }) => {
        const ranges = new Ranges(3);
        for (const one of added) ranges.add(one.start, one.end);
        const before = ranges.all();
        const added_ = ranges.add(start, end);
        expect(ranges.count).toBeLessThanOrEqual(3);
        if (added_) expect(ranges.has(start, end)).toBe(true);
        else expect(ranges.all()).toEqual(before);
      }),
    );
    const full = new Ranges(2);
    expect([full.add(0, 1), full.add(4, 5), full.add(8, 9), full.add(1, 4), full.add(8, 9)]).toEqual([
      true,
      true,
      false,
      true,
      true,
    ]);
  });
});

const SIZE = 1_000_000;

class File {
  readonly bytes = Buffer.alloc(fileLength(SIZE));

  write({ position, bytes }: JournalWrite, length = bytes.byteLength): void {
    this.bytes.set(bytes.subarray(0, length), position);
  }

  read(): Journal | undefined {
    const { position, length } = journalPlace(SIZE);
    return Journal.read(this.bytes.subarray(position, position + length), SIZE, 1024);
  }
}

describe("Journal", () => {
  test("lies behind the part, at a page's start", () => {
    for (const size of [1, 4095, 4096, 4097]) {
      expect(journalPlace(size).position).toBeGreaterThanOrEqual(size);
      expect(journalPlace(size).position % 4096).toBe(0);
    }
  });

  test("nothing that was never begun, of another size, or spoilt, is one", () => {
    expect(new File().read()).toBeUndefined();
    const file = new File();
    file.write(Journal.create(SIZE, 1024).first);
    expect(file.read()?.ranges.covered).toBe(0);
    const { position, length } = journalPlace(SIZE);
    expect(Journal.read(file.bytes.subarray(position, position + length), SIZE - 1, 1024)).toBeUndefined();
    file.bytes[position] = (file.bytes[position] ?? 0) ^ 1;
    expect(file.read()).toBeUndefined();
  });

  /** Ranges that make more and fewer gaps, more of them than a half takes. */
  const start = (n: number): number => ((n * 7919) % 500) * 2000;

  test("what was appended is read, over many times its room", () => {
    const { journal, first } = Journal.create(SIZE, 1024);
    const file = new File();
    file.write(first);
    const wanted = new Ranges(1024);
    for (let n = 0; n < 3000; n++) {
      const added = { start: start(n) + (n % 1999), end: start(n) + (n % 1999) + 1 };
      if (!wanted.add(added.start, added.end)) continue;
      file.write(journal.append([added]));
      if (n % 97 === 0) expect(file.read()?.ranges.all()).toEqual(wanted.all());
    }
    expect(file.read()?.ranges.all()).toEqual(wanted.all());
  });

  test("a write that a kill cut anywhere leaves what was there before, or more of what was written, and goes on", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2500 }), fc.nat(40_000), (count, cut) => {
        const { journal, first } = Journal.create(SIZE, 1024);
        const file = new File();
        file.write(first);
        for (let n = 1; n < count; n++) file.write(journal.append([{ start: start(n), end: start(n) + 1000 }]));
        const before = journal.ranges.clone();
        const last = journal.append([
          { start: start(count), end: start(count) + 1000 },
          { start: start(count + 1), end: start(count + 1) + 1000 },
        ]);
        file.write(last, Math.min(cut, last.bytes.byteLength));
        const read = file.read();
        if (read === undefined) throw new Error("the journal is lost");
        for (const { start, end } of before.all()) expect(read.ranges.has(start, end)).toBe(true);
        for (const { start, end } of read.ranges.all()) expect(journal.ranges.has(start, end)).toBe(true);
        file.write(read.append([{ start: SIZE - 1, end: SIZE }]));
        expect(file.read()?.ranges.all()).toEqual(read.ranges.all());
      }),
      { numRuns: 20 },
    );
  });
});
