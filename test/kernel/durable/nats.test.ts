/** Durable messages in JetStream of real servers: made as `jackfield cluster` writes and sets them up, or by the nodes themselves. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, expect, test } from "@jest/globals";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect, nkeyAuthenticator } from "@nats-io/transport-node";
import { packBatch, packDurable } from "../../../kernel/durable/pack.ts";
import { createNode, type Node, setUpCluster } from "../../../kernel/index.ts";
import { NatsStore } from "../../../kernel/link/nats-store.ts";
import { type Context, defineProcess } from "../../../lib/process/index.ts";
import { ProcessId } from "../../../lib/protocol/index.ts";
import { startCluster, stopClusters, type TestCluster } from "../../support/nats-cluster.ts";
import { startNatsServer, stopNatsServers } from "../../support/nats-server.ts";
import { until } from "../../support/until.ts";

const NETWORK = [{ process: "kernel:distro:sys", params: "network" }];
const SENDER = "a:chat:template.os";
const RECEIVER = "b:chat:template.os";
const ABOUT = { address: null, version: null };
const MINUTE = 60_000;
const TEST_MS = 3 * MINUTE; // a wait or two that say what they waited for

const nodes = new Set<Node>();
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const node of nodes) await node.stop();
  nodes.clear();
  for (const close of closing.splice(0)) await close();
  await stopNatsServers();
  await stopClusters();
}, MINUTE);

type Linked = { readonly node: Node; readonly ctx: Context; readonly got: unknown[]; readonly faults: string[] };
type Options = Parameters<Node["linkByNats"]>[0];

async function start(name: string, bus: Options, store: Options = bus): Promise<Linked> {
  const node = createNode({ name, limits: { drain: 100, durableRetry: 20, durableRetryMax: 200 } });
  nodes.add(node);
  const faults: string[] = [];
  node.kernel.events.listen((event) => {
    if (event.type === "fault") faults.push(String(event.error));
  });
  const got: unknown[] = [];
  let ctx: Context | undefined;
  const sending = defineProcess({
    init: (own) => {
      ctx = own as Context;
    },
  });
  const receiving = defineProcess({ onRequest: (_, { body }) => void got.push(body) });
  await node.linkByNats(bus);
  await node.joinByNats(store, () => ABOUT);
  node.addProcess(ProcessId.parse(SENDER), sending, { requestCapabilities: NETWORK });
  node.addProcess(ProcessId.parse(RECEIVER), receiving, { requestCapabilities: NETWORK });
  await null;
  if (ctx === undefined) throw new Error("its init has not run");
  return { node, ctx, got, faults };
}

const count = (from: number, to: number): readonly number[] => Array.from({ length: to - from }, (_, n) => from + n);

async function send({ ctx }: Linked, to: string, numbers: readonly number[]): Promise<void> {
  await Promise.all(numbers.map((n) => ctx.request(`${to}@${RECEIVER}`).body(n).durable()));
}

const waiting = ({ node }: Linked): number => node.kernel.durable.facts()?.out.waiting ?? 0;

async function untilLong(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const last = Date.now() + MINUTE; !(await holds()); ) {
    if (Date.now() > last) throw new Error(`waited a minute for ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** What is sent to a stream before its node has made it waits, and is said as a fault. */
async function untilMade(url: string, streams: readonly string[]): Promise<void> {
  const connection = await connect({ servers: [url] });
  closing.push(() => connection.close());
  const manager = await jetstreamManager(connection);
  await untilLong(async () => {
    const made = new Set<string>();
    for await (const stream of manager.streams.names()) made.add(stream);
    return streams.every((stream) => made.has(stream));
  });
}

/** The administrator's hand on the streams. */
async function admin(cluster: TestCluster): Promise<NatsStore> {
  const file = (name: string): string => join(cluster.folder, "admin", name);
  const tls = { ca: file("ca.pem"), cert: file("node.pem"), key: file("node.key") };
  const store = new NatsStore({ node: "admin", servers: cluster.urls, seed: seedOf(cluster), tls });
  closing.push(() => store.close());
  return store;
}

const seedOf = ({ folder }: TestCluster): string => readFileSync(join(folder, "admin/store.seed"), "utf8").trim();

async function setUp(cluster: TestCluster, names: readonly string[]): Promise<void> {
  const file = (name: string): string => join(cluster.folder, "admin", name);
  const tls = { ca: file("ca.pem"), cert: file("node.pem"), key: file("node.key") };
  await setUpCluster({ servers: cluster.urls, seed: seedOf(cluster), tls, nodes: names, removeLeft: false });
}

