/** NATS servers that are cut off from each other, silently: docs/cluster.md, "What happens when…". */
import { afterEach, describe, expect, test } from "@jest/globals";
import type { Node } from "../../../kernel/index.ts";
import { NatsDirectory } from "../../../kernel/link/nats-directory.ts";
import { NatsStore } from "../../../kernel/link/nats-store.ts";
import { NatsWire } from "../../../kernel/link/nats-wire.ts";
import type { Context } from "../../../lib/process/index.ts";
import { type Apart, hasNamespaces, startApart, stopApart } from "../../support/apart.ts";
import { addAnswerer, addAsker, ask, linkedNode, PATIENCE_MS, stopLinkedNodes } from "../../support/link-nodes.ts";

const ABOUT = { address: null, version: null };
afterEach(async () => {
  await stopLinkedNodes();
  await stopApart();
});

const DIRECTORY = { name: "KV_dir", subjects: ["$KV.dir.>"], num_replicas: 3 } as const;
const LIMITS = { directoryBeat: 200, directoryGone: 3_000 };

/** @property heard by whom, in their order */
type Side = { readonly name: string; readonly node: Node; readonly ctx: Context; readonly heard: [string, number][] };

type Three = { readonly apart: Apart; readonly alice: Side; readonly bob: Side; readonly carol: Side };

async function three(options: Parameters<typeof startApart>[0] = {}): Promise<Three> {
  const apart = await startApart(options);
  const make = async (index: number, name: string): Promise<Side> => {
    const servers = [apart.ways[index]?.url ?? ""];
    const node = await linkedNode(new NatsWire({ node: name, servers, patienceMs: PATIENCE_MS }), name, {
      limits: LIMITS,
    });
    const heard: [string, number][] = [];
    await addAnswerer(node, (body) => {
      const [who, n] = body as [string, number];
      if (n !== 0) heard.push([who, n]);
      return n < 0 ? undefined : n;
    });
    return { name, node, ctx: await addAsker(node), heard };
  };
  const all = { alice: await make(0, "alice.os"), bob: await make(1, "bob.os"), carol: await make(2, "carol.os") };
  for (const from of Object.values(all))
    for (const to of Object.values(all)) if (to !== from) await untilIt(from, to, 0);
  return { apart, ...all };
}

/** @param n below 0: it is not answered; 0: it is not noted */
const asks = async (from: Side, to: Side, n: number, seconds = 3_600): Promise<unknown> =>
  await ask(from.ctx, to.name, [from.name, n], seconds);

/** Until a request ends so. */
async function untilIt(from: Side, to: Side, end: unknown): Promise<void> {
  await untilSo(async () => (await asks(from, to, 0, 1)) === end);
}

