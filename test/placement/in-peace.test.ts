/** An end that somebody else asks for, wherever the process runs: what is in hand is finished, what follows is not begun. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { restartByHand } from "../../kernel/restart-by-hand.ts";
import { ProcessId } from "../../lib/protocol/index.ts";
import type { Puppet } from "../support/puppet.ts";
import { A, APART, C, PLACEMENTS, type Stage, startStage, stopStages } from "../support/stage.ts";

afterEach(stopStages);

const CHILD = "child:a-package:template.os";

/** Works until `go on`, answers, and says what it does. */
async function worksOn(puppet: Puppet): Promise<void> {
  await puppet.on("exit", (me) => me.report("farewell"));
  await puppet.on("request", async (me, { body }) => {
    me.report(`begins ${body}`);
    await me.gate("go on");
    me.report(`ends ${body}`);
    me.ctx.respond("done");
  });
}

async function startChild(on: Stage, placement: "inline" | "worker" | "isolated"): Promise<[Puppet, Puppet]> {
  const parent = await on.add(A);
  await parent.run(
    (me, placement) => me.ctx.spawn({ name: "child", file: "puppet.mjs", placement }).then(() => 0),
    placement,
  );
  const child = on.puppet(CHILD);
  await worksOn(child);
  return [parent, child];
}

/** What would come meanwhile has come: each is a way there and back. */
async function meanwhile(on: Stage, other: Puppet): Promise<void> {
  for (let n = 0; n < 20; n++) await other.run(() => 0);
  expect(on.stateOf(CHILD)).toBe("running");
}

describe.each(PLACEMENTS)("%s: a child that its parent stops", (placement) => {
  test("finishes what it has in hand, begins nothing more, and says farewell then", async () => {
    const on = await startStage(placement);
    const [parent, child] = await startChild(on, placement);
    const other = await on.add(C);
    const answer = on.ask(CHILD, "one");
    const late = expect(on.ask(CHILD, "two")).rejects.toMatchObject({ kind: "Offline" });
    expect(await child.next()).toBe("begins one");
    const stopped = parent.run((me, child) => me.ctx.stopChild(child), CHILD);
    await meanwhile(on, other);
    child.open("go on");
    expect((await answer).body).toBe("done");
    expect(await stopped).toBe("stopped");
    await late;
    expect(await child.nextOf(2)).toEqual(["ends one", "farewell"]);
    expect(on.deadLetters()).toEqual([]);
  });

  test("whose hand is empty ends at once; one that is in a timer's handler behind that", async () => {
    const on = await startStage(placement);
    const [parent, child] = await startChild(on, placement);
    expect(await parent.run((me, child) => me.ctx.stopChild(child), CHILD)).toBe("stopped");
    expect(await child.next()).toBe("farewell");
    await parent.run(
      (me, placement) => me.ctx.spawn({ name: "child", file: "puppet.mjs", placement }).then(() => 0),
      placement,
    );
    await worksOn(child);
    await child.run((me) => {
      me.ctx.after(0, async () => {
        me.report("due");
        await me.gate("go on");
        me.report("timer ends");
      });
    });
    expect(await child.next()).toBe("due");
    const stopped = parent.run((me, child) => me.ctx.stopChild(child), CHILD);
    const other = await on.add(C);
    await meanwhile(on, other);
    child.open("go on");
    expect(await stopped).toBe("stopped");
    expect(await child.nextOf(2)).toEqual(["timer ends", "farewell"]);
  });

  test("and that crashes meanwhile ends by that, and not again", async () => {
    const on = await startStage(placement);
    const [parent, child] = await startChild(on, placement);
    child.start(async (me) => {
      me.report("begins");
      await me.gate("go on");
      throw new Error("on its way out");
    });
    expect(await child.next()).toBe("begins");
    const stopped = parent.run((me, child) => me.ctx.stopChild(child), CHILD);
    await meanwhile(on, await on.add(C));
    child.open("go on");
    expect(await stopped).toBe("stopped");
    expect(on.stateOf(CHILD)).toBeNull();
    expect(on.node.kernel.crashes.last().map(({ error, decision }) => [error, decision])).toEqual([
      ["Error: on its way out", "end"],
    ]);
  });
});

describe.each(PLACEMENTS)("%s: RestartProcess", (placement) => {
  test("waits for what is in hand; what follows is the next incarnation's", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    await worksOn(a);
    const answer = on.ask(A, "one");
    expect(await a.next()).toBe("begins one");
    const process = on.node.kernel.registry.get(ProcessId.parse(A));
    if (process === undefined) throw new Error("it is not there");
    const next = a.run((me) => me.ctx.our.id.text); // the next incarnation's
    const restarted = restartByHand(on.node.kernel, process);
    a.open("go on");
    expect((await answer).body).toBe("done");
    expect(await restarted).toBe(true);
    expect(await next).toBe(A);
    expect(await a.nextOf(2)).toEqual(["ends one", "farewell"]);
    expect(process.incarnation).toBe(2);
  });
});

describe.each(PLACEMENTS)("%s: a farewell", (placement) => {
  test("when the node stops: nothing is begun beside it, and what it asks is answered", async () => {
    const on = await startStage(placement, { limits: { drain: 500 } });
    const c = await on.add(C);
    await c.on("request", (me, { body }) => me.ctx.respond(`heard ${body}`));
    const a = await on.add(A);
    await a.on(
      "exit",
      async (me, _, c) => {
        me.report("farewell");
        await me.gate("go on");
        me.report((await me.ctx.request(c).body("last").sendAndAwaitResponse()).body);
      },
      C,
    );
    await a.on("request", async (me, { body }) => {
      me.report(`begins ${body}`);
      await me.gate("go on");
      me.ctx.respond("done");
    });
    const asked = ["one", "two"].map((body) => on.ask(A, body).catch(({ kind }) => kind));
    expect(await a.next()).toBe("begins one");
    const stopping = on.stop();
    expect(await a.next()).toBe("farewell"); // when limits.drain is over
    a.open("go on");
    await stopping;
    expect(await Promise.all(asked)).toEqual([expect.objectContaining({ body: "done" }), "Offline"]);
    expect(a.waiting).toEqual(["heard last"]);
  });
});

describe.each(APART)("%s: RestartProcess", (placement) => {
  test("of one that blocks, with all its room taken: each message ends once", async () => {
    const on = await startStage(placement, { limits: { realmMessages: 3, farewell: 100, handlerSeconds: 60 } });
    const a = await on.add(A, { init: (me) => void me.count("begun") });
    const process = on.node.kernel.registry.get(ProcessId.parse(A));
    if (process === undefined) throw new Error("it is not there");
    await a.run(() => 0);
    const blocked = on.ask(A, { run: "(me) => { me.block('never'); }" }).catch(({ kind }) => kind);
    await null; // its turn begins with the next microtask
    const others = [1, 2, 3].map((n) => on.ask(A, { run: `(me) => { me.report(${n}); return ${n}; }` }));
    await null; // they are on their way, or wait for room
    expect(process.mailbox.length).toBe(1);
    await expect(restartByHand(on.node.kernel, process)).resolves.toBe(true);
    expect(await blocked).toBe("Offline");
    expect((await Promise.all(others)).map(({ body }) => body)).toEqual([{ value: 1 }, { value: 2 }, { value: 3 }]);
    expect(await a.nextOf(3)).toEqual([1, 2, 3]);
    expect(on.deadLetters().map(({ reason }) => reason)).toEqual(["crashed"]);
  });
});