test("a server without permissions: each node makes its own, and messages go both ways in order", async () => {
  const { url } = await startNatsServer();
  const alice = await start("alice.os", { servers: [url] });
  const bob = await start("bob.os", { servers: [url] });
  await untilMade(url, ["IN_alice_os", "IN_bob_os"]);
  await Promise.all([send(alice, "bob.os", count(0, 300)), send(bob, "alice.os", count(0, 300))]);
  await untilLong(() => alice.got.length === 300 && bob.got.length === 300);
  expect([alice.got, bob.got]).toEqual([count(0, 300), count(0, 300)]);
  const isLate = (text: string): boolean => /timeout|does not answer/.test(text); // the server was busy: it was sent again
  expect([...alice.faults, ...bob.faults].filter((text) => !isLate(text))).toEqual([]);
}, 180_000);

test(
  "a node that is away: they wait in JetStream, whoever sent them may stop, and it gets them when it comes",
  async () => {
    const { url } = await startNatsServer();
    const bob = await start("bob.os", { servers: [url] }); // its stream is there from now on
    await bob.node.stop();
    nodes.delete(bob.node);
    const alice = await start("alice.os", { servers: [url] });
    await send(alice, "bob.os", count(0, 100));
    await untilLong(() => waiting(alice) === 0);
    await alice.node.stop();
    nodes.delete(alice.node);
    const again = await start("bob.os", { servers: [url] });
    await untilLong(() => again.got.length === 100);
    expect(again.got).toEqual(count(0, 100));
  },
  TEST_MS,
);

test(
  "a server that is killed and back: nothing is lost, nothing twice, in order",
  async () => {
    const server = await startNatsServer();
    const alice = await start("alice.os", { servers: [server.url] });
    const bob = await start("bob.os", { servers: [server.url] });
    await send(alice, "bob.os", count(0, 100));
    await server.end();
    await send(alice, "bob.os", count(100, 200)); // is kept here
    await server.start();
    await send(alice, "bob.os", count(200, 300));
    await untilLong(() => bob.got.length >= 300 && waiting(alice) === 0);
    expect(bob.got).toEqual(count(0, 300));
  },
  TEST_MS,
);

test(
  "with permissions of jackfield cluster: not before it is set up, which is said; then as above, and nobody sends as another",
  async () => {
    const cluster = await startCluster(["alice.os", "bob.os"]);
    const of = (name: string): readonly [string, Options, Options] => [
      name,
      cluster.options(name),
      cluster.options(name, "store"),
    ];
    const alice = await start(...of("alice.os"));
    const bob = await start(...of("bob.os"));
    await send(alice, "bob.os", count(0, 10));
    await untilLong(() => alice.node.kernel.durable.facts()?.why !== null);
    expect(alice.node.kernel.durable.facts()?.why).toMatch(
      /^Cannot keep durable messages in ".+" as it has no stream "IN_alice_os" with a consumer "k", and may not make them: /,
    );
    await setUp(cluster, ["alice.os", "bob.os"]);
    await untilLong(() => bob.got.length === 10);
    await send(bob, "alice.os", count(0, 10));
    await untilLong(() => alice.got.length === 10);
    expect(alice.faults.filter((text) => text.includes("IN_alice_os"))).toHaveLength(1);

    // What comes by no node's publish: the administrator may, as a reply subject could.
    const { nc, js } = await (await admin(cluster)).open();
    const message = packDurable({
      source: SENDER,
      target: RECEIVER,
      body: "forged",
      blob: null,
      mime: null,
      metadata: null,
    });
    await js.publish("d.alice_os.NOBODY", packBatch({ box: "box", messages: [{ id: 1, message }] }));
    await js.publish("d.alice_os.bob_os", '{"stream":"KV_dir","seq":1}');
    await untilLong(() => alice.node.kernel.durable.facts()?.in.dropped === 2);
    expect(alice.got).toEqual(count(0, 10));
    expect(alice.faults.at(-1)).toMatch(/^DurableError: Cannot keep durable messages of another node as /);

    // bob's own hand may not publish as alice, nor make or read a stream of hers.
    const { seed = "", tls = {} } = cluster.options("bob.os", "store");
    const bare = await connect({
      servers: cluster.urls.map((url) => url.replace("127.0.0.1", "localhost")),
      authenticator: nkeyAuthenticator(new TextEncoder().encode(seed)),
      tls: {
        caFile: tls.ca ?? "",
        certFile: tls.cert ?? "",
        keyFile: tls.key ?? "",
        checkServerIdentity: () => undefined,
      } as object,
      inboxPrefix: "_INBOX_bob_os",
    });
    closing.push(() => bare.close());
    const denied: string[] = [];
    void (async () => {
      for await (const status of bare.status()) if (status.type === "error") denied.push(status.error.message);
    })();
    bare.publish("d.bob_os.alice_os", "x");
    bare.publish("$JS.API.CONSUMER.MSG.NEXT.IN_alice_os.k", "{}", { reply: "_INBOX_bob_os.x" });
    const manager = await jetstreamManager(bare, { checkAPI: false, timeout: 500 });
    await expect(manager.streams.purge("IN_alice_os")).rejects.toThrow();
    await until(() => denied.length >= 3);
    expect(denied.slice(0, 2).join("\n")).toMatch(/d\.bob_os\.alice_os[\s\S]*IN_alice_os/);
    await nc.flush();
  },
  TEST_MS,
);

