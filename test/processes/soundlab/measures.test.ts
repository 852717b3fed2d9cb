/** The measures of fixed blocks, to the digits of contract soundlab §11, and how they react. */
import { describe, expect, test } from "@jest/globals";
import { Measures } from "../../../processes/soundlab/chain/measures.ts";
import { blockOf, noiseMix, sine } from "./signals.ts";

const measured = (blocks: readonly Float64Array[]): Measures => {
  const measures = new Measures();
  expect(measures.measure(blocks)).toBe(true);
  return measures;
};
const partials = blockOf((c, n) => 0.5 * sine(110 * (c + 1), n));
const equal = blockOf((_, n) => 0.5 * sine(937.5, n));
const delayed = blockOf((c, n) => 0.5 * sine(937.5, n, (-c * Math.PI) / 8));
const impulseAt = (at: (c: number) => number): Float64Array[] => blockOf((c, n) => (n === at(c) ? 1 : 0));

describe("one block", () => {
  test.each<readonly [string, Float64Array[], string, string | undefined, string | undefined]>([
    ["8 equal sines", equal, "1.0000", "1.0000", "937.50"],
    ["each delayed by kπ/8", delayed, "1.0000", "0.6407", "937.50"],
    ["4 of them inverted", blockOf((c, n) => (c < 4 ? 0.5 : -0.5) * sine(937.5, n)), "0.0000", "0.0000", "0.00"],
    ["partials of 110 Hz", partials, "1.0000", "0.2705", "1798.54"],
    ["sines on bins 4, 8, …, 32", blockOf((c, n) => 0.5 * sine(375 * (c + 1), n)), "0.5057", undefined, undefined],
    ["equal impulses", impulseAt(() => 256), "1.0000", undefined, undefined],
    ["staggered impulses", impulseAt((c) => 32 * (c + 1)), "0.501839", undefined, undefined],
    ["4 inverted impulses", blockOf((c, n) => (n === 256 ? (c < 4 ? 1 : -1) : 0)), "0.428571", undefined, undefined],
    ["own noise", noiseMix(0), "0.503589", "0.2985", "12318.43"],
    ["noise, 0.3 shared", noiseMix(0.3), "0.559754", undefined, undefined],
    ["noise, 0.5 shared", noiseMix(0.5), "0.708770", "0.6640", "12054.44"],
    ["noise, 0.7 shared", noiseMix(0.7), "0.935861", "0.8870", "12034.93"],
    ["noise, 0.9 shared", noiseMix(0.9), "1.000000", undefined, undefined],
  ])("%s", (_, blocks, ici, coherence, centroid) => {
    const measures = measured(blocks);
    expect(measures.iciRaw.toFixed(ici.length - 2)).toBe(ici);
    expect(measures.ici).toBeCloseTo(0.2 * measures.iciRaw, 12); // the first of a smoothed series that starts at 0
    if (coherence !== undefined) expect(measures.coherence.toFixed(4)).toBe(coherence);
    if (centroid !== undefined) expect(measures.centroid.toFixed(2)).toBe(centroid);
  });

  test("silence is 0.5 in ici, and in coherence 0 where bare arithmetic would give 1", () => {
    const measures = measured(blockOf(() => 0));
    expect([measures.iciRaw, measures.coherence, measures.centroid, measures.activity]).toEqual([0.5, 0, 0, 0]);
  });

  test("a silent channel has no phase, so it neither helps nor hurts coherence", () => {
    expect(measured(blockOf((c, n) => (c === 3 ? 0 : 0.5 * sine(937.5, n)))).coherence).toBeCloseTo(1, 9);
    const pair = blockOf((c, n) => (c > 1 ? 0 : 0.5 * sine(937.5, n, c * Math.PI)));
    expect(measured(pair).coherence).toBeCloseTo(0, 9);
  });

  test("rms and centroid of each channel", () => {
    const measures = measured(blockOf((c, n) => 0.1 * (c + 1) * sine(937.5 * (c + 1), n)));
    for (let c = 0; c < 8; c++) {
      expect(measures.rms[c]).toBeCloseTo((0.1 * (c + 1)) / Math.SQRT2, 6);
      expect(measures.centroids[c]).toBeCloseTo(937.5 * (c + 1), -1);
    }
  });
});

describe("a series of blocks", () => {
  test("ici reaches 0.99 of a step after 21 blocks, and not after 20", () => {
    const measures = new Measures();
    for (let block = 0; block < 20; block++) measures.measure(equal);
    expect(measures.ici).toBeLessThan(0.99);
    measures.measure(equal);
    expect(measures.ici).toBeGreaterThan(0.99);
  });

  test("nothing is left over of the block before", () => {
    const measures = measured(noiseMix(0.5));
    measures.measure(partials);
    expect(measures.iciRaw).toBe(measured(partials).iciRaw);
    expect(measures.coherence).toBe(measured(partials).coherence);
    expect(measures.centroid).toBe(measured(partials).centroid);
  });

  const bad = blockOf(() => 0.1);
  test.each<readonly [string, Float64Array[]]>([
    ["NaN", bad.map((block, c) => (c === 7 ? block.with(511, Number.NaN) : block))],
    ["Infinity", bad.map((block, c) => (c === 0 ? block.with(0, Number.NEGATIVE_INFINITY) : block))],
    ["a number whose square is none", bad.map((block, c) => (c === 2 ? block.with(9, 1e200) : block))],
    ["7 channels", bad.slice(1)],
    ["a long channel", bad.map((block, c) => (c === 1 ? Float64Array.from([...block, 0]) : block))],
    ["a short channel", bad.map((block, c) => (c === 1 ? block.subarray(1) : block))],
  ])("%s: what was measured before stays", (_, blocks) => {
    const measures = measured(noiseMix(0.5));
    const before = [measures.ici, measures.coherence, measures.centroid, ...measures.rms, ...measures.centroids];
    expect(measures.measure(blocks)).toBe(false);
    expect(measures.valid).toBe(false);
    const after = [measures.ici, measures.coherence, measures.centroid, ...measures.rms, ...measures.centroids];
    expect(after).toEqual(before);
    expect(measures.measure(partials)).toBe(true);
    expect(measures.valid).toBe(true);
  });
});
