/** Slow readers whose policy is `latest`: they get the newest of each topic and key as fast as they answer, and nobody waits for them. */
import { afterEach, describe, expect, test } from "@jest/globals";
import type { LatestReader } from "../../../http-server/latest.ts";
import { Address, HTTP_SERVER, ProcessId, VirtualClock } from "../../../lib/protocol/index.ts";
import {
  bindWs,
  connectPath,
  err,
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
  unsubscribe,
  until,
} from "../../support/channels.ts";
import { P, type TestNode, type TestNodeOptions } from "../../support/node.ts";
import { Recorder } from "../../support/recorder.ts";
import { fill, numbered } from "../../support/slow-reader.ts";
import { TelemetryClient } from "../../support/telemetry-client.ts";

const ROOM = P.replace(/^[^:]+/, "room"); // of P's own package, so they may message each other
const KIB = 1024;
const LATEST = { slow_reader: "latest" };

const pushKey = (channel_id: number, key: string, message_type = "Text"): unknown => ({
  WebSocketPush: { channel_id, message_type, key },
});

/** A window of four frames; time stands still. */
async function start(transport: (typeof TRANSPORTS)[number], options: TestNodeOptions = {}) {
  const clock = new VirtualClock();
  const limits = { latestFrames: 4, ...options.limits };
  const started = await startWithP(transport, {
    nodeOptions: { clock },
    ...options,
    limits,
    process: { onExit: "Restart" },
  });
  return { clock, ...started };
}

/** A client of P that is subscribed to topics; it answers no ping where `stalls`. */
async function reader(on: TestNode, p: Recorder, topics: readonly string[], stalls = false): Promise<TelemetryClient> {
  const client = new TelemetryClient(await openChannel(on, LATEST));
  client.answers = !stalls;
  for (const topic of topics) expect(await p.ask(subscribe(client.id, topic))).toEqual(OK);
  return client;
}

/** What the server knows of it. */
function latestOf({ node, server }: TestNode, { id }: TelemetryClient): LatestReader | null | undefined {
  const owner = node.kernel.registry.get(ProcessId.parse(P));
  return owner && server.channels.channelOf(owner.address, id)?.latest;
}

