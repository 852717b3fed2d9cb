/** Φ: its sources, the fade between them, and Auto-Φ (contract soundlab §4.7, §6). */
import { describe, expect, test } from "@jest/globals";
import { AutoPhi } from "../../../processes/soundlab/chain/auto-phi.ts";
import {
  changedInputs,
  DEFAULT_INPUTS,
  type InputChange,
  type Inputs,
} from "../../../processes/soundlab/chain/inputs.ts";
import { Phi } from "../../../processes/soundlab/chain/phi.ts";

const MS = 10; // of one step here
const withPhi = (phi: InputChange["phi"] & object, auto_phi = false): Inputs =>
  changedInputs(DEFAULT_INPUTS, { phi, auto_phi });

/** What Φ is after each of `ms / MS` steps. */
function run(phi: Phi, inputs: Inputs, ms: number, rms = 0.2): readonly (readonly [depth: number, phase: number])[] {
  return Array.from({ length: ms / MS }, () => {
    phi.step(inputs, rms, MS, 0);
    return [phi.depth, phi.phase] as const;
  });
}

describe("the internal source", () => {
  test("breathes between 0.3 and 0.9 at its rate", () => {
    const inputs = withPhi({ rate: 0.5 });
    const phi = new Phi(inputs);
    const values = run(phi, inputs, 2000);
    expect(values[49]?.[0]).toBeCloseTo(0.9, 9); // a quarter of a turn
    expect(values[149]?.[0]).toBeCloseTo(0.3, 9);
    expect(values[49]?.[1]).toBeCloseTo(Math.PI / 2, 9);
    expect(values[199]?.[0]).toBeCloseTo(0.6, 9);
    expect([phi.mode, phi.isBreathing]).toEqual(["internal", true]);
  });

  test("is 0.1 Hz by default, and turns within 0 to 2π", () => {
    const phi = new Phi(DEFAULT_INPUTS);
    const values = run(phi, DEFAULT_INPUTS, 20_000);
    expect(values[249]?.[0]).toBeCloseTo(0.9, 9);
    for (const [, phase] of values) expect(phase >= 0 && phase < 2 * Math.PI).toBe(true);
  });
});

describe("the audio source", () => {
  const inputs = withPhi({ source: "audio" });

  test("follows loudness: fast up, slower down", () => {
    const phi = new Phi(inputs);
    const up = run(phi, inputs, 100, 0.25);
    expect(up[1]?.[0]).toBeCloseTo(2 * 1.618034 * 0.25 * (1 - Math.exp(-1)), 6); // 20 ms
    run(phi, inputs, 1000, 0.25);
    expect(phi.depth).toBeCloseTo(2 * 1.618034 * 0.25, 3);
    const down = run(phi, inputs, 100, 0.1);
    expect(down[9]?.[0]).toBeCloseTo(2 * 1.618034 * (0.1 + 0.15 * Math.exp(-1)), 3); // 100 ms
    expect([phi.mode, phi.isBreathing]).toEqual(["audio", false]);
  });

  test("is at most 1.618034 deep", () => {
    const phi = new Phi(inputs);
    run(phi, inputs, 1000, 0.99);
    expect(phi.depth).toBe(1.618034);
  });

  test("turns at 0.05 Hz times 1 + envelope", () => {
    const phi = new Phi(inputs);
    run(phi, inputs, 5000, 0.5);
    const before = phi.phase;
    run(phi, inputs, 1000, 0.5);
    expect(phi.phase - before).toBeCloseTo(2 * Math.PI * 0.05 * 1.5, 6);
  });

  test("goes to rest after two seconds of quiet, not before", () => {
    const phi = new Phi(inputs);
    run(phi, inputs, 1000, 0.3);
    run(phi, inputs, 1990, 0.0009);
    expect(phi.depth).toBeLessThan(0.01);
    run(phi, inputs, 10_000, 0.0009);
    expect(phi.depth).toBeCloseTo(0.618, 3);
    run(phi, inputs, 1000, 0.3);
    expect(phi.depth).toBeCloseTo(2 * 1.618034 * 0.3, 3); // heard again at once
  });
});

