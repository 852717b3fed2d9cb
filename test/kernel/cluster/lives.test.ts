/** What holds a name, and for how long: leaving, being killed, frozen or cut off, and what is kept meanwhile. Over memory. */
import { afterEach, describe, expect, test } from "@jest/globals";
import type { KeptState, Node } from "../../../kernel/index.ts";
import { ProcessId } from "../../../lib/protocol/index.ts";
import { type Answer, ClusterNodes, SCHEDULER } from "../../support/cluster-nodes.ts";

const BEAT = 10_000; // ms, as limits.directoryBeat
const GONE = 30_000; // as limits.directoryGone
const LEASE = 25_000; // less clusterMargin

let cluster = new ClusterNodes();
afterEach(async () => {
  await cluster.stop();
  cluster = new ClusterNodes();
});

const room = (key: string | number): string => `room/${key}:chat:template.os`;

async function started(name: string): Promise<Node> {
  const node = await cluster.start(name);
  await cluster.addRooms(node);
  await cluster.addScheduler(node);
  await cluster.advance(2_100); // longer than the others use a list without it
  return node;
}

/** A room whose instance runs on `at`, having been asked once by `node`. */
async function roomAt(node: Node, at: string): Promise<string> {
  for (let key = 0; key < 100; key++) {
    const answer = (await cluster.ask(node, room(key), "where")) as Answer;
    if (answer.at === at) return room(key);
  }
  throw new Error(`no key of 100 is at ${at}`);
}

