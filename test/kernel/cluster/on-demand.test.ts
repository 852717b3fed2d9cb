/** Keyed families: an instance starts when it is first asked, once, and is found by anyone. Over memory. */
import { afterEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Node } from "../../../kernel/index.ts";
import { ProcessId, toAddress } from "../../../lib/protocol/index.ts";
import { type Answer, ClusterNodes, ROOM } from "../../support/cluster-nodes.ts";

let cluster = new ClusterNodes();
afterEach(async () => {
  await cluster.stop();
  cluster = new ClusterNodes();
});

const FORTY_TWO = "room/42:chat:template.os";
const room = (key: string | number): string => `room/${key}:chat:template.os`;

async function withRooms(names: readonly string[], limits: Readonly<Record<string, number>> = {}): Promise<Node[]> {
  const nodes: Node[] = [];
  for (const name of names) {
    const node = await cluster.start(name, limits);
    await cluster.addRooms(node);
    nodes.push(node);
  }
  await cluster.settled();
  return nodes;
}

async function two(): Promise<readonly [alice: Node, bob: Node]> {
  const [alice, bob] = await withRooms(["alice.os", "bob.os"]);
  if (alice === undefined || bob === undefined) throw new Error("they have not started");
  return [alice, bob];
}

test("an instance starts when it is first asked, and both nodes find it", async () => {
  const [alice, bob] = await two();
  const first = (await cluster.ask(alice, FORTY_TWO, 1)) as Answer;
  expect(first).toMatchObject({ key: "42", count: 1 });
  expect(await cluster.ask(bob, `*@${FORTY_TWO}`, 2)).toEqual({ ...first, count: 2 });
  expect(await cluster.ask(bob, FORTY_TWO, 3)).toEqual({ ...first, count: 3 });
  expect(await cluster.ask(alice, `*@${FORTY_TWO}`, 4)).toEqual({ ...first, count: 4 });
  expect(cluster.holders(FORTY_TWO)).toEqual([first.at]);
});

test("a node that has no such program finds it by *, and only so", async () => {
  const alice = await cluster.start("alice.os");
  await withRooms(["bob.os"]);
  expect(await cluster.ask(alice, `*@${FORTY_TWO}`, 1)).toEqual({ at: "bob.os", key: "42", count: 1 });
  expect(await cluster.ask(alice, FORTY_TWO, 1)).toBe("Offline");
});

test("instances are spread over the nodes, and each node says the same of where", async () => {
  const [alice, bob] = await two();
  const places = await Promise.all(
    Array.from({ length: 40 }, async (_, key) => {
      const [byAlice, byBob] = await Promise.all([
        cluster.ask(alice, room(key), "a"),
        cluster.ask(bob, room(key), "b"),
      ]);
      expect((byAlice as Answer).at).toBe((byBob as Answer).at);
      return (byAlice as Answer).at;
    }),
  );
  expect(new Set(places)).toEqual(new Set(["alice.os", "bob.os"]));
  expect(cluster.held(alice).length + cluster.held(bob).length).toBe(40);
});

test("what waits while a name is looked for comes in order, what is sent meanwhile too", async () => {
  const [alice, bob] = await two();
  const far = await keyAt(alice, "bob.os");
  const near = await keyAt(alice, "alice.os");
  cluster.taken.length = 0;
  for (const [node, key] of [
    [alice, `${far}-x`],
    [alice, `${near}-x`],
    [bob, `${far}-y`],
  ] as const) {
    cluster.claims.hold();
    for (let i = 0; i < 20; i++) cluster.tell(node, room(key), i);
    await cluster.settled();
    cluster.claims.release();
    for (let i = 20; i < 40; i++) cluster.tell(node, room(key), i);
    expect(await cluster.ask(node, room(key), 40)).toMatchObject({ count: 41 });
    const bodies = cluster.taken.splice(0).map((line) => Number(line.split(" ")[1]));
    expect(bodies).toEqual(Array.from({ length: 41 }, (_, i) => i));
  }
});

