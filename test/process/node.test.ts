/** What only a real node can tell: results of pushes over real sockets, and state that outlives a crash. */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { assign, emit, setup } from "xstate";
import {
  type Context,
  defineProcess,
  fromMachine,
  get_blob,
  type HttpServerResult,
  type MachineEffect,
  type MachineEvent,
  our,
  send_ws_push,
} from "../../lib/process/index.ts";
import { register } from "../examples/support.ts";
import { P, Q, startTestNode, type TestNode } from "../support/node.ts";
import { destroyAll } from "../support/sockets.ts";

let node: TestNode;
beforeEach(async () => {
  node = await startTestNode();
});
afterEach(async () => {
  destroyAll();
  await node.stop();
});

/** Does what it is pushed, and pushes back what came of it. */
const asking = (ask: (ctx: Context, channelId: number, text: string) => Promise<HttpServerResult>) =>
  defineProcess({
    async onPush(_, { channelId }, blob, ctx) {
      ctx.push(channelId, await ask(ctx as Context, channelId, blob.keep().text() ?? ""));
    },
  });

describe("sendWsPush()", () => {
  test("is Ok for an own channel, and its frame goes first", async () => {
    node.add(
      P,
      asking((ctx, channelId, text) => ctx.sendWsPush(channelId, text.toUpperCase())),
    );
    const { socket } = await register(node, P);
    socket.sendText("hi");
    expect([await socket.nextText(), await socket.nextText()]).toEqual(["HI", '{"Ok":null}']);
  });

  test.each([
    ["an unknown channel", (ctx: Context) => ctx.sendWsPush(1, "x"), { Err: "WsChannelNotFound" }],
    [
      "a ping of 126 bytes",
      (ctx: Context, id: number) => ctx.sendWsPush(id, "x".repeat(126), "Ping"),
      { Err: "WsPingPongTooLong" },
    ],
  ])("tells why not: %s", async (_, ask, result) => {
    node.add(P, asking(ask));
    const { socket } = await register(node, P);
    socket.sendText("go");
    expect(JSON.parse(await socket.nextText())).toEqual(result);
  });

  test("another process's channel is not found", async () => {
    node.add(
      P,
      asking((ctx, _, text) => ctx.sendWsPush(Number(text), "x")),
    );
    node.add(Q, defineProcess({}));
    const theirs = await register(node, Q);
    const { socket } = await register(node, P);
    socket.sendText(String(theirs.channelId));
    expect(JSON.parse(await socket.nextText())).toEqual({ Err: "WsChannelNotFound" });
  });

  test("to another node, while there is no link, it throws SendError", async () => {
    node.add(
      P,
      defineProcess({
        async onPush(_, { channelId }, __, ctx) {
          const error: unknown = await ctx.sendWsPush(1, "x", "Text", "bob.os").catch((thrown: unknown) => thrown);
          ctx.push(channelId, (error as { kind: string }).kind);
        },
      }),
    );
    const { socket } = await register(node, P);
    socket.sendText("go");
    expect(await socket.nextText()).toBe("Denied"); // it holds no network capability
  });
});

test("the seeds' echo works as they write it", async () => {
  node.add(
    P,
    defineProcess({
      onPush(_, { channelId, messageType }) {
        const blob = get_blob();
        if (blob !== undefined) send_ws_push(our().node, channelId, messageType, blob);
      },
    }),
  );
  const { socket } = await register(node, P);
  socket.sendText("hello");
  expect(await socket.nextText()).toBe("hello");
});

test("a restart by hand opens a process's channels anew, and its client stays connected", async () => {
  let incarnations = 0;
  const program = defineProcess({
    init: () => void incarnations++,
    onOpen: (_, { channelId }, ctx) => ctx.push(channelId, `opened ${incarnations}`),
    onPush: (_, { channelId }, blob, ctx) => ctx.push(channelId, blob),
  });
  node.add(P, program, { onExit: "None" });
  const person = defineProcess({
    init: async (ctx) => {
      const restart = ctx.request("kernel:distro:sys").body({ RestartProcess: P }).expectsResponse(5);
      expect((await restart.sendAndAwaitResponse()).body).toEqual({ RestartedProcess: P });
    },
  });
  const { socket } = await register(node, P);
  node.add(Q, person, { requestCapabilities: ["kernel:distro:sys"] });
  expect([await socket.nextText(), await socket.nextText()]).toEqual(["opened 1", "opened 2"]);
  socket.sendText("still here");
  expect(await socket.nextText()).toBe("still here");
  expect(node.node.kernel.crashes.total).toBe(0);
});

test("a persisted machine that crashes goes on where it stood, and its client stays connected", async () => {
  const types = { events: {} as MachineEvent, emitted: {} as MachineEffect, context: {} as { count: number } };
  const counting = setup({ types }).createMachine({
    context: { count: 0 },
    on: {
      push: [
        {
          guard: ({ event }) => event.data === "crash",
          actions: () => {
            throw new Error("crash");
          },
        },
        {
          actions: [
            assign({ count: ({ context }) => context.count + 1 }),
            emit(({ context, event }) => ({ type: "push", channelId: event.channelId, value: context.count })),
          ],
        },
      ],
    },
  });
  node.add(P, fromMachine(counting, { persist: true }), { onExit: "Restart" });
  const { socket } = await register(node, P);
  for (const text of ["a", "crash", "b"]) socket.sendText(text);
  expect([await socket.nextText(), await socket.nextText()]).toEqual(["1", "2"]);
});
