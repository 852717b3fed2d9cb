/** What bench/placements compares. */
import { describe, expect, test } from "@jest/globals";
import { placements, ratiosOf } from "../../bench/placements.ts";
import { type Round, resultOfRounds } from "../../bench/turns.ts";

const round = (main: number): Round => ({ main, also: {}, note: "" });

describe("bench/placements", () => {
  test("has each pair of placements in each way, beside the limit of that way", () => {
    expect(placements.contenders).toHaveLength(1 + 3 + 4 * 3);
    expect(placements.contenders).toContain("inline-worker-ask-16");
  });

  test("ratiosOf() compares ours with the limit of its way, inline with a function call; of those that ran", () => {
    const results = {
      function: resultOfRounds([round(1000)]),
      "messageport-ask": resultOfRounds([round(50)]),
      "inline-inline-ask": resultOfRounds([round(100)]),
      "worker-worker-ask": resultOfRounds([round(10)]),
      "isolated-isolated-send": resultOfRounds([round(10)]),
    };
    expect(ratiosOf(results)).toEqual({ "inline-inline-ask/function": 0.1, "worker-worker-ask/messageport-ask": 0.2 });
  });
});
