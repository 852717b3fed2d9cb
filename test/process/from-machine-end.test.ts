/** How a machine that is a process ends, and what its own actors may do to it. */
import { describe, expect, test } from "@jest/globals";
import { assign, emit, fromCallback, fromPromise, setup } from "xstate";
import { type Harness, startProcess } from "../../lib/process/harness.ts";
import { fromMachine, type MachineEffect, type MachineEvent, type Program } from "../../lib/process/index.ts";

const types = { events: {} as MachineEvent, emitted: {} as MachineEffect };

describe("the end", () => {
  const no = (): never => {
    throw new Error("no");
  };
  const throwing = {
    guard: setup({ types }).createMachine({ on: { push: { guard: no } } }),
    action: setup({ types }).createMachine({ on: { push: { actions: no } } }),
    assign: setup({ types }).createMachine({ on: { push: { actions: assign(no) } } }),
  };

  test.each(["guard", "action", "assign"] as const)(
    "an error in a machine's %s is a throw of the handler",
    async (where) => {
      const harness = await startProcess(fromMachine(throwing[where]));
      const channelId = await harness.open();
      await expect(harness.push(channelId, "x")).rejects.toThrow("no");
      expect(harness.status).toBe("crashed");
      await harness.restart();
      expect(harness.status).toBe("running");
    },
  );

  test("an error in its first step is a throw of init", async () => {
    const machine = setup({ types }).createMachine({
      context: () => {
        throw new Error("at birth");
      },
    });
    await expect(startProcess(fromMachine(machine))).rejects.toThrow("at birth");
  });

  test("a final state exits the process, after what was emitted on the way", async () => {
    const machine = setup({ types }).createMachine({
      initial: "on",
      states: {
        on: {
          on: {
            push: {
              target: "over",
              actions: emit(({ event }) => ({ type: "push", channelId: event.channelId, value: "bye" })),
            },
          },
        },
        over: { type: "final" },
      },
    });
    const harness = await startProcess(fromMachine(machine));
    const channelId = await harness.open();
    await harness.push(channelId, "x");
    expect(harness.pushes(channelId)).toEqual(["bye"]);
    expect(harness.status).toBe("exited");
  });

  test("a machine that is final at its first step exits at once, after what it emitted", async () => {
    const machine = setup({ types }).createMachine({
      initial: "over",
      states: { over: { type: "final", entry: emit({ type: "publish", topic: "t", value: "hello and bye" }) } },
    });
    for (const persist of [false, true]) {
      const harness = await startProcess(fromMachine(machine, { persist }));
      expect([harness.status, harness.published.length, harness.state]).toEqual(["exited", 1, undefined]);
    }
  });

  test("a crash, an exit and a stop each stop the actors it invoked", async () => {
    const stopped: string[] = [];
    const child = fromCallback(() => () => void stopped.push("child"));
    const machine = setup({ types, actors: { child } }).createMachine({
      invoke: { src: "child" },
      initial: "on",
      states: {
        on: {
          on: {
            push: {
              actions: () => {
                throw new Error("crash");
              },
            },
            close: "over",
          },
        },
        over: { type: "final" },
      },
    });
    const lives: ((harness: Harness, channelId: number) => Promise<void>)[] = [
      (harness, channelId) => expect(harness.push(channelId, "x")).rejects.toThrow("crash"),
      (harness, channelId) => harness.close(channelId),
      (harness) => harness.stop(),
    ];
    for (const end of lives) {
      stopped.length = 0;
      const harness = await startProcess(fromMachine(machine));
      await end(harness, await harness.open());
      expect(stopped).toEqual(["child"]);
    }
  });
});

describe("invoked actors", () => {
  const asking = (ask: () => Promise<string>): Program => {
    const machine = setup({ types, actors: { ask: fromPromise(ask) } }).createMachine({
      initial: "idle",
      states: {
        idle: { on: { open: "asking" } },
        asking: {
          invoke: {
            src: "ask",
            onDone: {
              target: "idle",
              actions: emit(({ event }) => ({ type: "publish", topic: "t", value: event.output })),
            },
          },
        },
      },
    });
    return fromMachine(machine);
  };

  test("what follows from one that ends between messages comes through the mailbox", async () => {
    const harness = await startProcess(asking(() => Promise.resolve("answer")));
    await harness.open();
    await new Promise(setImmediate); // the promise settles in microtasks
    expect(harness.published).toEqual([]);
    await harness.advance(0);
    expect(harness.published.map(({ value }) => value)).toEqual(["answer"]);
  });

  test("one that fails without being handled crashes the process, through the mailbox", async () => {
    const harness = await startProcess(asking(() => Promise.reject(new Error("refused"))));
    await harness.open();
    await new Promise(setImmediate);
    expect(harness.status).toBe("running");
    await expect(harness.advance(0)).rejects.toThrow("refused");
  });

  test("one that ends after its process did is heard by nobody", async () => {
    const settle: ((answer: string) => void)[] = [];
    const harness = await startProcess(asking(() => new Promise((resolve) => settle.push(resolve))));
    await harness.open();
    await harness.restart(); // as a kill: the old machine is not told
    settle[0]?.("late");
    await new Promise(setImmediate);
    await harness.advance(0);
    expect([harness.published, harness.status]).toEqual([[], "running"]);
  });
});
