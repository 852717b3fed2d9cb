/** Topics: one publish reaches every subscriber, in step with what is pushed to it (DESIGN §4.6). */
import { afterEach, describe, expect, test } from "@jest/globals";
import type { Channel } from "../../../http-server/channel.ts";
import { type Context, defineProcess } from "../../../lib/process/index.ts";
import {
  err,
  nextLoop,
  OK,
  openChannel,
  publish,
  push,
  startNode,
  startWithP,
  stopNodes,
  subscribe,
  TRANSPORTS,
  unsubscribe,
  until,
} from "../../support/channels.ts";
import { P, type TestNode } from "../../support/node.ts";

const WAYS = TRANSPORTS.flatMap((transport) => [
  { transport, fewSubscribers: 1000 },
  { transport, fewSubscribers: 0 },
]);

describe.each(WAYS)("$transport fan-out, fewSubscribers $fewSubscribers", ({ transport, fewSubscribers }) => {
  afterEach(stopNodes);

  test("a publish reaches those who subscribed, text as text and binary as binary", async () => {
    const { on, p } = await startWithP(transport, { limits: { fewSubscribers } });
    const [a, b, c] = [await openChannel(on), await openChannel(on), await openChannel(on)];
    expect(await p.ask(subscribe(a.id, "room"))).toEqual(OK);
    expect(await p.ask(subscribe(b.id, "room"))).toEqual(OK);
    expect(await p.ask(subscribe(c.id, "another room"))).toEqual(OK);
    expect(await p.ask(publish("room"), "grüß")).toEqual(OK);
    expect(await p.ask(publish("room", "Binary"), Uint8Array.from([0xff, 0, 1]))).toEqual(OK);
    for (const { client, id } of [a, b, c]) {
      expect(await p.ask(push(id), "end")).toEqual(OK);
      if (id !== c.id) {
        expect(await client.nextText()).toBe("grüß");
        expect([...(await client.nextBinary())]).toEqual([0xff, 0, 1]);
      }
      expect(await client.nextText()).toBe("end");
    }
  });

  test("who subscribes twice hears once, who unsubscribes no more, and who never did is told Ok", async () => {
    const { on, p } = await startWithP(transport, { limits: { fewSubscribers } });
    const { client, id } = await openChannel(on);
    expect(await p.ask(unsubscribe(id, "room"))).toEqual(OK);
    expect(await p.ask(subscribe(id, "room"))).toEqual(OK);
    expect(await p.ask(subscribe(id, "room"))).toEqual(OK);
    expect(await p.ask(publish("room"), "1")).toEqual(OK);
    expect(await p.ask(unsubscribe(id, "room"))).toEqual(OK);
    expect(await p.ask(publish("room"), "2")).toEqual(OK);
    expect(await p.ask(subscribe(id, "room"))).toEqual(OK);
    expect(await p.ask(publish("room"), "3")).toEqual(OK);
    expect([await client.nextText(), await client.nextText()]).toEqual(["1", "3"]);
  });

  test.each(["", "ü", "#", "a/b", " ", "\u{1f600}", "__proto__", "x".repeat(256)])(
    "a topic may be named %j",
    async (topic) => {
      const { on, p } = await startWithP(transport, { limits: { fewSubscribers } });
      const { client, id } = await openChannel(on);
      expect(await p.ask(subscribe(id, topic))).toEqual(OK);
      expect(await p.ask(publish(`${topic}.`), "near")).toEqual(OK);
      expect(await p.ask(publish(topic), "here")).toEqual(OK);
      expect(await client.nextText()).toBe("here");
    },
  );

  describe("publishes and pushes arrive in the order in which they were sent", () => {
    const COUNT = 40;

    /** Pushes to `channelId` and publishes to it in turns, all from one handler. */
    function both(ctx: Context, channelId: number, publishFirst: boolean, pad: string): void {
      for (let i = 0; i < COUNT; i++) {
        const isPublish = (i % 2 === 0) === publishFirst;
        if (isPublish) ctx.publish("all", `${i}${pad}`);
        else ctx.push(channelId, `${i}${pad}`);
      }
    }

    test.each([
      ["a push first, small", false, ""],
      ["a publish first, small", true, ""],
      ["a push first, 20 kB each", false, "x".repeat(20_000)],
      ["a publish first, 20 kB each", true, "x".repeat(20_000)],
    ])("%s: to the channel whose frame is in hand, to another one, and out of no handler", async (_, first, pad) => {
      const on = await startNode(transport, { limits: { fewSubscribers } });
      let context: Context | undefined;
      on.add(
        P,
        defineProcess({
          onOpen(_, { channelId }, ctx) {
            context = ctx as Context;
            ctx.subscribe(channelId, "all");
          },
          onPush: (_, __, blob, ctx) => both(ctx as Context, Number(blob.text()), first, pad),
        }),
      );
      const { client, id } = await openChannel(on);
      const expected = Array.from({ length: COUNT }, (_, i) => `${i}${pad}`);
      const read = async (): Promise<string[]> => {
        const texts: string[] = [];
        while (texts.length < COUNT) texts.push(await client.nextText());
        return texts;
      };
      client.sendText(String(id));
      expect(await read()).toEqual(expected);
      if (context === undefined) throw new Error("P has not heard of its channel");
      both(context, id, first, pad);
      expect(await read()).toEqual(expected);
      const other = await openChannel(on);
      other.client.sendText(String(id));
      expect(await read()).toEqual(expected);
    });
  });

  test("what was published before a close or an unsubscribe in the same turn still arrives", async () => {
    const on = await startNode(transport, { limits: { fewSubscribers } });
    on.add(
      P,
      defineProcess({
        onOpen: (_, { channelId }, ctx) => ctx.subscribe(channelId, "room"),
        onPush(_, { channelId }, blob, ctx) {
          ctx.publish("room", "before");
          if (blob.text() === "close") ctx.close(channelId);
          else ctx.unsubscribe(channelId, "room");
          ctx.publish("room", "after");
        },
      }),
    );
    const [a, b] = [await openChannel(on), await openChannel(on)];
    a.client.sendText("unsubscribe");
    expect(await a.client.nextText()).toBe("before");
    expect([await b.client.nextText(), await b.client.nextText()]).toEqual(["before", "after"]);
    b.client.sendText("close");
    expect(await b.client.nextText()).toBe("before");
    expect(await b.client.nextClose()).toMatchObject({ code: 1000 });
    a.client.sendPing();
    expect(await a.client.nextFrame()).toMatchObject({ kind: "pong" });
  });

  test("who subscribes between two publishes of a turn hears the second", async () => {
    const on = await startNode(transport, { limits: { fewSubscribers } });
    on.add(
      P,
      defineProcess({
        onPush(_, { channelId }, _blob, ctx) {
          ctx.publish("room", "1");
          ctx.subscribe(channelId, "room");
          ctx.publish("room", "2");
        },
      }),
    );
    const { client } = await openChannel(on);
    client.sendText("go");
    expect(await client.nextText()).toBe("2");
  });

  test.each([1_000, 20_000])("a buffer of %i bytes may be filled anew behind its publish", async (size) => {
    const on = await startNode(transport, { limits: { fewSubscribers } });
    on.add(
      P,
      defineProcess({
        onOpen: (_, { channelId }, ctx) => ctx.subscribe(channelId, "room"),
        onPush(_, __, ___, ctx) {
          const buffer = new Uint8Array(size);
          for (const n of [1, 2]) ctx.publish("room", buffer.fill(n));
        },
      }),
    );
    const [a, b] = [await openChannel(on), await openChannel(on)];
    a.client.sendText("go");
    for (const { client } of [a, b])
      for (const n of [1, 2]) expect(await client.nextBinary()).toEqual(Buffer.alloc(size, n));
  });

  test("subscribers that are gone are left out, however they went", async () => {
    const { on, p } = await startWithP(transport, { limits: { fewSubscribers } });
    const all = [await openChannel(on), await openChannel(on), await openChannel(on), await openChannel(on)];
    for (const { id } of all) expect(await p.ask(subscribe(id, "room"))).toEqual(OK);
    const [cut, closes, closed, stays] = all;
    cut?.client.destroy();
    closes?.client.sendClose(1000);
    expect(await p.ask({ WebSocketClose: closed?.id })).toEqual(OK);
    expect(await p.ask(publish("room"), "meanwhile")).toEqual(OK);
    await until(() => on.server.channels.size === 1);
    expect(await p.ask(publish("room"), "then")).toEqual(OK);
    expect([await stays?.client.nextText(), await stays?.client.nextText()]).toEqual(["meanwhile", "then"]);
    expect(await closed?.client.nextClose()).toMatchObject({ code: 1000 });
    expect(await p.ask(subscribe(closed?.id ?? 0, "room"))).toEqual(err("WsChannelNotFound"));
    expect(await p.ask(unsubscribe(closed?.id ?? 0, "room"))).toEqual(err("WsChannelNotFound"));
  });

  test("500 publishes to 50 subscribers arrive whole and in order at each", async () => {
    const { on, p } = await startWithP(transport, { limits: { fewSubscribers } });
    const all = await Promise.all(Array.from({ length: 50 }, () => openChannel(on)));
    await Promise.all(all.map(({ id }) => p.ask(subscribe(id, "room"))));
    await Promise.all(Array.from({ length: 500 }, (_, i) => p.ask(publish("room"), `${i}`)));
    for (const { client } of all) for (let i = 0; i < 500; i++) expect(await client.nextText()).toBe(`${i}`);
  });

  test("limits.topicsPerChannel topics are taken, one more is told LimitReached", async () => {
    const { on, p } = await startWithP(transport, { limits: { fewSubscribers, topicsPerChannel: 2 } });
    const { client, id } = await openChannel(on);
    const other = await openChannel(on);
    expect(await p.ask(subscribe(id, "1"))).toEqual(OK);
    expect(await p.ask(subscribe(id, "2"))).toEqual(OK);
    expect(await p.ask(subscribe(id, "3"))).toEqual(err("LimitReached"));
    expect(await p.ask(subscribe(id, "2"))).toEqual(OK); // it has that one
    expect(await p.ask(subscribe(other.id, "3"))).toEqual(OK);
    expect(await p.ask(publish("3"), "not here")).toEqual(OK);
    expect(await p.ask(unsubscribe(id, "1"))).toEqual(OK);
    expect(await p.ask(subscribe(id, "3"))).toEqual(OK);
    expect(await p.ask(publish("3"), "here")).toEqual(OK);
    expect(await client.nextText()).toBe("here");
  });

  test("a topic of limits.topicBytes bytes is taken, one byte more is told LimitReached", async () => {
    const { on, p } = await startWithP(transport, { limits: { fewSubscribers, topicBytes: 10 } });
    const { client, id } = await openChannel(on);
    expect(await p.ask(subscribe(id, "ü".repeat(5)))).toEqual(OK);
    expect(await p.ask(subscribe(id, `${"ü".repeat(5)}x`))).toEqual(err("LimitReached"));
    expect(await p.ask(publish("ü".repeat(5)), "here")).toEqual(OK);
    expect(await client.nextText()).toBe("here");
  });

  test("a publish is checked like a push", async () => {
    const { on, p } = await startWithP(transport, { limits: { fewSubscribers, pushBytes: 10 } });
    const { client, id } = await openChannel(on);
    expect(await p.ask(subscribe(id, "room"))).toEqual(OK);
    expect(await p.ask(publish("room"))).toEqual(err("NoBlob"));
    expect(await p.ask(publish("room", "Ping"), "x")).toEqual(err("MalformedRequest"));
    expect(await p.ask({ WebSocketPublish: { message_type: "Text" } }, "x")).toEqual(err("MalformedRequest"));
    expect(await p.ask(publish("room"), "x".repeat(11))).toEqual(err("LimitReached"));
    expect(await p.ask(publish("room"), "x".repeat(10))).toEqual(OK);
    expect(await p.ask(publish("room"), Uint8Array.from([0xff, 0x41]))).toEqual(OK);
    expect([await client.nextText(), await client.nextText()]).toEqual(["x".repeat(10), "\u{fffd}A"]);
  });

  test("a text is published up to so many bytes, not letters, well-formed, and as bytes where that is said", async () => {
    const { on, p } = await startWithP(transport, { limits: { fewSubscribers, pushBytes: 10 } });
    const { client, id } = await openChannel(on);
    expect(await p.ask(subscribe(id, "room"))).toEqual(OK);
    expect(await p.ask(publish("room"), "ü".repeat(6))).toEqual(err("LimitReached"));
    expect(await p.ask(publish("room"), "ü".repeat(5))).toEqual(OK);
    expect(await p.ask(publish("room"), "a\ud800")).toEqual(OK);
    expect([await client.nextText(), await client.nextText()]).toEqual(["ü".repeat(5), "a\u{fffd}"]);
    expect(await p.ask(publish("room", "Binary"), "grüß")).toEqual(OK);
    expect(await client.nextBinary()).toEqual(new Uint8Array(Buffer.from("grüß")));
  });
});

