/** What bench/processes compares, and that what it measures is made and ended. */
import { describe, expect, test } from "@jest/globals";
import { measure } from "../../bench/contenders/processes-meter.ts";
import { ratiosOf } from "../../bench/processes.ts";
import { type Round, resultOfRounds } from "../../bench/turns.ts";

const round = (main: number): Round => ({ main, also: {}, note: "" });

describe("ratiosOf()", () => {
  test("compares each of ours with each other that ran", () => {
    const results = {
      jackfield: resultOfRounds([round(1_500)]),
      "jackfield-keyed": resultOfRounds([round(3_000)]),
      xstate: resultOfRounds([round(2_000)]),
    };
    expect(ratiosOf(results)).toEqual({ "jackfield/xstate": 0.75, "jackfield-keyed/xstate": 1.5 });
  });
});

describe("measure()", () => {
  const { argv } = process;

  test("makes each number once, ends each that it made, and twice as many as it is asked for", async () => {
    process.argv = [...argv.slice(0, 2), "", "250"];
    const made: number[] = [];
    const ended: number[] = [];
    try {
      const kept: unknown[] = [];
      const outcome = await measure(
        (index) => {
          made.push(index);
          kept.push(new Array(1_000).fill(index)); // 8 kB
        },
        (index) => {
          ended.push(index);
          kept.pop();
        },
      );
      expect(outcome.bytes).toBeGreaterThan(7_000);
      expect(outcome.leftBytes).toBeLessThan(7_000);
    } finally {
      process.argv = argv;
    }
    expect(made).toEqual(Array.from({ length: 500 }, (_, index) => index));
    expect(ended).toEqual(made);
  });
});
