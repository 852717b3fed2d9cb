/** The process in memory: no node, no port. `npm test` runs every *.test.ts. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { type Harness, startProcess } from "jackfield/process/harness";
import app from "./app.ts";

const folder = join(import.meta.dirname, ".."); // the package's: it serves ui/ from there

/** The last thing that the whole room was told. */
function told(process: Harness): unknown {
  return process.published.at(-1)?.value;
}

test("the room hears what somebody says, under the name they chose", async () => {
  const process = await startProcess(app, { folder });
  const ada = await process.open();
  await process.push(ada, { type: "name", name: "Ada" });
  assert.deepEqual(told(process), { type: "people", people: ["Ada"] });
  await process.push(ada, { type: "say", text: "hello" });
  const { said } = told(process) as { said: { from: string; text: string } };
  assert.deepEqual([said.from, said.text], ["Ada", "hello"]);
});

test("who comes later, or after a crash, is shown what was said", async () => {
  const process = await startProcess(app, { folder });
  await process.push(await process.open(), { type: "say", text: "hello" });
  await process.restart();
  const [welcome] = process.pushes(await process.open()) as [{ history: { text: string }[] }];
  assert.deepEqual(
    welcome.history.map(({ text }) => text),
    ["hello"],
  );
});

test("what is no message is refused, and heard by nobody", async () => {
  const process = await startProcess(app, { folder });
  const channel = await process.open();
  const before = process.published.length;
  for (const ask of ["hello", { type: "say", text: "" }, { type: "say", text: "x".repeat(501) }])
    await process.push(channel, ask);
  assert.equal(process.published.length, before);
  const pushed = process.pushes(channel) as readonly { readonly type: string }[];
  assert.equal(pushed.filter(({ type }) => type === "refused").length, 3);
});
