/** Many `latest` readers over real sockets that stop, go on, subscribe, leave and close in any order, with frames of any size. */
import { afterEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { WebSocket } from "ws";
import {
  nextLoop,
  OK,
  publish,
  registration,
  startWithP,
  stopNodes,
  subscribe,
  TRANSPORTS,
  unsubscribe,
  until,
} from "../../support/channels.ts";
import type { TestNode } from "../../support/node.ts";

const READERS = 12;
const TOPICS = ["a", "b"] as const;
const SIZES = [20, 20, 20, 3_000, 40_000]; // bytes: uWebSockets.js sends large ones another way

class Reader {
  readonly ws: WebSocket;
  readonly topics = new Set<string>();
  /** Numbers in the order they came, and the last of each topic. */
  readonly heard: number[] = [];
  readonly last = new Map<string, number>();
  id = 0;
  closed = false;

  constructor(ws: WebSocket) {
    this.ws = ws;
    ws.on("close", () => {
      this.closed = true;
    });
  }

  static async open(on: TestNode): Promise<Reader> {
    const ws = new WebSocket(`ws://127.0.0.1:${on.port}/`);
    const reader = new Reader(ws);
    await new Promise((resolve) => ws.once("open", resolve));
    ws.send(JSON.stringify(registration(on, { slow_reader: "latest" })));
    const first: Buffer = await new Promise((resolve) => ws.once("message", resolve));
    reader.id = (JSON.parse(first.toString()) as { channel_id: number }).channel_id;
    ws.on("message", (data: Buffer) => {
      const [topic = "", number = ""] = data.toString().trimEnd().split(" ");
      reader.heard.push(Number(number));
      reader.last.set(topic, Number(number));
    });
    return reader;
  }
}

const who = fc.nat(READERS - 1);
const topic = fc.constantFrom(...TOPICS);
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ publish: topic, size: fc.constantFrom(...SIZES) }) },
  { weight: 2, arbitrary: fc.record({ pause: who }) },
  { weight: 2, arbitrary: fc.record({ resume: who }) },
  { weight: 1, arbitrary: fc.record({ subscribe: who, topic }) },
  { weight: 1, arbitrary: fc.record({ unsubscribe: who, topic }) },
  { weight: 1, arbitrary: fc.record({ close: who }) },
  { weight: 3, arbitrary: fc.constant({ turn: true }) },
);

describe.each(TRANSPORTS)("%s latest readers", (transport) => {
  afterEach(stopNodes);

  test("hear nothing old behind new, and in the end the newest of each topic", async () => {
    const { on, p } = await startWithP(transport, { limits: { latestFrames: 4 } });
    let number = 0;
    const run = async (steps: readonly (typeof step extends fc.Arbitrary<infer One> ? One : never)[]) => {
      const readers = await Promise.all(Array.from({ length: READERS }, () => Reader.open(on)));
      const at = (index: number) => readers[index] as Reader;
      const join = async (reader: Reader, name: string) => {
        reader.topics.add(name);
        if (!reader.closed) await p.ask(subscribe(reader.id, name));
      };
      const say = (name: string, size: number) => p.ask(publish(name), `${name} ${++number} `.padEnd(size));
      for (const reader of readers) for (const name of TOPICS) await join(reader, name);
      for (const one of steps) {
        if ("publish" in one)
          void say(one.publish, one.size); // several in a turn, unless there is a `turn` between
        else if ("pause" in one) at(one.pause).ws.pause();
        else if ("resume" in one) at(one.resume).ws.resume();
        else if ("subscribe" in one) await join(at(one.subscribe), one.topic);
        else if ("unsubscribe" in one) {
          at(one.unsubscribe).topics.delete(one.topic);
          await p.ask(unsubscribe(at(one.unsubscribe).id, one.topic));
        } else if ("close" in one) await p.ask({ WebSocketClose: at(one.close).id });
        else await nextLoop();
      }
      for (const { ws } of readers) ws.resume();
      const newest = new Map<string, number>();
      for (const name of TOPICS) {
        expect(await say(name, 20)).toEqual(OK);
        newest.set(name, number);
      }
      for (const reader of readers) {
        const hasAll = () => [...reader.topics].every((name) => reader.last.get(name) === newest.get(name));
        await until(() => reader.closed || hasAll());
        expect(reader.heard).toEqual([...new Set(reader.heard)].sort((a, b) => a - b));
        reader.ws.terminate();
      }
      await until(() => on.server.channels.size === 0);
      expect(on.server.channels.latest.topics).toBe(0);
    };
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 150 }), run), { numRuns: 25 });
    expect(on.server.channels.outgoing.dropped).toBeGreaterThan(100); // else nobody was behind
  });
});
