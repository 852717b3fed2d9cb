/** The scripts that the build makes of all sources (scripts/bundle-node.mjs), as V8 reads them. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "@jest/globals";

const BIN = resolve(import.meta.dirname, "../../dist/bin");
const STATEMENTS = /^(break|continue|debugger|return)$/;

test.each(["core.cjs", "later.cjs"])("%s declares no field of a class without its value", (file) => {
  // It would be written twice, undefined first, and V8 would no longer take any of them for a constant (bench/profile).
  const words = readFileSync(join(BIN, file), "utf8").matchAll(/^ +([a-zA-Z_$][\w$]*);$/gm);
  expect([...words].map(([, word = ""]) => word).filter((word) => !STATEMENTS.test(word))).toEqual([]);
});
