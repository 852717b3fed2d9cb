/** DESIGN §3.9, wherever a process runs: its durable state; and its timers, its log, its clock and its name. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { A, B, PLACEMENTS, startStage, stopStages } from "../support/stage.ts";

afterEach(stopStages);

describe.each(PLACEMENTS)("%s: state", (placement) => {
  test("set is what get gives, until it is cleared; each process has its own", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    const seen = await a.run(async (me) => {
      const { ctx } = me;
      const before = await ctx.getState();
      await ctx.setState({ n: 1, list: ["x"], bytes: new Uint8Array([1, 2]) });
      const after = await ctx.getState<{ n: number; list: string[]; bytes: Uint8Array }>();
      return [before ?? null, after?.n, after?.list, [...(after?.bytes ?? [])]];
    });
    expect(seen).toEqual([null, 1, ["x"], [1, 2]]);
    expect(await b.run(async (me) => (await me.ctx.getState()) ?? null)).toBeNull();
    const cleared = await a.run(async (me) => {
      await me.ctx.clearState();
      return (await me.ctx.getState()) ?? null;
    });
    expect(cleared).toBeNull();
  });

  test("case 34: comes back after a crash, in init already", async () => {
    const on = await startStage(placement);
    const a = await on.add(A, {
      onExit: "Restart",
      init: async (me) => {
        me.report((await me.ctx.getState()) ?? null);
      },
    });
    expect(await a.next()).toBeNull();
    await a.crash(async (me) => {
      await me.ctx.setState({ kept: true });
      throw new Error("on purpose");
    });
    expect(await a.next()).toEqual({ kept: true });
  });

  test("that cannot be packed is refused with an error of its own, and the one before is kept", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const outcome = await a.run(async (me) => {
      await me.ctx.setState("before");
      const cyclic: Record<string, unknown> = {};
      cyclic.self = cyclic;
      const thrown = await me.caught(() => me.ctx.setState(cyclic));
      return [thrown?.name, await me.ctx.getState()];
    });
    expect(outcome).toEqual([expect.any(String), "before"]);
  });

  test("many at once end with the last one set", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const last = await a.run(async (me) => {
      await Promise.all(Array.from({ length: 50 }, (_, n) => me.ctx.setState(n)));
      return await me.ctx.getState();
    });
    expect(last).toBe(49);
  });
});

describe.each(PLACEMENTS)("%s: timers", (placement) => {
  test("after() runs once through the mailbox: not within a handler, and never two at once", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    a.start(async (me) => {
      me.report("begins");
      me.ctx.after(0, async () => {
        me.report("timer begins");
        await new Promise((resolve) => setTimeout(resolve, 5));
        me.report("timer ends");
      });
      me.ctx.after(1, () => me.report("other timer"));
      await new Promise((resolve) => setTimeout(resolve, 30)); // both are due by then
      me.report("ends");
    });
    expect(await a.nextOf(5)).toEqual(["begins", "ends", "timer begins", "timer ends", "other timer"]);
  });

  test("run in the order of their times", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    await a.run((me) => {
      for (const ms of [120, 60, 0]) me.ctx.after(ms, () => me.report(ms));
    });
    expect(await a.nextOf(3)).toEqual([0, 60, 120]);
  });

  test("what its handler returns is the next state of the process", async () => {
    const on = await startStage(placement);
    const a = await on.add(A, { file: "counter.mjs" });
    expect(await a.next()).toEqual([1, 2, 3]);
  });

  test("cancelled do not run, also when they were due and wait in the mailbox", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    await a.run(async (me) => {
      const soon = me.ctx.after(1, () => me.report("soon"));
      const later = me.ctx.after(20, () => me.report("later"));
      later.cancel();
      later.cancel();
      await new Promise((resolve) => setTimeout(resolve, 30));
      soon.cancel();
      me.ctx.after(0, () => me.report("the one"));
    });
    expect(await a.next()).toBe("the one");
    expect(await a.run(() => "after")).toBe("after");
    expect(a.waiting).toEqual([]);
  });

  test("every() runs again and again, until cancelled from within", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    await a.run((me) => {
      let n = 0;
      const timer = me.ctx.every(1, () => {
        me.report(++n);
        if (n === 3) timer.cancel();
      });
    });
    expect(await a.nextOf(3)).toEqual([1, 2, 3]);
    await a.run((me) => me.ctx.after(20, () => me.report("later")));
    expect(await a.next()).toBe("later");
  });

  test("message and blob in hand are none of the message before, and asked is false", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    await a.run((me) => {
      me.ctx.after(0, (_, ctx) => me.report([ctx.asked, ctx.message?.kind, me.caughtNow(() => ctx.respond(1))?.name]));
    });
    expect(await a.next()).toEqual([false, "timer", "NoRequestToAnswerError"]);
  });
});

describe.each(PLACEMENTS)("%s: a process", (placement) => {
  test("knows its name, its node, its folder, its dialect, its message and the time of the node", async () => {
    const on = await startStage(placement);
    const a = await on.add(A, { dialect: "uqbar" });
    const before = Date.now();
    const known = await a.run((me) => [
      me.ctx.our.text,
      me.ctx.node,
      me.ctx.host.folder,
      me.ctx.host.dialect,
      me.ctx.message?.source.text,
      me.ctx.message?.kind,
      me.ctx.asked,
      me.ctx.now(),
    ]);
    const now = Number(known.at(-1));
    expect(known.slice(0, -1)).toEqual([
      `alice.os@${A}`,
      "alice.os",
      on.folderOf(A),
      "uqbar",
      "alice.os@driver:test:sys",
      "request",
      true,
    ]);
    expect(now).toBeGreaterThanOrEqual(before);
    expect(now).toBeLessThanOrEqual(Date.now());
  });

  test("has no message in hand in init", async () => {
    const on = await startStage(placement);
    const a = await on.add(A, { init: (me) => me.report([me.ctx.message, me.ctx.asked, me.ctx.host.lastBlob()]) });
    expect(await a.next()).toEqual([null, false, null]);
  });

  test("writes lines to the node's log, in order", async () => {
    const on = await startStage(placement);
    const a = await on.add(A, { init: (me) => me.ctx.log("from init") });
    await a.run((me) => {
      me.ctx.log("one");
      me.ctx.log("two ä");
    });
    expect(on.logs()).toEqual([`${A} from init`, `${A} one`, `${A} two ä`]);
  });

  test("metadata travels as the text that it is", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    await a.run((me, to) => me.ctx.request(to).body(1).metadata("ä: no JSON").send(), B);
    expect(await b.next()).toEqual(expect.objectContaining({ metadata: "ä: no JSON" }));
  });
});
