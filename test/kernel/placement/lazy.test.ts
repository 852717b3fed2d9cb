/** A lazy program that is placed elsewhere: what is in hand while it begins. */
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "@jest/globals";
import { lazyProgram } from "../../../kernel/index.ts";
import { PlacedProgram } from "../../../kernel/placement/placed-program.ts";
import { ProcessId } from "../../../lib/protocol/index.ts";
import { ask, tell } from "../../support/kernel.ts";
import { startPlacedStage, stopPlacedStages } from "../../support/placed-stage.ts";
import { until } from "../../support/until.ts";

const ID = "lazy:test:sys";

afterEach(stopPlacedStages);

test("the message it begins with ends as any that crashed its process, when its thread does not come up", async () => {
  const { on, host } = await startPlacedStage("worker");
  const { node } = on;
  const program = lazyProgram(async () => new PlacedProgram("worker", "/there/is/none.mjs"));
  node.addProcess(ProcessId.parse(ID), program, { public: true, onExit: "Restart", restart: { max: 9, seconds: 60 } });
  await expect(ask(host, ID, "Count")).rejects.toMatchObject({ kind: "Offline" });
  const { length } = node.kernel.deadLetters.last();
  tell(host, ID, "Count");
  await until(() => node.kernel.deadLetters.last().length === length + 1);
  expect(node.kernel.deadLetters.last().at(-1)).toMatchObject({
    reason: "crashed",
    target: expect.stringContaining(ID),
  });
});

test.each(["worker", "isolated"] as const)(
  "%s: the message it begins with is in hand there, answered, and lost when its handler never ends",
  async (placement) => {
    const { on, host } = await startPlacedStage(placement, { handlerSeconds: 1 });
    const path = fileURLToPath(new URL("../../support/programs/naughty.mjs", import.meta.url));
    const lazy = (id: string): void => {
      const program = lazyProgram(async () => new PlacedProgram(placement, path));
      on.node.addProcess(ProcessId.parse(id), program, { public: true, onExit: "Restart" });
    };
    lazy(ID);
    expect(await ask(host, ID, "Count")).toMatchObject({ body: 1 });
    lazy("stuck:test:sys");
    await expect(ask(host, "stuck:test:sys", "Loop")).rejects.toMatchObject({ kind: "Offline" });
    expect(on.node.kernel.crashes.last().at(-1)).toMatchObject({
      process: "stuck:test:sys",
      message: { action: "Loop" },
    });
  },
);
