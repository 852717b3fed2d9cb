/** A machine that outlives its process: what is kept, when, and what a new incarnation makes of it. */
import { describe, expect, test } from "@jest/globals";
import { assign, createMachine, emit, fromCallback, setup } from "xstate";
import { startProcess } from "../../lib/process/harness.ts";
import { fromMachine, type MachineEffect, type MachineEvent, type Program } from "../../lib/process/index.ts";

const types = { events: {} as MachineEvent, emitted: {} as MachineEffect };

/** Counts frames; says the count; is done at "stop"; throws at "crash". */
const counter = setup({ types: { ...types, context: {} as { count: number; restored: number } } }).createMachine({
  context: { count: 0, restored: 0 },
  initial: "on",
  states: {
    on: {
      on: {
        push: [
          { guard: ({ event }) => event.data === "stop", target: "over" },
          {
            guard: ({ event }) => event.data === "crash",
            actions: [
              assign({ count: 1000 }),
              () => {
                throw new Error("crash");
              },
            ],
          },
          { guard: ({ event }) => event.data === "say", actions: emit({ type: "publish", topic: "t", value: "said" }) },
          {
            actions: [
              assign({ count: ({ context }) => context.count + 1 }),
              emit(({ context, event }) => ({ type: "push", channelId: event.channelId, value: context.count })),
            ],
          },
        ],
        restored: { actions: assign({ restored: ({ context }) => context.restored + 1 }) },
      },
    },
    over: { type: "final" },
  },
});

/** Calls `look` with the action of each request as it is sent. */
function watched(program: Program, look: (action: string) => void): Program {
  const watch = (key: PropertyKey, args: readonly unknown[]): void => {
    if (key !== "send" && key !== "call" && key !== "tell") return;
    const body = key === "tell" ? args[1] : (args[0] as { readonly body?: unknown } | undefined)?.body;
    look(typeof body === "object" && body !== null ? (Object.keys(body)[0] ?? "") : "");
  };
  return {
    start: (host) =>
      program.start(
        new Proxy(host, {
          get(target, key) {
            const value: unknown = Reflect.get(target, key, target);
            if (typeof value !== "function") return value;
            return (...args: readonly unknown[]): unknown => {
              watch(key, args);
              return Reflect.apply(value, target, args);
            };
          },
        }),
      ),
  };
}

/** Time passes for it: a millisecond with each look at the clock. */
function ticking(program: Program): Program {
  return {
    start: (host) => {
      let passed = 0;
      const now = (): number => host.now() + ++passed;
      return program.start(new Proxy(host, { get: (target, key) => (key === "now" ? now : Reflect.get(target, key)) }));
    },
  };
}

