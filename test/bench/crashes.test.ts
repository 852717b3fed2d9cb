/** The soak's own bookkeeping: that it would say what broke, and what its command says of bad flags. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";
import { CRASH_KINDS } from "../../bench/crashes/crash-kinds.ts";
import { Ledger } from "../../bench/crashes/ledger.ts";
import { KINDS, namesOf } from "../../bench/crashes/programs.ts";

const COMMAND = fileURLToPath(new URL("../../dist/bench/crashes/index.js", import.meta.url));
const rest = { deadLetters: {}, processes: 0 };

function breachesOf(ledger: Ledger): unknown {
  return ledger.counts(rest).breaches;
}

describe("Ledger", () => {
  test("counts how each request ended, and what is still open", () => {
    const ledger = new Ledger();
    ledger.begin("a-0");
    const [first = 0, second = 0] = [ledger.ask("a-0"), ledger.ask("a-0"), ledger.ask("a-0")];
    ledger.end(first, "Response");
    ledger.end(second, "Offline");
    expect(ledger.counts(rest)).toMatchObject({
      asked: 3,
      outcomes: { Response: 1, Offline: 1 },
      unaccounted: 1,
      breaches: {},
    });
  });

  test("says so when a request ends twice", () => {
    const ledger = new Ledger();
    const n = ledger.ask("a-0");
    for (const how of ["Offline", "Response"]) ledger.end(n, how);
    expect(breachesOf(ledger)).toEqual({ "a request ends twice": { times: 1, first: "request 1: Response" } });
  });

  test("ends what an incarnation had asked with it, and no other's", () => {
    const ledger = new Ledger();
    for (const name of ["a-0", "b-0"]) ledger.begin(name);
    ledger.ask("a-0");
    ledger.ask("b-0");
    ledger.begin("a-0");
    expect(ledger.counts(rest)).toMatchObject({ outcomes: { EndedWithAsker: 1 }, unaccounted: 1, restarts: 1 });
  });

  test("says so when messages of one sender to one target change places, or one comes twice", () => {
    const ledger = new Ledger();
    for (const n of [1, 3, 2, 2]) ledger.hear("a-0", "b-0", n);
    ledger.hear("a-0", "c-0", 1);
    expect(breachesOf(ledger)).toEqual({ order: { times: 2, first: "a-0 → b-0: 2 after 3" } });
  });

  test("says so when less is read than was durable, or what was never written", () => {
    const ledger = new Ledger();
    for (const value of [1, 2]) {
      ledger.trying("w-0", value);
      ledger.durable("w-0", value);
    }
    ledger.trying("w-0", 3); // begun, not durable: either may be there
    for (const value of [2, 3]) ledger.restored("w-0", value);
    expect(breachesOf(ledger)).toEqual({});
    for (const value of [1, 4]) ledger.restored("w-0", value);
    expect(breachesOf(ledger)).toEqual({
      state: { times: 2, first: "w-0 reads 1; 2 was durable, 3 the last written" },
    });
  });
});

test("every way to crash hits somebody", () => {
  const victims = KINDS.filter(({ victim }) => victim).flatMap((kind) => namesOf(kind));
  expect(victims.length).toBeGreaterThanOrEqual(36);
  for (const { hits } of CRASH_KINDS) expect(victims.some((victim) => hits?.(victim) ?? true)).toBe(true);
});

test.each([
  [["--seconds", "x"], 'Cannot set --seconds as it must be a number from 5 to 604800: got "x", leave it out for 600\n'],
  [["--seconds", "4"], 'Cannot set --seconds as it must be a number from 5 to 604800: got "4", leave it out for 600\n'],
  [["--minutes", "1"], "Unknown option '--minutes'\n"],
])("npm run soak -- %j says what it wants, and exits with 2", (args, says) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [COMMAND, ...args], { encoding: "utf8" });
  expect({ status, stdout, stderr }).toEqual({ status: 2, stdout: "", stderr: says });
});
