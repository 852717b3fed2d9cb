/** Bodies that MessagePack cannot carry: told to who made them, never to who should have received them. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { ask, program, tell } from "../../support/kernel.ts";
import { startPlacedStage, stopPlacedStages } from "../../support/placed-stage.ts";

const ID = "values:test:sys";
const ADVICE = "send values only: numbers, texts, lists, objects, bytes";

afterEach(stopPlacedStages);

describe.each(["worker", "isolated"] as const)("%s", (placement) => {
  test("a request from there throws at the call", async () => {
    const { on, host } = await startPlacedStage(placement);
    await on.addFile(ID, "values.mjs");
    expect((await ask(host, ID, "send")).body).toEqual({
      name: "UnpackableError",
      code: "unpackable",
      message: `Cannot send to "alice.os@asker:test:sys" as MessagePack carries no such body: Unknown type: symbol, ${ADVICE}`,
    });
  });

  test("an answer likewise, and the request can still be answered", async () => {
    const { on, host } = await startPlacedStage(placement);
    await on.addFile(ID, "values.mjs");
    expect((await ask(host, ID, "respond")).body).toEqual({
      name: "UnpackableError",
      code: "unpackable",
      message: `Cannot answer "alice.os@asker:test:sys" as MessagePack carries no such body: Maximum call stack size exceeded, ${ADVICE}`,
    });
  });

  test("one to there is a dead letter, and Offline to who waits", async () => {
    const { on, host } = await startPlacedStage(placement);
    const process = await on.addFile(ID, "values.mjs");
    await expect(ask(host, ID, Symbol("no value"))).rejects.toMatchObject({ kind: "Offline" });
    tell(host, ID, 2n ** 70n);
    await ask(host, ID, "send");
    expect(on.node.kernel.deadLetters.counts()).toEqual({ unpackable: 2 });
    expect(process.incarnation).toBe(1);
  });

  test("an answer to there ends its request: Offline", async () => {
    const { on, host } = await startPlacedStage(placement);
    await on.addFile("naughty:test:sys", "naughty.mjs", { onExit: "Restart" });
    on.add(
      "answers:test:sys",
      program((message, self) => {
        if (message.kind === "request") self.respond({ body: Symbol("no value") });
      }),
      { public: true },
    );
    const { body } = await ask(host, "naughty:test:sys", { Ask: "answers:test:sys" });
    expect(body).toBe("Offline");
    expect(on.node.kernel.deadLetters.counts()).toEqual({ unpackable: 1 });
  });
});
