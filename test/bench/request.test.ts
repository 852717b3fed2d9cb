/** What bench/request compares. */
import { describe, expect, test } from "@jest/globals";
import { ratiosOf } from "../../bench/request.ts";
import { type Round, resultOfRounds } from "../../bench/turns.ts";

const round = (main: number): Round => ({ main, also: {}, note: "" });

describe("ratiosOf()", () => {
  test("compares ours with each other one of its way that ran", () => {
    const results = {
      "jackfield-send": resultOfRounds([round(100)]),
      "jackfield-ask": resultOfRounds([round(30)]),
      xstate: resultOfRounds([round(5)]),
      "moleculer-ask": resultOfRounds([round(60)]),
    };
    expect(ratiosOf(results)).toEqual({ "jackfield-send/xstate": 20, "jackfield-ask/moleculer-ask": 0.5 });
  });
});
