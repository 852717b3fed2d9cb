/** onDown and the calls of ctx about other processes, in the harness. */
import { describe, expect, test } from "@jest/globals";
import { emit, setup } from "xstate";
import { startProcess } from "../../lib/process/harness.ts";
import {
  type Down,
  defineProcess,
  fromMachine,
  type MachineEffect,
  type MachineEvent,
} from "../../lib/process/index.ts";

const CHILD = "alice.os@child:test:template.os";

describe("ctx", () => {
  test("commands the kernel by whole addresses", async () => {
    const harness = await startProcess(
      defineProcess({
        async init(ctx) {
          await ctx.monitor("child:test:template.os");
          await ctx.demonitor(CHILD);
          await ctx.link(await ctx.spawn({ name: "child" }));
          await ctx.unlink(CHILD);
          await ctx.stopChild(CHILD);
          await ctx.stopChild(CHILD, { seconds: 2 });
          await ctx.children();
        },
      }),
    );
    const process = { process: CHILD };
    expect(harness.commands).toEqual([
      { Monitor: process },
      { Demonitor: process },
      { Link: process },
      { Unlink: process },
      { StopChild: process },
      { StopChild: { process: CHILD, seconds: 2 } },
      { Children: null },
    ]);
  });

  test("returns what the kernel, or the test, answers", async () => {
    const results: unknown[] = [];
    const asks = defineProcess({
      onRequest: async (_, __, ctx) => void results.push(await ctx.stopChild(CHILD), await ctx.children()),
    });
    const usual = await startProcess(asks);
    await usual.send("ask");
    const children = [{ process: "child:test:template.os", state: "running", incarnation: 1 }];
    const given = await startProcess(asks, {
      onCommand: (command) => ("Children" in command ? children : "killed"),
    });
    await given.send("ask");
    expect(results).toEqual(["stopped", [], "killed", children]);
  });

  test("rejects with what the kernel throws", async () => {
    const harness = startProcess(defineProcess({ init: (ctx) => ctx.link(CHILD) }), {
      onCommand: () => {
        throw new Error("it is no child");
      },
    });
    await expect(harness).rejects.toThrow("it is no child");
  });
});

test("a machine hears it as an event", async () => {
  const machine = setup({ types: { events: {} as MachineEvent, emitted: {} as MachineEffect } }).createMachine({
    on: {
      down: {
        actions: emit(({ event }) => ({ type: "send", target: "log:p:k", body: [event.process, event.restarts] })),
      },
    },
  });
  const harness = await startProcess(fromMachine(machine));
  await harness.down(CHILD, { restarts: true });
  expect(harness.sent.map(({ body }) => body)).toEqual([["child:test:template.os", true]]);
});

describe("harness.down()", () => {
  test("calls onDown, which may change the state", async () => {
    const downs: Down[] = [];
    const harness = await startProcess(
      defineProcess<number>({
        init: () => 0,
        onDown(count, down) {
          downs.push(down);
          return count + 1;
        },
        onRequest: (count, _, ctx) => ctx.respond(count),
      }),
    );
    await harness.down(CHILD);
    await harness.down("child:test:template.os", { reason: "exit", incarnation: 3, restarts: true, gaveUp: false });
    const process = "child:test:template.os";
    expect(downs).toEqual([
      { process, incarnation: 1, reason: "crash", restarts: false, gaveUp: false },
      { process, incarnation: 3, reason: "exit", restarts: true, gaveUp: false },
    ]);
    expect((await harness.request("count?")).body).toBe(2);
  });

  test("goes to onRequest where there is no onDown", async () => {
    const bodies: unknown[] = [];
    const harness = await startProcess(defineProcess({ onRequest: (_, { body }) => void bodies.push(body) }));
    await harness.down(CHILD, { gaveUp: true });
    expect(bodies).toMatchObject([{ ProcessDown: { process: "child:test:template.os", gave_up: true } }]);
  });

  test("rejects with the throw of onDown, as a crash", async () => {
    const harness = await startProcess(
      defineProcess({
        onDown: () => {
          throw new Error("told to");
        },
      }),
    );
    await expect(harness.down(CHILD)).rejects.toThrow("told to");
    expect(harness.status).toBe("crashed");
  });
});
