/** What the profile is asked, and what its tables put first. */
import { describe, expect, test } from "@jest/globals";
import { readProfileSettings } from "../../../bench/profile/settings.ts";
import { compare, instructionTables } from "../../../bench/profile/tables.ts";

const cost = (instructions: number) => ({ instructions, codeMisses: 0, dataMisses: 0 });

describe("readProfileSettings()", () => {
  test("has a default for everything", () => {
    expect(readProfileSettings([])).toEqual({
      parts: ["cpu", "allocations", "instructions"],
      work: "echo",
      contenders: ["uwebsockets", "jackfield"],
      bytes: 64,
      seconds: 4,
      top: 20,
      json: false,
    });
  });

  test("takes parts and flags", () => {
    const args = ["instructions", "cpu", "--work", "ask", "--contender", "ws, jackfield-ws", "--top", "5", "--json"];
    expect(readProfileSettings(args)).toMatchObject({
      parts: ["instructions", "cpu"],
      work: "ask",
      contenders: ["ws", "jackfield-ws"],
      top: 5,
      json: true,
    });
  });

  test.each([
    [["memory"], 'Cannot take "memory" for profile as it must be one of those known: cpu, allocations, instructions'],
    [["--work", "sing"], 'Cannot take "sing" for --work as it must be one of those known: echo, json, ask, app'],
    [["--contender", "jackfield,socketio"], 'Cannot take "socketio" for --contender'],
    [["--seconds", "0"], 'Cannot set --seconds as it must be a number from 0.5 to 600: got "0", leave it out for 4'],
    [["--top", "2.5"], "Cannot set --top as it must be a whole number from 1 to 1000"],
    [["--fast"], "Unknown option '--fast'"],
  ])("refuses %j", (args, message) => {
    expect(() => readProfileSettings(args)).toThrow(message);
  });
});

describe("compare()", () => {
  test("puts the largest difference first, then the dearest, and leaves out what reads 0", () => {
    const limit = [
      ["malloc", cost(120.2)],
      ["free", cost(70)],
      ["echo", cost(39)],
      ["rare", cost(0.2)],
    ] as const;
    const ours = [
      ["malloc", cost(119.8)],
      ["free", cost(70)],
      ["message", cost(309)],
      ["rare", cost(0.4)],
    ] as const;
    expect(compare([limit, ours])).toEqual([
      { name: "message", costs: [cost(0), cost(309)] },
      { name: "echo", costs: [cost(39), cost(0)] },
      { name: "malloc", costs: [cost(120.2), cost(119.8)] },
      { name: "free", costs: [cost(70), cost(70)] },
    ]);
  });

  test("puts the dearest first when there is but one", () => {
    expect(
      compare([
        [
          ["a", cost(1)],
          ["b", cost(2)],
        ],
      ]).map(({ name }) => name),
    ).toEqual(["b", "a"]);
  });
});

describe("instructionTables()", () => {
  const costs = (instructions: number) => ({
    total: cost(instructions),
    groups: { JavaScript: cost(instructions) },
    functions: [{ group: "JavaScript", name: "f dist/a.js:1", ...cost(instructions) }],
    file: "out/f.callgrind",
  });

  test("has the difference of the last contender to the first, with its sign", () => {
    const shown = instructionTables({ uwebsockets: costs(4366.6), jackfield: costs(5092.1) }, 20);
    expect(shown).toMatch(/^ +4,367 +0\.0 +0\.0 +5,092 +0\.0 +0\.0 +\+726 {2}f dist\/a\.js:1$/m); // of the figures, not of what is shown
  });

  test("has none of one contender alone", () => {
    expect(instructionTables({ jackfield: costs(5) }, 20)).not.toContain("difference");
  });
});
