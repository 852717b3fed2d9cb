/** The bench's command line. */
import { describe, expect, test } from "@jest/globals";
import type { Bench } from "../../bench/bench.ts";
import { chooseBenches } from "../../bench/choose.ts";
import { readSettings } from "../../bench/settings.ts";

describe("readSettings()", () => {
  test("has a default for everything; connections and inflight are the bench's own", () => {
    expect(readSettings([])).toEqual({
      name: undefined,
      settings: {
        json: false,
        seconds: 4,
        rounds: 3,
        only: undefined,
        connections: undefined,
        inflight: undefined,
        bytes: 64,
        megabytes: 256,
      },
    });
  });

  test("reads a name and every flag", () => {
    const args =
      "echo --json --seconds 0.5 --rounds 9 --only a,b --connections 1 --inflight 64 --bytes 16384 --megabytes 16".split(
        " ",
      );
    expect(readSettings(args)).toEqual({
      name: "echo",
      settings: {
        json: true,
        seconds: 0.5,
        rounds: 9,
        only: ["a", "b"],
        connections: 1,
        inflight: 64,
        bytes: 16384,
        megabytes: 16,
      },
    });
  });

  test.each([
    ["--rounds", "0"],
    ["--rounds", "100"],
    ["--rounds", "1.5"],
    ["--seconds", "0.4"],
    ["--connections", "19501"],
    ["--inflight", "65"],
    ["--bytes", ""],
    ["--bytes", "many"],
  ])("refuses %s %j", (flag, value) => {
    expect(() => readSettings([flag, value])).toThrow(`Cannot set ${flag} as it must be a `);
  });

  test("refuses an unknown flag, and two names", () => {
    expect(() => readSettings(["--fast"])).toThrow("--fast");
    expect(() => readSettings(["echo", "json"])).toThrow("Cannot run 2 benches as one runs at a time: got echo, json");
  });
});

describe("chooseBenches()", () => {
  const bench = (name: string, ...contenders: string[]): Bench => ({
    name,
    about: "",
    contenders,
    run: () => Promise.reject(new Error("not here")),
  });
  const benches = [bench("one", "a", "b"), bench("two", "b", "c")];
  const chosen = (name?: string, only?: string[]): { readonly runs: unknown; readonly notes: string[] } => {
    const notes: string[] = [];
    const choices = chooseBenches(benches, name, only, (line) => notes.push(line));
    return { runs: choices.map((choice) => [choice.bench.name, choice.only]), notes };
  };

  test("takes all without a name, each with those of the wanted contenders that it has", () => {
    expect(chosen().runs).toEqual([
      ["one", undefined],
      ["two", undefined],
    ]);
    expect(chosen(undefined, ["a", "b"]).runs).toEqual([
      ["one", ["a", "b"]],
      ["two", ["b"]],
    ]);
  });

  test("leaves out, and says so, who has none of the wanted contenders", () => {
    expect(chosen(undefined, ["a"])).toEqual({
      runs: [["one", ["a"]]],
      notes: ["two is left out as it has none of a"],
    });
  });

  test("refuses a name that no bench has", () => {
    expect(() => chosen("three")).toThrow('Cannot run bench "three" as there is none of that name: known are one, two');
    expect(() => chosen("")).toThrow('Cannot run bench ""');
  });

  test("refuses a contender that none of the chosen benches has", () => {
    expect(() => chosen("one", ["b", "c"])).toThrow('Cannot run only "c" as one has no such contender: known are a, b');
    expect(() => chosen(undefined, ["d"])).toThrow(
      'Cannot run only "d" as the bench has no such contender: known are a, b, c',
    );
  });
});
