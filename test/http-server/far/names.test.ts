/** Channels that name a process of the cluster, which may be on any node, or on none yet (http-server/far-names.ts). */
import { afterEach, describe, expect, test } from "@jest/globals";
import type { AddProcessOptions } from "../../../kernel/index.ts";
import { defineProcess, type Open, type Push } from "../../../lib/process/index.ts";
import { ProcessId } from "../../../lib/protocol/index.ts";
import { connectMain, OK, openChannel, registration, until } from "../../support/channels.ts";
import { type Cluster, cluster, stopCluster, WIRES } from "../../support/cluster.ts";
import { P, type TestNode, type TestNodeOptions } from "../../support/node.ts";
import { Recorder } from "../../support/recorder.ts";
import type { RawSocket } from "../../support/sockets.ts";

const SERVER = "http-server:distro:sys";
const ROOM = ProcessId.parse("room:chat:template.os");
const FORTY_TWO = "room/42:chat:template.os";
const ANYWHERE = { target_process: `*@${FORTY_TWO}` };
const LIMITS = { directoryBeat: 50, directoryGone: 30_000, clusterMargin: 5_000 }; // all leave in peace: a busy one is not gone

afterEach(stopCluster);

/** Everybody in a room hears what anybody says there, and where the room is. */
const TALK = defineProcess({
  onOpen: (_state, opened: Open, ctx) => {
    ctx.subscribe(opened, "all");
    ctx.push(opened, `${ctx.key} on ${ctx.node}`);
  },
  onPush: (_state, _pushed: Push, blob, ctx) => ctx.publish("all", `${ctx.key}: ${blob.text()}`),
});

async function addRooms({ node }: TestNode, options: AddProcessOptions = {}): Promise<void> {
  await node.addClusterProcess(ROOM, "keyed", TALK, {
    requestCapabilities: [SERVER],
    grantCapabilities: [SERVER],
    public: true,
    ...options,
  });
}

async function startJoined(
  made: Cluster,
  name: string,
  transport: "uws" | "ws",
  options: TestNodeOptions = {},
): Promise<TestNode> {
  const on = await made.start(name, transport, { nodeOptions: { limits: LIMITS }, ...options });
  await made.join(on);
  return on;
}

/** What a refused registration hears. */
async function refused(on: TestNode, target: string): Promise<{ readonly code: number; readonly reason: string }> {
  const client = await connectMain(on);
  client.sendText(JSON.stringify(registration(on, { target_process: target })));
  for (;;) {
    const { kind, payload } = await client.nextFrame();
    if (kind === "close") return { code: payload.readUInt16BE(0), reason: payload.subarray(2).toString() };
  }
}

