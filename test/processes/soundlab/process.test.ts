/** The process without sockets: clients of /ws/events over minutes, restarts, and the start page. */
import { fileURLToPath } from "node:url";
import { expect, test } from "@jest/globals";
import { type Harness, startProcess } from "../../../lib/process/harness.ts";
import soundlab from "../../../processes/soundlab/soundlab.ts";

const FOLDER = fileURLToPath(new URL("../../../processes/soundlab", import.meta.url));
const WINDOW = 32; // events that a client gets before its pong
const TURNS_MAX = 30; // of two seconds: an event comes in each

const start = (): Promise<Harness> => startProcess(soundlab, { our: "soundlab:soundlab:sys", folder: FOLDER });

/** Lets events happen until a client of them has been sent `count` frames, pings included. */
async function eventsUpTo(harness: Harness, channel: number, count: number): Promise<void> {
  await harness.http({ method: "PUT", path: "/api/control", body: '{"auto_phi":true}' });
  for (let turn = 0; harness.frames(channel).length < count; turn++) {
    if (turn > TURNS_MAX) throw new Error(`no event came in ${2 * TURNS_MAX} s`);
    const amplitude = turn % 2 === 0 ? 0.01 : 1; // far from balance: Φ adapts
    const channels = Array.from({ length: 8 }, (_, index) => ({ channel: index, amplitude }));
    await harness.http({ method: "PUT", path: "/api/control", body: JSON.stringify({ channels }) });
    await harness.advance(2_000);
  }
}

test("a client that answers pings gets events on and on; one that does not, so many", async () => {
  const harness = await start();
  const [quick, slow] = [await harness.open({ path: "/ws/events" }), await harness.open({ path: "/ws/events" })];
  let answered = 0;
  const texts = (channel: number): number =>
    harness.frames(channel).filter(({ messageType }) => messageType === "Text").length;
  while (texts(quick) < 2 * WINDOW) {
    await eventsUpTo(harness, quick, harness.frames(quick).length + 1);
    const pings = harness.frames(quick).filter(({ messageType }) => messageType === "Ping");
    for (const { data } of pings.slice(answered)) await harness.push(quick, data, "Pong");
    answered = pings.length;
  }
  expect(texts(slow)).toBe(WINDOW);
  expect(harness.pushes(slow).slice(0, 8)).toEqual(harness.pushes(quick).slice(0, 8));
});

test("a ping on /ws/events is not answered: each message there is an event", async () => {
  const harness = await start();
  const channel = await harness.open({ path: "/ws/events" });
  await harness.push(channel, { type: "ping" });
  await harness.push(channel, { type: "get_stats" });
  expect(harness.frames(channel)).toEqual([]);
});

test("after a crash it serves those who are still there", async () => {
  const harness = await start();
  await harness.advance(1_000);
  const channel = await harness.open({ path: "/ws/metrics" });
  await harness.restart();
  const before = harness.pushes(channel).length;
  await harness.advance(1_000);
  expect(harness.pushes(channel).length).toBeGreaterThanOrEqual(before + 29);
});

test("puts itself on the start page", async () => {
  const { sent } = await start();
  expect(sent.map(({ body }) => body)).toEqual([
    { Add: { label: "Soundlab", description: "Metrics, latency and events of a signal, live" } },
  ]);
});
