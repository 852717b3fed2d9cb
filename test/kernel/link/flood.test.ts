/** A node that sends without regard for any window costs its receiver no more than the limits say, and others go on. */
import { afterEach, expect, test } from "@jest/globals";
import { createNode, type Node, type NodeOptions } from "../../../kernel/index.ts";
import { bodyOf, frameOf, packRequest, readAnswer } from "../../../kernel/link/frame.ts";
import { type Context, defineProcess } from "../../../lib/process/index.ts";
import { ProcessId } from "../../../lib/protocol/index.ts";
import { MemoryNet } from "../../support/memory-wires.ts";
import { until } from "../../support/until.ts";

const NETWORK = { process: "kernel:distro:sys", params: "network" };
const CAROL = "c:chat:me.os";
const LOAD = { blob: null, mime: null, metadata: null, capabilities: [] };

const nodes: Node[] = [];
afterEach(async () => {
  for (const node of nodes.splice(0)) await node.stop();
});

async function start(net: MemoryNet, name: string, limits: NodeOptions["limits"] = {}): Promise<Node> {
  const node = createNode({ name, limits: { drain: 100, ...limits } });
  nodes.push(node);
  await node.link(net.wire(name));
  return node;
}

/** Mallory is a wire alone: whatever is put on it is sent. @returns sends a request, numbered from 1 */
async function mallory(net: MemoryNet): Promise<(body: unknown, seconds: number | null) => void> {
  const wire = net.wire("mallory.os");
  await wire.open({ frame: () => undefined, absent: () => undefined, up: () => undefined, down: () => undefined });
  let seq = 0;
  return (body, seconds) => {
    const id = seconds === null ? 0 : ++seq;
    if (seconds === null) seq++;
    const request = packRequest({ id, source: "m:chat:me.os", target: CAROL, seconds, body, ...LOAD });
    wire.send("carol.os", "q", seq, frameOf(7, seq, request));
  };
}

test("of a flood so much is taken in a second, and another node is answered meanwhile", async () => {
  const net = new MemoryNet();
  const from = performance.now();
  const carol = await start(net, "carol.os", { linkRate: 1_000 });
  const alice = await start(net, "alice.os");
  let flooded = 0;
  const echo = defineProcess({
    onRequest: (_, { source, body, rsvp }, ctx) => {
      if (source.node === "mallory.os") flooded++;
      if (rsvp !== null) ctx.respond(body);
    },
  });
  carol.addProcess(ProcessId.parse(CAROL), echo, { public: true, requestCapabilities: [NETWORK] });
  let ctx: Context | undefined;
  const asker = defineProcess({
    init: (own) => {
      ctx = own as Context;
    },
  });
  alice.addProcess(ProcessId.parse("a:chat:me.os"), asker, { requestCapabilities: [NETWORK] });
  await null;
  const send = await mallory(net);
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < 1_000; i++) send(i, null);
    const asked = ctx?.request(`carol.os@${CAROL}`).body(round).expectsResponse(60).sendAndAwaitResponse();
    expect((await asked)?.body).toBe(round);
  }
  await net.settled();
  const seconds = (performance.now() - from) / 1000;
  expect(flooded).toBeGreaterThanOrEqual(1_000);
  expect(flooded).toBeLessThanOrEqual(1_000 * (1 + seconds));
  const facts = carol.kernel.link?.facts() ?? [];
  expect(facts.find(({ node }) => node === "mallory.os")?.flooded).toBe(20_000 - flooded);
  expect(facts.find(({ node }) => node === "alice.os")?.flooded).toBe(0);
});

test("a megabyte a second is a megabyte, and one frame more", async () => {
  const net = new MemoryNet();
  const from = performance.now();
  const carol = await start(net, "carol.os", { linkRateBytes: 1 });
  let bytes = 0;
  const sink = defineProcess({
    onRequest: (_, { body }) => {
      bytes += String(body).length;
    },
  });
  carol.addProcess(ProcessId.parse(CAROL), sink, { public: true, requestCapabilities: [NETWORK] });
  await null;
  const send = await mallory(net);
  const body = "x".repeat(100_000);
  for (let i = 0; i < 200; i++) send(body, null);
  await net.settled();
  const seconds = (performance.now() - from) / 1000;
  expect(bytes).toBeGreaterThanOrEqual(1_000_000);
  expect(bytes).toBeLessThanOrEqual(1024 * 1024 * (1 + seconds) + body.length);
});

test("requests that nobody answers are so many, one more is Overloaded", async () => {
  const net = new MemoryNet();
  const carol = await start(net, "carol.os", { linkAsked: 10 });
  const silent = defineProcess({ onRequest: () => undefined });
  carol.addProcess(ProcessId.parse(CAROL), silent, { public: true, requestCapabilities: [NETWORK] });
  await null;
  const send = await mallory(net);
  for (let i = 0; i < 13; i++) send(i, 3600);
  await net.settled();
  const said = net.carried.filter(({ to, lane }) => to === "mallory.os" && lane === "r");
  const answers = said.map(({ bytes }) => readAnswer(bodyOf(bytes))).map(({ id, error }) => [id, error]);
  expect(answers).toEqual([11, 12, 13].map((id) => [id, "Overloaded"]));
});

test("what waits here of one node is so many bytes, one more is Overloaded or a dead letter, and there is room again when it was taken", async () => {
  const net = new MemoryNet();
  const carol = await start(net, "carol.os", { linkHeld: 1 });
  const goOn: (() => void)[] = [];
  let handled = 0;
  const slow = defineProcess({
    onRequest: async (_, { rsvp }, ctx) => {
      await new Promise<void>((resolve) => goOn.push(resolve));
      handled++;
      if (rsvp !== null) ctx.respond(null);
    },
  });
  carol.addProcess(ProcessId.parse(CAROL), slow, { public: true, requestCapabilities: [NETWORK] });
  await null;
  const send = await mallory(net);
  const quarter = "x".repeat(256 * 1024 - 100); // with what is around it, four are 1 MiB less a little
  const letters = (): number => carol.kernel.deadLetters.counts().overloaded ?? 0;
  const overloaded = (): number =>
    net.carried.filter(({ to, bytes }) => to === "mallory.os" && Buffer.from(bytes).includes("Overloaded")).length;
  send(quarter, null); // in hand, and so no longer in the mailbox
  await net.settled();
  for (let i = 0; i < 2; i++) send(quarter, null);
  for (let i = 0; i < 2; i++) send(quarter, 3600);
  await net.settled();
  expect([overloaded(), letters()]).toEqual([0, 0]);
  send(quarter, 3600);
  send(quarter, null);
  await net.settled();
  expect([overloaded(), letters()]).toEqual([1, 1]);
  for (let i = 0; i < 5; i++) {
    await until(() => goOn.length > i);
    goOn[i]?.();
  }
  await until(() => handled === 5);
  await new Promise((resolve) => setTimeout(resolve, 50)); // until it looks again
  for (let i = 0; i < 4; i++) send(quarter, 3600);
  await net.settled();
  expect([overloaded(), letters()]).toEqual([1, 1]);
});
