/** What has grown between two readings. */
import { describe, expect, test } from "@jest/globals";
import { growthOf } from "../../bench/rest.ts";

describe("growthOf()", () => {
  const rest = (heapUsed: number, rssKb: number) => ({ heapUsed, rssKb, sockets: 0, channels: 0 });

  test.each([
    [1000, 1050, 5],
    [3000, 2000, -33.33],
    [1000, 1000, 0],
  ])("from %p to %p bytes of heap is %p %%", (before, after, percent) => {
    expect(growthOf(rest(before, 7), rest(after, 8))).toMatchObject({
      heapGrowthPercent: percent,
      rssBeforeKb: 7,
      rssAfterKb: 8,
    });
  });
});
