/** How many frames a process is given that runs elsewhere, and what becomes of them when it ends. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { ProcessId } from "../../lib/protocol/index.ts";
import { bound, connect } from "../support/bound.ts";
import { A, APART, startStage, stopStages } from "../support/stage.ts";

afterEach(stopStages);

describe.each(APART)("%s: a process that does not keep up", (placement) => {
  test.each([
    ["small", 0],
    ["large", 70_000],
  ])(
    "is given as many %s frames as limits.realmMessages says, others wait, one too many ends its channel",
    async (_, size) => {
      const on = await startStage(placement, { http: true, limits: { realmMessages: 5, mailbox: 20 } });
      const a = await bound(on, A);
      const [one, two] = [await connect(on, a), await connect(on, a)];
      await a.nextOf(2);
      await a.on("push", (me, { blob }) => {
        const text = blob.text()?.trim();
        if (text === "wait") me.block("go on");
        me.report(text);
      });
      for (const text of ["wait", ...Array.from({ length: 20 }, (_, n) => `${n}`)]) one.sendText(text.padEnd(size));
      one.sendPing("ping");
      await one.nextFrame(); // its pong: what was before it is there
      expect(on.node.kernel.registry.get(ProcessId.parse(A))?.mailbox.length).toBe(17); // 22 less five
      for (let n = 0; n < 30; n++) two.sendText("too many");
      expect((await two.nextClose()).code).toBe(1013);
      a.open("go on");
      const heard = await a.nextOf(22);
      expect(heard).toEqual(["wait", ...Array.from({ length: 20 }, (_, n) => `${n}`), "ping"]);
    },
  );

  test("and ends without a word loses the frame in hand, and no other", async () => {
    const on = await startStage(placement, { http: true });
    const a = await bound(on, A, { onExit: "Restart" });
    const client = await connect(on, a);
    await a.next();
    await a.on("push", (me, { blob }) => {
      const text = blob.text() ?? "";
      if (text === "end") process.exit(1);
      me.report(text);
    });
    const frames = Array.from({ length: 2000 }, (_, n) => (n === 700 ? "end" : `${n} ${"x".repeat(n % 90)}`));
    for (const text of frames) client.sendText(text);
    // the next incarnation was told nothing, and reports all that it is given
    const heard = (
      (await a.nextOf(frames.length)) as readonly (string | { readonly kind: string; readonly text?: string })[]
    ).map((each) => (typeof each === "string" ? each : (each.text ?? each.kind)));
    expect(heard.filter((each) => each !== "open")).toEqual(frames.filter((text) => text !== "end"));
    expect(heard.filter((each) => each === "open")).toHaveLength(1);
  });
});