describe.each(WIRES.map((each) => [each.join(", "), each] as const))("over %s", (_, [wires, transport]) => {
  async function three() {
    const made = await cluster(wires);
    const alice = await startJoined(made, "alice.os", transport);
    const bob = await startJoined(made, "bob.os", transport);
    const carol = await startJoined(made, "carol.os", transport);
    await addRooms(bob);
    await addRooms(carol);
    return { made, alice, bob, carol };
  }

  test("clients of all nodes meet in one room, started for the first of them, wherever it is", async () => {
    const { alice, bob, carol } = await three();
    const first = await openChannel(alice, ANYWHERE);
    const where = await first.client.nextText();
    expect(["42 on bob.os", "42 on carol.os"]).toContain(where);
    const second = await openChannel(bob, { target_process: FORTY_TWO });
    expect(await second.client.nextText()).toBe(where);
    const third = await openChannel(carol, ANYWHERE);
    expect(await third.client.nextText()).toBe(where);
    third.client.sendText("hello");
    for (const { client } of [first, second, third]) expect(await client.nextText()).toBe("42: hello");
    const held = [bob, carol].map(({ node }) => node.kernel.cluster?.describe().held);
    expect(held.flat()).toEqual([FORTY_TWO]);
  });

  test("each key is a room of its own, and they spread", async () => {
    const { alice } = await three();
    const places = new Set<string>();
    for (let key = 0; key < 20; key++) {
      const { client } = await openChannel(alice, { target_process: `*@room/${key}:chat:template.os` });
      const [own, , node = ""] = (await client.nextText()).split(" ");
      expect(own).toBe(String(key));
      places.add(node);
    }
    expect([...places].sort()).toEqual(["bob.os", "carol.os"]);
  });

  test("its node stops: its channels end with 1001, and who comes back finds it on another", async () => {
    const { alice, bob, carol } = await three();
    const { client } = await openChannel(alice, ANYWHERE);
    const [holder, other] = (await client.nextText()) === "42 on bob.os" ? [bob, carol] : [carol, bob];
    await Promise.all([holder.node.stop(), expect(client.nextClose()).resolves.toMatchObject({ code: 1001 })]);
    const again = await openChannel(alice, ANYWHERE);
    expect(await again.client.nextText()).toBe(`42 on ${other.node.name}`);
  });

  test("it exits: its channels end with 1001, and the next one starts it anew", async () => {
    const { alice, bob, carol } = await three();
    const { client } = await openChannel(alice, ANYWHERE);
    await client.nextText();
    for (const { node } of [bob, carol]) node.kernel.registry.get(ProcessId.parse(FORTY_TWO))?.kill();
    expect(await client.nextClose()).toMatchObject({ code: 1001 });
    const again = await openChannel(alice, ANYWHERE);
    expect(await again.client.nextText()).toMatch(/^42 on (bob|carol).os$/);
  });

  test("what is sent before the channel id comes behind its Open, in order", async () => {
    const { alice } = await three();
    const client = await connectMain(alice);
    client.sendText(JSON.stringify(registration(alice, ANYWHERE)));
    for (let i = 0; i < 50; i++) client.sendText(String(i));
    expect(JSON.parse(await client.nextText())).toEqual({ channel_id: expect.any(Number) });
    expect(await client.nextText()).toMatch(/^42 on/);
    for (let i = 0; i < 50; i++) expect(await client.nextText()).toBe(`42: ${i}`);
  });
});