function keptOf(node: Node, name: string): KeptState {
  const kept = node.kernel.cluster?.keptOf(ProcessId.parse(name));
  if (kept === undefined) throw new Error(`${name} is not held by claims on ${node.name}`);
  return kept;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (value: Uint8Array | null): string | null => (value === null ? null : new TextDecoder().decode(value));

describe("a singleton", () => {
  test("runs once, without being asked, whoever starts first or later", async () => {
    const alice = await started("alice.os");
    expect(cluster.holders(SCHEDULER)).toEqual(["alice.os"]);
    const bob = await started("bob.os");
    await cluster.advance(3 * BEAT);
    expect(cluster.holders(SCHEDULER)).toEqual(["alice.os"]);
    expect(await cluster.ask(bob, SCHEDULER, 1)).toEqual({ at: "alice.os", key: null, count: 1 });
    expect(await cluster.ask(alice, `*@${SCHEDULER}`, 1)).toEqual({ at: "alice.os", key: null, count: 2 });
  });

  test("is taken over when its node leaves, by the next beat without being asked, or at once when somebody asks", async () => {
    await started("alice.os");
    const bob = await started("bob.os");
    const carol = await cluster.start("carol.os");
    await cluster.leave("alice.os");
    expect(cluster.holders(SCHEDULER)).toEqual([]);
    expect(await cluster.ask(carol, `*@${SCHEDULER}`, 1)).toMatchObject({ at: "bob.os", count: 1 });
    await cluster.addScheduler(carol);
    await cluster.leave("bob.os");
    expect(cluster.holders(SCHEDULER)).toEqual([]);
    await cluster.advance(3 * BEAT + 100);
    expect(cluster.holders(SCHEDULER)).toEqual(["carol.os"]);
    expect(cluster.faults(bob)).toEqual([]);
  });

  test("is taken over when its node is killed, once that is gone", async () => {
    await started("alice.os");
    const bob = await started("bob.os");
    cluster.kill("alice.os");
    await cluster.advance(LEASE);
    expect(cluster.holders(SCHEDULER)).toEqual([]);
    expect(await cluster.ask(bob, SCHEDULER, 1)).toBe("Offline");
    await cluster.advance(GONE - LEASE + 3 * BEAT);
    expect(cluster.holders(SCHEDULER)).toEqual(["bob.os"]);
  });

  test("that ends by itself or was given up begins again with a beat", async () => {
    const alice = await started("alice.os");
    expect(await cluster.ask(alice, SCHEDULER, "exit")).toMatchObject({ count: 1 });
    await cluster.settled();
    expect(cluster.holders(SCHEDULER)).toEqual([]);
    await cluster.advance(BEAT);
    expect(await cluster.ask(alice, SCHEDULER, 1)).toMatchObject({ count: 1 });
  });
});

describe("a node that leaves", () => {
  test("says so first, gives back what it holds, and is then gone; the next message finds another place", async () => {
    const alice = await started("alice.os");
    const bob = await started("bob.os");
    const name = await roomAt(alice, "bob.os");
    expect(cluster.claims.claim(name)).toMatchObject({ node: "bob.os" });
    const leaving = cluster.leave("bob.os");
    await cluster.settled();
    await leaving;
    expect(cluster.claims.claim(name)).toBeUndefined();
    const { nodes } = (await alice.kernel.roster?.nodes()) ?? { nodes: [] };
    expect(nodes.map(({ node }) => node)).toEqual(["alice.os"]);
    expect(await cluster.ask(alice, name, 1)).toMatchObject({ at: "alice.os", count: 1 });
    expect(cluster.faults(bob)).toEqual([]);
  });

  test("is no place for a name any more while it still runs, and answers for what it has", async () => {
    const alice = await started("alice.os");
    const bob = await started("bob.os");
    const name = await roomAt(alice, "bob.os");
    await bob.kernel.roster?.beginLeaving();
    await cluster.advance(2_100); // what alice knows of who has the program
    expect(await cluster.ask(alice, name, 1)).toMatchObject({ at: "bob.os", count: 2 });
    const { nodes } = (await alice.kernel.roster?.nodes()) ?? { nodes: [] };
    expect(nodes).toMatchObject([
      { node: "alice.os", leaving: false },
      { node: "bob.os", leaving: true, programs: ["room:chat:template.os", SCHEDULER] },
    ]);
    for (let key = 100; key < 120; key++)
      expect(await cluster.ask(alice, room(key), 1)).toMatchObject({ at: "alice.os" });
    for (let key = 120; key < 140; key++)
      expect(await cluster.ask(bob, room(key), 1)).toMatchObject({ at: "alice.os" });
  });
});

describe("a node that is killed", () => {
  test("is Offline until it is gone; then another takes what it held, and what that kept", async () => {
    const alice = await started("alice.os");
    const bob = await started("bob.os");
    const name = await roomAt(alice, "bob.os");
    await keptOf(bob, name).set(bytes("of bob"));
    cluster.kill("bob.os");
    expect(await cluster.ask(alice, name, 1)).toBe("Offline");
    await cluster.advance(LEASE - 1_000);
    expect(await cluster.ask(alice, name, 1)).toBe("Offline");
    await cluster.advance(GONE - LEASE + 2_000);
    expect(await cluster.ask(alice, name, 1)).toMatchObject({ at: "alice.os", count: 1 });
    expect(textOf(await keptOf(alice, name).get())).toBe("of bob");
  });

  test("names that nobody held go to another at once: it was not there for the first", async () => {
    const alice = await started("alice.os");
    await started("bob.os");
    await roomAt(alice, "bob.os"); // alice knows bob as a place
    cluster.kill("bob.os");
    const first = await Promise.all(Array.from({ length: 30 }, (_, i) => cluster.ask(alice, room(200 + i), 1)));
    expect(new Set(first.map((answer) => (answer === "Offline" ? answer : (answer as Answer).at)))).toEqual(
      new Set(["Offline", "alice.os"]),
    );
    for (let i = 0; i < 30; i++) expect(await cluster.ask(alice, room(200 + i), 1)).toMatchObject({ at: "alice.os" });
  });

  test("and is back at once under its name takes what it held, as its own life before is over", async () => {
    const alice = await started("alice.os");
    await started("bob.os");
    const name = await roomAt(alice, "bob.os");
    cluster.kill("bob.os");
    cluster.claims.mend("bob.os");
    cluster.directory.mend("bob.os");
    await started("bob.os");
    await cluster.ask(alice, "*@nobody:chat:template.os", 1);
    await cluster.advance(BEAT);
    const outcomes = [await cluster.ask(alice, name, 1), await cluster.ask(alice, name, 2)];
    expect(outcomes[1]).toMatchObject({ at: "bob.os" });
  });
});

describe("a node that is frozen", () => {
  test("past its lease: ends all it holds with its first turn, and another has it once", async () => {
    const alice = await started("alice.os");
    const bob = await started("bob.os");
    const name = await roomAt(alice, "bob.os");
    cluster.freeze("bob.os");
    await cluster.advance(GONE + 1_000);
    expect(await cluster.ask(alice, name, 1)).toMatchObject({ at: "alice.os", count: 1 });
    expect(cluster.holders(name)).toEqual(["alice.os", "bob.os"]); // the window: bob knows nothing yet
    const stale = keptOf(bob, name);
    cluster.thaw("bob.os");
    expect(cluster.held(bob)).toEqual([]);
    await expect(stale.set(bytes("of bob"))).rejects.toThrow(
      `Cannot keep the state of "${name}" as another node has that name now: this one ends`,
    );
    expect(cluster.faults(bob)).toEqual([
      expect.stringMatching(
        '^Cannot go on with "the processes of the cluster on bob.os" as this node could not say for 30000 ms that it is there: others may have them now. They end, \\d+ of them$',
      ),
    ]);
    await cluster.advance(BEAT);
    expect(cluster.holders(name)).toEqual(["alice.os"]);
    expect(await cluster.ask(bob, name, 2)).toMatchObject({ at: "alice.os", count: 2 });
    const [free] = await Promise.all([roomAt(alice, "bob.os")]); // it holds names again
    expect(cluster.holders(free)).toEqual(["bob.os"]);
  });

  test("with its clocks, as a machine that is paused: what it writes is refused, and ends it", async () => {
    const alice = await started("alice.os");
    const bob = await started("bob.os");
    const name = await roomAt(alice, "bob.os");
    const ofBob = keptOf(bob, name);
    await ofBob.set(bytes("before"));
    cluster.freeze("bob.os", true);
    await cluster.advance(GONE + 1_000);
    expect(await cluster.ask(alice, name, 1)).toMatchObject({ at: "alice.os" });
    await keptOf(alice, name).set(bytes("of alice"));
    cluster.thaw("bob.os");
    expect(cluster.holders(name)).toEqual(["alice.os", "bob.os"]); // its clocks say that all is well
    const fenced = `Cannot keep the state of "${name}" as another node has that name now: this one ends`;
    await expect(ofBob.set(bytes("of bob"))).rejects.toThrow(fenced);
    await expect(ofBob.get()).rejects.toThrow(fenced);
    expect(cluster.holders(name)).toEqual(["alice.os"]);
    expect(textOf(await keptOf(alice, name).get())).toBe("of alice");
    expect(cluster.faults(bob)).toEqual([
      `Cannot go on with "${name}" as another node has that name now: this one is ended`,
    ]);
  });

  test("the touch alone fences, before the new holder has written anything", async () => {
    const alice = await started("alice.os");
    const bob = await started("bob.os");
    const name = await roomAt(alice, "bob.os");
    const ofBob = keptOf(bob, name);
    cluster.freeze("bob.os", true);
    await cluster.advance(GONE + 1_000);
    await cluster.ask(alice, name, 1);
    await expect(ofBob.set(bytes("never read before"))).rejects.toThrow("another node has that name now");
    expect(await keptOf(alice, name).get()).toBeNull();
  });
});

describe("a node that cannot reach claims and directory", () => {
  test("who waits for one that ends so hears Offline, and what others hold of it is gone", async () => {
    const alice = await started("alice.os");
    const name = await roomAt(alice, "alice.os");
    const asked = cluster.ask(alice, name, "silence");
    const asker = cluster.asker(alice);
    const cap = { issuer: `alice.os@${name}`, params: '"messaging"' };
    const holder = alice.kernel.registry.get(asker.our.id);
    holder?.capabilities.add(cap);
    cluster.directory.fails = true;
    await cluster.advance(LEASE);
    expect(await asked).toBe("Offline");
    expect(holder?.capabilities.has(cap)).toBe(false);
  });

  test("ends what it holds before anybody may take it, and holds names again when it can", async () => {
    const alice = await started("alice.os");
    const bob = await started("bob.os");
    const name = await roomAt(alice, "bob.os");
    cluster.claims.cut("bob.os");
    cluster.directory.cut("bob.os");
    for (let ms = 0; ms < GONE + 2 * BEAT; ms += 1_000) {
      await cluster.advance(1_000);
      expect(cluster.holders(name).length).toBeLessThanOrEqual(1);
      expect(cluster.holders(SCHEDULER).length).toBeLessThanOrEqual(1);
      void cluster.ask(alice, name, 1);
    }
    expect(cluster.held(bob)).toEqual([]);
    expect(cluster.holders(name)).toEqual(["alice.os"]);
    expect(await cluster.ask(bob, room("new"), 1)).toBe("Offline");
    expect(cluster.faults(bob)).toEqual([
      expect.stringMatching("^Cannot keep a directory"),
      `Cannot find "${SCHEDULER}" as what tells who has it does not do what it is asked: nobody there. Are the servers there, most of them together, with room? It is Offline`,
      expect.stringMatching('^Cannot go on with "the processes of the cluster on bob.os" as this node could not say'),
    ]);
    cluster.claims.mend("bob.os");
    cluster.directory.mend("bob.os");
    await cluster.advance(BEAT + 100);
    expect(await cluster.ask(bob, name, 1)).toMatchObject({ at: "alice.os" });
    await roomAt(alice, "bob.os");
  });

  test("and all cannot: after directoryGone nobody holds anything; then they begin anew", async () => {
    const alice = await started("alice.os");
    const bob = await started("bob.os");
    const name = await roomAt(alice, "bob.os");
    cluster.directory.fails = true;
    await cluster.advance(LEASE);
    expect([...cluster.held(alice), ...cluster.held(bob)]).toEqual([]);
    expect(await cluster.ask(alice, name, 1)).toBe("Offline");
    cluster.directory.fails = false;
    await cluster.advance(3 * BEAT);
    expect(await cluster.ask(alice, name, 1)).toMatchObject({ count: 1 });
    expect(cluster.holders(SCHEDULER)).toHaveLength(1);
  });
});

test("two programs that come at once: what it says of itself is written, and no timer is lost or set twice", async () => {
  const alice = await cluster.start("alice.os");
  await cluster.settled();
  const timers = alice.kernel.wheel.size;
  await Promise.all([cluster.addRooms(alice), cluster.addScheduler(alice)]);
  await cluster.settled();
  expect(alice.kernel.wheel.size).toBe(timers);
  const { nodes } = (await alice.kernel.roster?.nodes()) ?? { nodes: [] };
  expect(nodes).toMatchObject([{ node: "alice.os", programs: ["room:chat:template.os", SCHEDULER] }]);
});

describe("what is kept", () => {
  test("outlives its instance, wherever the next runs, and can be deleted", async () => {
    const alice = await started("alice.os");
    const bob = await started("bob.os");
    const name = await roomAt(alice, "bob.os");
    expect(await keptOf(bob, name).get()).toBeNull();
    await Promise.all([keptOf(bob, name).set(bytes("one")), keptOf(bob, name).set(bytes("two"))]);
    expect(textOf(await keptOf(bob, name).get())).toBe("two");
    await cluster.leave("bob.os");
    await cluster.ask(alice, name, 1);
    expect(textOf(await keptOf(alice, name).get())).toBe("two");
    await keptOf(alice, name).set(null);
    expect(await keptOf(alice, name).get()).toBeNull();
  });

  test("a write whose answer was lost is kept; one that did not arrive is not, and says so", async () => {
    const alice = await started("alice.os");
    const name = await roomAt(alice, "alice.os");
    const kept = keptOf(alice, name);
    cluster.claims.loseAnswer("alice.os", "writeKept");
    await kept.set(bytes("arrived"));
    expect(textOf(await kept.get())).toBe("arrived");
    cluster.claims.cut("alice.os");
    await expect(kept.set(bytes("lost"))).rejects.toThrow(
      `Cannot keep the state of "${name}" as what holds it does not answer: what was kept before may be there still`,
    );
    cluster.claims.mend("alice.os");
    expect(textOf(await kept.get())).toBe("arrived");
    expect(cluster.holders(name)).toEqual(["alice.os"]);
  });

  test("a write that arrives after it was given up is known as its own, by the next read and by the next write", async () => {
    const alice = await started("alice.os");
    const name = await roomAt(alice, "alice.os");
    const kept = keptOf(alice, name);
    for (const next of [(): Promise<unknown> => kept.get(), (): Promise<unknown> => kept.set(bytes("next"))]) {
      cluster.claims.delay("alice.os", "writeKept");
      await expect(kept.set(bytes("late"))).rejects.toThrow("what was kept before may be there still");
      cluster.claims.arrive();
      await next();
    }
    expect(textOf(await kept.get())).toBe("next");
    expect(cluster.holders(name)).toEqual(["alice.os"]);
  });

  test("what another has written once more as it is, is not taken for a write of its own that was not answered", async () => {
    const alice = await started("alice.os");
    const bob = await started("bob.os");
    const name = await roomAt(alice, "bob.os");
    const ofBob = keptOf(bob, name);
    await ofBob.set(bytes("same"));
    cluster.freeze("bob.os", true);
    await cluster.advance(GONE + 1_000);
    expect(await cluster.ask(alice, name, 1)).toMatchObject({ at: "alice.os" });
    cluster.thaw("bob.os");
    cluster.claims.delay("bob.os", "writeKept");
    await expect(ofBob.set(bytes("same"))).rejects.toThrow("another node has that name now: this one ends");
    expect(cluster.holders(name)).toEqual(["alice.os"]);
    await keptOf(alice, name).set(bytes("of alice"));
  });

  test("nothing stays of a name that keeps nothing when it is given back; what is kept stays", async () => {
    const alice = await started("alice.os");
    for (const end of ["exit", "crash"]) {
      await cluster.ask(alice, room(1), end);
      await cluster.settled();
      expect([cluster.claims.claim(room(1)), cluster.claims.kept(room(1)).revision]).toEqual([undefined, 0]);
    }
    await cluster.ask(alice, room(1), "keeps");
    await keptOf(alice, room(1)).set(bytes("kept"));
    await cluster.ask(alice, room(1), "exit");
    await cluster.settled();
    expect(textOf(cluster.claims.kept(room(1)).value)).toBe("kept");
    await cluster.ask(alice, room(1), "deletes");
    await keptOf(alice, room(1)).set(null);
    await cluster.leave("alice.os");
    expect(cluster.claims.kept(room(1)).revision).toBe(0);
  });

  test("on a node that does not hold the name nothing is kept", async () => {
    const alice = await started("alice.os");
    const kept = alice.kernel.cluster?.keptOf(ProcessId.parse(room("nobody")));
    await expect(kept?.set(bytes("lost"))).rejects.toThrow(
      `Cannot keep the state of "${room("nobody")}" as another node has that name now: this one ends`,
    );
  });

  test("a claim whose answer was lost is taken all the same", async () => {
    const alice = await started("alice.os");
    cluster.claims.loseAnswer("alice.os", "take");
    expect(await cluster.ask(alice, room("x"), 1)).toMatchObject({ at: "alice.os", count: 1 });
  });
});
