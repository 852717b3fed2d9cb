/** What happens when NATS fails, or the way to it: docs/cluster.md, "What happens when…". Real servers. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { type Servers, startServers } from "../../../bench/cluster/servers.ts";
import type { Node, NodeOptions } from "../../../kernel/index.ts";
import { NatsWire } from "../../../kernel/link/nats-wire.ts";
import type { Context } from "../../../lib/process/index.ts";
import { nextLoop } from "../../support/channels.ts";
import { addAnswerer, addAsker, ask, linkedNode, PATIENCE_MS, stopLinkedNodes } from "../../support/link-nodes.ts";
import { closeGates, openGate } from "../../support/tcp-gate.ts";
import { until } from "../../support/until.ts";

const running: Servers[] = [];
afterEach(async () => {
  for (const each of running) for (let i = 0; i < each.size; i++) each.resume(i);
  await stopLinkedNodes();
  await closeGates();
  for (const each of running.splice(0)) await each.end();
});

async function servers(count: number): Promise<Servers> {
  const started = await startServers(count);
  running.push(started);
  return started;
}

const node = async (name: string, urls: readonly string[], options: Partial<NodeOptions> = {}): Promise<Node> =>
  await linkedNode(new NatsWire({ node: name, servers: urls, patienceMs: PATIENCE_MS }), name, options);

const silentOr = (body: unknown): unknown => (body === "wait" ? undefined : body);

/** Asks until it is answered: interest spreads, and links come back. @throws {Error} it never is */
async function untilAnswered(ctx: Context, to: string): Promise<void> {
  const last = Date.now() + 40_000;
  while ((await ask(ctx, to, "ping", 1)) !== "ping") {
    if (Date.now() > last) throw new Error(`${to} does not answer`);
    await nextLoop(); // Offline comes at once, and a link needs the loop to come back
  }
}

const isDown = (node: Node) => (): boolean => node.kernel.link?.isUp === false;

describe("one server", () => {
  test("killed, and back within linkGrace: what was sent meanwhile is answered, what was under way Offline or answered", async () => {
    const nats = await servers(1);
    const alice = await node("alice.os", nats.urls, { limits: { linkGrace: 60_000 } });
    const bob = await node("bob.os", nats.urls, { limits: { linkGrace: 60_000 } });
    const ctx = await addAsker(alice);
    await addAnswerer(bob, silentOr);
    await untilAnswered(ctx, "bob.os");
    await nats.kill(0);
    const underWay = Array.from({ length: 100 }, (_, i) => ask(ctx, "bob.os", i));
    await until(isDown(alice));
    const meanwhile = Array.from({ length: 100 }, (_, i) => ask(ctx, "bob.os", i));
    await until(isDown(bob));
    await nats.start(0);
    for (const [i, end] of (await Promise.all(underWay)).entries()) expect([i, "Offline"]).toContain(end);
    // bob may be back later than alice: then the server says that nobody is there
    for (const [i, end] of (await Promise.all(meanwhile)).entries()) expect([i, "Offline"]).toContain(end);
    await untilAnswered(ctx, "bob.os");
  });

  test("killed for longer than linkGrace: Offline for what waits, at once for what is sent later, and it comes back by itself", async () => {
    const nats = await servers(1);
    const alice = await node("alice.os", nats.urls, { limits: { linkGrace: 100 } });
    const bob = await node("bob.os", nats.urls, { limits: { linkGrace: 100 } });
    const ctx = await addAsker(alice);
    await addAnswerer(bob, silentOr);
    await untilAnswered(ctx, "bob.os");
    const waits = ask(ctx, "bob.os", "wait");
    await nats.kill(0);
    expect(await waits).toBe("Offline");
    expect(await ask(ctx, "bob.os", 1)).toBe("Offline");
    await nats.start(0);
    await untilAnswered(ctx, "bob.os");
  });

  test("paused: the watchdog finds it, requests are Offline, and it comes back by itself", async () => {
    const nats = await servers(1);
    const alice = await node("alice.os", nats.urls, { limits: { linkGrace: 100 } });
    const bob = await node("bob.os", nats.urls, { limits: { linkGrace: 100 } });
    const ctx = await addAsker(alice);
    await addAnswerer(bob);
    await untilAnswered(ctx, "bob.os");
    await nats.pause(0);
    expect(await ask(ctx, "bob.os", 1)).toBe("Offline"); // an hour is its time: nothing but the watchdog ends it
    nats.resume(0);
    await untilAnswered(ctx, "bob.os");
  });

  test("paused with sockets full of what was sent: the watchdog cuts them all the same", async () => {
    const nats = await servers(1);
    const alice = await node("alice.os", nats.urls, { limits: { linkGrace: 100, linkWindow: 65_536 } });
    const bob = await node("bob.os", nats.urls);
    const ctx = await addAsker(alice);
    await addAnswerer(bob);
    await untilAnswered(ctx, "bob.os");
    await nats.pause(0);
    const all = Array.from({ length: 100 }, () => ask(ctx, "bob.os", "x".repeat(100_000)));
    expect(new Set(await Promise.all(all))).toEqual(new Set(["Offline"]));
    nats.resume(0);
    await untilAnswered(ctx, "bob.os");
  });

  test("paused or gone while a node stops: it stops all the same", async () => {
    const nats = await servers(1);
    const alice = await node("alice.os", nats.urls);
    const bob = await node("bob.os", nats.urls);
    await nats.pause(0);
    await alice.stop();
    await nats.kill(0);
    await until(isDown(bob));
    await bob.stop();
  });
});

