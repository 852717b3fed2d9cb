/** Contenders in turn, and what their rounds come down to. */
import { describe, expect, test } from "@jest/globals";
import { alsoRatioOf, busyNote, costRatioOf, type Round, resultOfRounds, takeTurns } from "../../bench/turns.ts";

const round = (main: number, also: Readonly<Record<string, number>> = {}): Round => ({ main, also, note: `${main}` });

describe("takeTurns()", () => {
  const contenders = [{ name: "a" }, { name: "b" }, { name: "c" }];

  test("plays A B A B, leaves out whom --only does not name, and has each one's rounds in order", async () => {
    const played: string[] = [];
    const notes: string[] = [];
    const results = await takeTurns(
      contenders,
      { only: ["a", "c"], rounds: 2 },
      (line) => notes.push(line),
      async ({ name }) => {
        played.push(name);
        return round(played.length);
      },
    );
    expect(played).toEqual(["a", "c", "a", "c"]);
    expect(Object.keys(results)).toEqual(["a", "c"]);
    expect(results.c).toMatchObject({ median: 3, rounds: [2, 4] });
    expect(notes.filter((line) => line.startsWith("round 2"))).toHaveLength(2);
  });

  test("ends with the first round that fails", async () => {
    const play = (): Promise<Round> => Promise.reject(new Error("no"));
    await expect(takeTurns(contenders, { only: undefined, rounds: 1 }, () => undefined, play)).rejects.toThrow("no");
  });
});

describe("resultOfRounds()", () => {
  test("has a median of the main figure and of each beside it", () => {
    const result = resultOfRounds([round(3, { spreadMs: 9 }), round(1, { spreadMs: 7 }), round(2, { spreadMs: 8 })]);
    expect(result.median).toBe(2);
    expect(result.also?.spreadMs).toEqual({ median: 8, min: 7, max: 9, rounds: [9, 7, 8] });
  });
});

describe("alsoRatioOf() and costRatioOf()", () => {
  const results = {
    uwebsockets: resultOfRounds([round(1, { cpuNs: 50 })]),
    jackfield: resultOfRounds([round(1, { cpuNs: 200 })]),
  };

  test("are ours over the limit's, and the other way round for what costs", () => {
    expect(alsoRatioOf(results, "cpuNs")).toBe(4);
    expect(costRatioOf(results, "cpuNs")).toBe(0.25);
  });

  test("are null when either did not run", () => {
    expect(alsoRatioOf({ jackfield: results.jackfield }, "cpuNs")).toBeNull();
    expect(costRatioOf({ uwebsockets: results.uwebsockets }, "cpuNs")).toBeNull();
  });
});

describe("busyNote()", () => {
  test.each([
    [0.6, 0.95, "limited by the load"],
    [0.94, 0.94, "neither was busy"],
  ])("for a server at %p and a load at %p", (server, load, words) => {
    expect(busyNote(server, load)).toContain(words);
  });
});

test("busyNote() doubts nothing when the server was busy throughout", () => {
  expect(busyNote(0.95, 0.99)).toBe("server 95 %, load 99 %");
});
