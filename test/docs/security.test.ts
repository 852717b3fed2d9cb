/** docs/security.md names tests that exist, by file and title. */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "@jest/globals";

const ROOT = resolve(import.meta.dirname, "../..");
const text = readFileSync(join(ROOT, "docs/security.md"), "utf8");

/** `file`: "title", "title" */
const named = [...text.matchAll(/`(test\/[^`]+\.test\.ts)`: ("[^"]+"(?:, "[^"]+")*)/g)].flatMap(
  ([, file = "", titles = ""]) => [...titles.matchAll(/"([^"]+)"/g)].map(([, title = ""]) => [file, title] as const),
);

function has(file: string, title: string): boolean {
  const path = join(ROOT, file);
  return existsSync(path) && readFileSync(path, "utf8").includes(title);
}

test("every test that it names is there", () => {
  expect(named.length).toBeGreaterThan(25);
  const missing = named.filter(([file, title]) => !has(file, title));
  expect(missing).toEqual([]);
});

test("each row of the contract that is marked S has its line, and a test or the word that it is not closed", () => {
  const lines = text.split("\n").filter((line) => /^\| \d+ \|/.test(line));
  expect(lines.map((line) => Number(line.split("|")[1]))).toEqual(Array.from({ length: 17 }, (_, i) => 26 + i));
  for (const line of lines) expect(line).toMatch(/`test\/|\*\*not closed here\*\*/);
});
