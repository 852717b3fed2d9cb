/** Inbound: at the limit and one past it, and a client that goes on. */
import { expect, test } from "@jest/globals";
import { Inbound } from "../../../processes/soundlab/inbound.ts";
import { FLOOD_SECONDS } from "../../../processes/soundlab/limits.ts";

test("Inbound.take() answers as many as may come in a second, and ignores one more until the next", () => {
  const inbound = new Inbound(3);
  expect([0, 1, 2, 999, 1000].map((now) => inbound.take(now))).toEqual([
    "answer",
    "answer",
    "answer",
    "ignore",
    "answer",
  ]);
});

test("Inbound.take() says close in the last of so many seconds that were too full, and not before", () => {
  const inbound = new Inbound(1);
  for (let second = 1; second < FLOOD_SECONDS; second++) {
    expect(inbound.take(second * 1000)).toBe("answer");
    for (let more = 0; more < 50; more++) expect(inbound.take(second * 1000 + more)).toBe("ignore");
  }
  expect(inbound.take(FLOOD_SECONDS * 1000)).toBe("answer");
  expect(inbound.take(FLOOD_SECONDS * 1000)).toBe("close");
});
