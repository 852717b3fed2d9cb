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
    let heap = 1_000_000;
    try {
      const outcome = await measure(
        (index) => {
          made.push(index);
          heap += index < 250 ? 50 : 8_000; // what comes first is there for all
        },
        (index) => {
          ended.push(index);
          heap -= index < 250 ? 0 : 7_990;
        },
        async () => heap,
      );
      expect(outcome).toMatchObject({ bytes: 8_000, leftBytes: 10 });
    } finally {
      process.argv = argv;
    }
    expect(made).toEqual(Array.from({ length: 500 }, (_, index) => index));
    expect(ended).toEqual(made);
  });
});
