/** Crash reports in a file: kept over runs, cut to the last ones, and no trouble whatever the file holds. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { crashStore } from "../../bin/crash-store.ts";
import type { CrashReport, CrashStore } from "../../kernel/index.ts";

let folder = "";
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), "jackfield-crashes-")), "crashes");
});
afterEach(() => rmSync(join(folder, ".."), { recursive: true }));

const report = (at: number): CrashReport => ({
  at,
  process: "a:b:c",
  incarnation: 1,
  error: "Error: told to",
  stack: null,
  ranMs: 5,
  message: null,
  decision: "end",
  restartInMs: null,
});

function opened(most = 3): CrashStore {
  const store = crashStore(folder, most);
  if (store === undefined) throw new Error("there is no store");
  return store;
}

const file = (): string => join(folder, "crashes.jsonl");

test("what was added is loaded by the next run, the last ones, oldest first", () => {
  const store = opened();
  expect(store.load()).toEqual([]);
  for (const at of [1, 2, 3, 4]) store.add(report(at));
  expect(opened().load()).toEqual([2, 3, 4].map(report));
});

test("the file never has twice as many as are kept, over runs too", () => {
  for (let run = 0; run < 5; run++) {
    const store = opened();
    store.load();
    for (const at of [1, 2]) store.add(report(run * 2 + at));
    expect(readFileSync(file(), "utf8").trim().split("\n").length).toBeLessThan(6);
  }
  expect(opened().load()).toEqual([8, 9, 10].map(report));
});

test("lines that are no reports are passed over, a torn one too", () => {
  const store = opened();
  store.add(report(1));
  for (const line of ["{}", "null", "7", "no JSON", '{"at":2,"proc']) appendFileSync(file(), `${line}\n`);
  expect(opened().load()).toEqual([report(1)]);
});

test("only its owner may read it", () => {
  opened().add(report(1));
  expect([statSync(folder).mode & 0o777, statSync(file()).mode & 0o777]).toEqual([0o700, 0o600]);
});

test("a folder that cannot be made loses reports, and nothing else", () => {
  writeFileSync(folder, "a file stands in the way");
  const store = opened();
  expect(store.load()).toEqual([]);
  expect(() => store.add(report(1))).not.toThrow();
});

test("there is none without a folder, or where none are kept", () => {
  expect([crashStore(null, 3), crashStore(folder, 0)]).toEqual([undefined, undefined]);
});
