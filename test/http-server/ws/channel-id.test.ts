import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ChannelIds } from "../../../http-server/channel-id.ts";

const keys = fc.uint32Array({ minLength: 6, maxLength: 6 });

describe("ChannelIds", () => {
  test("gives whole numbers from 1 to 2^31 - 1, none of them twice", () => {
    fc.assert(
      fc.property(keys, (key) => {
        const ids = new ChannelIds(key);
        const seen = new Set<number>();
        for (let i = 0; i < 20_000; i++) {
          const id = ids.next();
          if (id !== id >>> 0 || id === 0 || id >= 2 ** 31 || seen.has(id)) throw new Error(`got ${id} as number ${i}`);
          seen.add(id);
        }
      }),
      { numRuns: 20 },
    );
  });

  test("does not meet in 300,000 ids, where random numbers would have met ten times", () => {
    const ids = new ChannelIds();
    const seen = new Set<number>();
    for (let i = 0; i < 300_000; i++) seen.add(ids.next());
    expect(seen.size).toBe(300_000);
    expect(seen.has(0)).toBe(false);
  });

  test("leaves out 0 where a key leads to it", () => {
    const zeros = new Uint32Array(6); // every round of this key turns 0 into 0
    const ids = new ChannelIds(zeros);
    for (let i = 0; i < 1_000; i++) expect(ids.next()).not.toBe(0);
  });

  test("the same key gives the same ids, another one others", () => {
    const some = (key: Uint32Array): number[] => {
      const ids = new ChannelIds(key);
      return Array.from({ length: 20 }, () => ids.next());
    };
    fc.assert(
      fc.property(keys, fc.nat(5), (key, round) => {
        expect(some(key)).toEqual(some(key));
        const other = key.slice();
        other[round] = (other[round] ?? 0) ^ 1;
        expect(some(other)).not.toEqual(some(key));
      }),
    );
  });

  test("two servers do not begin alike, and neighbours are not near each other", () => {
    expect(new ChannelIds().next()).not.toBe(new ChannelIds().next());
    const ids = new ChannelIds();
    let near = 0;
    for (let i = 0, last = ids.next(); i < 10_000; i++) {
      const next = ids.next();
      if (Math.abs(next - last) < 2 ** 16) near++; // 1 in 32,768 by chance
      last = next;
    }
    expect(near).toBeLessThan(10);
  });
});