describe.each(TRANSPORTS)("%s latest", (transport) => {
  afterEach(stopNodes);

  test("who does not answer gets the newest with its pong, and the others got each", async () => {
    const { on, p } = await start(transport);
    const slow = await reader(on, p, ["all"], true);
    const quick = await reader(on, p, ["all"]);
    const heard: string[] = [];
    for (let i = 0; i < 20; i++) {
      expect(await p.ask(publish("all"), `${i}`)).toEqual(OK);
      heard.push(...(await quick.soFar(p)));
    }
    expect(heard).toEqual(Array.from({ length: 20 }, (_, i) => `${i}`));
    expect(await slow.soFar(p)).toEqual(["0", "1", "2", "3"]);
    expect(on.server.channels.outgoing.dropped).toBe(15);
    slow.answerAll();
    expect(await slow.upTo("19")).toEqual(["19"]);
    expect([latestOf(on, slow)?.leftOut, latestOf(on, quick)?.leftOut]).toEqual([15, 0]);
    await p.ask(publish("all"), "20"); // it is back
    expect(await slow.soFar(p)).toEqual(["20"]);
    expect(on.server.channels.outgoing.dropped).toBe(15);
  });

  test("who stops reading leaves at most a window in the node, and catches up when it reads", async () => {
    const { on, p } = await start(transport, { limits: { sendLimit: 256 * KIB, pushBytes: 512 * KIB } });
    const slow = await reader(on, p, ["all"]);
    const quick = await reader(on, p, ["all"]);
    slow.socket.pause();
    const count = 400;
    for (let i = 0; i < count; i++) {
      await p.ask(publish("all", "Binary"), numbered(i, 40 * KIB));
      expect(await quick.soFar(p)).toEqual([`${i}`]);
    }
    expect(latestOf(on, slow)?.channel.socket?.getBufferedAmount()).toBeLessThanOrEqual(256 * KIB);
    slow.socket.resume();
    await p.ask(push(slow.id), "awake");
    const early = await slow.upTo("awake");
    expect(early).toEqual(["0", "1", "2", "3", "awake"]);
    await slow.acknowledged(p);
    expect(await slow.soFar(p)).toEqual([`${count - 1}`]);
    expect(latestOf(on, slow)?.leftOut).toBe(count - 5);
  });

  test("what is natively queued for it leaves before it is taken out of the topic tree", async () => {
    const { on, p } = await start(transport);
    const slow = await reader(on, p, ["all"], true);
    await Promise.all(Array.from({ length: 10 }, (_, i) => p.ask(publish("all"), `${i}`))); // in one turn
    expect(await slow.soFar(p)).toEqual(["0", "1", "2", "3"]);
    slow.answerAll();
    expect(await slow.upTo("9")).toEqual(["9"]);
  });

  test("the newest of each topic and key come in the order published, as far as its credit goes", async () => {
    const { on, p } = await start(transport);
    const slow = await reader(on, p, ["a", "b", "c"], true);
    for (let i = 0; i < 4; i++) await p.ask(publish("a"), `a${i}`);
    for (const at of [1, 2]) {
      await p.ask(publish("b"), `b${at}`);
      expect(await p.ask(pushKey(slow.id, "k"), `k${at}`)).toEqual(OK);
      await p.ask(publish("c"), `c${at}`);
      expect(await p.ask(pushKey(slow.id, "l"), `l${at}`)).toEqual(OK);
    }
    await p.ask(publish("b"), "b3");
    await p.ask(publish("a"), "a4");
    expect(await slow.soFar(p)).toEqual(["a0", "a1", "a2", "a3"]);
    const [first] = slow.pings.splice(0, 1); // behind a0
    slow.socket.sendPong(first);
    expect(await slow.upTo("k2")).toEqual(["k2"]);
    expect(await slow.soFar(p)).toEqual([]);
    slow.answers = true;
    slow.answerAll();
    expect(await slow.upTo("a4")).toEqual(["c2", "l2", "b3", "a4"]);
    await slow.acknowledged(p);
    expect(latestOf(on, slow)?.leftOut).toBe(5); // b1, b2, c1, k1, l1
    for (const topic of ["a", "b", "c"]) await p.ask(publish(topic), `${topic} again`);
    expect(await slow.soFar(p)).toEqual(["a again", "b again", "c again"]);
  });

  test("a pong that is later than latestMs costs what was published meanwhile", async () => {
    const { on, p, clock } = await start(transport, { limits: { latestFrames: 1000, latestMs: 500 } });
    const slow = await reader(on, p, ["all"], true);
    await p.ask(publish("all"), "one");
    clock.advance(499);
    await p.ask(publish("all"), "two");
    clock.advance(1);
    await p.ask(publish("all"), "three");
    await p.ask(publish("all"), "four");
    expect(await slow.soFar(p)).toEqual(["one", "two"]);
    slow.answerAll();
    expect(await slow.upTo("four")).toEqual(["four"]);
  });

  test("who never answers is sent its pushes, and keeps one message of a topic", async () => {
    const { on, p } = await start(transport);
    const { channels } = on.server;
    const silent = await reader(on, p, ["all"], true);
    for (let i = 0; i < 500; i++) await p.ask(publish("all"), `${i}`);
    expect(await p.ask(push(silent.id), "an event")).toEqual(OK);
    expect(await silent.upTo("an event")).toEqual(["0", "1", "2", "3", "an event"]);
    expect(latestOf(on, silent)).toMatchObject({ leftOut: 495, isBehind: true, keyBytes: 0 });
    expect(silent.pings.length).toBeLessThanOrEqual(4);
    silent.socket.sendClose(1000);
    await until(() => channels.size === 0);
    expect(channels.latest.topics).toBe(0);
    expect(channels.outgoing.dropped).toBe(496);
  });

  test("pushes without a key are never replaced: past the send limit it hears 1013", async () => {
    const { on, p } = await start(transport, { limits: { sendLimit: 256 * KIB, pushBytes: 512 * KIB } });
    const slow = await reader(on, p, ["all"]);
    slow.socket.pause();
    const { refusal } = await fill(p, push(slow.id, "Binary"), 40 * KIB);
    expect(refusal).toEqual(err("WsChannelOverloaded"));
    slow.socket.resume();
    expect((await slow.upTo("nothing")).at(-1)).toBe("close 1013 the client reads too slowly");
  });

  test("a keyed push past a full queue waits, and closes nobody", async () => {
    const { on, p } = await start(transport, { limits: { sendLimit: 256 * KIB, pushBytes: 512 * KIB } });
    const slow = await reader(on, p, []);
    slow.socket.pause();
    const channel = on.server.channels;
    const sizeOfQueue = () => latestOf(on, slow)?.channel.socket?.getBufferedAmount() ?? 0;
    expect(await p.ask(pushKey(slow.id, "k"), "first")).toEqual(OK);
    while (sizeOfQueue() < 200 * KIB) {
      await p.ask(push(slow.id, "Binary"), numbered(0, 40 * KIB));
      await nextLoop();
    }
    for (const size of [100, 101])
      expect(await p.ask(pushKey(slow.id, "k", "Binary"), numbered(7, size * KIB))).toEqual(OK);
    expect(channel.size).toBe(1);
    slow.socket.resume();
    for (;;) {
      const heard = await slow.soFar(p);
      if (heard.includes("7")) break;
    }
    expect(latestOf(on, slow)).toMatchObject({ leftOut: 1, keyBytes: 0 });
  });

  test("what the same handler has pushed is counted: a keyed push behind it waits, and closes nobody", async () => {
    const { on, p } = await start(transport, { limits: { sendLimit: 256 * KIB, pushBytes: 512 * KIB } });
    const slow = await reader(on, p, ["t"]);
    slow.socket.pause();
    const sizeOfQueue = () => latestOf(on, slow)?.channel.socket?.getBufferedAmount() ?? 0;
    while (sizeOfQueue() < 60 * KIB) {
      await p.ask(push(slow.id, "Binary"), numbered(0, 20 * KIB));
      await nextLoop();
    }
    const both = [
      p.ask(push(slow.id, "Binary"), numbered(1, 150 * KIB)),
      p.ask(pushKey(slow.id, "k", "Binary"), numbered(7, 100 * KIB)),
    ];
    expect(await Promise.all(both)).toEqual([OK, OK]);
    expect(on.server.channels.size).toBe(1);
    slow.socket.resume();
    while (!(await slow.soFar(p)).includes("7"));
  });

  test("a keyed push above the send limit is taken where nothing waits, with a topic too", async () => {
    const { on, p } = await start(transport, { limits: { sendLimit: 256 * KIB, pushBytes: 512 * KIB } });
    const quick = await reader(on, p, ["t"]);
    expect(await p.ask(pushKey(quick.id, "k", "Binary"), numbered(7, 400 * KIB))).toEqual(OK);
    while (!(await quick.soFar(p)).includes("7"));
    expect(on.server.channels.size).toBe(1);
  });

  test("keys are bounded in number and bytes", async () => {
    const { on, p } = await start(transport, { limits: { latestKeys: 2, sendLimit: KIB, topicBytes: 8 } });
    const slow = await reader(on, p, [], true);
    for (let i = 0; i < 4; i++) await p.ask(pushKey(slow.id, "k"), `${i}`);
    expect(await p.ask(pushKey(slow.id, "one"), "1".repeat(500))).toEqual(OK);
    expect(await p.ask(pushKey(slow.id, "two"), "2")).toEqual(OK);
    expect(await p.ask(pushKey(slow.id, "three"), "3")).toEqual(err("WsChannelOverloaded"));
    expect(await p.ask(pushKey(slow.id, "two"), "2".repeat(600))).toEqual(err("WsChannelOverloaded"));
    expect(await p.ask(pushKey(slow.id, "one"), "1".repeat(1000))).toEqual(OK); // in place of its own
    expect(await p.ask(pushKey(slow.id, "123456789"), "")).toEqual(err("LimitReached"));
    expect(latestOf(on, slow)).toMatchObject({ leftOut: 3, keyBytes: 1001 });
    expect(await slow.soFar(p)).toEqual(["0", "1", "2", "3"]);
    slow.answers = true;
    slow.answerAll();
    await slow.acknowledged(p);
    expect((await slow.soFar(p)).map((text) => text.length)).toEqual([1, 1000]);
    expect(latestOf(on, slow)).toMatchObject({ keyBytes: 0, isBehind: false });
  });

  test("where the policy is another, a key changes nothing", async () => {
    const { on, p } = await start(transport);
    const client = new TelemetryClient(await openChannel(on));
    for (let i = 0; i < 10; i++) expect(await p.ask(pushKey(client.id, "k"), `${i}`)).toEqual(OK);
    expect(await client.soFar(p)).toHaveLength(10);
    expect(await p.ask(pushKey(client.id, "k", "Ping"), "")).toEqual(err("MalformedRequest"));
  });

  test("the process hears of its own pongs, and not of ours", async () => {
    const { on, p } = await start(transport);
    const client = await reader(on, p, ["all"], true);
    await p.next(); // Open
    await p.ask(publish("all"), "one");
    await p.ask(push(client.id, "Ping"), "its own");
    await client.soFar(p);
    expect(client.pings.map((payload) => payload.length === 8 || payload.toString())).toEqual([true, "its own"]);
    const [ours] = client.pings;
    client.answerAll();
    client.socket.sendPong(ours); // again: it is no answer any more
    await p.ask(publish("all"), "two");
    await p.ask(publish("all"), "three");
    await p.ask(push(client.id), "that is all");
    await client.upTo("that is all");
    const forged = Buffer.concat([Buffer.from("JFLT"), (client.pings[0] as Buffer).subarray(4)]); // the right number
    client.socket.sendPong(forged);
    const heard = [await p.next(), await p.next(), await p.next()];
    expect(heard.map(told).filter((event) => !event.startsWith("pong"))).toEqual([]);
    expect(heard.map(({ bytes }) => bytes && Buffer.from(bytes))).toEqual([Buffer.from("its own"), ours, forged]);
  });

  test("a channel that is handed over takes along what was published, and what it owes", async () => {
    const { on, p } = await start(transport);
    const room = new Recorder();
    on.add(ROOM, room.program);
    const slow = await reader(on, p, ["all"], true);
    for (let i = 0; i < 10; i++) await p.ask(publish("all"), `${i}`);
    await p.ask(pushKey(slow.id, "k"), "kept");
    expect(await p.ask({ WebSocketTransfer: { channel_id: slow.id, to: ROOM } })).toEqual(OK);
    expect(await room.ask(subscribe(slow.id, "all"))).toEqual(OK);
    await p.ask(publish("all"), "no longer its topic");
    await room.ask(publish("all"), "of the room");
    await room.ask(publish("all"), "of the room, newer");
    expect(await slow.soFar(room)).toEqual(["0", "1", "2", "3", "9", "kept"]);
    slow.answerAll();
    expect(await slow.upTo("of the room, newer")).toEqual(["of the room, newer"]);
    await room.ask(publish("all"), "on it goes");
    expect(await slow.soFar(room)).toEqual(["on it goes"]);
  });

  test("it leaves a topic behind the newest of it, and may come back", async () => {
    const { on, p } = await start(transport);
    const slow = await reader(on, p, ["all"], true);
    for (let i = 0; i < 10; i++) await p.ask(publish("all"), `${i}`);
    expect(await p.ask(unsubscribe(slow.id, "all"))).toEqual(OK);
    expect(on.server.channels.latest.topics).toBe(0);
    await p.ask(publish("all"), "10");
    expect(await p.ask(subscribe(slow.id, "all"))).toEqual(OK);
    expect(await slow.soFar(p)).toEqual(["0", "1", "2", "3", "9"]);
    await p.ask(publish("all"), "11");
    await p.ask(publish("all"), "12");
    slow.answerAll();
    expect(await slow.upTo("12")).toEqual(["12"]);
  });

  test.each(["WebSocketClose", "a Close frame"])("%s comes behind the newest", async (how) => {
    const { on, p } = await start(transport);
    const slow = await reader(on, p, ["all"], true);
    for (let i = 0; i < 10; i++) await p.ask(publish("all"), `${i}`);
    if (how === "WebSocketClose") await p.ask({ WebSocketClose: { channel_id: slow.id, code: 1000, reason: "bye" } });
    else await p.ask(push(slow.id, "Close"), "bye");
    expect(await slow.upTo("nothing")).toEqual(["0", "1", "2", "3", "9", "close 1000 bye"]);
    expect(on.server.channels.latest.topics).toBe(0);
  });

  test("a restart of its process changes nothing", async () => {
    const { on, p } = await start(transport);
    p.onMessage = ({ text }) => {
      if (text === "crash") throw new Error("told to");
    };
    const slow = await reader(on, p, ["all"], true);
    for (let i = 0; i < 10; i++) await p.ask(publish("all"), `${i}`);
    slow.socket.sendText("crash");
    const opens = () => p.all.filter((message) => told(message).startsWith("open")).length;
    const { clock } = on.node.kernel;
    while (opens() < 2) {
      (clock as VirtualClock).advance(100);
      await nextLoop();
    }
    await p.ask(publish("all"), "10");
    expect(await slow.soFar(p)).toEqual(["0", "1", "2", "3"]);
    slow.answerAll();
    expect(await slow.upTo("10")).toEqual(["10"]);
  });

  test("a bound path may say so", async () => {
    const { on, p } = await start(transport);
    expect(await p.ask(bindWs("/metrics", LATEST))).toEqual(OK);
    const socket = await connectPath(on, `/${P}/metrics`);
    const { body } = await p.next();
    const { channel_id: id } = (body as { WebSocketOpen: { channel_id: number } }).WebSocketOpen;
    const slow = new TelemetryClient({ client: socket, id });
    slow.answers = false;
    await p.ask(subscribe(id, "all"));
    for (let i = 0; i < 10; i++) await p.ask(publish("all"), `${i}`);
    expect(await slow.soFar(p)).toEqual(["0", "1", "2", "3"]);
    slow.answerAll();
    expect(await slow.upTo("9")).toEqual(["9"]);
  });

  test("what is published out of a client's own frame is kept beyond it", async () => {
    const { on, p } = await start(transport);
    const slow = await reader(on, p, ["all"], true);
    const said = ["aaaa", "bbbb", "cccc", "dddd", "eeee", "ffff"];
    p.onMessage = ({ envelope: { blob }, text }, host) => {
      if (blob !== null && said.includes(text ?? ""))
        host.tell(new Address("alice.os", HTTP_SERVER), publish("all"), blob); // lent
      if (blob !== null && text === "gggg")
        host.tell(new Address("alice.os", HTTP_SERVER), pushKey(slow.id, "k"), blob);
    };
    for (const text of said) slow.socket.sendText(text);
    await slow.acknowledged(p);
    expect(await slow.soFar(p)).toEqual(said.slice(0, 4));
    slow.socket.sendText("gggg");
    await slow.acknowledged(p);
    slow.answerAll();
    expect(await slow.upTo("gggg")).toEqual(["ffff", "gggg"]);
  });

  test("who sends nothing but its answers is alive", async () => {
    const { on, p, clock } = await start(transport, { limits: { idleTimeout: 8, messageSeconds: 1 } });
    const client = await reader(on, p, ["all"]);
    const channel = latestOf(on, client)?.channel;
    for (let second = 0; second < 60; second += 2) {
      await p.ask(publish("all"), `${second}`);
      await client.upTo(`${second}`);
      const { kind, payload } = await client.socket.nextFrame();
      expect(kind).toBe("ping");
      client.socket.sendPong(payload);
      await until(() => channel?.frames !== 0);
      clock.advance(2_000);
    }
    expect(on.server.channels.size).toBe(1);
  });
});
