/** Deadlines: exact in the long run, and none that is far too late. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Pacer } from "../../../processes/soundlab/chain/pacer.ts";

describe("a pacer", () => {
  test("has absolute deadlines, the first one period after the start", () => {
    const pacer = new Pacer(1000 / 30, 500);
    const due = Array.from({ length: 30_000 }, () => pacer.take());
    expect(due[0]).toBe(500 + 1000 / 30);
    expect(due[29_999]).toBeCloseTo(500 + 1_000_000, 6);
  });

  test("leaves out what is too late, but for the newest", () => {
    const pacer = new Pacer(10, 0);
    expect(pacer.catchUp(10, 80)).toBe(0);
    expect(pacer.catchUp(90, 80)).toBe(0); // 80 ms late
    expect([pacer.catchUp(90.5, 80), pacer.nextMs, pacer.skipped]).toEqual([8, 90, 8]);
    expect([pacer.catchUp(1000, 80), pacer.take(), pacer.nextMs, pacer.skipped]).toEqual([91, 1000, 1010, 99]);
  });

  test("by any clock: deadlines taken and left out are all there were, and none taken is too late", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1, max: 100, noNaN: true }),
        fc.array(fc.double({ min: 0, max: 400, noNaN: true }), { maxLength: 60 }),
        (period, waits) => {
          const pacer = new Pacer(period, 0);
          let [now, taken] = [0, 0];
          for (const wait of waits) {
            now += wait;
            pacer.catchUp(now, 80);
            for (; pacer.nextMs <= now; taken++) {
              expect(now - pacer.nextMs).toBeLessThanOrEqual(Math.max(80, period));
              pacer.take();
            }
          }
          expect(taken + pacer.skipped).toBe(Math.round(pacer.nextMs / period) - 1);
          expect(now).toBeLessThan(pacer.nextMs);
        },
      ),
    );
  });
});