test(
  "a stream that is full keeps the rest in the outbox, is said once, and takes it when there is room",
  async () => {
    const { url } = await startNatsServer();
    const own = new NatsStore({ node: "admin", servers: [url] });
    closing.push(() => own.close());
    const { manager } = await own.open();
    const stream = { name: "IN_bob_os", subjects: ["d.bob_os.*"], max_bytes: 4_000 };
    await manager.streams.add({ ...stream, retention: "workqueue", discard: "new" });
    const alice = await start("alice.os", { servers: [url] });
    for (const n of count(0, 40)) {
      await alice.ctx.request(`bob.os@${RECEIVER}`).body(n).blob(new Uint8Array(500)).durable();
      await new Promise((resolve) => setImmediate(resolve));
    }
    const why = (): string | null | undefined => alice.node.kernel.durable.facts()?.out.nodes[0]?.why;
    await untilLong(() => (why() ?? null) !== null && (alice.node.kernel.durable.facts()?.out.failures ?? 0) > 2);
    expect(why()).toMatch(/the stream "IN_bob_os" is full: its node takes nothing, or is away$/);
    expect(alice.faults).toHaveLength(1);
    await manager.streams.update("IN_bob_os", { max_bytes: 10_000_000 });
    const bob = await start("bob.os", { servers: [url] });
    await untilLong(() => bob.got.length === 40 && waiting(alice) === 0);
    expect(bob.got).toEqual(count(0, 40));
  },
  TEST_MS,
);

test(
  "a stream that somebody deleted is made again by its node, where that may, and what waited in the outbox comes",
  async () => {
    const { url } = await startNatsServer();
    const own = new NatsStore({ node: "admin", servers: [url] });
    closing.push(() => own.close());
    const alice = await start("alice.os", { servers: [url] });
    const bob = await start("bob.os", { servers: [url] });
    await send(alice, "bob.os", count(0, 10));
    await untilLong(() => bob.got.length === 10);
    await (await own.open()).manager.streams.delete("IN_bob_os");
    await send(alice, "bob.os", count(10, 20));
    await untilLong(() => bob.got.length === 20);
    expect(bob.got).toEqual(count(0, 20));
  },
  TEST_MS,
);

test(
  "what was taken is not kept in memory",
  async () => {
    const { url } = await startNatsServer();
    const alice = await start("alice.os", { servers: [url] });
    const bob = await start("bob.os", { servers: [url] });
    const piece = new Uint8Array(256 * 1024);
    const sendAll = async (from: number, to: number): Promise<void> => {
      for (const n of count(from, to)) await alice.ctx.request(`bob.os@${RECEIVER}`).body(n).blob(piece).durable();
      await untilLong(() => bob.got.length === to && (bob.node.kernel.durable.facts()?.in.waiting ?? 0) === 0);
    };
    await sendAll(0, 20);
    const before = await bytesHeld();
    await sendAll(20, 220); // 50 MiB
    await untilLong(async () => (await bytesHeld()) - before < 20 * 1024 * 1024); // what is in a socket's buffer goes later
  },
  TEST_MS,
);

async function bytesHeld(): Promise<number> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let i = 0; i < 3; i++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return process.memoryUsage().arrayBuffers;
}
