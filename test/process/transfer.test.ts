/** Handing a channel over, as a process writes it: in the harness, as a machine, and between two processes of a node. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { emit, setup } from "xstate";
import { startProcess } from "../../lib/process/harness.ts";
import {
  type Close,
  defineProcess,
  fromMachine,
  type HttpServerResult,
  type MachineEffect,
  type MachineEvent,
  type Open,
} from "../../lib/process/index.ts";
import { toAddress } from "../../lib/protocol/index.ts";
import { openChannel, startNode, stopNodes, TRANSPORTS } from "../support/channels.ts";

const LOBBY = "lobby:game:template.os";
const ROOM = "room:game:template.os";

/** Hands each channel to who its first frame names. */
function lobby(results: HttpServerResult[], closes: Close[] = []) {
  return defineProcess({
    onPush: async (_, { channelId }, blob, ctx) =>
      void results.push(await ctx.transferChannel(channelId, blob.text() ?? "", { note: { name: "42" } })),
    onClose: (_, close) => void closes.push(close),
  });
}

describe("in the harness", () => {
  test("a transfer ends the channel for the process, and says to whom it went and with what", async () => {
    const [results, closes]: [HttpServerResult[], Close[]] = [[], []];
    const harness = await startProcess(lobby(results, closes), { our: LOBBY });
    const channelId = await harness.open();
    await harness.push(channelId, ROOM);
    const to = `alice.os@${ROOM}`;
    expect(harness.transferred).toEqual([{ channelId, to, note: { name: "42" } }]);
    expect(results).toEqual([{ Ok: null }]);
    expect(closes).toEqual([{ channelId, code: 1000, reason: "", transferredTo: to }]);
    expect(harness.closed(channelId)).toEqual({ code: 1000, reason: "", transferredTo: to });
  });

  test("frames that wait are handled elsewhere", async () => {
    const seen: unknown[] = [];
    const harness = await startProcess(
      defineProcess({
        async onPush(_, { channelId }, blob, ctx) {
          seen.push(blob.text());
          await ctx.request("other:other:sys").body("wait").expectsResponse(5).sendAndAwaitResponse();
          await ctx.transferChannel(channelId, ROOM);
        },
        onClose: () => void seen.push("close"),
      }),
    );
    const channelId = await harness.open();
    const first = harness.push(channelId, "one");
    const second = harness.push(channelId, "two");
    const sent = await harness.nextSent();
    await sent.answer(null);
    await Promise.all([first, second]);
    expect(seen).toEqual(["one", "close"]);
  });

  test("the test says no with onTransfer; unknown channels and other nodes are refused as on a node", async () => {
    const results: HttpServerResult[] = [];
    const seen: unknown[] = [];
    const harness = await startProcess(lobby(results), {
      onTransfer: (transferred) => {
        seen.push(transferred.to);
        return "WsTargetOverloaded";
      },
    });
    const channelId = await harness.open();
    await harness.push(channelId, ROOM);
    await harness.push(channelId, `bob.os@${ROOM}`);
    expect(results).toEqual([{ Err: "WsTargetOverloaded" }, { Err: "WsTargetNotFound" }]);
    expect(seen).toEqual([`alice.os@${ROOM}`]);
    expect(harness.closed(channelId)).toBeUndefined();
    expect(harness.transferred).toEqual([]);
    await expect(harness.push(channelId, "no address")).rejects.toThrow(/Cannot read process id "no address"/);
  });

  test("a channel may come from another process: who and what is in each Open, after a restart too", async () => {
    const opens: Open[] = [];
    const room = await startProcess(defineProcess({ onOpen: (_, open) => void opens.push(open) }), { our: ROOM });
    const channelId = await room.open({ handover: { from: LOBBY, note: { name: "42" } } });
    await room.restart();
    const open = {
      channelId,
      path: "/",
      peer: "127.0.0.1:50000",
      user: null,
      query: {},
      headers: {},
      protocol: null,
      handover: { from: `alice.os@${LOBBY}`, note: { name: "42" } },
    };
    expect(opens).toEqual([open, open]);
  });

  test.each([
    ["text", "42", "42"],
    ["a number", 42, 42],
    ["bytes that are no text", new Uint8Array([0xff, 0]), new Uint8Array([0xff, 0])],
    ["nothing", undefined, undefined],
    ["null", null, null],
  ])("a note of %s comes as it went", async (_, note, wanted) => {
    const notes: unknown[] = [];
    const room = await startProcess(defineProcess({ onOpen: (_, { handover }) => void notes.push(handover?.note) }));
    await room.open({ handover: { from: LOBBY, note } });
    expect(notes).toEqual([wanted]);
  });
});

