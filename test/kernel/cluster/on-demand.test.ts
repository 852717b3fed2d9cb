/** Keyed families: an instance starts when it is first asked, once, and is found by anyone. Over memory. */
import { afterEach, expect, test } from "@jest/globals";
import { ClusterNodes } from "../../support/cluster-nodes.ts";

let cluster = new ClusterNodes();
afterEach(async () => {
  await cluster.stop();
  cluster = new ClusterNodes();
});

const FORTY_TWO = "room/42:chat:template.os";

test("an instance starts when it is first asked, and both nodes find it", async () => {
  const [alice, bob] = [await cluster.start("alice.os"), await cluster.start("bob.os")];
  await cluster.addRooms(alice);
  await cluster.addRooms(bob);
  await cluster.settled();
  const first = await cluster.ask(alice, FORTY_TWO, 1);
  const second = await cluster.ask(bob, `*@${FORTY_TWO}`, 2);
  expect(first).toMatchObject({ key: "42", count: 1 });
  expect(second).toMatchObject({ at: (first as { readonly at: string }).at, key: "42", count: 2 });
  expect(cluster.holders(FORTY_TWO)).toHaveLength(1);
});

test("a node that has no such program finds it by *", async () => {
  const [alice, bob] = [await cluster.start("alice.os"), await cluster.start("bob.os")];
  await cluster.addRooms(bob);
  await cluster.settled();
  expect(await cluster.ask(alice, `*@${FORTY_TWO}`, 1)).toEqual({ at: "bob.os", key: "42", count: 1 });
  expect(await cluster.ask(alice, FORTY_TWO, 1)).toBe("Offline");
});
