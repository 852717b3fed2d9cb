/** Latest, with clients that read in any order and pace: what each hears, whatever happens. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Channel } from "../../../http-server/channel.ts";
import { Latest, type LatestOutgoing } from "../../../http-server/latest.ts";
import { httpServerLimits } from "../../../http-server/limits.ts";
import { SENT, type TransportSocket } from "../../../http-server/transport/transport.ts";
import { Blob } from "../../../lib/protocol/index.ts";

const WINDOW = 4; // frames
const TOPICS = ["a", "b", "c"];
const limits = httpServerLimits({ latestFrames: WINDOW, latestKeys: 3 });

/** A connection that holds what its client has not read. */
class Client {
  readonly channel: Channel;
  readonly heard: number[] = [];
  /** Of each topic and key. */
  readonly newest = new Map<string, number>();
  readonly tree = new Set<string>(); // the transport's own
  readonly topics = new Set<string>(); // its process's
  unread: (Uint8Array | string)[] = [];
  /** Published while it was subscribed, or pushed and taken. */
  due = 0;

  constructor() {
    const terms = { slowReader: "latest", sendLimit: 1_000_000 } as const;
    const peer = { address: "", channels: 0 } as unknown as Channel["peer"];
    const opening = {} as unknown as Channel["opening"];
    this.channel = new Channel({ path: "/", peer, port: 0, terms, opening, arrival: null });
    this.channel.topics = new Set();
    this.channel.socket = {
      send: (data: string | Uint8Array) => {
        this.unread.push(Buffer.from(data).toString());
        return SENT;
      },
      ping: (data: Uint8Array) => {
        this.unread.push(data.slice());
        return SENT;
      },
      cork: (work: () => void) => work(),
      getBufferedAmount: () => 0,
      subscribe: (topic: string) => this.tree.add(topic),
      unsubscribe: (topic: string) => this.tree.delete(topic),
    } as unknown as TransportSocket<Channel>;
  }

  get unreadFrames(): number {
    return this.unread.filter((data) => typeof data === "string").length;
  }

  /** Reads up to `count` frames, and answers pings. */
  read(latest: Latest, count: number): void {
    for (let left = count; left > 0 && this.unread.length > 0; left--) {
      const data = this.unread.shift();
      if (typeof data === "string") this.heard.push(Number(data));
      else if (data !== undefined) latest.pong(this.channel, data);
    }
  }
}

function stage(readers: number) {
  const clock = { now: 0 };
  const outgoing: LatestOutgoing = {
    dropped: 0,
    flushOf: () => undefined,
    end: () => undefined,
    queue: (channel, blob) => void channel.socket?.send(blob.text() ?? "", false),
  };
  const latest = new Latest(limits, outgoing, () => clock.now);
  const clients = Array.from({ length: readers }, () => new Client());
  let number = 0;
  return {
    clock,
    outgoing,
    latest,
    clients,
    publish(name: string): void {
      const message = `${++number}`;
      for (const client of clients) {
        if (!client.topics.has(name)) continue;
        client.due++;
        client.newest.set(name, number);
      }
      const topic = latest.topic(name);
      if (topic === undefined) return;
      if (latest.publishing(topic, message.length)) latest.keep(topic, message, false);
      for (const client of clients) if (client.tree.has(name)) client.unread.push(message);
      latest.published();
    },
    push(client: Client, key: string): void {
      const message = `${++number}`;
      expect(latest.push(client.channel, key, Blob.of(message), false)).toBeUndefined();
      client.due++;
      client.newest.set(`key ${key}`, number);
    },
    subscribe(client: Client, name: string): void {
      client.topics.add(name);
      client.channel.topics?.add(name);
      latest.subscribe(client.channel, name);
    },
    unsubscribe(client: Client, name: string): void {
      client.topics.delete(name);
      if (client.channel.topics?.delete(name) !== true) return;
      latest.unsubscribe(client.channel, name);
      client.tree.delete(name);
    },
  };
}

const topic = fc.constantFrom(...TOPICS);
const who = fc.nat(2); // of those that are slow; the last client is quick
const act = fc.oneof(
  { weight: 6, arbitrary: fc.record({ publish: topic }) },
  { weight: 2, arbitrary: fc.record({ push: who, key: fc.constantFrom("k", "l", "m") }) },
  { weight: 4, arbitrary: fc.record({ read: who, count: fc.integer({ min: 1, max: 12 }) }) },
  { weight: 1, arbitrary: fc.record({ wait: fc.integer({ min: 1, max: 600 }) }) },
);
const comeOrGo = fc.oneof(fc.record({ subscribe: who, topic }), fc.record({ unsubscribe: who, topic }));

