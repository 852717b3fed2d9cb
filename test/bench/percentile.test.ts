/** Percentiles of a sorted list. */
import { describe, expect, test } from "@jest/globals";
import { percentile } from "../../bench/crowd/percentile.ts";

describe("percentile()", () => {
  const sorted = Array.from({ length: 200 }, (_, i) => i + 1);

  test.each([
    [0.5, 100],
    [0.99, 198],
    [1, 200],
    [0, 1],
  ])("of 1 to 200, %p is %p", (share, value) => {
    expect(percentile(sorted, share)).toBe(value);
  });

  test("is 0 of nothing", () => {
    expect(percentile([], 0.5)).toBe(0);
  });
});