describe("the way of one node", () => {
  test("slow when it starts: it is let in all the same", async () => {
    const nats = await servers(1);
    const gate = await openGate(nats.port(0));
    gate.stall();
    const starting = node("alice.os", [gate.url]);
    await Promise.race([starting, new Promise((resolve) => setTimeout(resolve, 2_000))]); // longer than one try
    gate.mend();
    await starting;
  });

  test("cut: Offline for the others at once, for itself after linkGrace; it comes back by itself", async () => {
    const nats = await servers(1);
    const gate = await openGate(nats.port(0));
    const alice = await node("alice.os", nats.urls);
    const bob = await node("bob.os", [gate.url], { limits: { linkGrace: 100 } });
    const carol = await node("carol.os", nats.urls);
    const ctx = await addAsker(alice);
    const ofBob = await addAsker(bob);
    await addAnswerer(bob, silentOr);
    await addAnswerer(carol);
    await untilAnswered(ctx, "bob.os");
    const waits = ask(ctx, "bob.os", "wait");
    gate.cut();
    expect(await waits).toBe("Offline");
    expect(await ask(ctx, "bob.os", 1)).toBe("Offline");
    expect(await ask(ofBob, "carol.os", 1)).toBe("Offline");
    expect(await ask(ctx, "carol.os", 2)).toBe(2);
    gate.mend();
    await untilAnswered(ctx, "bob.os");
    await untilAnswered(ofBob, "carol.os");
  });

  test("stalled, as with a machine that is gone or a node that is paused: Timeout by the requester's clock, others go on", async () => {
    const nats = await servers(1);
    const gate = await openGate(nats.port(0));
    const alice = await node("alice.os", nats.urls);
    const bob = await node("bob.os", [gate.url]);
    const carol = await node("carol.os", nats.urls);
    const ctx = await addAsker(alice);
    await addAnswerer(bob);
    await addAnswerer(carol);
    await untilAnswered(ctx, "bob.os");
    gate.stall();
    const all = Array.from({ length: 200 }, (_, i) => ask(ctx, "bob.os", `${i}${"x".repeat(20_000)}`, 0.3));
    expect(await ask(ctx, "carol.os", 1)).toBe(1);
    expect(new Set(await Promise.all(all))).toEqual(new Set(["Timeout"]));
    const [facts] = alice.kernel.link?.facts() ?? [];
    expect(facts?.unconfirmed).toBeLessThanOrEqual(1024 * 1024 + 21_000); // the window, and the frame that filled it
    gate.mend();
    await untilAnswered(ctx, "bob.os");
  });

  test("slow: what is sent there waits in order within its bounds, and another node is answered meanwhile", async () => {
    const nats = await servers(1);
    const gate = await openGate(nats.port(0));
    const alice = await node("alice.os", nats.urls);
    const bob = await node("bob.os", [gate.url]);
    const carol = await node("carol.os", nats.urls);
    const ctx = await addAsker(alice);
    const heard: unknown[] = [];
    await addAnswerer(bob, (body) => {
      heard.push((body as { readonly n: number }).n);
      return true;
    });
    await addAnswerer(carol);
    const filler = "x".repeat(60_000);
    while ((await ask(ctx, "bob.os", { n: -1 }, 1)) !== true);
    gate.slow(1_024);
    const all = Array.from({ length: 60 }, (_, n) => ask(ctx, "bob.os", { n, filler }));
    expect(await ask(ctx, "carol.os", 1)).toBe(1);
    const [facts] = alice.kernel.link?.facts() ?? [];
    expect(facts?.waiting).toBeGreaterThan(0); // 3.6 MB cannot have gone by a way of 1 MiB a second yet
    expect(facts?.unconfirmed).toBeLessThanOrEqual(1024 * 1024 + 61_000);
    expect(new Set(await Promise.all(all))).toEqual(new Set([true]));
    expect(heard.filter((n) => n !== -1)).toEqual(Array.from({ length: 60 }, (_, n) => n));
  });
});

describe("three servers, clustered", () => {
  test.each([
    ["killed", "kill"],
    ["paused", "pause"],
  ] as const)(
    "one %s under load: each request ends once, none is carried out twice or out of order, and nodes go on",
    async (_, how) => {
      const nats = await servers(3);
      const [one = "", two = "", three = ""] = nats.urls;
      const alice = await node("alice.os", [one, two, three]);
      const bob = await node("bob.os", [two, three, one]);
      const ctx = await addAsker(alice);
      const heard: unknown[] = [];
      await addAnswerer(bob, (body) => {
        if (typeof body === "number") heard.push(body);
        return body;
      });
      await untilAnswered(ctx, "bob.os");
      const ends: Promise<unknown>[] = [];
      let n = 0;
      const load = async (count: number): Promise<void> => {
        for (const last = n + count; n < last; n++) {
          ends.push(ask(ctx, "bob.os", n, 10));
          if (n % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
        }
      };
      await load(2_000);
      if (how === "kill") await nats.kill(1);
      else await nats.pause(1);
      await load(4_000);
      await untilAnswered(ctx, "bob.os");
      await load(2_000);
      const ended = await Promise.all(ends);
      expect(ended.length).toBe(8_000);
      const answered = ended.filter((end, i) => end === i).length;
      const others = ended.filter((end) => end === "Offline" || end === "Timeout" || end === "Overloaded").length;
      expect(answered + others).toBe(8_000);
      expect(answered).toBeGreaterThan(2_000);
      expect(new Set(heard).size).toBe(heard.length);
      expect(heard).toEqual([...heard].sort((a, b) => Number(a) - Number(b)));
    },
    60_000,
  );
});
