/** `{ worker: name }`: one thread for all of a package who say that name. */
import { afterEach, expect, test } from "@jest/globals";
import { ask } from "../../support/kernel.ts";
import { startPlacedStage, stopPlacedStages } from "../../support/placed-stage.ts";

const A = "a:test:sys";
const B = "b:test:sys";

afterEach(stopPlacedStages);

test("processes of a package that say the same name share a thread, others have theirs", async () => {
  const { on, host } = await startPlacedStage({ worker: "pool" });
  for (const id of [A, B, "c:other:sys"]) await on.addFile(id, "spawner.mjs");
  await on.addFile("d:test:sys", "spawner.mjs", { placement: { worker: "pool-2" } });
  const where = await Promise.all([A, B, "c:other:sys", "d:test:sys"].map((id) => ask(host, id, "Where")));
  const [a, b, c, d] = where.map(({ body }) => (body as { readonly thread: number }).thread);
  expect(a).toBe(b);
  expect(new Set([0, a, c, d]).size).toBe(4);
});

test("a throw of one leaves the other in peace, which keeps its state", async () => {
  const { on, host, crash } = await startPlacedStage({ worker: "pool" });
  for (const id of [A, B]) await on.addFile(id, "naughty.mjs", { onExit: "Restart" });
  expect((await ask(host, B, "Count")).body).toBe(1);
  const crashed = crash(A);
  await expect(ask(host, A, "Throw")).rejects.toMatchObject({ kind: "Offline" });
  expect((await crashed).error).toBe("TypeError: it was thrown on purpose");
  expect((await ask(host, A, "Count")).body).toBe(1);
  expect((await ask(host, B, "Count")).body).toBe(2);
});

test("one that blocks is to blame; the other begins again in a new thread, uncounted, and loses no message", async () => {
  const { on, host, crash } = await startPlacedStage({ worker: "pool" }, { handlerSeconds: 1, restarts: 0 });
  for (const id of [A, B]) await on.addFile(id, "naughty.mjs", { onExit: "Restart" });
  expect((await ask(host, B, "Count")).body).toBe(1);
  const crashes = Promise.all([crash(A), crash(B)]);
  const lost = ask(host, A, { Loop: null });
  const behind = [1, 2, 3].map(() => ask(host, B, "Count"));
  await expect(lost).rejects.toMatchObject({ kind: "Offline" });
  expect((await Promise.all(behind)).map(({ body }) => body)).toEqual([1, 2, 3]); // B has begun again
  const [a, b] = await crashes;
  expect(a.error).toContain('its handler of a request "Loop" from "alice.os@asker:test:sys" has blocked its thread');
  expect(b.error).toMatch(
    /^RealmEndedError: Cannot go on with "alice.os@b:test:sys" as a process that shares its thread \d+ ended it: limits/,
  );
  await expect(ask(host, A, "Count")).rejects.toMatchObject({ kind: "Offline" }); // restarts is 0: A is given up
});

test("the thread ends with its last process", async () => {
  const { on, host } = await startPlacedStage({ worker: "pool" });
  const [a, b] = [await on.addFile(A, "spawner.mjs"), await on.addFile(B, "spawner.mjs")];
  const { body } = await ask(host, A, "Where");
  a.kill();
  expect((await ask(host, B, "Where")).body).toEqual(body);
  b.kill();
  await on.node.kernel.placements.stop(); // fulfilled when no thread is left
});
