/**
 * Publishes to clients that read too slowly (DESIGN §4.7). To few subscribers they are counted like pushes; the native
 * topic tree, in which many are, queues past our own count, and its losses are told (contracts/hazards.md §0.4).
 */
import { afterEach, describe, expect, test } from "@jest/globals";
import { maxBackpressure } from "../../../http-server/limits.ts";
import { VirtualClock } from "../../../lib/protocol/index.ts";
import {
  channelOf,
  err,
  hear,
  nextLoop,
  OK,
  openChannel,
  publish,
  push,
  startWithP,
  stopNodes,
  subscribe,
  TRANSPORTS,
  told,
  until,
} from "../../support/channels.ts";
import { deferred } from "../../support/deferred.ts";
import { askUntilOk, isOk, numbered, readNumbered } from "../../support/slow-reader.ts";

const KIB = 1024;
const FRAME = 40 * KIB;
const TOO_SLOW = "1013 the client reads too slowly";

const TREE = { sendLimit: 256 * KIB, pushBytes: 512 * KIB, fewSubscribers: 0 };
const WAYS = TRANSPORTS.flatMap((transport) => [
  { transport, limits: { ...TREE, fewSubscribers: 2 } },
  { transport, limits: TREE },
]);

describe.each(WAYS)(
  "$transport publish to a slow reader, fewSubscribers $limits.fewSubscribers",
  ({ transport, limits }) => {
    afterEach(stopNodes);

    test("policy close: it reads what was taken, then hears 1013; the others hear all", async () => {
      const { on, p } = await startWithP(transport, { limits });
      const slow = await openChannel(on);
      const quick = await openChannel(on);
      for (const { id } of [slow, quick]) expect(await p.ask(subscribe(id, "all"))).toEqual(OK);
      slow.client.pause();
      let sent = 0;
      const closed = (): boolean => p.all.some((message) => told(message) === `close ${slow.id} ${TOO_SLOW}`);
      for (; !closed(); sent++) {
        expect(await p.ask(publish("all", "Binary"), numbered(sent, FRAME))).toEqual(OK);
        expect((await quick.client.nextBinary()).readUInt32BE(0)).toBe(sent);
      }
      expect(on.server.channels.size).toBe(1);
      slow.client.resume();
      const { count, last } = await readNumbered(slow.client);
      expect(last).toBe(`close ${TOO_SLOW}`);
      expect(count).toBeGreaterThan(0);
      expect(count).toBeLessThan(sent);
      expect(await p.ask(publish("all"), "on it goes")).toEqual(OK);
      expect(await quick.client.nextText()).toBe("on it goes");
    });

    test("policy drop: the newest are left out and counted, and it hears the next one after it has read", async () => {
      const { on, p } = await startWithP(transport, { limits });
      const { client, id } = await openChannel(on, { slow_reader: "drop" });
      await p.ask(subscribe(id, "all"));
      const channel = channelOf(await p.next());
      client.pause();
      let sent = 0;
      for (; on.server.channels.outgoing.dropped < 5; sent++) {
        await p.ask(publish("all", "Binary"), numbered(sent, FRAME));
        await nextLoop(); // losses are told a turn later
      }
      client.resume();
      let next = 0;
      await until(() => channel.socket?.getBufferedAmount() === 0);
      expect(await p.ask(publish("all"), "caught up")).toEqual(OK);
      for (;;) {
        const { kind, payload } = await client.nextFrame();
        if (kind === "text") {
          expect(payload.toString()).toBe("caught up");
          break;
        }
        expect(payload.readUInt32BE(0)).toBe(next++);
      }
      expect(next).toBeGreaterThan(0);
      expect(next).toBeLessThanOrEqual(sent - 5);
      expect(on.server.channels.size).toBe(1);
    });
  },
);

