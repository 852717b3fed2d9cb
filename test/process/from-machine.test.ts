/** A machine as a process: events in, effects out, its clock. Its end and its persistence have files of their own. */
import { describe, expect, test } from "@jest/globals";
import { assign, emit, setup } from "xstate";
import { startProcess } from "../../lib/process/harness.ts";
import { fromMachine, type MachineEffect, type MachineEvent, type Program } from "../../lib/process/index.ts";

const types = { events: {} as MachineEvent, emitted: {} as MachineEffect };

/** Writes its events down, without `at`, which is always the harness's now. */
function recording(seen: unknown[]): Program {
  const machine = setup({ types }).createMachine({
    on: {
      "*": {
        actions: ({ event: { at, ...event } }) => {
          expect(typeof at).toBe("number");
          seen.push(event);
        },
      },
    },
  });
  return fromMachine(machine);
}

/** Emits what it is pushed, as it is. */
const obedient = setup({ types }).createMachine({
  on: { push: { actions: emit(({ event }) => event.data as MachineEffect) } },
});

describe("events", () => {
  test("channel events carry their facts, and a frame as JSON, else text, else bytes of its own", async () => {
    const seen: unknown[] = [];
    const harness = await startProcess(recording(seen));
    const channelId = await harness.open({ path: "/x", peer: "1.2.3.4:5", user: "alice.os" });
    await harness.push(channelId, '{"a":1}');
    await harness.push(channelId, "{a");
    await harness.push(channelId, new Uint8Array([0xff, 0xfe]));
    await harness.push(channelId, "7", "Ping");
    await harness.close(channelId, 1006);
    expect(seen).toEqual([
      {
        type: "open",
        channelId,
        path: "/x",
        peer: "1.2.3.4:5",
        user: "alice.os",
        query: {},
        headers: {},
        protocol: null,
      },
      { type: "push", channelId, messageType: "Text", data: { a: 1 } },
      { type: "push", channelId, messageType: "Text", data: "{a" },
      { type: "push", channelId, messageType: "Binary", data: new Uint8Array([0xff, 0xfe]) },
      { type: "push", channelId, messageType: "Ping", data: 7 },
      { type: "close", channelId, code: 1006, reason: "" },
    ]);
  });

  test("a request, a response and an error carry body, data and context", async () => {
    const seen: unknown[] = [];
    const machine = setup({ types }).createMachine({
      entry: [1, 2].map((n) =>
        emit({ type: "send", target: "kv:distro:sys", body: n, blob: "b", context: { n }, expectsResponse: 1 }),
      ),
      on: {
        request: { actions: ({ event }) => seen.push([event.source.text, event.body, event.data]) },
        response: { actions: ({ event }) => seen.push([event.body, event.data, event.context]) },
        error: { actions: ({ event }) => seen.push([event.kind, event.error.body, event.context]) },
      },
    });
    const harness = await startProcess(fromMachine(machine));
    await harness.send({ q: 1 }, { from: "other:other:sys", blob: "[2]" });
    await harness.sent[0]?.answer("yes", { blob: "text" });
    await harness.advance(1000);
    expect(harness.sent[1]?.data).toBe("b");
    expect(seen).toEqual([
      ["alice.os@other:other:sys", { q: 1 }, [2]],
      ["yes", "text", { n: 1 }],
      ["Timeout", 2, { n: 2 }],
    ]);
  });

  test("`at` is the node's time", async () => {
    const at: number[] = [];
    const machine = setup({ types }).createMachine({ on: { "*": { actions: ({ event }) => at.push(event.at) } } });
    const harness = await startProcess(fromMachine(machine));
    await harness.advance(5000);
    await harness.open();
    expect(at).toEqual([harness.now()]);
  });
});