describe("persist", () => {
  test("the snapshot is durable before what was emitted goes out", async () => {
    const notes: string[] = [];
    const harness = await startProcess(
      watched(fromMachine(counter, { persist: true }), (action) => notes.push(action)),
    );
    const channelId = await harness.open();
    notes.length = 0;
    await harness.push(channelId, "x");
    expect(notes).toEqual(["SetState", "WebSocketPush"]);
    expect(harness.pushes(channelId)).toEqual([1]);
    expect(harness.state).toMatchObject({ snapshot: { value: "on", context: { count: 1 } } });
  });

  test("an event that changes nothing writes nothing", async () => {
    const notes: string[] = [];
    const harness = await startProcess(
      watched(fromMachine(counter, { persist: true }), (action) => notes.push(action)),
    );
    const channelId = await harness.open();
    notes.length = 0;
    await harness.push(channelId, "say");
    expect(notes).toEqual(["WebSocketPublish"]);
  });

  test("a new incarnation goes on where the last durable one stood", async () => {
    const harness = await startProcess(fromMachine(counter, { persist: true }));
    const channelId = await harness.open();
    await harness.push(channelId, "x");
    await expect(harness.push(channelId, "crash")).rejects.toThrow("crash");
    await harness.restart();
    await harness.push(channelId, "x");
    expect(harness.pushes(channelId)).toEqual([1, 2]);
    expect(harness.state).toMatchObject({ snapshot: { context: { count: 2, restored: 1 } } });
  });

  test("`restored` comes before the Opens of live channels", async () => {
    const seen: string[] = [];
    const machine = setup({ types: { ...types, context: {} as { opened: number } } }).createMachine({
      context: { opened: 0 },
      on: {
        open: { actions: [assign({ opened: ({ context }) => context.opened + 1 }), () => seen.push("open")] },
        restored: { actions: ({ context }) => seen.push(`restored ${context.opened}`) },
      },
    });
    const harness = await startProcess(fromMachine(machine, { persist: true }));
    await harness.open();
    await harness.restart();
    expect(seen).toEqual(["open", "restored 1", "open"]);
  });

  test("a final state leaves nothing behind: the next incarnation begins anew", async () => {
    const harness = await startProcess(fromMachine(counter, { persist: true }));
    const channelId = await harness.open();
    await harness.push(channelId, "x");
    await harness.push(channelId, "stop");
    expect([harness.status, harness.state]).toEqual(["exited", undefined]);
    await harness.restart();
    await harness.push(channelId, "x");
    expect(harness.pushes(channelId)).toEqual([1, 1]);
  });

  test("what init returns is input for a new machine only; init runs in each incarnation", async () => {
    let starts = 0;
    const machine = setup({
      types: { ...types, input: {} as number, context: {} as { born: number } },
    }).createMachine({ context: ({ input }) => ({ born: input }) });
    const harness = await startProcess(fromMachine(machine, { persist: true, init: () => ++starts }));
    await harness.restart();
    expect(starts).toBe(2);
    expect(harness.state).toMatchObject({ snapshot: { context: { born: 1 } } });
  });

  test("state that is none of the machine's fails init, and says so", async () => {
    const snapshot = { status: "active", value: "gone", context: {}, children: {}, historyValue: {} };
    const program = fromMachine(counter, { persist: true });
    await expect(startProcess(program, { state: { snapshot, delays: [] } })).rejects.toThrow(
      /^Cannot restore the state of "alice.os@test:test:template.os" as it is none of this machine's: .*gone/,
    );
    await expect(startProcess(program, { state: ["something", "else"] })).rejects.toMatchObject({
      name: "StateError",
      code: "state_failed",
    });
  });

  test("a store that refuses crashes the process, and nothing goes out", async () => {
    let isFull = false;
    const program = watched(fromMachine(counter, { persist: true }), (action) => {
      if (isFull && action === "SetState") throw new Error("disk full");
    });
    const harness = await startProcess(program);
    const channelId = await harness.open();
    isFull = true;
    await expect(harness.push(channelId, "x")).rejects.toThrow("disk full");
    expect(harness.pushes(channelId)).toEqual([]);
  });

  test("an actor that is written in place cannot be kept", async () => {
    const beat = fromCallback(() => undefined);
    const machine = createMachine({
      context: ({ spawn }) => ({ beat: spawn(beat, { id: "beat" }) }),
    });
    await expect(startProcess(fromMachine(machine, { persist: true }))).rejects.toThrow(
      'Cannot persist the machine of "alice.os@test:test:template.os" as its actor "beat" is written in place: name it in setup({ actors })',
    );
  });
});

describe("persisted delays", () => {
  const alarm = setup({ types }).createMachine({
    initial: "off",
    states: {
      off: { on: { open: "armed" } },
      armed: {
        after: { 10000: { target: "off", actions: emit({ type: "publish", topic: "t", value: "ring" }) } },
        on: { push: "off" },
      },
    },
  });

  test("a delay goes on where it stood", async () => {
    const harness = await startProcess(fromMachine(alarm, { persist: true }));
    await harness.open();
    await harness.advance(6000);
    await harness.restart();
    await harness.advance(3999);
    expect(harness.published).toEqual([]);
    await harness.advance(1);
    expect(harness.published).toHaveLength(1);
    await harness.advance(60_000);
    expect(harness.published).toHaveLength(1);
  });

  test("a restart that changes nothing writes nothing, though time passes in it", async () => {
    const actions: string[] = [];
    const program = watched(ticking(fromMachine(alarm, { persist: true })), (action) => actions.push(action));
    const harness = await startProcess(program);
    await harness.open();
    actions.length = 0;
    await harness.restart();
    expect(actions).toEqual(["GetState"]);
  });

  test("one that came due meanwhile comes at once", async () => {
    const before = await startProcess(fromMachine(alarm, { persist: true }));
    await before.open();
    const after = await startProcess(fromMachine(alarm, { persist: true }), { state: before.state });
    await after.stop();
    const late = await startProcess(fromMachine(alarm, { persist: true }), { state: aged(before.state, 60_000) });
    await late.advance(0);
    expect(late.published).toHaveLength(1);
  });

  test("leaving the state cancels one that was restored", async () => {
    const harness = await startProcess(fromMachine(alarm, { persist: true }));
    const channelId = await harness.open();
    await harness.restart();
    await harness.push(channelId, "x");
    await harness.advance(60_000);
    expect(harness.published).toEqual([]);
  });
});

/** As if it had been stored `ms` earlier. */
function aged(state: unknown, ms: number): unknown {
  const { snapshot, delays } = state as { snapshot: unknown; delays: readonly { due: number }[] };
  return { snapshot, delays: delays.map((delay) => ({ ...delay, due: delay.due - ms })) };
}
