/** How numbers are rounded for the wire: never out of their range. */
import { describe, expect, test } from "@jest/globals";
import { TURN } from "../../../processes/soundlab/chain/constants.ts";
import { toPhase, toRatio, toSeconds, toUnit, wrapped } from "../../../processes/soundlab/chain/frames.ts";

describe("a phase", () => {
  test.each([
    [0, 0],
    [TURN, 0],
    [-1e-20, 0], // plus 2π it is 2π
    [-1, TURN - 1],
    [7 * TURN + 1, 1],
    [-7 * TURN - 1, TURN - 1],
  ])("of %d is wrapped to %d", (radians, phase) => {
    expect(wrapped(radians)).toBeCloseTo(phase, 9);
    expect(wrapped(radians)).toBeLessThan(TURN);
  });

  test.each([
    [1.23456, 1.2346],
    [6.28314, 6.2831],
    [6.28316, 0], // 6.2832 is above 2π
    [TURN, 0],
  ])("%d is sent as %d", (radians, sent) => {
    expect(toPhase(radians)).toBe(sent);
  });
});

test("the rest", () => {
  expect([toUnit(1.2), toUnit(-0.1), toUnit(0.00005), toUnit(0.99996)]).toEqual([1, 0, 0.0001, 1]);
  expect(Object.is(toRatio(-1e-9), 0)).toBe(true); // not -0
  expect(toSeconds(1_800_000_000_123.6)).toBe(1_800_000_000.124);
});