describe("publish one by one, on uws", () => {
  afterEach(stopNodes);
  const transport = "uws";

  test("to one that is full counts with what is pushed: the send limit holds for both", async () => {
    const sendLimit = 128 * KIB;
    const { on, p } = await startWithP(transport, { limits: { ...TREE, sendLimit, fewSubscribers: 1 } });
    const { client, id } = await openChannel(on, { slow_reader: "drop" });
    await p.ask(subscribe(id, "all"));
    const channel = channelOf(await p.next());
    client.pause();
    let sent = 0;
    for (; on.server.channels.outgoing.dropped === 0; sent++) {
      await p.ask(publish("all", "Binary"), numbered(sent, FRAME));
      await nextLoop();
      expect(channel.socket?.getBufferedAmount()).toBeLessThanOrEqual(sendLimit + FRAME); // the one that found it full
    }
    expect(await p.ask(push(id), "x".repeat(FRAME))).toEqual(err("WsChannelOverloaded"));
    client.resume();
    await until(() => channel.socket?.getBufferedAmount() === 0);
    await askUntilOk(p, push(id), "end");
    expect(await readNumbered(client)).toEqual({ count: sent - 1, last: "text end" });
  });
});

describe.each(TRANSPORTS)("%s publish by the topic tree", (transport) => {
  afterEach(stopNodes);
  const limits = TREE;

  test("policy close: one that does not read within slowReaderGrace is cut", async () => {
    const clock = new VirtualClock();
    const { on, p } = await startWithP(transport, { limits, nodeOptions: { clock } });
    const { client, id } = await openChannel(on);
    await p.ask(subscribe(id, "all"));
    client.pause();
    for (let i = 0; on.server.channels.size === 1; i++) {
      await p.ask(publish("all", "Binary"), numbered(i, FRAME));
      await nextLoop();
    }
    expect(await hear(p, 2)).toEqual([`open ${id}`, `close ${id} ${TOO_SLOW}`]);
    clock.advance(9_990);
    expect(on.server.openSockets).toBe(1);
    clock.advance(20);
    await until(() => on.server.openSockets === 0);
    expect(on.node.kernel.wheel.size).toBe(0);
    client.resume();
    await client.ended;
  });

  test("a push to one that publishes have filled is told WsChannelOverloaded, never Ok and then lost", async () => {
    const { on, p } = await startWithP(transport, { limits });
    const { client, id } = await openChannel(on, { slow_reader: "drop" });
    await p.ask(subscribe(id, "all"));
    const channel = channelOf(await p.next());
    client.pause();
    const full = maxBackpressure(on.server.limits); // the transport takes nothing above it
    while ((channel.socket?.getBufferedAmount() ?? 0) <= full) {
      await p.ask(publish("all", "Binary"), new Uint8Array(FRAME));
      await nextLoop();
    }
    const answers: unknown[] = [];
    for (let i = 0; i < 20; i++) answers.push(await p.ask(push(id), `${i}`.padEnd(FRAME)));
    client.resume();
    await until(() => channel.socket?.getBufferedAmount() === 0);
    await askUntilOk(p, push(id), "end");
    const texts: string[] = [];
    while (texts.at(-1) !== "end") {
      const { kind, payload } = await client.nextFrame();
      if (kind === "text") texts.push(payload.toString().trimEnd());
    }
    const taken = answers.flatMap((answer, i) => (isOk(answer) ? [`${i}`] : []));
    expect(texts).toEqual([...taken, "end"]);
    expect(answers).toContainEqual(err("WsChannelOverloaded"));
  });

  test("the same push in answer to a frame is refused too, and closes with policy close", async () => {
    const { on, p } = await startWithP(transport, { limits });
    const { client, id } = await openChannel(on);
    await p.ask(subscribe(id, "all"));
    const channel = channelOf(await p.next());
    const answer = deferred<unknown>();
    p.onMessage = ({ text }) => {
      if (text === "answer me") void p.ask(push(id), "lost?").then(answer.resolve);
    };
    client.pause();
    let sent = 0;
    for (const full = maxBackpressure(on.server.limits); (channel.socket?.getBufferedAmount() ?? 0) <= full; sent++) {
      await p.ask(publish("all", "Binary"), numbered(sent, FRAME));
    }
    client.sendText("answer me");
    expect(await answer.promise).toEqual(err("WsChannelOverloaded"));
    client.resume();
    expect(await readNumbered(client)).toEqual({ count: sent, last: `close ${TOO_SLOW}` });
  });
});
