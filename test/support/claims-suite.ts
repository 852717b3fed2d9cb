/**
 * What holds of any Claims: the same tests over memory and NATS.
 *
 *   describe("over nats", () => claimsSuite(async () => [await claimsOf("alice.os"), await claimsOf("bob.os")]));
 */
import { beforeEach, expect, test } from "@jest/globals";
import type { Claim, Claims } from "../../kernel/cluster/claims.ts";

const ROOM = "room/42:chat:template.os";
const ALICE = { node: "alice.os", life: "a1" };
const BOB = { node: "bob.os", life: "b1" };
const AT_ONCE = 20; // names: a store answers within 2 s, and a busy machine does not have hundreds of answers by then
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** @param make two nodes' view of one cluster's, new for each test */
export function claimsSuite(make: () => Promise<readonly [Claims, Claims]>): void {
  let alice: Claims;
  let bob: Claims;
  beforeEach(async () => {
    [alice, bob] = await make();
  });

  test("a name that nobody took is nobody's, and nothing was ever kept for it", async () => {
    expect(await alice.read(ROOM)).toBeUndefined();
    expect(await alice.readKept(ROOM)).toEqual({ value: null, revision: 0 });
  });

  test("who takes it has it, and the others see so at once", async () => {
    const claim = await alice.take(ROOM, ALICE, null);
    expect(claim).toEqual({ name: ROOM, ...ALICE, revision: expect.any(Number) });
    expect(await bob.read(ROOM)).toEqual(claim);
    expect(await bob.take(ROOM, BOB, null)).toBeUndefined();
    expect(await alice.read(ROOM)).toEqual(claim);
  });

  test("it is taken over in the place of what was read, and of nothing else", async () => {
    const first = await alice.take(ROOM, ALICE, null);
    const second = await bob.take(ROOM, BOB, held(first));
    expect(second).toMatchObject(BOB);
    expect(held(second).revision).toBeGreaterThan(held(first).revision);
    expect(await alice.take(ROOM, ALICE, held(first))).toBeUndefined();
    expect(await alice.read(ROOM)).toEqual(second);
  });

  test("given back it is nobody's, and taken anew it has a greater revision", async () => {
    const first = await alice.take(ROOM, ALICE, null);
    await alice.release(held(first));
    expect(await bob.read(ROOM)).toBeUndefined();
    const second = await bob.take(ROOM, BOB, null);
    expect(held(second).revision).toBeGreaterThan(held(first).revision);
    expect(await alice.take(ROOM, ALICE, held(first))).toBeUndefined();
  });

  test("what another has taken since cannot be given back; giving back twice does nothing", async () => {
    const first = await alice.take(ROOM, ALICE, null);
    const second = await bob.take(ROOM, BOB, held(first));
    await alice.release(held(first));
    expect(await alice.read(ROOM)).toEqual(second);
    await bob.release(held(second));
    await bob.release(held(second));
    expect(await alice.read(ROOM)).toBeUndefined();
  });

  test("of two that take at once, for 200 names, one has each and the other is told", async () => {
    await forEachOf(200, async (name) => {
      const both = await Promise.all([alice.take(name, ALICE, null), bob.take(name, BOB, null)]);
      const won = both.filter((claim) => claim !== undefined);
      expect(won).toHaveLength(1);
      expect(await alice.read(name)).toEqual(won[0]);
    });
  }, 120_000);

  test("of two that take over at once, or write, for 200 names, one does and the other is told", async () => {
    await forEachOf(200, async (name) => {
      const over = held(await alice.take(name, { node: "gone.os", life: "g" }, null));
      const takes = await Promise.all([bob.take(name, BOB, over), alice.take(name, ALICE, over)]);
      const [won, ...more] = takes.filter((claim) => claim !== undefined);
      expect(more).toEqual([]);
      expect([won]).toEqual([await alice.read(name)]);
      const first = held(await alice.writeKept(name, bytes("one"), 0));
      const two = await Promise.all([
        bob.writeKept(name, bytes("bob"), first),
        alice.writeKept(name, bytes("alice"), first),
      ]);
      expect(two.filter((revision) => revision !== undefined)).toEqual([(await bob.readKept(name)).revision]);
    });
  }, 120_000);

  test("of one that takes over and one that gives back at once, one does", async () => {
    await forEachOf(100, async (name) => {
      const claim = held(await alice.take(name, ALICE, null));
      const [, taken] = await Promise.all([alice.release(claim), bob.take(name, BOB, claim)]);
      expect(await alice.read(name)).toEqual(taken);
    });
  }, 120_000);

  test("state is written in the place of what was read, and read by all", async () => {
    const first = held(await alice.writeKept(ROOM, bytes("one"), 0));
    expect(await bob.readKept(ROOM)).toEqual({ value: bytes("one"), revision: first });
    const second = held(await bob.writeKept(ROOM, bytes("two"), first));
    expect(second).toBeGreaterThan(first);
    expect(await alice.writeKept(ROOM, bytes("late"), first)).toBeUndefined();
    expect(await alice.writeKept(ROOM, bytes("late"), 0)).toBeUndefined();
    expect(await alice.readKept(ROOM)).toEqual({ value: bytes("two"), revision: second });
  });

  test("state that is deleted has a revision: whoever wrote before it is refused", async () => {
    const first = held(await alice.writeKept(ROOM, bytes("one"), 0));
    const second = held(await bob.writeKept(ROOM, null, first));
    expect(await alice.readKept(ROOM)).toEqual({ value: null, revision: second });
    expect(await alice.writeKept(ROOM, bytes("late"), first)).toBeUndefined();
    expect(await alice.writeKept(ROOM, bytes("late"), 0)).toBeUndefined();
    const third = held(await alice.writeKept(ROOM, new Uint8Array(), second));
    expect(await bob.readKept(ROOM)).toEqual({ value: new Uint8Array(), revision: third });
  });

  test("any name of a process may be held, each apart from the others", async () => {
    const names = ["a:b:c", "A:b:c", "a/b:c:d", "a.b:c:d", "a=2Fb:c:d", "ä*> ✓🚪:c:d", `${"x".repeat(200)}:chat:me.os`];
    const taken: Claim[] = [];
    for (const name of names) taken.push(held(await alice.take(name, ALICE, null)));
    for (const [index, name] of names.entries()) expect(await bob.read(name)).toEqual(taken[index]);
  });
}

/** So many names, AT_ONCE at a time. */
async function forEachOf(count: number, work: (name: string) => Promise<void>): Promise<void> {
  const names = Array.from({ length: count }, (_, i) => `room/${i}:chat:template.os`);
  while (names.length > 0) await Promise.all(names.splice(0, AT_ONCE).map(work));
}

function held<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("it was not taken");
  return value;
}
