/** Soundlab's streams over real sockets: what comes, when, and to whom. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { TRANSPORTS } from "../../support/channels.ts";
import { RawSocket } from "../../support/sockets.ts";
import { type Fields, SOUNDLAB, startSoundlab, stopSoundlabs } from "../../support/soundlab.ts";
import { until } from "../../support/until.ts";

afterEach(stopSoundlabs);

const numbersOf = (messages: readonly Fields[]): unknown[] => messages.map(({ frame }) => frame);
const upFrom = (first: number, count: number): number[] => Array.from({ length: count }, (_, index) => first + index);

describe.each(TRANSPORTS)("%s streams", (transport) => {
  test("send the newest at once to who comes, and then each frame, the same to all", async () => {
    const lab = await startSoundlab({ transport });
    await lab.frames(5);
    const [first, other] = [await lab.open("/ws/metrics"), await lab.open("/ws/metrics")];
    const newest = Number((await first.next()).frame); // no time has passed
    await until(() => other.texts.length > 0);
    await lab.frames(20);
    await until(() => first.texts.length >= 21 && other.texts.length >= 21);
    expect(numbersOf(first.messages)).toEqual(upFrom(newest, 21));
    expect(other.texts).toEqual(first.texts);
  });

  test("have a metrics frame every thirtieth of a second and a latency frame every tenth, by the frames' own time", async () => {
    const lab = await startSoundlab({ transport });
    const [metrics, latency] = [await lab.open("/ws/metrics"), await lab.open("/ws/latency")];
    await lab.frames(61);
    await until(() => metrics.texts.length >= 61 && latency.texts.length >= 21);
    const times = metrics.messages.map(({ timestamp }) => Number(timestamp));
    expect((times[60] ?? 0) - (times[0] ?? 0)).toBeCloseTo(2, 2); // seconds
    const gaps = times.slice(1).map((time, index) => Math.round(1000 * (time - (times[index] ?? 0))));
    expect([Math.min(...gaps), Math.max(...gaps)]).toEqual([33, 34]); // ms
    const late = latency.messages.map(({ timestamp }) => Number(timestamp));
    expect((late[20] ?? 0) - (late[0] ?? 0)).toBeCloseTo(2, 1);
  });

  test("stay within the seed's bandwidth", async () => {
    const lab = await startSoundlab({ transport });
    const [metrics, latency] = [await lab.open("/ws/metrics"), await lab.open("/ws/latency")];
    await lab.frames(45);
    await until(() => metrics.texts.length >= 45 && latency.texts.length >= 14);
    const mean = (texts: readonly string[]): number => texts.join("").length / texts.length;
    expect(mean(metrics.texts) * 30).toBeLessThanOrEqual(30_000); // bytes a second
    expect(mean(latency.texts) * 10).toBeLessThanOrEqual(5_000);
  });

  test("answer a ping to who sent it, and get_stats on latency; all else is ignored, and nobody is closed", async () => {
    const lab = await startSoundlab({ transport });
    await lab.frames(3);
    const [metrics, latency, other] = [
      await lab.open("/ws/metrics"),
      await lab.open("/ws/latency"),
      await lab.open("/ws/metrics"),
    ];
    const ignored = [
      "",
      "{",
      "7",
      "null",
      '"ping"',
      "[]",
      '{"type":"get_stats"}',
      '{"type":1}',
      '{"ping":"test"}',
      "{}",
    ];
    for (const text of ignored) metrics.say(text);
    metrics.socket.sendBinary(new Uint8Array([0xff, 0x00]));
    metrics.say({ type: "ping" });
    latency.say({ type: "nothing" });
    latency.say({ type: "get_stats" });
    latency.say({ type: "ping" });
    await until(() => metrics.texts.length >= 2 && latency.texts.length >= 3);
    expect(metrics.messages.slice(1)).toEqual([{ type: "pong" }]);
    const [, stats, pong] = latency.messages;
    expect(pong).toEqual({ type: "pong" });
    expect(stats).toEqual({
      type: "stats",
      data: {
        calibrated: false,
        latency: expect.objectContaining({ total_latency_ms: expect.any(Number) }),
        drift: expect.any(Object),
        aligned: expect.any(Boolean),
        effective_latency_ms: expect.any(Number),
      },
    });
    await lab.frames(1);
    await until(() => metrics.texts.length >= 3 && other.texts.length >= 2);
    expect(numbersOf(other.messages).every(Number.isInteger)).toBe(true); // no answer of another's
  });

  test("tell of events when they happen, and replay none", async () => {
    const lab = await startSoundlab({ transport });
    const early = await lab.open("/ws/events");
    const quiet = { channels: upFrom(0, 8).map((channel) => ({ channel, amplitude: 0.01 })), noise: { amount: 0.01 } };
    const loud = { channels: upFrom(0, 8).map((channel) => ({ channel, amplitude: 1 })) };
    expect((await lab.ask("PUT", "/api/control", quiet)).status).toBe(200);
    await lab.frames(60);
    expect((await lab.ask("PUT", "/api/control", loud)).status).toBe(200);
    await lab.frames(110); // loud for good is an excursion of 3.3 s: until the long window has it too
    await until(() => early.messages.some(({ type }) => type === "critical_event"));
    const event = early.messages.find(({ type }) => type === "critical_event");
    expect(Number(event?.criticality)).toBeGreaterThan(2);
    const late = await lab.open("/ws/events");
    late.socket.sendPing("here"); // answered behind what was sent
    await until(() => late.pongs.length > 0);
    expect(late.texts).toEqual([]);
  });

  test("go on at one frame a second while the audio is stopped", async () => {
    const lab = await startSoundlab({ transport });
    await lab.frames(5);
    const client = await lab.open("/ws/metrics");
    await until(() => client.texts.length === 1);
    expect(JSON.parse((await lab.ask("POST", "/api/audio/stop")).body)).toEqual({ ok: true, message: "audio stopped" });
    await lab.frames(3);
    await until(() => client.texts.length >= 4);
    const [before, first, second] = client.messages;
    expect(numbersOf(client.messages)).toEqual(upFrom(Number(before?.frame), 4));
    expect(first).toMatchObject({ state: "IDLE", ici: 0, phi_depth: 0.618, active_channels: 0 });
    expect(Number(second?.timestamp) - Number(first?.timestamp)).toBeCloseTo(1, 2);
    expect((await lab.json("/api/status")).audio_running).toBe(false);
    await lab.ask("POST", "/api/audio/start");
    await lab.frames(2);
    await until(() => client.texts.length >= 6);
    expect(client.messages[5]?.active_channels).toBe(8);
  });

  test("a slow client gets the newest when it answers, and no other misses anything", async () => {
    const lab = await startSoundlab({ transport });
    const [slow, quick] = [await lab.open("/ws/metrics"), await lab.open("/ws/metrics")];
    slow.answersPings = false;
    await lab.frames(40);
    await until(() => quick.texts.length >= 40);
    expect(numbersOf(quick.messages)).toEqual(upFrom(0, 40));
    expect(slow.texts.length).toBeLessThan(20); // the frames it was given credit for
    slow.catchUp();
    await until(() => numbersOf(slow.messages).includes(39));
    const got = numbersOf(slow.messages);
    expect(got.at(-1)).toBe(39);
    expect(got).toEqual([...upFrom(0, got.length - 1), 39]); // one hole, then the newest
    await lab.frames(3);
    await until(() => slow.texts.length >= got.length + 3);
    expect(numbersOf(slow.messages).slice(-3)).toEqual([40, 41, 42]);
  });

  test("close a client that floods for seconds, not one that does for one", async () => {
    const lab = await startSoundlab({ transport, settings: { messagesPerSecond: 5 } });
    const client = await lab.open("/ws/latency");
    const pongs = (): number => client.messages.filter(({ type }) => type === "pong").length;
    const flood = async (): Promise<void> => {
      for (let sent = 0; sent < 10; sent++) client.say({ type: "ping" });
      client.socket.sendPing("all"); // answered behind them
      const before = client.pongs.length;
      await until(() => client.pongs.length > before || client.closed !== undefined);
    };
    for (let second = 1; second < 5; second++) {
      await flood();
      await until(() => pongs() === 5 * second);
      expect(client.closed).toBeUndefined();
      await lab.pass(1000);
    }
    await flood();
    await until(() => client.closed !== undefined);
    expect(client.closed).toEqual({ code: 1008, reason: "too many messages a second" });
  });

  test("end with 1001 when the node stops", async () => {
    const lab = await startSoundlab({ transport });
    const clients = [await lab.open("/ws/metrics"), await lab.open("/ws/latency"), await lab.open("/ws/events")];
    await lab.stop();
    for (const client of clients) {
      await until(() => client.closed !== undefined);
      expect(client.closed?.code).toBe(1001);
    }
  });

  test("are on the node's main port too, below the process's name", async () => {
    const lab = await startSoundlab({ transport });
    await lab.frames(1);
    const { port } = lab.on;
    const socket = await RawSocket.connect(port);
    await socket.upgrade({ path: `/${SOUNDLAB}/ws/metrics` });
    expect(JSON.parse(await socket.nextText())).toMatchObject({ frame: 0 });
  });
});

test("1,000 clients each get every frame, the same bytes", async () => {
  const lab = await startSoundlab();
  await lab.frames(1);
  const clients = await Promise.all(Array.from({ length: 1_000 }, () => lab.open("/ws/metrics")));
  for (let frame = 1; frame <= 30; frame++) {
    await lab.frames(1);
    await until(() => clients.every(({ texts }) => texts.length > frame));
  }
  const [first] = clients;
  expect(numbersOf(first?.messages ?? [])).toEqual(upFrom(0, 31));
  const others = clients.filter(({ texts }) => texts.join() !== first?.texts.join());
  expect(others).toEqual([]);
  expect((await lab.json("/api/status")).clients).toEqual({ metrics: 1_000, latency: 0, events: 0 });
  expect(await lab.tryOpen("/ws/metrics")).toMatchObject({
    status: 403,
    body: "this path takes 1000 sockets at once: come back later\n",
  });
});
