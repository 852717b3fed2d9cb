/** How a channel ends, and what both sides hear of it: contract kinode §10 cases 111 to 115, DESIGN §4.4. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { defineProcess } from "../../../lib/process/index.ts";
import {
  channelOf,
  err,
  hear,
  OK,
  openChannel,
  push,
  startNode,
  startWithP,
  stopNodes,
  TRANSPORTS,
} from "../../support/channels.ts";
import { deferred } from "../../support/deferred.ts";
import { P, Q } from "../../support/node.ts";
import { Recorder } from "../../support/recorder.ts";
import { encodeFrame } from "../../support/sockets.ts";

const close = (channel_id: number, code?: number, reason?: string): unknown => ({
  WebSocketClose: code === undefined ? channel_id : { channel_id, code, reason },
});

describe.each(TRANSPORTS)("%s close", (transport) => {
  afterEach(stopNodes);

  test("case 111: a client's close is told once, and its channel is found no more", async () => {
    const { on, p } = await startWithP(transport);
    const { client, id } = await openChannel(on);
    client.sendClose(1000, "bye");
    expect(await client.nextClose()).toMatchObject({ code: 1000 });
    await client.ended;
    expect(await hear(p, 2)).toEqual([`open ${id}`, `close ${id} 1000 bye`]);
    expect(p.all[1]?.body).toEqual({ WebSocketClose: id });
    expect(p.all[1]?.bytes).toBeNull();
    expect(await p.ask(push(id), "late")).toEqual(err("WsChannelNotFound"));
    const marker = await openChannel(on);
    expect(await hear(p, 1)).toEqual([`open ${marker.id}`]);
    expect(on.server.channels.size).toBe(1);
  });

  test("case 112: a lost connection is told with 1006", async () => {
    const { on, p } = await startWithP(transport);
    const { client, id } = await openChannel(on);
    client.destroy();
    const [open, closed] = await hear(p, 2);
    expect(open).toBe(`open ${id}`);
    expect(closed).toMatch(new RegExp(`^close ${id} 1006`));
    expect(on.server.channels.size).toBe(0);
    expect(on.server.openSockets).toBe(0);
  });

  test("an empty close frame is told with 1005", async () => {
    const { on, p } = await startWithP(transport);
    const { client, id } = await openChannel(on);
    client.write(encodeFrame("close"));
    const [, closed] = await hear(p, 2);
    expect(closed).toMatch(new RegExp(`^close ${id} 1005`));
  });

  test.each([1001, 3999, 4000, 4999])("a client's close code %d is told with its reason", async (code) => {
    const { on, p } = await startWithP(transport);
    const { client, id } = await openChannel(on);
    client.sendClose(code, "grüß");
    // uWebSockets.js takes 3000 to 3999 from a client for invalid (contracts/hazards.md §2)
    const expected = transport === "uws" && code === 3999 ? `close ${id} 1006` : `close ${id} ${code} grüß`;
    const [, closed] = await hear(p, 2);
    expect(closed?.startsWith(expected)).toBe(true);
  });

  test("near case 113: the process closes: 1000 to the client, one Close to the process", async () => {
    const { on, p } = await startWithP(transport);
    const { client, id } = await openChannel(on);
    expect(await p.ask(close(id))).toEqual(OK);
    expect(await client.nextClose()).toEqual({ code: 1000, reason: "" });
    client.sendClose(1000);
    await client.ended;
    expect(await p.ask(close(id))).toEqual(OK); // closed already
    expect(await hear(p, 2)).toEqual([`open ${id}`, `close ${id} 1000`]);
    expect(p.waiting).toEqual([]);
  });

  test.each([
    [1000, "done"],
    [1011, "it broke"],
    [3000, "x"],
    [4321, "ü".repeat(61)],
  ])("the process closes with %d and a reason, which both sides hear", async (code, reason) => {
    const { on, p } = await startWithP(transport);
    const { client, id } = await openChannel(on);
    expect(await p.ask(close(id, code, reason))).toEqual(OK);
    expect(await client.nextClose()).toEqual({ code, reason });
    expect(await hear(p, 2)).toEqual([`open ${id}`, `close ${id} ${code} ${reason}`]);
  });

  test("a reason of more than 123 bytes is cut before a whole letter", async () => {
    const { on, p } = await startWithP(transport);
    const { client, id } = await openChannel(on);
    expect(await p.ask(close(id, 4000, "ü".repeat(62)))).toEqual(OK);
    expect(await client.nextClose()).toEqual({ code: 4000, reason: "ü".repeat(61) });
  });

  test.each([0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65_535, 1000.5, -1])(
    "code %d may not be sent: MalformedRequest, and the channel lives",
    async (code) => {
      const { on, p } = await startWithP(transport);
      const { client, id } = await openChannel(on);
      expect(await p.ask(close(id, code, ""))).toEqual(err("MalformedRequest"));
      expect(await p.ask(push(id), "alive")).toEqual(OK);
      expect(await client.nextText()).toBe("alive");
    },
  );

  test("case 114: a Close from Q is told WsChannelNotFound, one of an unknown channel Ok, and the channel lives", async () => {
    const { on, p } = await startWithP(transport);
    const q = new Recorder();
    on.add(Q, q.program);
    const { client, id } = await openChannel(on);
    expect(await q.ask(close(id))).toEqual(err("WsChannelNotFound"));
    expect(await q.ask(close(id === 1 ? 2 : 1))).toEqual(OK);
    expect(await p.ask(push(id), "alive")).toEqual(OK);
    expect(await client.nextText()).toBe("alive");
  });

  test("case 115: a push of type Close closes the socket with the blob as reason", async () => {
    const { on, p } = await startWithP(transport);
    const { client, id } = await openChannel(on);
    expect(await p.ask(push(id, "Close"), "that is all")).toEqual(OK);
    expect(await client.nextClose()).toEqual({ code: 1000, reason: "that is all" });
    expect(await hear(p, 2)).toEqual([`open ${id}`, `close ${id} 1000 that is all`]);
    expect(await p.ask(push(id), "late")).toEqual(err("WsChannelNotFound"));
  });

  test("what was pushed before a close arrives before it, sent from within a handler or not", async () => {
    const { on, p } = await startWithP(transport);
    const first = await openChannel(on);
    const answers = [p.ask(push(first.id), "1"), p.ask(push(first.id), "2"), p.ask(close(first.id, 4001, "end"))];
    expect(await Promise.all(answers)).toEqual([OK, OK, OK]);
    expect([await first.client.nextText(), await first.client.nextText()]).toEqual(["1", "2"]);
    expect(await first.client.nextClose()).toEqual({ code: 4001, reason: "end" });

    const on2 = await startNode(transport);
    on2.add(
      P,
      defineProcess({
        onPush(_, { channelId }, _blob, ctx) {
          for (let i = 0; i < 100; i++) ctx.push(channelId, `${i} ${"x".repeat(i * 20)}`);
          ctx.close(channelId, 4002, "all said");
          ctx.push(channelId, "too late");
        },
      }),
    );
    const { client } = await openChannel(on2);
    client.sendText("go");
    for (let i = 0; i < 100; i++) expect(await client.nextText()).toBe(`${i} ${"x".repeat(i * 20)}`);
    expect(await client.nextClose()).toEqual({ code: 4002, reason: "all said" });
  });

  test("frames that come after the process closed are not delivered", async () => {
    const { on, p } = await startWithP(transport);
    const { client, id } = await openChannel(on);
    expect(await p.ask(close(id))).toEqual(OK);
    client.sendText("late");
    client.sendClose(1000);
    await client.ended;
    expect(await hear(p, 2)).toEqual([`open ${id}`, `close ${id} 1000`]);
    const marker = await openChannel(on);
    expect(await hear(p, 1)).toEqual([`open ${marker.id}`]);
  });

  test("onClose is given code and reason", async () => {
    const on = await startNode(transport);
    const closed = deferred<unknown>();
    on.add(P, defineProcess({ onClose: (_, close) => closed.resolve(close) }));
    const { client, id } = await openChannel(on);
    client.sendClose(4123, "why not");
    expect(await closed.promise).toEqual({ channelId: id, code: 4123, reason: "why not" });
  });

  test("a closed channel holds no socket and takes no frame", async () => {
    const { on, p } = await startWithP(transport);
    const { client } = await openChannel(on);
    const channel = channelOf(await p.next());
    client.destroy();
    await p.next();
    expect(channel).toMatchObject({ socket: null, finished: true, sendQueue: null });
  });
});
