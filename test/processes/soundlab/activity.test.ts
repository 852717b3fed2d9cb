/** `criticality`: activity of 0.1 s over that of 5 s (contract soundlab §12, decision A). */
import { describe, expect, test } from "@jest/globals";
import { Activity } from "../../../processes/soundlab/chain/activity.ts";

const SHORT = 9; // blocks in 0.1 s
const LONG = 469; // blocks in 5 s

function criticalityOf(...runs: readonly (readonly [blocks: number, rms: number])[]): number {
  const activity = new Activity();
  for (const [blocks, rms] of runs) for (let block = 0; block < blocks; block++) activity.add(rms);
  return activity.criticality;
}

describe("criticality", () => {
  test("is 1 before the first block, in silence and in balance", () => {
    expect(criticalityOf()).toBe(1);
    expect(criticalityOf([1000, 0])).toBe(1);
    expect(criticalityOf([1000, 9e-7])).toBe(1);
    expect(criticalityOf([1, 0.3])).toBe(1);
    expect(criticalityOf([1000, 0.3])).toBeCloseTo(1, 12);
  });

  test.each([
    [
      "a burst of 0.1 s, three times as loud",
      [
        [LONG, 0.1],
        [SHORT, 0.3],
      ],
      0.3 / ((0.1 * (LONG - SHORT) + 0.3 * SHORT) / LONG),
    ],
    [
      "half of such a burst",
      [
        [LONG, 0.1],
        [SHORT - 4, 0.3],
      ],
      (0.1 * 4 + 0.3 * 5) / SHORT / ((0.1 * (LONG - 5) + 0.3 * 5) / LONG),
    ],
    [
      "0.1 s after it",
      [
        [LONG, 0.1],
        [SHORT, 0.3],
        [SHORT, 0.1],
      ],
      0.1 / ((0.1 * (LONG - SHORT) + 0.3 * SHORT) / LONG),
    ],
    [
      "a sudden silence",
      [
        [LONG, 0.1],
        [SHORT, 0],
      ],
      0,
    ],
    [
      "the first sound after a long silence",
      [
        [LONG, 0],
        [SHORT, 0.5],
      ],
      LONG / SHORT,
    ],
    [
      "louder for good",
      [
        [LONG, 0.1],
        [LONG, 0.9],
      ],
      1,
    ],
  ] as const)("%s", (_, runs, expected) => {
    expect(criticalityOf(...runs)).toBeCloseTo(expected, 9);
  });

  test("such a burst passes 2, and twice as loud does not", () => {
    expect(criticalityOf([LONG, 0.1], [SHORT, 0.3])).toBeGreaterThan(2);
    expect(criticalityOf([LONG, 0.1], [SHORT, 0.2])).toBeLessThan(2);
  });

  test("an hour of blocks leaves no rounding behind", () => {
    const activity = new Activity();
    for (let block = 0; block < 337_500; block++) activity.add(0.1 + (block % 7) * 1e-3);
    for (let block = 0; block < LONG; block++) activity.add(0.25);
    expect(activity.criticality).toBe(1);
  });
});