describe("what one read brings about leaves a channel in one write, on uws", () => {
  afterEach(stopNodes);

  const COUNT = 64;

  /** Counts what goes to a socket by itself: nobody has corked it. */
  class Writes {
    count = 0;

    constructor(on: TestNode, channel: Channel) {
      const { socket } = channel;
      if (socket === null) throw new Error("the channel has closed");
      let isCorked = false;
      const note = (): void => {
        if (!isCorked && on.server.channels.outgoing.corked !== channel) this.count++;
      };
      const send: typeof socket.send = (data, isBinary) => {
        note();
        return socket.send(data, isBinary);
      };
      const cork: typeof socket.cork = (work) => {
        note();
        isCorked = true;
        socket.cork(work);
        isCorked = false;
      };
      const { getUserData, ping, getBufferedAmount, end, close, subscribe, unsubscribe } = socket;
      const rest = { getUserData, ping, getBufferedAmount, end, close, subscribe, unsubscribe };
      for (const [name, method] of Object.entries(rest)) Object.assign(rest, { [name]: method.bind(socket) });
      channel.socket = { ...rest, send, cork };
    }
  }

  test.each([
    ["publish", "at once", 1],
    ["push", "at once", 1],
    ["push", "at once", 15_000],
    ["publish", "after an await", 1],
    ["push", "after an await", 1],
  ])("answers, and a %s to another now and then, %s, of %i letters", async (how, when, letters) => {
    const told = (n: number): string => `all ${n}`.padEnd(letters);
    const on = await startNode("uws");
    let other = 0;
    const { address } = on.add(
      P,
      defineProcess({
        onOpen: (_, { channelId }, ctx) => ctx.subscribe(channelId, "room"),
        onPush(_, { channelId }, blob, ctx) {
          const answer = (): void => {
            const n = Number(blob.text());
            if (n % 8 === 0 && how === "publish") ctx.publish("room", told(n));
            else if (n % 8 === 0) ctx.push(other, told(n));
            ctx.push(channelId, blob);
          };
          return when === "at once" ? answer() : Promise.resolve().then(answer);
        },
      }),
    );
    const [asker, silent] = [await openChannel(on), await openChannel(on)];
    other = silent.id;
    const [toAsker, toSilent] = [asker, silent].map(
      ({ id }) => new Writes(on, on.server.channels.channelOf(address, id) as Channel),
    );
    asker.client.net.cork();
    for (let n = 0; n < COUNT; n++) asker.client.sendText(`${n}`);
    asker.client.net.uncork();
    for (let n = 0; n < COUNT; n++) {
      if (n % 8 === 0) expect(await silent.client.nextText()).toBe(told(n));
      if (n % 8 === 0 && how === "publish") expect(await asker.client.nextText()).toBe(told(n));
      expect(await asker.client.nextText()).toBe(`${n}`);
    }
    expect(toAsker?.count).toBe(0); // all under the cork of the read
    expect(toSilent?.count).toBeLessThanOrEqual(2); // one, or two should the server find half of it first
    expect(toSilent?.count).toBeGreaterThan(0);
  });

  test.each(["at once", "after an await"])("what is pushed out of no frame, behind an answer %s", async (when) => {
    const on = await startNode("uws");
    let context: Context | undefined;
    const { address } = on.add(
      P,
      defineProcess({
        onPush(_, { channelId }, blob, ctx) {
          context = ctx as Context;
          const answer = (): void => ctx.push(channelId, blob);
          return when === "at once" ? answer() : Promise.resolve().then(answer);
        },
      }),
    );
    const { client, id } = await openChannel(on);
    client.sendText("asked");
    expect(await client.nextText()).toBe("asked");
    await nextLoop();
    const writes = new Writes(on, on.server.channels.channelOf(address, id) as Channel);
    for (const text of ["1", "2", "3"]) context?.push(id, text);
    for (const text of ["1", "2", "3"]) expect(await client.nextText()).toBe(text);
    expect(writes.count).toBe(1);
  });

  test("what is published out of no frame, in several turns of one loop's, as another node's publishes come", async () => {
    const on = await startNode("uws");
    let context: Context | undefined;
    const { address } = on.add(
      P,
      defineProcess({
        init(ctx) {
          context = ctx;
        },
        onOpen: (_, { channelId }, ctx) => ctx.subscribe(channelId, "room"),
      }),
    );
    const { client, id } = await openChannel(on);
    await nextLoop();
    const writes = new Writes(on, on.server.channels.channelOf(address, id) as Channel);
    for (let n = 0; n < 8; n++) {
      context?.publish("room", `${n}`);
      await new Promise((resolve) => queueMicrotask(() => queueMicrotask(() => resolve(null)))); // a turn of its own
    }
    for (let n = 0; n < 8; n++) expect(await client.nextText()).toBe(`${n}`);
    expect(writes.count).toBe(1);
  });
});