async function untilSo(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const last = Date.now() + 60_000; !(await holds()); ) {
    if (Date.now() > last) throw new Error(`waited a minute for ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Requests one after the other, some each turn of the loop, until it is stopped. */
function load(from: Side, to: Side, seconds: number): () => Promise<readonly unknown[]> {
  const ends: Promise<unknown>[] = [];
  const timer = setInterval(() => {
    for (let i = 0; i < 5; i++) ends.push(asks(from, to, ends.length + 1, seconds));
  }, 10);
  return async () => {
    clearInterval(timer);
    return await Promise.all(ends);
  };
}

/** Each ended once, as it may; what was carried out was so once and in order. @returns how many of each end */
function account(ends: readonly unknown[], from: Side, to: Side): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [i, end] of ends.entries()) {
    const kind = end === i + 1 ? "answered" : String(end);
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  expect(["answered", "Offline", "Overloaded", "Timeout"]).toEqual(expect.arrayContaining(Object.keys(counts)));
  const numbers = to.heard.filter(([who, n]) => who === from.name && n > 0).map(([, n]) => n);
  expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
  return counts;
}

const listed = async ({ node }: Side): Promise<string> => {
  const { nodes = [] } = (await node.kernel.roster?.nodes().catch(() => undefined)) ?? {};
  return nodes.map((facts) => facts.node).join(" ");
};

async function join(apart: Apart, sides: readonly Side[]): Promise<void> {
  const url = (index: number): string => apart.ways[index]?.url ?? "";
  const store = new NatsStore({ node: "admin", servers: [url(0)] });
  const { manager } = await store.open();
  const options = { ...DIRECTORY, subjects: [...DIRECTORY.subjects], allow_direct: true, allow_rollup_hdrs: true };
  await untilSo(() => manager.streams.add({ ...options, max_msgs_per_subject: 1 }).then(Boolean, () => false));
  await store.close();
  for (const [i, { node, name }] of sides.entries())
    await node.join(new NatsDirectory(new NatsStore({ node: name, servers: [url(i)] })), () => ABOUT);
}

describe(`by ${hasNamespaces() ? "network namespaces" : "gates, as there are no network namespaces to be had"}`, () => {
  test("one server cut off from both others, silently: Timeout until TCP gives up, then Offline; healed, all is answered", async () => {
    const { apart, alice, bob, carol } = await three();
    const sides = [alice, bob, carol];
    await join(apart, sides);
    for (const side of sides) await untilSo(async () => (await listed(side)) === "alice.os bob.os carol.os");
    const waiting = [asks(alice, bob, -1), asks(bob, alice, -1)];
    await untilSo(() => bob.heard.length === 1 && alice.heard.length === 1);
    const [toBob, toAlice, toCarol] = [load(alice, bob, 1), load(bob, alice, 1), load(bob, carol, 20)];
    await apart.isolate(0);
    expect(await asks(alice, bob, 0, 0.5)).toBe("Timeout");
    await apart.noticed();
    expect(await Promise.all(waiting)).toEqual(["Offline", "Offline"]); // an hour was their time
    await untilIt(alice, bob, "Offline");
    await untilIt(bob, alice, "Offline");
    await untilIt(carol, alice, "Offline");
    await untilSo(async () => (await listed(bob)) === "bob.os carol.os");
    await untilSo(async () => (await listed(alice)) === ""); // it has not the most of the servers
    await apart.mend();
    for (const from of sides) for (const to of sides) if (from !== to) await untilIt(from, to, 0);
    for (const side of sides) await untilSo(async () => (await listed(side)) === "alice.os bob.os carol.os");
    account(await toBob(), alice, bob);
    account(await toAlice(), bob, alice);
    const ends = await toCarol();
    expect(account(ends, bob, carol)).toEqual({ answered: ends.length });
  }, 120_000);

  test("healed before TCP gives up: what was sent meanwhile comes late, in order and once; nobody hears Offline", async () => {
    const { apart, alice, bob } = await three({ retries: 5 }); // some seconds more: TCP must not give up meanwhile
    await apart.isolate(0);
    const [brief, patient] = [asks(alice, bob, 1, 0.3), asks(alice, bob, 2, 60)];
    expect(await brief).toBe("Timeout");
    await apart.mend();
    expect(await patient).toBe(2);
    expect(bob.heard).toEqual([
      ["alice.os", 1], // its requester waits no more: nothing tells the other so
      ["alice.os", 2],
    ]);
  }, 120_000);

  test("one way only: nobody between these two is answered, a third goes on with both; healed, all is answered", async () => {
    const { apart, alice, bob, carol } = await three();
    const [toBob, toAlice] = [load(alice, bob, 1), load(bob, alice, 1)];
    const [ofAlice, ofBob] = [load(carol, alice, 20), load(carol, bob, 20)];
    await apart.drop(0, 1);
    expect(await asks(alice, bob, 0, 0.5)).toBe("Timeout");
    expect(await asks(bob, alice, 0, 0.5)).toBe("Timeout"); // carried out: its answer goes the way that is cut
    await apart.noticed();
    await untilIt(alice, bob, "Offline");
    await untilIt(bob, alice, "Offline"); // no server asks a third to pass it on
    await apart.mend();
    await untilIt(alice, bob, 0);
    await untilIt(bob, alice, 0);
    account(await toBob(), alice, bob);
    account(await toAlice(), bob, alice);
    for (const [stop, to] of [
      [ofAlice, alice],
      [ofBob, bob],
    ] as const) {
      const ends = await stop();
      expect(account(ends, carol, to)).toEqual({ answered: ends.length });
    }
  }, 120_000);

  test("a node cut off from its server: Offline for the others at once, and for it after linkGrace; servers go on", async () => {
    const { apart, alice, bob, carol } = await three();
    const [waits, toCarol] = [asks(bob, alice, -1), load(bob, carol, 20)];
    await untilSo(() => alice.heard.length === 1);
    apart.ways[0]?.cut();
    expect(await waits).toBe("Offline");
    expect(await asks(bob, alice, 0)).toBe("Offline");
    expect(await asks(alice, bob, 0)).toBe("Offline");
    apart.ways[0]?.mend();
    await untilIt(alice, bob, 0);
    await untilIt(bob, alice, 0);
    const ends = await toCarol();
    expect(account(ends, bob, carol)).toEqual({ answered: ends.length });
  }, 120_000);

  test("a slow route: what goes there waits in order, within bounds; another node is answered meanwhile", async () => {
    const { apart, alice, bob, carol } = await three();
    await apart.slow(1, 512);
    const filler = "x".repeat(30_000);
    const all = Array.from({ length: 60 }, (_, i) => ask(alice.ctx, bob.name, [alice.name, i + 1, filler]));
    expect(await asks(alice, carol, 0)).toBe(0);
    const facts = alice.node.kernel.link?.facts().find(({ node }) => node === bob.name);
    expect(facts?.waiting).toBeGreaterThan(0); // 1.8 MB have not gone by a way of 512 KiB a second yet
    expect(account(await Promise.all(all), alice, bob)).toEqual({ answered: 60 });
  }, 120_000);
});
