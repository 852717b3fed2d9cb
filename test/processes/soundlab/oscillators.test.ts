/** The signal: what it is made of, and that no change is heard as a click. */
import { describe, expect, test } from "@jest/globals";
import { BLOCK, CHANNELS, SAMPLE_RATE, TURN } from "../../../processes/soundlab/chain/constants.ts";
import {
  changedInputs,
  DEFAULT_INPUTS,
  type InputChange,
  type Inputs,
} from "../../../processes/soundlab/chain/inputs.ts";
import { Measures } from "../../../processes/soundlab/chain/measures.ts";
import { Noise } from "../../../processes/soundlab/chain/noise.ts";
import { Oscillators, sharedShare } from "../../../processes/soundlab/chain/oscillators.ts";

const ALL = Array.from({ length: CHANNELS }, (_, channel) => channel);
const withInputs = (...changes: InputChange[]): Inputs => changes.reduce(changedInputs, DEFAULT_INPUTS);
const all = (input: Partial<{ frequency: number; amplitude: number; phase: number }>): InputChange => ({
  channels: ALL.map((channel) => ({ channel, ...input })),
});
const QUIET: InputChange = { noise: { amount: 0 } };

/** The samples of one channel, over blocks of one setting each. */
function signal(settings: readonly (readonly [inputs: Inputs, depth: number])[], channel = 0): Float64Array {
  const oscillators = new Oscillators();
  const samples = new Float64Array(settings.length * BLOCK);
  for (const [at, [inputs, depth]] of settings.entries()) {
    oscillators.render(inputs, depth);
    samples.set(oscillators.blocks[channel] ?? [], at * BLOCK);
  }
  return samples;
}

const jump = (samples: Float64Array): number =>
  samples.reduce((most, sample, n) => Math.max(most, n === 0 ? 0 : Math.abs(sample - (samples[n - 1] ?? 0))), 0);

test("the generator's first values", () => {
  const noise = new Noise(1);
  const expected = [];
  let x = 1n;
  for (let n = 0; n < 1000; n++) {
    x = (1664525n * x + 1013904223n) % 2n ** 32n;
    expected.push(Number(x) / 2 ** 31 - 1);
  }
  expect(expected.map(() => noise.next())).toEqual(expected);
});

test.each([
  [0, 0],
  [0.3, 0],
  [0.6, 0.5],
  [0.9, 1],
  [1.618034, 1],
])("at Φ depth %d the shared share of the noise is %d", (depth, share) => {
  expect(sharedShare(depth)).toBeCloseTo(share, 12);
});

describe("a tone", () => {
  test("is a·sin(2πft + phase) by the chain's own time", () => {
    const inputs = withInputs(QUIET, { channels: [{ channel: 0, frequency: 1234.5, amplitude: 0.7, phase: 1 }] });
    const samples = signal(Array.from({ length: 40 }, () => [inputs, 0] as const));
    for (let n = 2 * BLOCK; n < samples.length; n++) {
      expect(samples[n]).toBeCloseTo(0.7 * Math.sin((TURN * 1234.5 * (n + 1)) / SAMPLE_RATE + 1), 9);
    }
  });

  test("whatever was set before, equal settings are in phase", () => {
    const oscillators = new Oscillators();
    const measures = new Measures();
    for (let block = 0; block < 50; block++) oscillators.render(withInputs(QUIET), 0);
    const together = withInputs(QUIET, all({ frequency: 440, phase: 2 }));
    for (let block = 0; block < 2; block++) oscillators.render(together, 0);
    measures.measure(oscillators.blocks);
    expect(measures.coherence).toBeCloseTo(1, 9);
    expect(new Set(Array.from(oscillators.phases, (phase) => phase.toFixed(9))).size).toBe(1);
  });

  test.each<readonly [string, InputChange, InputChange]>([
    ["amplitude", all({ frequency: 100, amplitude: 0 }), all({ amplitude: 1 })],
    ["frequency", all({ frequency: 100, amplitude: 1 }), all({ frequency: 137 })],
    ["phase", all({ frequency: 100, amplitude: 1, phase: 0 }), all({ phase: Math.PI })],
    ["all at once", all({ frequency: 100, amplitude: 1, phase: 0 }), all({ frequency: 60, amplitude: 0.1, phase: 3 })],
  ])("a change of %s makes no click", (_, before, change) => {
    const [a, b] = [withInputs(QUIET, before), withInputs(QUIET, before, change)];
    const samples = signal([
      ...Array.from({ length: 9 }, () => [a, 0] as const),
      ...Array.from({ length: 9 }, () => [b, 0] as const),
    ]);
    // The steepest tone here, 137 Hz, moves 0.018 a sample; turning by half a turn within a block adds 0.006.
    expect(jump(samples)).toBeLessThan(0.025);
    expect(jump(samples)).toBeGreaterThan(0.01); // there is a tone at all
  });

  test("a change of noise, its low-pass or Φ's depth makes no click", () => {
    const silent = all({ amplitude: 0 });
    const low = withInputs(silent, { noise: { amount: 0.5, cutoff: 50 } });
    const off = withInputs(silent, { noise: { amount: 0, cutoff: 50 } });
    const lower = withInputs(silent, { noise: { amount: 0.5, cutoff: 40 } });
    const settings = [low, low, off, low, lower, low].flatMap((inputs) => [
      [inputs, 0.3] as const,
      [inputs, 0.9] as const,
    ]);
    // Noise below 50 Hz of peak 0.5 moves by at most alpha·level·0.5 = 0.06 a sample.
    expect(jump(signal(settings))).toBeLessThan(0.075);
  });
});

describe("noise", () => {
  const rms = (samples: Float64Array): number => Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);

  test.each([24_000, 8_000, 1_000, 100])("has the same power with a low-pass of %d Hz", (cutoff) => {
    const inputs = withInputs(all({ amplitude: 0 }), { noise: { amount: 0.6, cutoff } });
    const samples = signal(Array.from({ length: 400 }, () => [inputs, 0.6] as const));
    expect(rms(samples)).toBeGreaterThan((0.85 * 0.6) / Math.sqrt(3));
    expect(rms(samples)).toBeLessThan((1.15 * 0.6) / Math.sqrt(3));
  });

  test("is each channel's own at depth 0.3, and one for all at 0.9", () => {
    const inputs = withInputs(all({ amplitude: 0 }));
    const oscillators = new Oscillators();
    for (let block = 0; block < 2; block++) oscillators.render(inputs, 0.3);
    expect(oscillators.blocks[0]).not.toEqual(oscillators.blocks[1]);
    for (let block = 0; block < 2; block++) oscillators.render(inputs, 0.9);
    for (const block of oscillators.blocks) expect(block).toEqual(oscillators.blocks[0]);
  });

  test("is the same for a seed, and another for another", () => {
    const first = (seed: number): Float64Array => {
      const oscillators = new Oscillators(seed);
      oscillators.render(DEFAULT_INPUTS, 0.6);
      return oscillators.blocks[0] ?? new Float64Array();
    };
    expect(first(7)).toEqual(first(7));
    expect(first(7)).not.toEqual(first(8));
  });
});
