/** Clients that read too slowly: what is queued for them is bounded, and nobody else feels it (DESIGN §4.7, contract kinode §10 case 129). */
import { afterEach, describe, expect, test } from "@jest/globals";
import {
  bindWs,
  channelOf,
  connectPath,
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
  unsubscribe,
  until,
} from "../../support/channels.ts";
import { P } from "../../support/node.ts";
import { askUntilOk, fill, isOk, numbered, readNumbered } from "../../support/slow-reader.ts";
import { RawSocket } from "../../support/sockets.ts";

const KIB = 1024;
const FRAME = 40 * KIB;
const HEAD = 10; // bytes: the longest head of a frame
const TOO_SLOW = "1013 the client reads too slowly";

const limits = { sendLimit: 256 * KIB, pushBytes: 512 * KIB };

describe.each(TRANSPORTS)("%s slow reader", (transport) => {
  afterEach(stopNodes);

  test("policy close, the default: it reads what was taken, then hears 1013", async () => {
    const { on, p } = await startWithP(transport, { limits });
    const { client, id } = await openChannel(on);
    client.pause();
    const { taken, refusal } = await fill(p, push(id, "Binary"), FRAME);
    expect(refusal).toEqual(err("WsChannelOverloaded"));
    expect(await hear(p, 2)).toEqual([`open ${id}`, `close ${id} ${TOO_SLOW}`]);
    expect(await p.ask(push(id), "more")).toEqual(err("WsChannelNotFound"));
    client.resume();
    expect(await readNumbered(client)).toEqual({ count: taken, last: `close ${TOO_SLOW}` });
  });

  test.each([0, 1000])(
    "one frame above the send limit is taken where nothing waits (fewSubscribers %i)",
    async (few) => {
      const { on, p } = await startWithP(transport, { limits: { ...limits, fewSubscribers: few } });
      const { client, id } = await openChannel(on);
      for (const topic of ["t", "u"]) expect(await p.ask(subscribe(id, topic))).toEqual(OK);
      expect(await p.ask(push(id, "Binary"), new Uint8Array(400 * KIB))).toEqual(OK);
      expect(await client.nextBinary()).toHaveLength(400 * KIB);
      expect(await p.ask(publish("t"), "published")).toEqual(OK);
      expect(await client.nextText()).toBe("published");
      expect(await p.ask(unsubscribe(id, "t"))).toEqual(OK);
      expect(await p.ask(push(id, "Binary"), new Uint8Array(500 * KIB))).toEqual(OK);
      expect(await client.nextBinary()).toHaveLength(500 * KIB);
    },
  );

  test("a ping above the send limit is taken where nothing waits", async () => {
    const { on, p } = await startWithP(transport, { limits });
    expect(await p.ask(bindWs("/tiny", { authenticated: false, send_limit: 1 }))).toEqual(OK);
    const client = await connectPath(on, `/${P}/tiny`);
    const { id } = channelOf(await p.next());
    expect(await p.ask(push(id, "Ping"), "beat")).toEqual(OK);
    expect(await client.nextFrame()).toMatchObject({ kind: "ping", payload: Buffer.from("beat") });
  });

  test("policy drop: the newest are left out, it reads the rest, and goes on", async () => {
    const { on, p } = await startWithP(transport, { limits });
    const { client, id } = await openChannel(on, { slow_reader: "drop" });
    client.pause();
    const { taken, refusal } = await fill(p, push(id, "Binary"), FRAME);
    expect(refusal).toEqual(err("WsChannelOverloaded"));
    let small = 0;
    for (let i = 0; i < 10; i++) {
      expect(await p.ask(push(id, "Binary"), numbered(1_000 + i, FRAME))).toEqual(err("WsChannelOverloaded"));
    }
    while (isOk(await p.ask(push(id, "Binary"), new Uint8Array(125)))) small++; // up to the last byte
    expect(await p.ask(push(id, "Ping"), new Uint8Array(125))).toEqual(err("WsChannelOverloaded"));
    client.resume();
    let read = 0;
    while (read < taken) expect((await client.nextBinary()).readUInt32BE(0)).toBe(read++);
    for (; small > 0; small--) expect(await client.nextBinary()).toHaveLength(125);
    await askUntilOk(p, push(id), "caught up");
    expect(await client.nextText()).toBe("caught up");
    client.sendText("alive");
    expect(await hear(p, 2)).toEqual([`open ${id}`, `text ${id} alive`]);
  });

  test("policy drop again and again: after each pause all that was told Ok arrives, and nothing else", async () => {
    const { on, p } = await startWithP(transport, { limits });
    const { client, id } = await openChannel(on, { slow_reader: "drop" });
    let index = 0;
    for (let round = 0; round < 3; round++) {
      client.pause();
      const accepted: number[] = [];
      for (let refused = 0; refused < 5; index++) {
        const answer = await p.ask(push(id, "Binary"), numbered(index, FRAME));
        if (isOk(answer)) accepted.push(index);
        else refused++;
        await nextLoop();
      }
      client.resume();
      for (const wanted of accepted) expect((await client.nextBinary()).readUInt32BE(0)).toBe(wanted);
    }
  });

  test("a path may choose the policy and a smaller limit for its channels", async () => {
    const { on, p } = await startWithP(transport, { limits });
    await p.ask(bindWs("/small", { slow_reader: "drop", send_limit: 64 * KIB }));
    const client = await connectPath(on, `/${P}/small`);
    const open = await p.next();
    const channel = channelOf(open);
    client.pause();
    let most = 0;
    const { refusal } = await fill(p, push(channel.id, "Binary"), 10 * KIB, () => {
      most = Math.max(most, channel.socket?.getBufferedAmount() ?? 0);
    });
    expect(refusal).toEqual(err("WsChannelOverloaded"));
    expect(channel.finished).toBe(false);
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(64 * KIB + 10 * KIB + HEAD);
  });

  test.each([1_000, FRAME, 400 * KIB])(
    "pushes of %d bytes never queue more than the limit and one frame",
    async (size) => {
      const { on, p } = await startWithP(transport, { limits });
      const { client, id } = await openChannel(on, { slow_reader: "drop" });
      const channel = channelOf(await p.next());
      client.pause();
      let most = 0;
      const look = (): void => {
        most = Math.max(most, channel.socket?.getBufferedAmount() ?? 0);
      };
      await fill(p, push(id, "Binary"), size, look);
      const burst = Array.from({ length: 200 }, () => p.ask(push(id, "Binary"), new Uint8Array(size)));
      look();
      await Promise.all(burst);
      look();
      expect(most).toBeGreaterThan(0);
      expect(most).toBeLessThanOrEqual(limits.sendLimit + size + HEAD * 300);
    },
  );

  test("a burst of one turn is bounded too, and cut short at the limit", async () => {
    const { on, p } = await startWithP(transport, { limits });
    const { client, id } = await openChannel(on, { slow_reader: "drop" });
    const channel = channelOf(await p.next());
    client.pause();
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, (_, i) => p.ask(push(id, "Binary"), numbered(i, FRAME))),
    );
    expect(channel.socket?.getBufferedAmount()).toBeLessThanOrEqual(limits.sendLimit + FRAME + HEAD * 100);
    const taken = answers.filter(isOk).length;
    expect(taken).toBeLessThan(1_000);
    expect(answers.slice(taken)).toEqual(answers.slice(taken).map(() => err("WsChannelOverloaded")));
    client.resume();
    for (let i = 0; i < taken; i++) expect((await client.nextBinary()).readUInt32BE(0)).toBe(i);
  });

  describe("case 129: 1,000 pushes of 256 KiB to a client that does not read", () => {
    const BYTES = 256 * KIB;

    /** The other channel's frames and HTTP's answers, while the pushes go on. */
    async function meanwhile(port: number, other: RawSocket): Promise<number> {
      const http = await RawSocket.connect(port);
      let rounds = 0;
      for (; rounds < 20; rounds++) {
        other.sendText(`${rounds}`);
        expect(await other.nextText()).toBe(`echo ${rounds}`);
        expect((await http.request({ path: "/our" })).body).toBe("alice.os");
      }
      return rounds;
    }

    test.each(["reads again", "leaves"])("other channels and HTTP go on, and all recovers when it %s", async (end) => {
      const { on, p } = await startWithP(transport);
      const slow = await openChannel(on, { slow_reader: "drop" });
      const other = await openChannel(on);
      p.onMessage = ({ body, text }) => {
        const pushed = (body as { WebSocketPush?: { channel_id: number } }).WebSocketPush;
        if (pushed?.channel_id === other.id) void p.ask(push(other.id), `echo ${text}`);
      };
      slow.client.pause();
      const bytes = new Uint8Array(BYTES);
      const pushing = (async () => {
        const answers: unknown[] = [];
        for (let i = 0; i < 1_000; i++) {
          answers.push(await p.ask(push(slow.id, "Binary"), bytes));
          if (i % 20 === 19) await nextLoop();
        }
        return answers;
      })();
      expect(await meanwhile(on.port, other.client)).toBe(20);
      const answers = await pushing;
      const taken = answers.findIndex((answer) => !isOk(answer));
      expect(taken).toBeGreaterThan(0);
      expect(answers.slice(taken)).toEqual(Array.from({ length: 1_000 - taken }, () => err("WsChannelOverloaded")));
      if (end === "leaves") {
        slow.client.destroy();
        await until(() => on.server.channels.size === 1);
        expect(await p.ask(push(slow.id), "x")).toEqual(err("WsChannelNotFound"));
      } else {
        slow.client.resume();
        for (let i = 0; i < taken; i++) expect(await slow.client.nextBinary()).toHaveLength(BYTES);
        await askUntilOk(p, push(slow.id), "back");
        expect(await slow.client.nextText()).toBe("back");
      }
      expect(await meanwhile(on.port, other.client)).toBe(20);
    });

    test("with policy close it is closed once it reads, and the process is told", async () => {
      const { on, p } = await startWithP(transport);
      const { client, id } = await openChannel(on);
      client.pause();
      const bytes = new Uint8Array(BYTES);
      const answers = await Promise.all(Array.from({ length: 1_000 }, () => p.ask(push(id, "Binary"), bytes)));
      const taken = answers.findIndex((answer) => !isOk(answer));
      expect(answers[taken]).toEqual(err("WsChannelOverloaded"));
      expect(answers.slice(taken + 1)).toEqual(answers.slice(taken + 1).map(() => err("WsChannelNotFound")));
      client.resume();
      for (let i = 0; i < taken; i++) expect(await client.nextBinary()).toHaveLength(BYTES);
      expect(await client.nextClose()).toMatchObject({ code: 1013 });
      expect(await hear(p, 2)).toEqual([`open ${id}`, `close ${id} ${TOO_SLOW}`]);
    });
  });
});