describe("a switch of sources", () => {
  test("fades along half a cosine within 100 ms", () => {
    const [from, to] = [withPhi({ source: "manual", depth: 0.2, phase: 1 }), withPhi({ source: "audio" })];
    const phi = new Phi(from);
    run(phi, from, 5000, 0.2); // the audio source listens meanwhile
    const depth = 2 * 1.618034 * 0.2;
    const values = run(phi, to, 200);
    for (let step = 1; step <= 10; step++) {
      const weight = 0.5 * (1 - Math.cos((Math.PI * step) / 10));
      expect(values[step - 1]?.[0]).toBeCloseTo(0.2 + weight * (depth - 0.2), 6);
    }
    expect(values[19]?.[0]).toBeCloseTo(depth, 6);
    expect(phi.mode).toBe("audio");
  });

  test("turns the shorter way round", () => {
    const [from, to] = [withPhi({ source: "manual", phase: 6.2 }), withPhi({ source: "internal", rate: 0.01 })];
    const phi = new Phi(from);
    run(phi, from, 100);
    for (const [, phase] of run(phi, to, 200)) expect(phase > 6.19 || phase < 0.2).toBe(true);
  });

  test("in the middle of a fade begins where the fade is", () => {
    const manual = withPhi({ source: "manual", depth: 1.6 });
    const phi = new Phi(withPhi({}));
    let before = phi.depth;
    for (const inputs of [manual, withPhi({}), manual, withPhi({ source: "audio" }), manual]) {
      for (const [depth] of run(phi, inputs, 30)) {
        expect(Math.abs(depth - before)).toBeLessThan(0.26); // the steepest step of a fade over 1.6
        before = depth;
      }
    }
  });
});

describe("Auto-Φ", () => {
  /** Feeds frames at 30 Hz. @returns depth after each */
  function feed(auto: AutoPhi, seconds: number, criticality: number, coherence = 0.5): readonly number[] {
    return Array.from({ length: seconds * 30 }, (_, n) => {
      auto.sample(criticality, coherence, (1000 * (n + 1)) / 30);
      return auto.depth;
    });
  }

  test("moves depth by 0.25·(1 − criticality) a second, a step each 0.1 s", () => {
    const depths = feed(new AutoPhi(0.5, 0, 0), 1, 0.72);
    expect(depths[1]).toBe(0.5);
    expect(depths[2]).toBeCloseTo(0.5 + 0.25 * 0.28 * 0.1, 9);
    expect(depths[29]).toBeCloseTo(0.5 + 0.25 * 0.28, 9);
    expect(new Set(depths).size).toBe(11);
  });

  test.each([
    [0, 1],
    [1, 0.5],
    [3, 0],
  ])("at criticality %d its depth ends at %d, within 0 and 1", (criticality, depth) => {
    expect(feed(new AutoPhi(0.5, 0, 0), 30, criticality).at(-1)).toBeCloseTo(depth, 9);
  });

  test("steps with every third frame: the last digits of its time do not matter", () => {
    const auto = new AutoPhi(0, 0, 0);
    const depths = new Set<number>();
    for (let n = 1; n <= 1200; n++) {
      auto.sample(0.99, 0.5, n * (1000 / 30));
      depths.add(auto.depth);
    }
    expect(depths.size).toBe(401); // the first, and 400 steps
  });

  test("goes by the mean of the last 30 frames", () => {
    const auto = new AutoPhi(0.5, 0, 0);
    for (let n = 1; n <= 60; n++) auto.sample(n <= 30 ? 2 : 1, 0.5, n);
    auto.sample(1, 0.5, 1000);
    expect(auto.depth).toBe(0.5);
  });

  test("turns phase by 0.1·(mean coherence − the one before) a second", () => {
    const auto = new AutoPhi(0.5, 0.25, 0);
    auto.sample(1, 0.2, 10);
    auto.sample(1, 0.4, 20);
    auto.sample(1, 0.6, 100);
    expect(auto.phase).toBeCloseTo(0.25 + (0.1 * (0.4 - 0.4)) / 0.1, 9);
    auto.sample(1, 0.8, 150);
    auto.sample(1, 0.9, 200);
    expect(auto.phase).toBeCloseTo(0.25 + (0.1 * (0.58 - 0.8)) / 0.1, 9);
    for (const n of [3, 4, 5, 6, 7, 8]) auto.sample(1, n % 2, n * 100);
    expect(auto.phase >= 0 && auto.phase < 1).toBe(true);
  });

  test("skips frames of zeros", () => {
    expect(feed(new AutoPhi(0.5, 0, 0), 1, 0, 0).at(-1)).toBe(0.5);
  });

  test("begins with what is in force, counts as manual, and hands back with a fade", () => {
    const phi = new Phi(withPhi({ source: "manual", depth: 0.8, phase: 3 }));
    const auto = withPhi({ source: "manual", depth: 0.8, phase: 3 }, true);
    run(phi, auto, 200);
    expect([phi.depth, phi.mode, phi.isAuto, phi.isBreathing]).toEqual([0.8, "manual", true, false]);
    expect(phi.phase).toBeCloseTo(3, 9);
    for (let n = 1; n <= 30; n++) phi.sample(3, 0.5, n * 100);
    run(phi, auto, 10);
    expect(phi.depth).toBe(0);
    const back = run(phi, withPhi({ source: "manual", depth: 0.8, phase: 3 }), 100);
    expect(back[0]?.[0]).toBeLessThan(0.05);
    expect(phi.depth).toBeCloseTo(0.8, 9);
    expect(phi.isAuto).toBe(false);
  });
});
