/** What is sent in one go leaves in one message of the wire: what that changes, and what it must not. */
import { afterEach, expect, test } from "@jest/globals";
import type { Node, NodeOptions } from "../../../kernel/index.ts";
import { BatchReader, batchOf, bodyOf, packRequest, readAnswer } from "../../../kernel/link/frame.ts";
import type { Context } from "../../../lib/process/index.ts";
import { ANSWERER, addAnswerer, addAsker, ask, linkedNode, stopLinkedNodes } from "../../support/link-nodes.ts";
import { MemoryNet } from "../../support/memory-wires.ts";
import { until } from "../../support/until.ts";

afterEach(stopLinkedNodes);

const LOAD = { blob: null, mime: null, metadata: null, capabilities: [] };

type Both = { readonly net: MemoryNet; readonly alice: Node; readonly bob: Node; readonly ctx: Context };

/** @param seen what bob was asked, as it came */
async function both(options: Partial<NodeOptions> = {}, seen: unknown[] = []): Promise<Both> {
  const net = new MemoryNet();
  const alice = await linkedNode(net.wire("alice.os"), "alice.os");
  const bob = await linkedNode(net.wire("bob.os"), "bob.os", options);
  const ctx = await addAsker(alice);
  await addAnswerer(bob, (body) => {
    seen.push(body);
    return body;
  });
  return { net, alice, bob, ctx };
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

const lanesOf = (net: MemoryNet, from: string): string[] =>
  net.carried.filter((each) => each.from === from).map(({ lane }) => lane);

function lanesIn(batch: Uint8Array): string[] {
  const reader = new BatchReader(batch);
  const lanes: string[] = [];
  while (reader.next()) lanes.push(reader.lane);
  return lanes;
}

/** From `mallory.os`, numbered from 1. */
function request(id: number, body: unknown): Uint8Array {
  return packRequest({ id, source: "m:chat:template.os", target: ANSWERER, seconds: 60, body, ...LOAD });
}

test("requests of one go leave in one message, and so do their answers; one alone leaves as it is", async () => {
  const { net, ctx } = await both();
  expect(await Promise.all(upTo(100).map((i) => ask(ctx, "bob.os", i)))).toEqual(upTo(100));
  expect([lanesOf(net, "alice.os"), lanesOf(net, "bob.os")]).toEqual([["b"], ["b"]]);
  expect(await ask(ctx, "bob.os", 1)).toBe(1);
  expect([lanesOf(net, "alice.os")[1], lanesOf(net, "bob.os")[1]]).toEqual(["q", "r"]);
});

test("a batch takes along what has come, so that nothing else need be sent for it", async () => {
  const { net, alice, ctx } = await both();
  for (let i = 0; i < 2; i++) await Promise.all([ask(ctx, "bob.os", 1), ask(ctx, "bob.os", 2)]);
  const batches = net.carried.filter(({ lane }) => lane === "b").map(({ bytes }) => lanesIn(bytes));
  expect(batches).toEqual([
    ["q", "q"],
    ["r", "r", "k"],
    ["q", "q", "k"],
    ["r", "r", "k"],
  ]);
  expect(alice.kernel.link?.facts()[0]?.unconfirmed).toBe(0);
});

test("small ones, ones that go alone and ones in pieces come in the order sent", async () => {
  const seen: unknown[] = [];
  const { net, ctx } = await both({}, seen);
  const bodies = upTo(60).map((i) => `${i} ${"x".repeat([0, 0, 9_000, 0, 300_000, 40_000][i % 6] ?? 0)}`);
  expect(await Promise.all(bodies.map((body) => ask(ctx, "bob.os", body)))).toEqual(bodies);
  expect(seen).toEqual(bodies);
  expect(new Set(lanesOf(net, "alice.os"))).toEqual(new Set(["b", "q", "c", "k"]));
});

test("a batch that is lost: each of its requests is Offline with the next frame", async () => {
  const { net, bob, ctx } = await both();
  expect(await ask(ctx, "bob.os", 0)).toBe(0);
  net.lose("alice.os", "bob.os", 1);
  const sent = net.carried.length;
  const lost = upTo(10).map((i) => ask(ctx, "bob.os", i));
  await until(() => net.carried.length > sent);
  expect(await ask(ctx, "bob.os", 1)).toBe(1);
  expect(await Promise.all(lost)).toEqual(upTo(10).map(() => "Offline"));
  expect(bob.kernel.link?.facts()[0]?.missed).toBe(10);
});

test("a batch that finds nobody: each of its requests is Offline", async () => {
  const { net, ctx } = await both();
  net.vanish("bob.os");
  expect(await Promise.all(upTo(10).map((i) => ask(ctx, "bob.os", i)))).toEqual(upTo(10).map(() => "Offline"));
});

test("what has not left when the wire breaks is Offline once it is back", async () => {
  const { net, ctx } = await both();
  expect(await ask(ctx, "bob.os", 0)).toBe(0);
  const lost = upTo(10).map((i) => ask(ctx, "bob.os", i));
  net.cut("alice.os");
  net.mend("alice.os");
  const ended = await Promise.all(lost);
  expect(ended.map((how, i) => how === i || how === "Offline")).toEqual(upTo(10).map(() => true));
});

test("one that cannot be read harms no other of its batch", async () => {
  const { net, bob, ctx } = await both();
  const bad = new Uint8Array([0xc1]);
  const frames = [request(1, "a"), bad, request(3, "c")].map((body) => ({ lane: "q" as const, body }));
  net.forge("mallory.os", "bob.os", "b", batchOf(7, 1, frames));
  await net.settled();
  const [said] = net.carried.filter(({ to, lane }) => to === "mallory.os" && lane === "b");
  if (said === undefined) throw new Error("nothing was answered");
  const reader = new BatchReader(said.bytes);
  const answers: unknown[] = [];
  while (reader.next()) if (reader.lane === "r") answers.push(readAnswer(said.bytes, reader.start, reader.end).body);
  expect(answers).toEqual(["a", "c"]);
  expect(bob.kernel.link?.facts().find(({ node }) => node === "mallory.os")).toMatchObject({ faults: 1, received: 3 });
  expect(await ask(ctx, "bob.os", 1)).toBe(1);
});

test("of one that is cut short, or has frames that no batch has, what stands before that is taken", async () => {
  const { net, bob, ctx } = await both();
  const whole = batchOf(7, 1, [
    { lane: "q", body: request(1, "a") },
    { lane: "q", body: request(2, "b") },
  ]);
  net.forge("mallory.os", "bob.os", "b", whole.subarray(0, whole.byteLength - 1));
  net.forge("eve.os", "bob.os", "b", batchOf(7, 1, [{ lane: "b", body: whole }]));
  await net.settled();
  const said = net.carried.filter(({ to, lane }) => to === "mallory.os" && lane === "r");
  expect(said.map(({ bytes }) => readAnswer(bodyOf(bytes)).body)).toEqual(["a"]);
  const facts = bob.kernel.link?.facts() ?? [];
  expect(facts.filter(({ node }) => node !== "alice.os").map(({ node, faults }) => [node, faults])).toEqual([
    ["eve.os", 1],
    ["mallory.os", 1],
  ]);
  expect(await ask(ctx, "bob.os", 1)).toBe(1);
});

test("a flood in batches counts as many frames as it has", async () => {
  const from = performance.now();
  const { net, bob } = await both({ limits: { linkRate: 1_000 } });
  const frames = upTo(5_000).map((i) => ({ lane: "q" as const, body: request(0, i) }));
  net.forge("mallory.os", "bob.os", "b", batchOf(7, 1, frames));
  const seconds = (performance.now() - from) / 1000;
  const { received = 0, flooded = 0 } = bob.kernel.link?.facts().find(({ node }) => node === "mallory.os") ?? {};
  expect(received + flooded).toBe(5_000);
  expect(received).toBeGreaterThanOrEqual(1_000);
  expect(received).toBeLessThanOrEqual(1_000 * (1 + seconds));
});
