/**
 * DESIGN §3.1 to 3.6, 3.8 and 3.10 as properties of a whole kernel in simulated time: random processes, messages, crashes,
 * kills, restarts and stops, in random order. `npm run simulate -- --schedules 100000` plays more of them.
 */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type Plan, plan as plans } from "../support/simulation/plan.ts";
import { Random } from "../support/simulation/random.ts";
import { simulate } from "../support/simulation/simulate.ts";
import { describeBroken, trySchedules } from "../support/simulation/try.ts";

const SCHEDULES = 3_000; // about 5 s on one core
const TEST_MS = 120_000; // ms: ten others may use the cores

describe("a kernel in simulated time", () => {
  test(
    "keeps every guarantee, whatever its processes do and in whatever order they do it",
    async () => {
      const tried = await trySchedules({ schedules: SCHEDULES });
      if (tried.broken !== null) throw new Error(describeBroken(tried.broken, tried.seed));
      expect(tried.schedules).toBeGreaterThanOrEqual(SCHEDULES);
      expect(tried.messages).toBeGreaterThan(SCHEDULES); // or the plans do nothing
      expect(tried.crashes).toBeGreaterThan(SCHEDULES / 10);
    },
    TEST_MS,
  );

  test("goes the same way each time for one plan and seed, and another way for another seed", async () => {
    const sample = fc.sample(plans, { seed: 1, numRuns: 30 });
    let differ = 0;
    for (const plan of sample) {
      const { trace } = await simulate(plan, 7, { traced: true });
      expect((await simulate(plan, 7, { traced: true })).trace).toEqual(trace);
      if ((await simulate(plan, 8, { traced: true })).trace.join() !== trace.join()) differ++;
    }
    expect(differ).toBeGreaterThan(10);
  });

  test("that breaks a guarantee says which, and what had happened", async () => {
    const nobody = { onExit: "None", public: true, mailbox: 1, inits: [], farewell: "none" } as const;
    const timers = Array.from({ length: 4 }, () => ({ do: "timer", ms: 5, acts: [] }) as const);
    const plan: Plan = {
      turnSteps: 1,
      actors: [nobody, nobody, nobody, nobody],
      steps: [{ step: "frame", to: 0, acts: timers }], // one more than limits.timers: a crash, and so a dead letter
    };
    const { crashes, trace } = await simulate(plan, 1, { traced: true });
    expect(crashes).toBe(1);
    expect(trace.join("\n")).toMatch(/a:ab:sim #1 handles 1\n[\s\S]*a:ab:sim crashed: LimitError/);
  });
});

describe("Random", () => {
  test("gives the same numbers for the same seed, from 0 to below 1 and well spread", () => {
    const numbers = (seed: number): number[] => {
      const random = new Random(seed);
      return Array.from({ length: 10_000 }, () => random.next());
    };
    expect(numbers(5)).toEqual(numbers(5));
    expect(numbers(5)).not.toEqual(numbers(6));
    const tenths = Array(10).fill(0);
    for (const number of numbers(5)) tenths[Math.floor(number * 10)]++;
    for (const count of tenths) expect(count).toBeGreaterThan(900);
  });
});