describe("refused", () => {
  const NOBODY = { code: 4404, reason: `no process "${FORTY_TWO}" of the cluster takes channels` };

  async function two(options: AddProcessOptions = {}, limits: TestNodeOptions["limits"] = {}) {
    const made = await cluster("memory");
    const alice = await startJoined(made, "alice.os", "uws", { limits: { farProbe: 50, ...limits } });
    const bob = await startJoined(made, "bob.os", "ws");
    await addRooms(bob, options);
    await until(() => bob.node.kernel.cluster?.programNames.length === 1);
    return { made, alice, bob };
  }

  test("a name that no node has, with 4404", async () => {
    const { alice, bob } = await two();
    const reason = 'no process "table/42:chat:template.os" of the cluster takes channels';
    for (const on of [alice, bob])
      expect(await refused(on, "*@table/42:chat:template.os")).toEqual({ code: 4404, reason });
    expect(await refused(alice, FORTY_TWO)).toEqual({
      code: 4404,
      reason: `no process "${FORTY_TWO}" takes channels here`,
    });
  });

  test("the only node that has such a program stops: 1013, until there is one again", async () => {
    const { made, alice, bob } = await two();
    const { client } = await openChannel(alice, ANYWHERE);
    expect(await client.nextText()).toBe("42 on bob.os");
    await Promise.all([bob.node.stop(), expect(client.nextClose()).resolves.toMatchObject({ code: 1001 })]);
    const reason = `nobody has "${FORTY_TWO}" of the cluster now, or who has it cannot be reached`;
    expect(await refused(alice, `*@${FORTY_TWO}`)).toEqual({ code: 1013, reason });
    const carol = await startJoined(made, "carol.os", "ws");
    await addRooms(carol);
    for (let isRefused = true; isRefused; ) {
      const again = await connectMain(alice);
      again.sendText(JSON.stringify(registration(alice, ANYWHERE)));
      const answer = (await again.nextFrame()).payload.toString();
      isRefused = answer.includes("error");
      if (isRefused) expect(JSON.parse(answer)).toMatchObject({ error: { message: reason } });
      else expect(await again.nextText()).toBe("42 on carol.os");
    }
  });

  test("one that is not public, from another node; on its own it is not", async () => {
    const { alice, bob } = await two({ public: false });
    expect(await refused(alice, `*@${FORTY_TWO}`)).toEqual(NOBODY);
    expect(bob.node.kernel.cluster?.describe().held).toEqual([]); // and nothing was started for it
    const { client } = await openChannel(bob, ANYWHERE);
    expect(await client.nextText()).toBe("42 on bob.os");
  });

  test("one that takes no channels, on any node", async () => {
    const { alice, bob } = await two({ public: false, grantCapabilities: [] });
    for (const on of [alice, bob]) expect(await refused(on, `*@${FORTY_TWO}`)).toEqual(NOBODY);
    expect(bob.node.kernel.cluster?.describe().held).toEqual([]);
  });

  test("one that is not found in time, with 1013; and it is found when it can be", async () => {
    const { alice, made } = await two({}, { registerDeadline: 2_000 });
    made.claims.hold();
    expect(await refused(alice, `*@${FORTY_TWO}`)).toEqual({
      code: 1013,
      reason: "who has that process was not found in time",
    });
    made.claims.release();
    const { client } = await openChannel(alice, ANYWHERE);
    expect(await client.nextText()).toBe("42 on bob.os");
  });

  test("who sends more than fits before it has its channel id, with 4400", async () => {
    const { alice, made } = await two();
    made.claims.hold();
    const client = await connectMain(alice);
    client.sendText(JSON.stringify(registration(alice, ANYWHERE)));
    client.sendText("x".repeat(16 * 1024));
    client.sendText("x");
    expect(JSON.parse(await client.nextText())).toMatchObject({ error: { code: "malformed" } });
    expect(await client.nextClose()).toEqual({
      code: 4400,
      reason: "before its channel_id a client may send 16384 bytes: wait for it",
    });
    made.claims.release();
  });

  test("who leaves meanwhile is nobody's channel", async () => {
    const { alice, made } = await two();
    made.claims.hold();
    const client = await connectMain(alice);
    client.sendText(JSON.stringify(registration(alice, ANYWHERE)));
    await until(() => made.claims.asked.length > 0);
    client.sendClose(1000, "");
    await client.nextClose();
    made.claims.release();
    const { client: next } = await openChannel(alice, ANYWHERE);
    expect(await next.nextText()).toBe("42 on bob.os");
    next.sendText("alone");
    expect(await next.nextText()).toBe("42: alone");
  });
});

test("a hand-over to such a name finds it on the same node alone", async () => {
  const made = await cluster("memory");
  const alice = await startJoined(made, "alice.os", "uws");
  const bob = await startJoined(made, "bob.os", "uws");
  await addRooms(alice);
  const give = async (on: TestNode): Promise<{ readonly said: unknown; readonly client: RawSocket }> => {
    const p = new Recorder();
    on.add(P, p.program, { requestCapabilities: [SERVER], grantCapabilities: [SERVER] });
    const { client, id } = await openChannel(on, { target_process: P });
    await p.next();
    return { said: await p.ask({ WebSocketTransfer: { channel_id: id, to: `*@${FORTY_TWO}` } }), client };
  };
  await openChannel(alice, ANYWHERE);
  expect((await give(bob)).said).toEqual({ Err: "WsTargetNotFound" });
  const { said, client } = await give(alice);
  expect(said).toEqual(OK);
  expect(await client.nextText()).toBe("42 on alice.os");
});

test("on a node alone such a name is its own, started when a client comes", async () => {
  const made = await cluster("memory");
  const alice = await made.start("alice.os", "uws");
  await addRooms(alice);
  alice.node.joinsNobody();
  for (const target_process of [FORTY_TWO, `*@${FORTY_TWO}`]) {
    const { client } = await openChannel(alice, { target_process });
    expect(await client.nextText()).toBe("42 on alice.os");
  }
});
