/** Each limit of a channel, at it and one past it (DESIGN §4.10). Those of the upgrade are in upgrade.test.ts, of topics in fan-out.test.ts. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { type Context, defineProcess } from "../../../lib/process/index.ts";
import { VirtualClock } from "../../../lib/protocol/index.ts";
import {
  bindWs,
  channelId,
  connectMain,
  connectPath,
  err,
  hear,
  OK,
  openChannel,
  push,
  registration,
  startNode,
  startWithP,
  stopNodes,
  TRANSPORTS,
} from "../../support/channels.ts";
import { deferred } from "../../support/deferred.ts";
import { P } from "../../support/node.ts";

describe.each(TRANSPORTS)("%s limits", (transport) => {
  afterEach(stopNodes);

  describe("messagesPerSecond", () => {
    const reason = "more than 3 messages in a second";

    test("3 in a second pass, the fourth ends the channel with 4429", async () => {
      const clock = new VirtualClock();
      clock.advance(60_000); // the channel's first second begins when it opens
      const { on, p } = await startWithP(transport, { limits: { messagesPerSecond: 3 }, nodeOptions: { clock } });
      const { client, id } = await openChannel(on);
      for (let i = 1; i <= 3; i++) client.sendText(`${i}`);
      expect(await hear(p, 4)).toEqual([`open ${id}`, `text ${id} 1`, `text ${id} 2`, `text ${id} 3`]);
      client.sendText("4");
      expect(await client.nextClose()).toEqual({ code: 4429, reason });
      expect(await hear(p, 1)).toEqual([`close ${id} 4429 ${reason}`]);
    });

    test("3 in each second pass for ever", async () => {
      const clock = new VirtualClock();
      const { on, p } = await startWithP(transport, { limits: { messagesPerSecond: 3 }, nodeOptions: { clock } });
      const { client, id } = await openChannel(on);
      expect(await hear(p, 1)).toEqual([`open ${id}`]);
      for (let second = 0; second < 5; second++) {
        for (let i = 0; i < 3; i++) client.sendText("x");
        expect(await hear(p, 3)).toEqual(Array(3).fill(`text ${id} x`));
        clock.advance(1_000);
      }
      for (let i = 0; i < 4; i++) client.sendText("y");
      expect(await hear(p, 3)).toEqual(Array(3).fill(`text ${id} y`));
      expect(await client.nextClose()).toMatchObject({ code: 4429 });
    });

    test("pings and pongs count, the registration does not, and other channels are not held to account", async () => {
      const clock = new VirtualClock();
      const { on, p } = await startWithP(transport, { limits: { messagesPerSecond: 3 }, nodeOptions: { clock } });
      const [a, b] = [await openChannel(on), await openChannel(on)];
      a.client.sendText("1");
      a.client.sendPing("2");
      expect(await a.client.nextFrame()).toMatchObject({ kind: "pong" });
      a.client.sendPong("3");
      expect(await hear(p, 5)).toEqual([
        `open ${a.id}`,
        `open ${b.id}`,
        `text ${a.id} 1`,
        `ping ${a.id} 2`,
        `pong ${a.id} 3`,
      ]);
      a.client.sendPong("4");
      expect(await a.client.nextClose()).toEqual({ code: 4429, reason });
      b.client.sendText("fine");
      expect(await hear(p, 2)).toEqual([`close ${a.id} 4429 ${reason}`, `text ${b.id} fine`]);
    });

    test("frames of one write behind the one too many are not delivered", async () => {
      const clock = new VirtualClock();
      const { on, p } = await startWithP(transport, { limits: { messagesPerSecond: 3 }, nodeOptions: { clock } });
      const { client, id } = await openChannel(on);
      for (let i = 1; i <= 10; i++) client.sendText(`${i}`);
      expect(await client.nextClose()).toMatchObject({ code: 4429 });
      client.sendClose(1000);
      await client.ended;
      const marker = await openChannel(on);
      expect(await hear(p, 6)).toEqual([
        `open ${id}`,
        ...[1, 2, 3].map((i) => `text ${id} ${i}`),
        `close ${id} 4429 ${reason}`,
        `open ${marker.id}`,
      ]);
    });
  });

  test("a message of messageBytes arrives, one byte more ends the channel", async () => {
    const { on, p } = await startWithP(transport, { limits: { messageBytes: 1_000 } });
    const { client, id } = await openChannel(on);
    client.sendBinary(new Uint8Array(1_000));
    await p.next();
    expect((await p.next()).bytes).toHaveLength(1_000);
    client.sendBinary(new Uint8Array(1_001));
    // uWebSockets.js hangs up without a close frame (contracts/hazards.md §4.1)
    if (transport === "ws") {
      expect(await client.nextClose()).toMatchObject({ code: 1009 });
      client.sendClose(1009);
    }
    await client.ended;
    expect((await hear(p, 1))[0]).toMatch(new RegExp(`^close ${id} 1006 `));
    expect(on.server.openSockets).toBe(0);
  });

  describe("pushBytes", () => {
    test.each(["Text", "Binary"])(
      "a push of 1,000 bytes as %s is sent, one byte more is told LimitReached",
      async (type) => {
        const { on, p } = await startWithP(transport, { limits: { pushBytes: 1_000 } });
        const { client, id } = await openChannel(on);
        expect(await p.ask(push(id, type), "ü".repeat(500))).toEqual(OK);
        expect(await p.ask(push(id, type), `${"ü".repeat(500)}x`)).toEqual(err("LimitReached"));
        expect(await p.ask(push(id, type), new Uint8Array(1_000).fill(97))).toEqual(OK);
        expect(await p.ask(push(id, type), new Uint8Array(1_001).fill(97))).toEqual(err("LimitReached"));
        expect(await p.ask(push(id), "end")).toEqual(OK);
        expect((await client.nextFrame()).payload.toString()).toBe("ü".repeat(500));
        expect((await client.nextFrame()).payload.toString()).toBe("a".repeat(1_000));
        expect(await client.nextText()).toBe("end");
      },
    );

    test.each(["Text", "Binary"] as const)("the same in answer to a frame, as %s", async (type) => {
      const on = await startNode(transport, { limits: { pushBytes: 1_000 } });
      const results = deferred<unknown[]>();
      const send = (ctx: Context, channelId: number): Promise<unknown>[] =>
        ["ü".repeat(500), `${"ü".repeat(500)}x`, new Uint8Array(1_000).fill(97), new Uint8Array(1_001).fill(97)].map(
          (value) => ctx.sendWsPush(channelId, value, type),
        );
      on.add(
        P,
        defineProcess({
          onPush(_, { channelId }, _blob, ctx) {
            void Promise.all(send(ctx as Context, channelId)).then(results.resolve); // not awaited: they leave in its turn
          },
        }),
      );
      const { client } = await openChannel(on);
      client.sendText("go");
      expect(await results.promise).toEqual([OK, err("LimitReached"), OK, err("LimitReached")]);
      expect((await client.nextFrame()).payload.toString()).toBe("ü".repeat(500));
      expect((await client.nextFrame()).payload.toString()).toBe("a".repeat(1_000));
    });
  });

  test("a registration of registerBytes is taken, one byte more is refused with 4400", async () => {
    const { on, p } = await startWithP(transport, { limits: { registerBytes: 1_000 } });
    const json = JSON.stringify(registration(on)).padEnd(1_000);
    const fits = await connectMain(on);
    fits.sendText(json);
    const id = channelId(await fits.nextText());
    const over = await connectMain(on);
    over.sendText(`${json} `);
    expect(JSON.parse(await over.nextText())).toEqual({
      error: { code: "malformed", message: "a WsRegister has at most 1000 bytes: got 1001" },
    });
    expect(await over.nextClose()).toMatchObject({ code: 4400 });
    fits.sendText(json); // a frame after it may be as long as any
    fits.sendText(`${json} `);
    expect(await hear(p, 3)).toEqual([`open ${id}`, `text ${id} ${json}`, `text ${id} ${json} `]);
  });

  test("the first frame of a bound path is plain data above registerBytes", async () => {
    const { on, p } = await startWithP(transport, { limits: { registerBytes: 1_000 } });
    await p.ask(bindWs("/"));
    const long = JSON.stringify({ target_process: P }).padEnd(1_001);
    const client = await connectPath(on, `/${P}`);
    client.sendText(long);
    await p.next();
    expect((await p.next()).text).toBe(long);
  });

  test("an empty pong, as it answers the transport's own ping, is told to nobody", async () => {
    const { on, p } = await startWithP(transport);
    const { client, id } = await openChannel(on);
    client.sendPong();
    client.sendPong();
    client.sendPong("unasked");
    client.sendText("marker");
    expect(await hear(p, 3)).toEqual([`open ${id}`, `pong ${id} unasked`, `text ${id} marker`]);
  });

  test("the transport's own ping of an idle channel is answered without the process hearing of it", async () => {
    const { on, p } = await startWithP(transport, { limits: { idleTimeout: 8 } });
    const { client, id } = await openChannel(on);
    const ping = await client.nextFrame(); // some seconds later: no clock of ours moves the transport's
    expect(ping).toMatchObject({ kind: "ping" });
    client.write(Buffer.from([0x8a, 0x80, 0, 0, 0, 0])); // pong
    expect(ping.payload).toHaveLength(0);
    client.sendText("marker");
    expect(await hear(p, 2)).toEqual([`open ${id}`, `text ${id} marker`]);
  });
});
