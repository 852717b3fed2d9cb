/** One process pushes, publishes, subscribes and closes in any order, from anywhere: each client hears what it should, in that order. */
import { afterEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { WebSocket } from "ws";
import { type Context, defineProcess } from "../../../lib/process/index.ts";
import type { Blob } from "../../../lib/protocol/index.ts";
import { registration, startNode, stopNodes, TRANSPORTS, until } from "../../support/channels.ts";
import { P, type TestNode } from "../../support/node.ts";

const CLIENTS = 8;
const FEW = 3; // so that topics come to be in the transport's tree, and leave it
const TOPICS = ["a", "b", "c"] as const;
const SIZES = [1, 1, 1, 500, 20_000]; // letters: uWebSockets.js publishes from 16 KiB on another way

class Client {
  readonly ws: WebSocket;
  readonly heard: string[] = [];
  /** What it should hear; nothing more once it `isEnded`. */
  readonly due: string[] = [];
  readonly topics = new Set<string>();
  isEnded = false;
  isClosed = false;
  id = 0;

  constructor(ws: WebSocket) {
    this.ws = ws;
    ws.on("close", () => {
      this.isClosed = true;
    });
  }

  static async open(on: TestNode, policy: string): Promise<Client> {
    const client = new Client(new WebSocket(`ws://127.0.0.1:${on.port}/`));
    const { ws } = client;
    await new Promise((resolve) => ws.once("open", resolve));
    ws.send(JSON.stringify(registration(on, { slow_reader: policy })));
    const first: Buffer = await new Promise((resolve) => ws.once("message", resolve));
    client.id = (JSON.parse(first.toString()) as { channel_id: number }).channel_id;
    ws.on("message", (data: Buffer) => client.heard.push(data.toString().trimEnd()));
    return client;
  }

  expects(text: string): void {
    if (!this.isEnded) this.due.push(text);
  }
}

const who = fc.nat(CLIENTS - 1);
const topic = fc.constantFrom(...TOPICS);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ publish: topic, size: fc.constantFrom(...SIZES), isText: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ echo: topic }) },
  { weight: 4, arbitrary: fc.record({ push: who }) },
  { weight: 2, arbitrary: fc.record({ pass: who }) },
  { weight: 3, arbitrary: fc.record({ answer: fc.constant(true) }) },
  { weight: 3, arbitrary: fc.record({ subscribe: who, topic }) },
  { weight: 2, arbitrary: fc.record({ unsubscribe: who, topic }) },
  { weight: 1, arbitrary: fc.record({ close: fc.nat(40 * CLIENTS) }) }, // mostly nobody
);
type Step = typeof step extends fc.Arbitrary<infer One> ? One : never;
/** A frame of one client, and what its process does with it: in its handler, in a microtask, in a later loop. */
const frame = fc.record({
  of: who,
  how: fc.constantFrom("now", "now", "now", "microtask", "loop"),
  steps: fc.array(step, { maxLength: 8 }),
});
type Frame = typeof frame extends fc.Arbitrary<infer One> ? One : never;

/** What one run does, and what should come of it. */
class Script {
  clients: readonly Client[] = [];
  frames: readonly Frame[] = [];
  done = 0;
  #context: Context | undefined;
  #number = 0;

  handle(channelId: number, blob: Blob, ctx: Context): void {
    this.#context = ctx;
    const text = blob.text() ?? "";
    const frame = this.frames[Number(text)] as Frame;
    const act = (lent: Blob | string): void => {
      for (const one of frame.steps) this.#act(one, channelId, lent, ctx);
      this.done++;
    };
    if (frame.how === "now") act(blob);
    else if (frame.how === "microtask") void Promise.resolve().then(() => act(text));
    else setImmediate(() => act(text));
  }

  /** Behind all that was sent: nothing more comes. */
  end(): void {
    for (const client of this.clients) {
      this.#context?.push(client.id, "end");
      client.expects("end");
    }
  }

  #act(step: Step, channelId: number, lent: Blob | string, ctx: Context): void {
    const at = (index: number): Client => this.clients[index] as Client;
    if ("publish" in step) {
      const text = `${++this.#number}`;
      const padded = text.padEnd(step.size);
      ctx.publish(step.publish, step.isText ? padded : Buffer.from(padded), "Text");
      this.#toAll(step.publish, text);
    } else if ("echo" in step) {
      ctx.publish(step.echo, lent);
      this.#toAll(step.echo, typeof lent === "string" ? lent : (lent.text() ?? ""));
    } else if ("push" in step) {
      const text = `${++this.#number}`;
      ctx.push(at(step.push).id, text);
      at(step.push).expects(text);
    } else if ("pass" in step) {
      ctx.push(at(step.pass).id, lent);
      at(step.pass).expects(typeof lent === "string" ? lent : (lent.text() ?? ""));
    } else if ("answer" in step) {
      const text = `${++this.#number}`;
      ctx.push(channelId, text);
      for (const client of this.clients) if (client.id === channelId) client.expects(text);
    } else if ("subscribe" in step) {
      ctx.subscribe(at(step.subscribe).id, step.topic);
      at(step.subscribe).topics.add(step.topic);
    } else if ("unsubscribe" in step) {
      ctx.unsubscribe(at(step.unsubscribe).id, step.topic);
      at(step.unsubscribe).topics.delete(step.topic);
    } else if (step.close < CLIENTS) {
      ctx.close(at(step.close).id);
      at(step.close).isEnded = true;
    }
  }

  #toAll(topic: string, text: string): void {
    for (const client of this.clients) if (client.topics.has(topic)) client.expects(text);
  }
}

describe.each(TRANSPORTS)("%s topics", (transport) => {
  afterEach(stopNodes);

  test("and pushes reach each client in the order in which they were sent", async () => {
    // nobody is slow, and one of the policy `latest` misses nothing
    const limits = { fewSubscribers: FEW, sendLimit: 16 * 1024 * 1024, latestFrames: 1_000_000, latestMs: 600_000 };
    const on = await startNode(transport, { limits });
    let script = new Script();
    on.add(
      P,
      defineProcess({
        onPush: (_, { channelId }, blob, ctx) => script.handle(channelId, blob, ctx as Context),
      }),
    );
    const run = async (frames: readonly Frame[]): Promise<void> => {
      script = new Script();
      const policies = Array.from({ length: CLIENTS }, (_, i) => (i === 0 ? "latest" : "close"));
      script.clients = await Promise.all(policies.map((policy) => Client.open(on, policy)));
      script.frames = frames;
      for (const [i, { of }] of frames.entries()) script.clients[of]?.ws.send(`${i}`); // the server reads several at once
      const isAnswered = ({ isEnded, isClosed, heard, due }: Client): boolean =>
        isEnded ? isClosed : heard.length >= due.length;
      const unsent = (): number => frames.filter(({ of }) => script.clients[of]?.isEnded).length;
      await until(() => script.done >= frames.length - unsent() && script.clients.every(isAnswered));
      script.end();
      await until(() => script.clients.every(isAnswered));
      for (const { heard, due, isEnded, ws } of script.clients) {
        expect(heard).toEqual(due);
        if (!isEnded) ws.terminate();
      }
      await until(() => on.server.channels.size === 0);
      expect(on.server.channels.topics.size).toBe(0);
    };
    await fc.assert(fc.asyncProperty(fc.array(frame, { minLength: 10, maxLength: 80 }), run), { numRuns: 60 });
    expect(on.server.channels.outgoing.dropped).toBe(0);
  });
});