describe("effects", () => {
  test("push, publish, subscribe, unsubscribe and close act on channels, in the order emitted", async () => {
    const harness = await startProcess(fromMachine(obedient));
    const [a, b] = [await harness.open(), await harness.open()];
    const effects: MachineEffect[] = [
      { type: "subscribe", channelId: b, topic: "t" },
      { type: "publish", topic: "t", value: "one" },
      { type: "push", channelId: b, value: { two: 2 } },
      { type: "push", channelId: b, value: "three", messageType: "Binary" },
      { type: "unsubscribe", channelId: b, topic: "t" },
      { type: "publish", topic: "t", value: "four" },
      { type: "close", channelId: b, code: 4001, reason: "done" },
    ];
    for (const effect of effects) await harness.push(a, effect);
    expect(harness.frames(b)).toEqual([
      { messageType: "Text", data: "one" },
      { messageType: "Text", data: { two: 2 } },
      { messageType: "Binary", data: "three" },
    ]);
    expect(harness.closed(b)).toEqual({ code: 4001, reason: "done" });
  });

  test("respond answers the request in hand, or an earlier one by its message", async () => {
    type Kept = { readonly first: Extract<MachineEvent, { type: "request" }>["message"] | null };
    const machine = setup({ types: { ...types, context: {} as Kept } }).createMachine({
      context: { first: null },
      on: {
        request: [
          { guard: ({ context }) => context.first === null, actions: assign({ first: ({ event }) => event.message }) },
          {
            actions: [
              emit({ type: "respond", body: "second", blob: "b" }),
              emit(({ context }) => ({ type: "respond", body: "first", to: context.first ?? undefined })),
            ],
          },
        ],
      },
    });
    const harness = await startProcess(fromMachine(machine));
    const first = harness.request(1);
    const second = await harness.request(2);
    expect([(await first).body, second.body, second.blob?.text()]).toEqual(["first", "second", "b"]);
  });

  test("reply answers an http event", async () => {
    const machine = setup({ types }).createMachine({
      on: {
        http: {
          actions: emit(({ event: { request, data } }) => ({
            type: "reply",
            request,
            value: { method: request.method, data },
            status: 202,
            headers: { "x-a": "1" },
          })),
        },
      },
    });
    const harness = await startProcess(fromMachine(machine));
    expect(await harness.http({ method: "PUT", path: "/x", body: "[1]" })).toMatchObject({
      status: 202,
      headers: { "x-a": "1", "Content-Type": "application/json" },
      data: { method: "PUT", data: [1] },
    });
  });

  test("an emitted event that is no effect crashes the process, and says which there are", async () => {
    const harness = await startProcess(fromMachine(obedient));
    await expect(harness.push(await harness.open(), { type: "pusch" })).rejects.toThrow(
      /^Cannot act on the emitted event "pusch" as a process knows push, publish, .*: emit one of these$/,
    );
  });

  test("what its first step emits goes out in init, and its log lines go to the node's log", async () => {
    const machine = setup({ types }).createMachine({
      entry: [emit({ type: "publish", topic: "t", value: "born" }), ({ self }) => self.system._logger("hello", 1)],
    });
    const harness = await startProcess(fromMachine(machine));
    expect(harness.published).toEqual([{ topic: "t", value: "born", messageType: "Text" }]);
    expect(harness.logs).toEqual(["hello 1"]);
  });
});

describe("init", () => {
  test("what init returns is the machine's input, now or later", async () => {
    const machine = setup({
      types: { ...types, input: {} as { greeting: string }, context: {} as { greeting: string } },
    }).createMachine({
      context: ({ input }) => input,
      on: {
        open: {
          actions: emit(({ context, event }) => ({
            type: "push",
            channelId: event.channelId,
            value: context.greeting,
          })),
        },
      },
    });
    const greetings = [
      fromMachine(machine, { init: (ctx) => ({ greeting: `now at ${ctx.node}` }) }),
      fromMachine(machine, {
        async init(ctx) {
          await ctx.bindWs("/");
          return { greeting: "later" };
        },
      }),
    ];
    const got = await Promise.all(
      greetings.map(async (program) => {
        const harness = await startProcess(program);
        return harness.pushes(await harness.open());
      }),
    );
    expect(got).toEqual([["now at alice.os"], ["later"]]);
  });
});

test("without persist, neither init nor any message returns a promise", async () => {
  const results: unknown[] = [];
  const program = fromMachine(obedient);
  const harness = await startProcess({
    start(host) {
      const instance = program.start(host);
      return {
        init: () => results.push(instance.init?.()) as unknown as undefined,
        handle: (message) => results.push(instance.handle(message)) as unknown as undefined,
      };
    },
  });
  const channelId = await harness.open();
  await harness.push(channelId, { type: "push", channelId, value: 1 });
  await harness.send("x");
  await harness.close(channelId);
  expect(results).toEqual([undefined, undefined, undefined, undefined, undefined]);
});

describe("delays", () => {
  const blinking = setup({ types }).createMachine({
    initial: "off",
    states: {
      off: { on: { open: "on" } },
      on: {
        after: { 1000: { target: "off", actions: emit({ type: "publish", topic: "t", value: "off" }) } },
        on: { close: "off" },
      },
    },
  });

  test("`after` moves the machine when its time has passed, and not before", async () => {
    const harness = await startProcess(fromMachine(blinking));
    await harness.open();
    await harness.advance(999);
    expect(harness.published).toEqual([]);
    await harness.advance(1);
    expect(harness.published).toHaveLength(1);
  });

  test("leaving the state cancels its delay", async () => {
    const harness = await startProcess(fromMachine(blinking));
    await harness.close(await harness.open());
    await harness.advance(10_000);
    expect(harness.published).toEqual([]);
  });

  test("a delay that throws crashes the process", async () => {
    const machine = setup({ types }).createMachine({
      initial: "a",
      states: {
        a: {
          after: {
            10: {
              actions: () => {
                throw new Error("in a delay");
              },
            },
          },
        },
      },
    });
    const harness = await startProcess(fromMachine(machine));
    await expect(harness.advance(10)).rejects.toThrow("in a delay");
    expect(harness.status).toBe("crashed");
  });
});
