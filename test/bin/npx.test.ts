/** What README tells people to type: the package's bin, run by npx from its own checkout. */
import { execFile } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "@jest/globals";

const ROOT = resolve(import.meta.dirname, "../..");
const { bin, version } = JSON.parse(readFileSync(resolve(ROOT, "package.json"), "utf8")) as {
  bin: { jackfield: string };
  version: string;
};

// First: under `npm run`, npx sets the bit itself, and would hide that the build did not.
test("the built command may be executed by everybody", () => {
  expect(statSync(resolve(ROOT, bin.jackfield)).mode & 0o111).toBe(0o111);
});

test("npx jackfield runs the built command", async () => {
  const { stdout } = await promisify(execFile)("npx", ["--no-install", "jackfield", "--version"], { cwd: ROOT });
  expect(stdout).toBe(`${version}\n`);
});
