/** What is lost between two nodes that share channels, and what grows: docs/adr/0035, docs/cluster.md. */
import { afterEach, expect, test } from "@jest/globals";
import { FarChannels } from "../../../http-server/far-channels.ts";
import type { FarParts } from "../../../http-server/far-owners.ts";
import { type Context, defineProcess, type Open } from "../../../lib/process/index.ts";
import { hear, OK, openChannel, until } from "../../support/channels.ts";
import { addFar, cluster, stopCluster, WIRES } from "../../support/cluster.ts";
import { P, Q } from "../../support/node.ts";
import { Recorder } from "../../support/recorder.ts";

const MEMORY = WIRES[0];
const FAR = { target_process: `bob.os@${P}` };

afterEach(stopCluster);

async function start2(options = {}) {
  const made = await cluster(MEMORY[0]);
  const alice = await made.start("alice.os", MEMORY[1], options);
  const bob = await made.start("bob.os", MEMORY[1], options);
  const p = new Recorder();
  return { ...made, alice, bob, p, process: addFar(bob, P, p.program) };
}

test("a push that is lost on its way to the socket's node ends the channel: there is no hole in what its client hears", async () => {
  const { alice, bob, net } = await start2();
  let ctx: Context | undefined;
  let open: Open | undefined;
  addFar(
    bob,
    Q,
    defineProcess({
      onOpen: (_state, opened: Open, own) => {
        ctx = own as Context;
        open = opened;
      },
    }),
  );
  const { client } = await openChannel(alice, { target_process: `bob.os@${Q}` });
  await until(() => open !== undefined);
  await net.settled();
  if (open === undefined) return;
  ctx?.push(open, "one");
  await net.settled();
  net.lose("bob.os", "alice.os", 1);
  ctx?.push(open, "two");
  await net.settled();
  ctx?.push(open, "three");
  expect(await client.nextText()).toBe("one");
  expect((await client.nextClose()).code).toBe(1013);
});

test.each([
  ["alice.os", "bob.os"],
  ["bob.os", "alice.os"],
])(
  "%s is between two servers when something is sent to it: the channel ends; one that nothing was sent on goes on",
  async (away, from) => {
    const { alice, net, p } = await start2();
    const { client, id } = await openChannel(alice, FAR);
    expect(await hear(p, 1)).toEqual([`open ${id}`]);
    await net.settled();
    net.away(away);
    net.mend(away);
    client.sendText("one");
    expect(await hear(p, 1)).toEqual([`text ${id} one`]);
    await net.settled();
    const asked = (): number => net.carried.filter((each) => each.from === from && each.lane === "q").length;
    const before = asked();
    net.away(away);
    if (from === "alice.os") client.sendText("two");
    else expect(await p.ask({ WebSocketSubscribe: { channel_id: id, topic: "t", node: "alice.os" } })).toEqual(OK);
    await until(() => asked() > before);
    await net.settled();
    net.mend(away);
    expect((await client.nextClose()).code).toBe(1013);
    expect(await hear(p, 1)).toEqual([`close ${id} 1006 the node of the channel cannot be reached`]);
  },
);

test("a process whose end is lost on the way leaves no client with nobody", async () => {
  const { alice, net, process, p } = await start2();
  const { client, id } = await openChannel(alice, FAR);
  expect(await hear(p, 1)).toEqual([`open ${id}`]);
  await net.settled();
  net.lose("bob.os", "alice.os", 1);
  process.kill();
  expect((await client.nextClose()).code).toBe(1013);
});

test("a subscription that is lost on the way ends the channel", async () => {
  const { alice, net, p } = await start2();
  const { client, id } = await openChannel(alice, FAR);
  expect(await hear(p, 1)).toEqual([`open ${id}`]);
  await net.settled();
  net.lose("bob.os", "alice.os", 1);
  expect(await p.ask({ WebSocketSubscribe: { channel_id: id, topic: "t", node: "alice.os" } })).toEqual(OK);
  expect((await client.nextClose()).code).toBe(1013);
});

test("clients that come and go while a node takes nothing are bounded as frames are: 1013", async () => {
  const { alice, net, p } = await start2({ limits: { farEvents: 5 } });
  const { id } = await openChannel(alice, FAR);
  expect(await hear(p, 1)).toEqual([`open ${id}`]);
  await net.settled(); // its answer is there: nothing is under way
  net.hold();
  const codes: unknown[] = [];
  for (let i = 0; i < 10; i++) {
    const { client } = await openChannel(alice, FAR);
    const hears = (close: unknown): void => void codes.push(close);
    client.nextClose().then(hears, () => undefined); // the others end with the test
  }
  await until(() => codes.length === 4); // one is under way, five wait
  expect(codes[0]).toEqual({ code: 1013, reason: "the process is overloaded" });
  net.release();
  await until(() => p.all.length === 7);
});

test("nodes that had channels here are remembered within bounds", async () => {
  const { bob } = await start2();
  const { kernel } = bob.node;
  const all = new FarChannels({ kernel, limits: { ...bob.server.limits } } as FarParts, () => false);
  const batch = (seq: number) => ({ session: 1, seq, events: [] });
  for (let i = 0; i < 10_001; i++) all.take(`n${i}.os`, batch(0), null);
  expect(all.take("n0.os", batch(1), null)).toEqual({ Err: "Lost" });
  expect(all.take("n10000.os", batch(1), null)).toEqual({ Ok: { refused: [] } });
});
