/** What a process is set, wherever it runs. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { A, PLACEMENTS, startStage, stopStages } from "../support/stage.ts";

afterEach(stopStages);

describe.each(PLACEMENTS)("settings, %s", (placement) => {
  test("are the node's for that name over those of who spawns it", async () => {
    const on = await startStage(placement, {
      settings: { [A]: { rate: 30 }, "child:a-package:template.os": { name: "of the node" } },
    });
    const a = await on.add(A);
    expect(await a.run((me) => me.ctx.settings)).toEqual({ rate: 30 });
    const spawn = { name: "child", file: "puppet.mjs", placement, settings: { name: "of its parent", size: 2 } };
    await a.run((me, options) => me.ctx.spawn(options).then(() => null), spawn);
    const child = on.puppet("child:a-package:template.os");
    expect(await child.run((me) => me.ctx.settings)).toEqual({ name: "of the node", size: 2 });
  });

  test("are nothing, and not to be changed, where nobody said anything", async () => {
    const on = await startStage(placement, {});
    const a = await on.add(A);
    expect(await a.run((me) => me.ctx.settings)).toEqual({});
  });
});
