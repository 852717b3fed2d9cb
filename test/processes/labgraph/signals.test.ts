/** What the demo's devices measure: the formulas of their files, and what follows from them. */
import { describe, expect, test } from "@jest/globals";
import { Chain } from "../../../processes/labgraph/chain.ts";
import { heart } from "../../../processes/labgraph/heart.ts";

const TAU = 2 * Math.PI;

/** How much of `frequency` there is in `values`, as an amplitude. */
function amplitude(values: readonly number[], rate: number, frequency: number): number {
  let [re, im] = [0, 0];
  for (const [n, value] of values.entries()) {
    re += value * Math.cos((TAU * frequency * n) / rate);
    im += value * Math.sin((TAU * frequency * n) / rate);
  }
  return (2 * Math.hypot(re, im)) / values.length;
}

const record = (signal: { at(seconds: number): readonly number[]; rate: number }, from: number, seconds: number) =>
  Array.from({ length: seconds * signal.rate }, (_, n) => signal.at(from + n / signal.rate));

describe("device.stream1, a heart", () => {
  test("is its formula", () => {
    const waves: readonly (readonly [angle: number, width: number, height: number, direction: number])[] = [
      [-60, 0.25, 0.12, 60],
      [-15, 0.1, -0.15, 110],
      [0, 0.1, 1, 60],
      [15, 0.1, -0.25, -30],
      [90, 0.4, 0.3, 45],
    ];
    const rad = (degrees: number): number => (degrees * Math.PI) / 180;
    for (const t of [0, 0.04, 0.37, 12.5]) {
      const theta = TAU * 1.1 * t + 0.6 * Math.sin(TAU * 0.25 * t);
      const expected = Array.from({ length: 8 }, (_, k) => {
        let sum = 0.05 * Math.sin(TAU * 0.25 * t);
        for (const [angle, width, height, direction] of waves) {
          const away = Math.atan2(Math.sin(theta - rad(angle)), Math.cos(theta - rad(angle)));
          sum += height * Math.exp(-(away ** 2) / (2 * width ** 2)) * Math.cos((Math.PI * k) / 8 - rad(direction));
        }
        return sum;
      });
      for (const [k, value] of heart.at(t).entries()) expect(value).toBeCloseTo(expected[k] ?? Number.NaN, 9);
    }
  });

  test("beats 66 times a minute, each time with one R wave, and irregularly by its breath", () => {
    const lead = record(heart, 1_700_000_000, 60).map((sample) => sample[3] ?? 0);
    const isPeak = (value: number, at: number): boolean =>
      value > 0.6 && value >= (lead[at - 1] ?? value) && value > (lead[at + 1] ?? value);
    const beats = lead.flatMap((value, at) => (isPeak(value, at) ? [at / heart.rate] : []));
    expect(Math.abs(beats.length - 66)).toBeLessThanOrEqual(1);
    const pauses = beats.slice(1).map((beat, at) => beat - (beats[at] ?? 0));
    expect(Math.min(...pauses)).toBeLessThan(0.86);
    expect(Math.max(...pauses)).toBeGreaterThan(0.98);
  });

  test("is the same whoever asks, and each of its eight channels another", () => {
    expect(heart.at(77.25)).toEqual(heart.at(77.25));
    expect(new Set(heart.at(0)).size).toBe(heart.channels);
  });
});

describe("device.stream2, eight masses on springs", () => {
  const none = (): number => 0;

  test("swings in a mode as the equation says", () => {
    const [omega, gamma] = [TAU * 3, 0.8];
    for (const mode of [1, 2, 5]) {
      const shape = Array.from({ length: 8 }, (_, at) => Math.sin((mode * (at + 1) * Math.PI) / 9));
      const chain = new Chain({ force: none, positions: shape });
      const own = 2 * omega * Math.sin((mode * Math.PI) / 18);
      const damped = Math.sqrt(own ** 2 - gamma ** 2 / 4);
      for (const [n, sample] of record(chain, 100, 2).entries()) {
        const t = n / chain.rate;
        const swing = Math.cos(damped * t) + (gamma / (2 * damped)) * Math.sin(damped * t);
        const scale = Math.exp((-gamma * t) / 2) * swing;
        for (const [at, value] of sample.entries()) expect(value).toBeCloseTo((shape[at] ?? 0) * scale, 3);
      }
    }
  });

  test("loses energy by friction alone, at its rate", () => {
    const chain = new Chain({ force: none, positions: [1, 0, -0.5] });
    const energies = record(chain, 0, 5).map(() => chain.energy);
    const begin = chain.energy;
    let before = begin;
    for (let n = 1; n <= 500; n++) {
      chain.at(5 + n / chain.rate);
      expect(chain.energy).toBeLessThanOrEqual(before);
      before = chain.energy;
    }
    expect(energies).toHaveLength(250);
    expect(Math.log(begin / before) / 10).toBeCloseTo(0.8, 1); // γ per second: half of it is potential, on the average
  });

  test("shaken, it moves with the two frequencies that it is shaken with", () => {
    const chain = new Chain();
    record(chain, 0, 30); // its own swings have died away
    const samples = record(chain, 30, 20);
    const first = samples.map((sample) => sample[0] ?? 0);
    for (const frequency of [0.9, 2.3])
      for (const other of [0.5, 1.5, 3, 4])
        expect(amplitude(first, chain.rate, frequency)).toBeGreaterThan(20 * amplitude(first, chain.rate, other));
    expect(Math.max(...first)).toBeLessThan(2); // no number runs away
    expect(samples.every((sample) => sample.length === chain.channels)).toBe(true);
  });

  test("after a pause it goes on where it stood", () => {
    const chain = new Chain();
    const before = record(chain, 0, 10).at(-1);
    expect(chain.at(1000)).toEqual(before);
    expect(chain.at(1000.02)).not.toEqual(before);
  });
});