test("what waits since a search was given up comes before what is sent when that one has an end after all", async () => {
  const [alice] = await withRooms(["alice.os"], { clusterFind: 1_000 });
  if (alice === undefined) throw new Error("it has not started");
  cluster.claims.hold();
  const first = cluster.ask(alice, FORTY_TWO, "given up");
  await cluster.advance(1_100);
  expect(await first).toBe("Offline");
  cluster.tell(alice, FORTY_TWO, "waits");
  await cluster.settled();
  cluster.claims.release();
  const { registry } = alice.kernel;
  const isThere = (): boolean => registry.get(ProcessId.parse(FORTY_TWO)) !== undefined;
  for (let i = 0; i < 100 && !isThere(); i++) await null;
  expect(isThere()).toBe(true);
  cluster.tell(alice, FORTY_TWO, "behind it");
  await cluster.settled();
  expect(cluster.taken).toEqual(["room/42@alice.os waits", "room/42@alice.os behind it"]);
});

test("of nodes that ask at the same moment one starts it, in whatever order the claims answer", async () => {
  const orders = fc.array(fc.nat(7), { minLength: 5, maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(orders, async (order) => {
      const nodes = await withRooms(["alice.os", "bob.os", "carol.os"]);
      cluster.claims.hold();
      const asks = nodes.flatMap((node) => [cluster.ask(node, FORTY_TWO, 1), cluster.ask(node, FORTY_TWO, 2)]);
      await cluster.settled();
      for (const which of order) {
        cluster.claims.step(which);
        await cluster.settled();
      }
      cluster.claims.release();
      const outcomes = await Promise.all(asks);
      expect(cluster.holders(FORTY_TWO)).toHaveLength(1);
      const answers = outcomes.filter((outcome): outcome is Answer => typeof outcome === "object");
      expect(answers.length).toBe(cluster.taken.length);
      expect(answers.length).toBeGreaterThan(0);
      expect(new Set(answers.map(({ at }) => at))).toEqual(new Set(cluster.holders(FORTY_TWO)));
      await cluster.stop();
      cluster = new ClusterNodes();
    }),
    { numRuns: 12 },
  );
});

test("an instance that ends gives its name back, and the next message starts it anew", async () => {
  const [alice] = await two();
  const near = room(await keyAt(alice, "alice.os"));
  expect(cluster.claims.claim(near)).toMatchObject({ node: "alice.os" });
  expect(await cluster.ask(alice, near, "exit")).toMatchObject({ count: 2 });
  await cluster.settled();
  expect(cluster.claims.claim(near)).toBeUndefined();
  expect(await cluster.ask(alice, near, 1)).toMatchObject({ count: 1 });
  expect(await cluster.ask(alice, near, "crash")).toBe("Offline");
  expect(await cluster.ask(alice, near, 1)).toMatchObject({ count: 1 });
});

test("one that was remembered elsewhere and is there no more is found anew by the next, an answer expected or not", async () => {
  const [alice, bob] = await two();
  const key = room(await keyAt(alice, "bob.os"));
  bob.kernel.cluster?.remove(ProcessId.parse(ROOM), true);
  await cluster.settled();
  expect(cluster.holders(key)).toEqual([]);
  cluster.taken.length = 0;
  cluster.tell(alice, key, "lost"); // to bob, as he had it; he says that he has not
  await cluster.settled();
  expect(cluster.taken).toEqual([]);
  expect(cluster.letters(bob)).toEqual([`offline bob.os@${key}`]);
  await cluster.advance(2_100); // what alice knows of who has the program
  expect(await cluster.ask(alice, key, "found")).toMatchObject({ at: "alice.os", count: 1 });
});

describe("bounds", () => {
  test("so many messages wait for one name: one more is Overloaded, and what is over makes room", async () => {
    const [alice] = await withRooms(["alice.os"], { clusterWaiting: 3 });
    if (alice === undefined) throw new Error("it has not started");
    cluster.claims.hold();
    const asker = cluster.asker(alice);
    const short = asker.request(FORTY_TWO).body("short").expectsResponse(1).sendAndAwaitResponse();
    const waiting = [cluster.ask(alice, FORTY_TWO, 1), cluster.ask(alice, FORTY_TWO, 2)];
    expect(await cluster.ask(alice, FORTY_TWO, 3)).toBe("Overloaded");
    const [timeout] = await Promise.all([short.catch((error: unknown) => error), cluster.advance(1_100)]);
    expect(timeout).toMatchObject({ kind: "Timeout" });
    waiting.push(cluster.ask(alice, FORTY_TWO, 4));
    cluster.claims.release();
    expect(await Promise.all(waiting)).toMatchObject([{ count: 1 }, { count: 2 }, { count: 3 }]);
    expect(cluster.taken).toEqual(["room/42@alice.os 1", "room/42@alice.os 2", "room/42@alice.os 4"]);
  });

  test("so many names are looked for at once: one more is Overloaded", async () => {
    const [alice] = await withRooms(["alice.os"], { clusterFinding: 2 });
    if (alice === undefined) throw new Error("it has not started");
    cluster.claims.hold();
    const asks = [cluster.ask(alice, room(1), 1), cluster.ask(alice, room(2), 2)];
    expect(await cluster.ask(alice, room(3), 3)).toBe("Overloaded");
    cluster.claims.release();
    expect(await Promise.all(asks)).toMatchObject([{ count: 1 }, { count: 1 }]);
    expect(await cluster.ask(alice, room(3), 3)).toMatchObject({ count: 1 });
  });

  test("so many run on one node: one more is Overloaded, also where another node asks, until one ends", async () => {
    const [alice] = await withRooms(["alice.os"], { clusterProcesses: 2 });
    const bob = await cluster.start("bob.os");
    if (alice === undefined) throw new Error("it has not started");
    await cluster.ask(alice, room(1), 1);
    await cluster.ask(alice, room(2), 1);
    expect(await cluster.ask(alice, room(3), 1)).toBe("Overloaded");
    expect(await cluster.ask(bob, `*@${room(3)}`, 1)).toBe("Overloaded");
    await cluster.ask(alice, room(1), "exit");
    expect(await cluster.ask(bob, `*@${room(3)}`, 1)).toMatchObject({ at: "alice.os" });
  });

  test("a search that takes too long is Offline, and what comes of it later is used", async () => {
    const [alice] = await withRooms(["alice.os"], { clusterFind: 500 });
    if (alice === undefined) throw new Error("it has not started");
    cluster.claims.hold();
    const ask = cluster.ask(alice, FORTY_TWO, "late");
    await cluster.advance(600);
    expect(await ask).toBe("Offline");
    cluster.claims.release();
    expect(await cluster.ask(alice, FORTY_TWO, "next")).toMatchObject({ count: 1 });
    expect(cluster.taken).toEqual(["room/42@alice.os next"]);
  });
});

describe("who may", () => {
  const OTHER = "other:other:template.os";

  test("another package's process: not, unless it is public, or the family granted it", async () => {
    const alice = await cluster.start("alice.os");
    const bob = await cluster.start("bob.os");
    await cluster.addRooms(alice, { grantCapabilities: [OTHER] });
    const granted = cluster.asker(alice, OTHER, false);
    const stranger = cluster.asker(alice, "stranger:other:template.os", false);
    const far = cluster.asker(bob, OTHER);
    await cluster.settled();
    expect(await cluster.ask(alice, FORTY_TWO, 1, stranger)).toBe("Denied");
    expect(await cluster.ask(bob, `*@${FORTY_TWO}`, 1, far)).toBe("Denied");
    expect(cluster.holders(FORTY_TWO)).toEqual([]); // nor does it start for those
    expect(await cluster.ask(alice, FORTY_TWO, 1, granted)).toMatchObject({ count: 1 });
    expect(await cluster.ask(alice, FORTY_TWO, 1, granted)).toMatchObject({ count: 2 });
    expect(await cluster.ask(alice, FORTY_TWO, 1, stranger)).toBe("Denied");
    expect(await cluster.ask(bob, `*@${FORTY_TWO}`, 1, far)).toBe("Denied");
    expect(granted.capabilities.canMessage(toAddress(FORTY_TWO, "alice.os"))).toBe(true);
    expect(granted.capabilities.canMessage(toAddress(room(43), "alice.os"))).toBe(true);
    expect(stranger.capabilities.canMessage(toAddress(FORTY_TWO, "alice.os"))).toBe(false);
  });

  test("nothing is started by who may not message it, also when it may use the network", async () => {
    const [alice] = await two();
    const stranger = cluster.asker(alice, "stranger:other:me.os");
    for (let key = 0; key < 20; key++) {
      expect(await cluster.ask(alice, room(key), 1, stranger)).toBe("Denied");
      expect(await cluster.ask(alice, `*@${room(key)}`, 1, stranger)).toBe("Denied");
      expect(cluster.holders(room(key))).toEqual([]);
    }
  });

  test("a public one takes them, from other nodes too", async () => {
    const alice = await cluster.start("alice.os");
    const bob = await cluster.start("bob.os");
    await cluster.addRooms(alice, { public: true });
    await cluster.settled();
    const far = cluster.asker(bob, OTHER);
    expect(await cluster.ask(bob, `*@${FORTY_TWO}`, 1, far)).toMatchObject({ at: "alice.os", count: 1 });
  });

  test("without the network capability nothing leaves: Denied where the instance is elsewhere, not where it is here", async () => {
    const [alice] = await two();
    const kept = cluster.asker(alice, "kept:chat:template.os", false);
    const near = room(await keyAt(alice, "alice.os"));
    const far = room(await keyAt(alice, "bob.os"));
    const carried = cluster.net.carried.length;
    expect(await cluster.ask(alice, near, 1, kept)).toMatchObject({ at: "alice.os" });
    expect(await cluster.ask(alice, far, 1, kept)).toBe("Denied");
    expect(await cluster.ask(alice, "*@nobody/1:chat:template.os", 1, kept)).toBe("Denied");
    expect(cluster.net.carried.length).toBe(carried);
  });
});

describe("names", () => {
  test.each(["", "a b", "a/b", "é", "a@b", "x".repeat(129)])("the key %j is none: Offline", async (key) => {
    const [alice] = await two();
    expect(new ProcessId(`room/${key}`, "chat", "template.os").isInstance()).toBe(false);
    if (key.includes("@")) return; // no address at all
    expect(await cluster.ask(alice, room(key), 1)).toBe("Offline");
    expect(await cluster.ask(alice, `*@${room(key)}`, 1)).toBe("Offline");
    expect(cluster.claims.asked).toEqual([]);
  });

  test.each(["0", "A-Z.a_z", "x".repeat(128)])("the key %j is one, and its process has it", async (key) => {
    const [alice] = await two();
    expect(await cluster.ask(alice, room(key), 1)).toMatchObject({ key, count: 1 });
  });

  test("the bare name of a family, and a key of what has none, are nobody's", async () => {
    const [alice] = await two();
    await cluster.addScheduler(alice);
    await cluster.settled();
    expect(await cluster.ask(alice, ROOM, 1)).toBe("Offline");
    expect(await cluster.ask(alice, `*@${ROOM}`, 1)).toBe("Offline");
    expect(await cluster.ask(alice, "scheduler/1:chat:template.os", 1)).toBe("Offline");
    expect(await cluster.ask(alice, "*@asker:chat:template.os", 1)).toBe("Offline"); // an ordinary one: each node has its own
    expect(cluster.asker(alice).key).toBeUndefined();
  });

  test("nobody else may take them", async () => {
    const [alice] = await two();
    const asker = cluster.asker(alice);
    const spawn = (name: string): Promise<unknown> =>
      asker.spawn({ name, program: cluster.counter() }).catch((error: unknown) => String(error));
    expect(await spawn("room")).toBe(
      `SpawnError: Cannot start process "${ROOM}" as that is a process of the cluster: choose another name`,
    );
    expect(await spawn("room/7")).toBe(
      'SpawnError: Cannot start process "room/7:chat:template.os" as a name has only the letters a-z 0-9 - _ (a publisher also dots)',
    );
    await expect(cluster.addRooms(alice)).rejects.toThrow(
      `Cannot start process "${ROOM}" as a process of that name exists: choose another, or kill it first`,
    );
  });

  test("so many programs as a node's record can say", async () => {
    const alice = await cluster.start("alice.os");
    const long = "x".repeat(1_550);
    const add = (name: string): Promise<void> =>
      alice.addClusterProcess(new ProcessId(name, "chat", "template.os"), "keyed", cluster.counter());
    await add(`a${long}`);
    await expect(add(`b${long}`)).rejects.toThrow(
      `Cannot add "b${long}:chat:template.os" as the names of this node's programs of the cluster may have 3072 bytes together, with it they have 3143: choose shorter ones, or run some on other nodes`,
    );
  });
});

/** A key whose instance runs on `at`, having been asked once by `node`. */
async function keyAt(node: Node, at: string): Promise<string> {
  for (let key = 0; key < 100; key++) {
    const answer = (await cluster.ask(node, room(`at${key}`), "where")) as Answer;
    if (answer.at === at) return `at${key}`;
  }
  throw new Error(`no key of 100 is at ${at}`);
}
