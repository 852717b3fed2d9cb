/** The process in memory: no node, no port. `npm test` runs every *.test.ts. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { startProcess } from "jackfield/process/harness";
import app from "./app.ts";

const folder = join(import.meta.dirname, ".."); // the package's: it serves dist/ui/ from there

test("everybody hears what somebody says, and how often that was", async () => {
  const process = await startProcess(app, { folder });
  const [one, two] = [await process.open(), await process.open()];
  await process.push(one, "hello");
  const heard = [
    { count: 0, said: null },
    { count: 1, said: "hello" },
  ];
  assert.deepEqual([process.pushes(one), process.pushes(two)], [heard, heard]);
});

test("the count outlives a crash", async () => {
  const process = await startProcess(app, { folder, state: 41 });
  const channel = await process.open();
  await process.push(channel, "hello");
  await process.restart();
  assert.deepEqual(process.pushes(channel).at(-1), { count: 42, said: null }); // it was told of its channel again
});
