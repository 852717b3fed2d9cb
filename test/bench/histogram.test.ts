/** Histogram: percentiles within a thirtieth, from an eighth of a microsecond to a minute. */
import { describe, expect, test } from "@jest/globals";
import { Histogram } from "../../bench/load/histogram.ts";

function histogramOf(...durations: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const us of durations) histogram.record(us, 1);
  return histogram;
}

describe("Histogram", () => {
  test("has nothing to say when nothing was recorded", () => {
    expect(new Histogram().percentile(0.5)).toBe(0);
  });

  test.each([0, 0.125, 3.9, 4, 17, 17.3, 100, 999, 12_345, 1e6, 6e7])("reads %p µs at most 1/30 too high", (us) => {
    const read = histogramOf(us).percentile(0.5);
    expect(read).toBeGreaterThan(us);
    expect(read).toBeLessThanOrEqual(us + Math.max(1 / 8, us / 30));
  });

  test("counts what is beyond its last bucket in the last", () => {
    expect(histogramOf(1e12).percentile(1)).toBeGreaterThanOrEqual(6e7);
  });

  test("gives the duration that a share of all stayed below", () => {
    const histogram = new Histogram();
    histogram.record(10, 990);
    histogram.record(1000, 9);
    histogram.record(100_000, 1);
    expect(histogram.total).toBe(1000);
    expect(histogram.percentile(0.5)).toBeLessThan(11);
    expect(histogram.percentile(0.99)).toBeLessThan(11);
    expect(histogram.percentile(0.991)).toBeGreaterThan(1000);
    expect(histogram.percentile(0.999)).toBeLessThan(1100);
    expect(histogram.percentile(1)).toBeGreaterThan(100_000);
  });
});
