/** What rounds come down to. */
import { describe, expect, test } from "@jest/globals";
import { figuresOf, ratioOf, ratiosOf, resultOf } from "../../bench/figures.ts";
import type { Outcome } from "../../bench/load/job.ts";

const outcome = (messagesPerSecond: number, over: Partial<Outcome> = {}): Outcome => ({
  messagesPerSecond,
  p50Us: 1,
  p99Us: 2,
  p999Us: 3,
  serverBusy: 1,
  loadBusy: 0.5,
  cpuNsPerMessage: 1000,
  ...over,
});

describe("figuresOf()", () => {
  test.each([
    [[5], 5],
    [[9, 1, 2], 2],
    [[4, 1, 3, 2], 2.5],
    [[10, 9, 100], 10],
  ])("%j has median %p", (rounds, median) => {
    const [min, max] = [Math.min(...rounds), Math.max(...rounds)];
    expect(figuresOf(rounds)).toEqual({ median, min, max, rounds });
  });
});

describe("resultOf()", () => {
  test("has the rate, and each round's percentiles, load and cost beside it", () => {
    const result = resultOf([outcome(30, { p50Us: 7 }), outcome(10, { p50Us: 5 }), outcome(20, { p50Us: 9 })]);
    expect(result).toMatchObject({ median: 20, rounds: [30, 10, 20] });
    expect(Object.keys(result.also ?? {})).toEqual(["p50Us", "p99Us", "serverBusy", "cpuNsPerMessage"]);
    expect(result.also?.p50Us).toEqual({ median: 7, min: 5, max: 9, rounds: [7, 5, 9] });
  });

  test("leaves out what can't be seen", () => {
    const { also } = resultOf([outcome(1, { serverBusy: null, cpuNsPerMessage: null })]);
    expect(Object.keys(also ?? {})).toEqual(["p50Us", "p99Us"]);
  });
});

describe("ratiosOf()", () => {
  const results = Object.fromEntries(
    Object.entries({
      uwebsockets: 200,
      jackfield: 100,
      ws: 20,
      "jackfield-ws": 10,
      "jackfield-worker": 110,
      socketio: 5,
    }).map(([name, rate]) => [name, resultOf([outcome(rate)])]),
  );

  test("has jackfield over each other, its ws transport over ws, and its placements over the limit", () => {
    expect(ratiosOf(results)).toEqual({
      "jackfield/uwebsockets": 0.5,
      "jackfield/ws": 5,
      "jackfield/jackfield-ws": 10,
      "jackfield/socketio": 20,
      "jackfield/jackfield-worker": 100 / 110,
      "jackfield-ws/ws": 0.5,
      "jackfield-worker/uwebsockets": 0.55,
    });
  });

  test("leaves out who did not run", () => {
    const { jackfield: _, ...others } = results;
    expect(ratiosOf(others)).toEqual({ "jackfield-ws/ws": 0.5, "jackfield-worker/uwebsockets": 0.55 });
    expect(ratioOf(others, "jackfield", "ws")).toBeNull();
  });
});
