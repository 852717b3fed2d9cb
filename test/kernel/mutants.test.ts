/** The defects that `npm run simulate -- --mutants` plants are found in the kernel as it is: a text that is gone plants nothing. */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "@jest/globals";

const ROOT = resolve(import.meta.dirname, "../..");

test("each mutant's text stands once in kernel/", async () => {
  const { MUTANTS } = (await import(join(ROOT, "scripts/mutants.mjs"))) as {
    readonly MUTANTS: readonly (readonly [says: string, find: string, replacement: string])[];
  };
  const files = readdirSync(join(ROOT, "kernel")).filter((file) => file.endsWith(".ts"));
  const sources = files.map((file) => readFileSync(join(ROOT, "kernel", file), "utf8"));
  const found = MUTANTS.map(([says, find]) => [says, sources.filter((text) => text.includes(find)).length]);
  expect(found).toEqual(MUTANTS.map(([says]) => [says, 1]));
});
