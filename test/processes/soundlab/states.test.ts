/** States of frames, the criticality index, and what changed a state (contract soundlab §11, §12). */
import { describe, expect, test } from "@jest/globals";
import { consciousnessOf, criticalityIndexOf } from "../../../processes/soundlab/chain/measures.ts";
import { type Cause, stateOf, triggerOf } from "../../../processes/soundlab/chain/states.ts";

describe("the state of (level, coherence, index)", () => {
  test.each([
    [0.05, 0.8, 0.5, "IDLE"],
    [0.25, 0.8, 0.5, "DEEP_SLEEP"],
    [0.35, 0.4, 0.5, "DREAMING"],
    [0.45, 0.4, 0.8, "DREAMING"],
    [0.5, 0.6, 0.8, "REM"],
    [0.35, 0.6, 0.5, "TRANSITION"],
    [0.6, 0.5, 0.5, "TRANSITION"],
    [0.1, 0.5, 0.5, "TRANSITION"],
    [0.3, 0.9, 0.5, "TRANSITION"],
    [0.7, 0.5, 0.5, "AWAKE"],
    // Decision B: an index above 0.9 alone is not enough.
    [0.2, 0.5, 0.95, "TRANSITION"],
    [0.05, 0.5, 0.95, "IDLE"],
    [0.79, 0.5, 0.95, "AWAKE"],
    [0.8, 0.5, 0.95, "CRITICAL"],
    [0.8, 0.5, 0.9, "AWAKE"],
  ])("(%d, %d, %d) is %s", (level, coherence, index, state) => {
    expect(stateOf(level, coherence, index)).toBe(state);
  });
});

test.each([
  [0.5, 0.5, "0.9000"],
  [0.5, 0.7, "0.9000"],
  [0.9, 0.9, "0.7000"],
  [0, 1, "0.4901"],
  [0, 0, "0.4000"],
  [0.6, 0.6, "1.0000"],
  [1, 1, "0.6000"],
])("the criticality index of (ici %d, coherence %d) is %s", (ici, coherence, index) => {
  expect(criticalityIndexOf(ici, coherence).toFixed(4)).toBe(index);
});

test.each([
  [0, 1, 24_000, 1],
  [1, 0, 0, 0],
  [0.5, 0.5, 12_000, 0.5],
  [0.5, 0.5, 48_000, 0.65], // no more than what half the sample rate gives
])("the consciousness level of (ici %d, coherence %d, %d Hz) is %d", (ici, coherence, centroid, level) => {
  expect(consciousnessOf(ici, coherence, centroid)).toBeCloseTo(level, 12);
});

describe("what changed a state", () => {
  const rem: Cause = { ici: 0.5, coherence: 0.55, centroid: 10_000 }; // level 0.495, index 0.92
  test.each<readonly [string, Cause, Cause, Parameters<typeof triggerOf>[2]]>([
    ["coherence_threshold", rem, { ...rem, coherence: 0.45 }, "DREAMING"],
    ["coherence_threshold", { ...rem, coherence: 0.45 }, { ...rem, coherence: 0.55 }, "REM"],
    // The level leaves 0.3 to 0.5 by ici alone.
    [
      "ici_threshold",
      { ici: 0.9, coherence: 0.4, centroid: 12_000 },
      { ici: 0.3, coherence: 0.4, centroid: 12_000 },
      "REM",
    ],
    // Neither of the two alone gets the index above 0.7.
    [
      "criticality_threshold",
      { ici: 1, coherence: 1, centroid: 8_000 },
      { ici: 0.85, coherence: 0.85, centroid: 8_000 },
      "REM",
    ],
    // The spectrum alone does it, through the level.
    [
      "consciousness_threshold",
      { ici: 0.5, coherence: 0.4, centroid: 10_000 },
      { ici: 0.5, coherence: 0.4, centroid: 24_000 },
      "AWAKE",
    ],
  ])("%s", (trigger, before, after, to) => {
    expect(triggerOf(before, after, to)).toBe(trigger);
  });
});