describe("as a machine", () => {
  const types = { events: {} as MachineEvent, emitted: {} as MachineEffect };

  test("the effect `transfer` is done before anything else is handled; `open` and `close` tell of it", async () => {
    const seen: unknown[] = [];
    const machine = setup({ types }).createMachine({
      on: {
        open: { actions: ({ event }) => seen.push(event.handover) },
        push: {
          actions: [
            emit(({ event: { channelId } }) => ({ type: "push", channelId, value: "go" })),
            emit(({ event: { channelId } }) => ({ type: "transfer", channelId, to: ROOM, note: "Ann" })),
            emit({ type: "publish", topic: "t", value: "gone" }),
          ],
        },
        close: { actions: ({ event: { at, ...event } }) => seen.push(event) },
        refused: { actions: () => seen.push("refused") },
      },
    });
    const harness = await startProcess(fromMachine(machine), { our: LOBBY });
    const channelId = await harness.open({ handover: { from: ROOM, note: "back" } });
    await harness.push(channelId, "x");
    const transferredTo = `alice.os@${ROOM}`;
    expect(seen).toEqual([
      { from: transferredTo, note: "back" },
      { type: "close", channelId, code: 1000, reason: "", transferredTo },
    ]);
    expect(harness.transferred).toEqual([{ channelId, to: transferredTo, note: "Ann" }]);
    expect(harness.published).toHaveLength(1);
    expect(harness.pushes(channelId)).toEqual(["go"]);
  });

  test("one that is refused comes back as the event `refused`", async () => {
    const machine = setup({ types }).createMachine({
      on: {
        push: { actions: emit(({ event: { channelId } }) => ({ type: "transfer", channelId, to: ROOM })) },
        refused: {
          actions: emit(({ event: { channelId, error, to } }) => ({ type: "push", channelId, value: { error, to } })),
        },
      },
    });
    const harness = await startProcess(fromMachine(machine), { onTransfer: () => "WsTargetDenied" });
    const channelId = await harness.open();
    await harness.push(channelId, "x");
    expect(harness.pushes(channelId)).toEqual([{ error: "WsTargetDenied", to: ROOM }]);
  });
});

describe.each(TRANSPORTS)("on a node with %s", (transport) => {
  afterEach(stopNodes);

  test("a lobby hands a player to a room, which hands it back", async () => {
    const on = await startNode(transport);
    const results: HttpServerResult[] = [];
    on.add(LOBBY, lobby(results));
    on.add(
      ROOM,
      defineProcess({
        onOpen: (_, { channelId, handover }, ctx) => ctx.push(channelId, handover),
        onPush: async (_, { channelId }, blob, ctx) => {
          ctx.push(channelId, blob.keep());
          await ctx.transferChannel(channelId, LOBBY, { note: blob });
        },
      }),
    );
    const { client } = await openChannel(on, { target_process: LOBBY });
    client.sendText(ROOM);
    const handover = { from: `alice.os@${LOBBY}`, note: { name: "42" } };
    expect(JSON.parse(await client.nextText())).toEqual(handover);
    client.sendText("leave");
    client.sendText(ROOM);
    expect(await client.nextText()).toBe("leave");
    expect(JSON.parse(await client.nextText())).toEqual(handover);
    expect(results).toEqual([{ Ok: null }, { Ok: null }]);
  });

  test("who hands a channel over and crashes within the same frame is the one its dead letter names", async () => {
    const on = await startNode(transport);
    const server = toAddress("http-server:distro:sys", on.node.name);
    const process = defineProcess({
      onOpen: (_, __, ctx) => ctx.host.tell(server, { Unbind: { path: "/" } }, null), // its first action takes the long way
      onPush(_, { channelId }, __, ctx) {
        ctx.host.tell(server, { WebSocketTransfer: { channel_id: channelId, to: ROOM } }, null); // done when it returns
        throw new Error("told to");
      },
    });
    on.add(LOBBY, process, { onExit: "Restart" });
    const opened = new Promise((resolve) => {
      on.add(ROOM, defineProcess({ onOpen: (_, open) => resolve(open) }));
    });
    const { client, id } = await openChannel(on, { target_process: LOBBY });
    client.sendText("go");
    await expect(opened).resolves.toMatchObject({ channelId: id });
    const crashed = on.node.kernel.deadLetters.last().filter(({ reason }) => reason === "crashed");
    expect(crashed).toMatchObject([{ target: `alice.os@${LOBBY}` }]);
  });
});
