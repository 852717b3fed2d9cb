/** The machine as a process in memory: no node, no port, and time stands still until `advance`. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { type Harness, startProcess } from "jackfield/process/harness";
import app from "./app.ts";

const folder = join(import.meta.dirname, ".."); // the package's: it serves ui/ from there

function states(process: Harness, channel: number): readonly string[] {
  return (process.pushes(channel) as readonly { readonly state: string }[]).map(({ state }) => state);
}

test("it runs, rings and is stopped, and everybody hears of it", async () => {
  const process = await startProcess(app, { folder });
  const [one, two] = [await process.open(), await process.open()];
  await process.push(one, { start: 60 });
  await process.advance(59_000);
  assert.deepEqual(states(process, two), ["idle", "running"]);
  await process.advance(1000);
  await process.push(two, "stop");
  assert.deepEqual(states(process, one), ["idle", "running", "ringing", "idle"]);
});

test("it goes on where it stood after a crash", async () => {
  const process = await startProcess(app, { folder });
  const channel = await process.open();
  await process.push(channel, { start: 60 });
  await process.restart();
  await process.advance(60_000);
  assert.deepEqual(states(process, channel), ["idle", "running", "running", "ringing"]); // told of its channel again
});

test("what is no command changes nothing", async () => {
  const process = await startProcess(app, { folder });
  const channel = await process.open();
  for (const data of ["start", { start: 0 }, { start: "60" }, { start: 1e9 }]) await process.push(channel, data);
  assert.deepEqual(states(process, channel), ["idle"]);
});
