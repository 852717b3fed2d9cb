/** What a link does about loss, restarts and rubbish, over a wire of memory that a test can break. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { debug } from "../../../kernel/debug.ts";
import type { Node, NodeOptions } from "../../../kernel/index.ts";
import { frameOf, packAck, packRequest } from "../../../kernel/link/frame.ts";
import type { Context } from "../../../lib/process/index.ts";
import { type Clock, systemClock } from "../../../lib/protocol/index.ts";
import { addAnswerer, addAsker, ask, linkedNode, stopLinkedNodes } from "../../support/link-nodes.ts";
import { MemoryNet } from "../../support/memory-wires.ts";
import { until } from "../../support/until.ts";

afterEach(stopLinkedNodes);

const NOTHING = { blob: null, mime: null, metadata: null, capabilities: [] };

type Both = { readonly net: MemoryNet; readonly alice: Node; readonly bob: Node; readonly ctx: Context };

async function both(answer?: (body: unknown) => unknown, options: Partial<NodeOptions> = {}): Promise<Both> {
  const net = new MemoryNet();
  const alice = await linkedNode(net.wire("alice.os"), "alice.os", options);
  const bob = await linkedNode(net.wire("bob.os"), "bob.os");
  const ctx = await addAsker(alice);
  await addAnswerer(bob, answer);
  return { net, alice, bob, ctx };
}

const linkOf = (node: Node): unknown => (debug(node.kernel, "Link") as { readonly Link: unknown }).Link;

const silentOr = (word: string) => (body: unknown) => (body === word ? undefined : body);

test("a node that was killed and is back leaves nobody waiting, though nothing else is sent", async () => {
  const { net, bob, ctx } = await both(silentOr("wait"));
  const waits = ask(ctx, "bob.os", "wait");
  expect(await ask(ctx, "bob.os", 1)).toBe(1);
  await until(() => bob.kernel.link?.facts()[0]?.unconfirmed === 0);
  net.vanish("bob.os");
  await linkedNode(net.wire("bob.os"), "bob.os"); // back before anybody noticed
  expect(await waits).toBe("Offline");
});

test("an answer that was lost on its way is Offline, and a dead letter where it was given", async () => {
  const { net, bob, ctx } = await both();
  expect(await ask(ctx, "bob.os", 0)).toBe(0);
  await until(() => bob.kernel.link?.facts()[0]?.unconfirmed === 0);
  net.hold();
  const lost = ask(ctx, "bob.os", 1);
  await until(() => net.carried.filter(({ lane }) => lane === "q").length === 2);
  net.lose("bob.os", "alice.os", 1);
  net.release();
  expect(await lost).toBe("Offline");
  expect(bob.kernel.deadLetters.counts()).toEqual({ offline: 1 });
});

test("an answer that found nobody, as its requester was between two servers, is Offline once that is back", async () => {
  const { net, bob, ctx } = await both();
  expect(await ask(ctx, "bob.os", 0)).toBe(0);
  await until(() => bob.kernel.link?.facts()[0]?.unconfirmed === 0);
  net.hold();
  const lost = ask(ctx, "bob.os", 1);
  await until(() => net.carried.filter(({ lane }) => lane === "q").length === 2);
  net.away("alice.os");
  net.release();
  await until(() => bob.kernel.deadLetters.counts().offline === 1);
  net.mend("alice.os");
  expect(await lost).toBe("Offline");
  expect(await ask(ctx, "bob.os", 2)).toBe(2);
});

test("an answer that was lost on its way, with nothing behind it, is Offline as soon as its requester asks", async () => {
  const net = new MemoryNet();
  let skewMs = 0;
  const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + skewMs };
  const alice = await linkedNode(net.wire("alice.os"), "alice.os");
  const bob = await linkedNode(net.wire("bob.os"), "bob.os", { clock });
  const ctx = await addAsker(alice);
  await addAnswerer(bob);
  expect(await ask(ctx, "bob.os", 0)).toBe(0);
  await until(() => bob.kernel.link?.facts()[0]?.unconfirmed === 0);
  net.lose("bob.os", "alice.os", 1);
  const ends: unknown[] = [];
  void ask(ctx, "bob.os", 1).then((end) => ends.push(end));
  await until(() => net.carried.filter(({ lane }) => lane === "r").length === 2);
  skewMs = 500; // bob asks by himself after a second
  net.cut("alice.os");
  net.mend("alice.os");
  await net.settled();
  await null;
  expect(ends).toEqual(["Offline"]);
});

test("an answer to a life that is over is not taken for that of another request, which has its number in the next life", async () => {
  const { net, ctx } = await both();
  net.pause("alice.os");
  void ask(ctx, "bob.os", "first life");
  await until(() => net.carried.some(({ lane }) => lane === "r"));
  net.vanish("alice.os");
  const next = await linkedNode(net.wire("alice.os"), "alice.os");
  const answer = ask(await addAsker(next), "bob.os", "next life");
  await until(() => net.carried.filter(({ lane }) => lane === "r").length === 2);
  net.resume("alice.os");
  expect(await answer).toBe("next life");
});

test("an answer above linkMessage is Overloaded, as such a request is, and a dead letter where it was given", async () => {
  const net = new MemoryNet();
  const limits = { linkMessage: 1 };
  const alice = await linkedNode(net.wire("alice.os"), "alice.os", { limits });
  const bob = await linkedNode(net.wire("bob.os"), "bob.os", { limits });
  const ctx = await addAsker(alice);
  await addAnswerer(bob, (body) => "x".repeat(Number(body)));
  expect(await ask(ctx, "bob.os", "x".repeat(2 ** 20))).toBe("Overloaded");
  expect(await ask(ctx, "bob.os", 2 ** 20)).toBe("Overloaded");
  expect(bob.kernel.deadLetters.counts()).toEqual({ overloaded: 1 });
  expect(String(await ask(ctx, "bob.os", 2 ** 20 - 1_000))).toHaveLength(2 ** 20 - 1_000);
});

test("a node that sends rubbish fills no log: one fault is told, and each is counted", async () => {
  const { net, bob, ctx } = await both();
  const faults: unknown[] = [];
  bob.kernel.events.listen((event) => {
    if (event.type === "fault") faults.push(event.error);
  });
  for (let i = 0; i < 500; i++) net.forge("mallory.os", "bob.os", "q", new Uint8Array([9, i]));
  expect(faults.map(String)).toEqual([
    "FrameError: Cannot read a frame of another node as it is of version 9, and this node speaks 1: run one Jackfield on all nodes",
  ]);
  expect(bob.kernel.link?.facts().find(({ node }) => node === "mallory.os")?.faults).toBe(500);
  expect(await ask(ctx, "bob.os", 1)).toBe(1);
});

test("the kernel tells of the link: its state, how often it came back, and each node's counts", async () => {
  const { net, alice, ctx } = await both();
  for (let i = 0; i < 3; i++) await ask(ctx, "bob.os", i);
  net.cut("alice.os");
  expect(linkOf(alice)).toMatchObject({ where: "memory", state: "waiting", up: false, reconnects: 0 });
  net.mend("alice.os");
  expect(await ask(ctx, "bob.os", 3)).toBe(3);
  expect(linkOf(alice)).toMatchObject({
    state: "up",
    up: true,
    reconnects: 1,
    peers: [{ node: "bob.os", sent: 4, received: 4, lost: 0, missed: 0, faults: 0, requests: 0 }],
  });
});

test("an account of another life is answered once, and does not go round", async () => {
  const { net, ctx } = await both();
  expect(await ask(ctx, "bob.os", 1)).toBe(1);
  await net.settled();
  const before = net.carried.length;
  // a second node of the same name, which bob hears
  net.forge("alice.os", "bob.os", "p", frameOf(12345, 0, new Uint8Array([0x91, 0])));
  await net.settled();
  net.forge("bob.os", "alice.os", "k", frameOf(1, 0, packAck({ epoch: 12345, first: 1, last: 1, missed: [] })));
  await net.settled();
  expect(net.carried.length - before).toBeLessThan(10);
});

test("a node that is owed an account is not forgotten for 10,000 others: what came is not said to be lost", async () => {
  const { net, alice, bob, ctx } = await both(() => undefined);
  ctx.request("bob.os@b:chat:template.os").body("no answer").send();
  await until(() => bob.kernel.link?.facts()[0]?.received === 1);
  const account = frameOf(1, 0, packAck({ epoch: 0, first: 0, last: 0, missed: [] }));
  for (let i = 0; i < 10_000; i++) net.forge(`n${i}.os`, "bob.os", "k", account);
  expect(bob.kernel.link?.facts().length).toBeLessThan(10_000); // some were forgotten
  await until(() => alice.kernel.link?.facts()[0]?.unconfirmed === 0);
  expect(alice.kernel.deadLetters.counts()).toEqual({});
});

test("a node that was told what came in this very turn is forgotten after that, and not before", async () => {
  const { net, alice, bob, ctx } = await both(() => undefined);
  net.hold();
  ctx.request("bob.os@b:chat:template.os").body("x".repeat(200_000)).send(); // so many that it is told at once
  await until(() => net.carried.length === 1);
  net.release();
  const account = frameOf(1, 0, packAck({ epoch: 0, first: 0, last: 0, missed: [] }));
  for (let i = 0; i < 10_000; i++) net.forge(`n${i}.os`, "bob.os", "k", account);
  expect(bob.kernel.link?.facts().some(({ node }) => node === "alice.os")).toBe(false);
  await until(() => alice.kernel.link?.facts()[0]?.unconfirmed === 0);
  expect(alice.kernel.deadLetters.counts()).toEqual({});
});

test("a stopped node leaves no timer, whatever it was asked last", async () => {
  const net = new MemoryNet();
  const set = new Set<() => void>();
  const setTimeout: Clock["setTimeout"] = (run, ms) => {
    const cancel = systemClock.setTimeout(() => {
      set.delete(cancel);
      run();
    }, ms);
    set.add(cancel);
    return () => {
      set.delete(cancel);
      cancel();
    };
  };
  const wire = net.wire("bob.os");
  const fields = { id: 1, source: "a:b:c.os", target: "d:e:f.os", seconds: 3600, body: 1, ...NOTHING };
  const close = async (): Promise<void> => {
    net.forge("alice.os", "bob.os", "q", frameOf(1, 1, packRequest(fields)));
    await wire.close();
  };
  const bob = await linkedNode({ ...wire, close }, "bob.os", { clock: { ...systemClock, setTimeout } });
  await bob.stop();
  expect(set.size).toBe(0);
});

describe("a peer may say anything", () => {
  test.each(["q", "r", "c", "k", "p"] as const)("on the lane %s, and nobody else is harmed", async (lane) => {
    const { net, ctx } = await both();
    for (let i = 0; i < 50; i++)
      net.forge(
        "mallory.os",
        "bob.os",
        lane,
        frameOf(i % 7, i * 1e9, new Uint8Array([0x95, i, 0xc0, i, 0xa1, 0x71, 1])),
      );
    expect(await ask(ctx, "bob.os", 1)).toBe(1);
  });
});