type Act =
  | (typeof act extends fc.Arbitrary<infer One> ? One : never)
  | (typeof comeOrGo extends fc.Arbitrary<infer One> ? One : never);

function run(acts: readonly Act[], check: (client: Client) => void) {
  const on = stage(4);
  const quick = on.clients.at(-1) as Client;
  for (const client of on.clients) for (const name of TOPICS) on.subscribe(client, name);
  const client = (index: number): Client => on.clients[index] as Client;
  for (const one of acts) {
    if ("publish" in one) on.publish(one.publish);
    else if ("push" in one) on.push(client(one.push), one.key);
    else if ("read" in one) client(one.read).read(on.latest, one.count);
    else if ("wait" in one) on.clock.now += one.wait;
    else if ("subscribe" in one) on.subscribe(client(one.subscribe), one.topic);
    else on.unsubscribe(client(one.unsubscribe), one.topic);
    quick.read(on.latest, Number.POSITIVE_INFINITY);
    on.clients.forEach(check);
  }
  for (const client of on.clients) client.read(on.latest, Number.POSITIVE_INFINITY);
  return { ...on, quick };
}

describe("Latest", () => {
  test("sends nobody more than its window, nor anything older behind newer, and in the end the newest of all", () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 120 }), (acts) => {
        const { clients, quick, outgoing } = run(acts, ({ unreadFrames }) =>
          expect(unreadFrames).toBeLessThanOrEqual(WINDOW),
        );
        for (const { heard, newest, due, channel } of clients) {
          expect(heard).toEqual([...new Set(heard)].sort((a, b) => a - b));
          for (const number of newest.values()) expect(heard).toContain(number);
          expect(heard.length + (channel.latest?.leftOut ?? 0)).toBe(due);
          expect(channel.latest).toMatchObject({ isBehind: false, keyBytes: 0 });
        }
        expect(quick.heard).toHaveLength(quick.due);
        expect(outgoing.dropped).toBe(clients.reduce((sum, { channel }) => sum + (channel.latest?.leftOut ?? 0), 0));
      }),
      { numRuns: 500 },
    );
  });

  test("counts and orders the same while they come and go, and forgets topics and messages", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof({ weight: 5, arbitrary: act }, comeOrGo), { maxLength: 120 }), (acts) => {
        const { clients, latest, outgoing } = run(acts, () => undefined);
        for (const { heard, newest, due, channel } of clients) {
          expect(heard).toEqual([...new Set(heard)].sort((a, b) => a - b));
          for (const number of newest.values()) expect(heard).toContain(number);
          expect(heard.length + (channel.latest?.leftOut ?? 0)).toBe(due);
        }
        for (const name of TOPICS) expect(latest.topic(name)?.newest ?? null).toBeNull();
        for (const { channel } of clients) latest.forget(channel);
        expect(latest.topics).toBe(0);
        expect(outgoing.dropped).toBe(clients.reduce((sum, { channel }) => sum + (channel.latest?.leftOut ?? 0), 0));
      }),
      { numRuns: 500 },
    );
  });

  test("a small message does not overtake a large one that waits", () => {
    const { latest, clients } = stage(1);
    const [client] = clients as [Client];
    const large = "1".repeat(600_000); // two of them are more than its send limit
    for (const text of [large, large]) latest.push(client.channel, "k", Blob.of(text), false);
    latest.push(client.channel, "l", Blob.of("2"), false);
    expect(client.unreadFrames).toBe(1);
    client.read(latest, Number.POSITIVE_INFINITY);
    expect(client.heard.map((number) => number === 2)).toEqual([false, false, true]);
  });

  test("counts what waited for one that has ended", () => {
    const on = stage(1);
    const [client] = on.clients as [Client];
    on.subscribe(client, "a");
    for (let i = 0; i < 10; i++) on.publish("a");
    on.push(client, "k");
    on.latest.forget(client.channel);
    expect(client.channel.latest?.leftOut).toBe(7);
    expect(on.outgoing.dropped).toBe(7);
    expect(on.latest.topics).toBe(0);
  });
});
