/** Processes of one package in one thread ({ worker: name }): each is a process of its own, whatever the others do. */
import { afterEach, describe, expect, test } from "@jest/globals";
import type { Puppet } from "../support/puppet.ts";
import { A, C, type Stage, startStage, stopStages } from "../support/stage.ts";

afterEach(stopStages);

const ONE = "one:a-package:template.os";
const TWO = "two:a-package:template.os";

/** Two children of A, in one thread. */
async function withTwo(on: Stage, file: string, onExit: "None" | "Restart" = "Restart"): Promise<Puppet> {
  const a = await on.add(A);
  await a.run(
    async (me, { file, onExit }) => {
      for (const name of ["one", "two"])
        await me.ctx.spawn({ name, file, placement: { worker: "shared" }, onExit, public: true });
    },
    { file, onExit },
  );
  return a;
}

const LIMITS = { restarts: 1000, restartDelay: 1, restartDelayMax: 2 };

describe("in a thread that is shared", () => {
  test("each has its own name, memory and mailbox; modules are the same", async () => {
    const on = await startStage("inline");
    await withTwo(on, "puppet.mjs");
    const [one, two] = [on.puppet(ONE), on.puppet(TWO)];
    const known = (of: Puppet): Promise<unknown> =>
      of.run((me) => {
        const shared = globalThis as { counted?: number };
        shared.counted = (shared.counted ?? 0) + 1;
        me.keep.all.push(me.ctx.our.id.process);
        return [shared.counted, [...me.keep.all], process.getBuiltinModule("node:worker_threads").threadId > 0];
      });
    expect([await known(one), await known(two), await known(one)]).toEqual([
      [1, ["one"], true],
      [2, ["two"], true],
      [3, ["one", "one"], true],
    ]);
  });

  test("they message each other, in order, also awaited both ways", async () => {
    const on = await startStage("inline");
    await withTwo(on, "puppet.mjs");
    const [one, two] = [on.puppet(ONE), on.puppet(TWO)];
    await two.on("request", async (me, { body, source }) => {
      if (body === "back") return me.ctx.respond("back");
      const { body: answer } = await me.ctx
        .request(source)
        .body("back")
        .sendAndAwaitResponse()
        .catch(() => ({ body: "none" }));
      me.ctx.respond([body, answer]);
    });
    await one.on("request", (me, { body }) => me.ctx.respond(`one: ${body}`));
    const answers = await one.run((me, to) => {
      const asked = [1, 2, 3].map((n) => me.ctx.request(to).body(n).sendAndAwaitResponse(10));
      me.keep.promise = Promise.all(asked).then((all) => me.report(all.map(({ body }) => body)));
      return null; // its own answers come when this handler is through
    }, TWO);
    expect(answers).toBeNull();
    expect(await one.next()).toEqual([1, 2, 3].map((n) => [n, "one: back"]));
  });

  test("a throw ends one of them alone: the other's memory and thread stay", async () => {
    const on = await startStage("inline", { limits: LIMITS });
    await withTwo(on, "puppet.mjs");
    const [one, two] = [on.puppet(ONE), on.puppet(TWO)];
    await two.run((me) => me.keep.all.push("kept"));
    expect(
      await one.crash(() => {
        throw new Error("on purpose");
      }),
    ).toBe("Offline");
    expect(await one.run((me) => [...me.keep.all])).toEqual([]);
    expect(await two.run((me) => [...me.keep.all])).toEqual(["kept"]);
    expect(on.node.kernel.crashes.last().map(({ process }) => process)).toEqual([ONE]);
  });

  test.each([1, 2])(
    "whatever one does, also to their thread, the other handles all it is told, once and in order (seed %d)",
    async (seed) => {
      const on = await startStage("inline", { limits: LIMITS });
      const a = await withTwo(on, "moody.mjs");
      const c = await on.add(C);
      await c.on("request", (me, { source, body }) => {
        if (body !== "end") return void me.keep.all.push([source.id.process, body]);
        me.report([...me.keep.all]);
        return undefined;
      });
      const ways = ["throw", "die", "throw late", "exit", "die", "die"].slice(seed - 1);
      await a.run(
        async (me, { one, two, to, ways }) => {
          for (let n = 0; n < 300; n += 1) {
            const way = n % 50 === 49 ? ways[(n - 49) / 50] : "note";
            me.ctx.request(one).body({ way, n, to }).send();
            me.ctx.request(two).body({ way: "note", n, to }).send();
            if (n % 70 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
          }
          for (const each of [one, two]) me.ctx.request(each).body({ way: "note", n: "end", to }).send();
        },
        { one: ONE, two: TWO, to: C, ways: [...ways, "throw"] },
      );
      await c.next();
      const noted = (await c.next()) as readonly (readonly [string, number])[];
      const of = (name: string): number[] => noted.filter(([who]) => who === name).map(([, n]) => n);
      const all = Array.from({ length: 300 }, (_, n) => n);
      expect(of("two")).toEqual(all);
      expect(of("one")).toEqual(all.filter((n) => n % 50 !== 49));
    },
  );
});
