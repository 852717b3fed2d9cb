/** Channels whose socket is on alice.os and whose process on bob.os (docs/adr/0035). */
import { afterEach, describe, expect, test } from "@jest/globals";
import type { AddProcessOptions } from "../../../kernel/index.ts";
import { type Close, defineProcess, type Open, type Push } from "../../../lib/process/index.ts";
import {
  channelId,
  connectMain,
  hear,
  OK,
  openChannel,
  publish,
  push,
  registration,
  subscribe,
  until,
} from "../../support/channels.ts";
import { addFar, cluster, NETWORK, stopCluster, WIRES } from "../../support/cluster.ts";
import { deferred } from "../../support/deferred.ts";
import { P, Q, type TestNode, type TestNodeOptions } from "../../support/node.ts";
import { Recorder } from "../../support/recorder.ts";
import { encodeFrame } from "../../support/sockets.ts";

const SERVER = "http-server:distro:sys";
const FAR = { target_process: `bob.os@${P}` };

const join = (node: string, topic: string, channel_id: number) => ({
  WebSocketSubscribe: { channel_id, topic, node },
});

afterEach(stopCluster);

async function start2(
  [wires, transport]: (typeof WIRES)[number],
  { process = {}, ...options }: TestNodeOptions & { readonly process?: AddProcessOptions } = {},
) {
  const made = await cluster(wires);
  const alice = await made.start("alice.os", transport, options);
  const bob = await made.start("bob.os", transport, options);
  const p = new Recorder();
  return { ...made, alice, bob, p, process: addFar(bob, P, p.program, process) };
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

describe.each(WIRES.map((each) => [each.join(", "), each] as const))("over %s", (_, wires) => {
  test("a client of one node names a process of another: it hears Open, frames and Close, and pushes", async () => {
    const { alice, p } = await start2(wires);
    const { client, id } = await openChannel(alice, FAR);
    const open = await p.next();
    expect(open.source).toBe(`alice.os@${SERVER}`);
    expect(open.body).toMatchObject({ WebSocketOpen: { channel_id: id, path: "/", user: "alice.os" } });
    client.sendText("hello");
    client.sendBinary(new Uint8Array([1, 2]));
    client.sendPing("beat");
    expect(await hear(p, 3)).toEqual([`text ${id} hello`, `binary ${id} \u0001\u0002`, `ping ${id} beat`]);
    expect((await client.nextFrame()).kind).toBe("pong");
    expect(await p.ask(push(id), "welcome", `alice.os@${SERVER}`)).toEqual(OK);
    expect(await client.nextText()).toBe("welcome");
    client.sendClose(4005, "done");
    expect(await hear(p, 1)).toEqual([`close ${id} 4005 done`]);
    expect(await p.ask(push(id), "late", `alice.os@${SERVER}`)).toEqual({ Err: "WsChannelNotFound" });
  });

  test("ctx takes what onOpen and onPush gave; channels of both nodes may have one number", async () => {
    const { alice, bob } = await start2(wires);
    const heard: unknown[] = [];
    const open: Open[] = [];
    const program = defineProcess({
      onOpen: (_state, opened: Open, ctx) => {
        open.push(opened);
        ctx.push(opened, `open ${opened.node ?? "here"}`);
        ctx.subscribe(opened, "all");
      },
      onPush: (_state, pushed: Push, blob, ctx) => {
        heard.push(pushed);
        if (blob.text() === "leave") ctx.close(pushed, 4001, "left");
        else ctx.publish("all", `${pushed.node ?? "here"}: ${blob.text()}`);
      },
      onClose: (_state, close: Close) => void heard.push(close),
    });
    addFar(bob, Q, program);
    const far = await openChannel(alice, { target_process: `bob.os@${Q}` });
    expect(await far.client.nextText()).toBe("open alice.os");
    const near = await openChannel(bob, { target_process: `bob.os@${Q}` });
    expect(await near.client.nextText()).toBe("open here");
    expect(open).toMatchObject([{ node: "alice.os", channelId: far.id }, { channelId: near.id }]);
    expect(open[1]).not.toHaveProperty("node");
    await p1(far.client, "one");
    await p1(near.client, "two");
    expect([await far.client.nextText(), await far.client.nextText()]).toEqual(["alice.os: one", "here: two"]);
    far.client.sendText("leave");
    expect(await far.client.nextClose()).toEqual({ code: 4001, reason: "left" });
    await until(() => heard.length === 4);
    expect(heard.at(-1)).toEqual({ node: "alice.os", channelId: far.id, code: 4001, reason: "left" });

    async function p1(client: { sendText(text: string): void }, text: string): Promise<void> {
      client.sendText(text);
      const prefix = client === far.client ? "alice.os" : "here";
      expect(await near.client.nextText()).toBe(`${prefix}: ${text}`);
    }
  });

  test("10,000 frames each way come in the order sent", async () => {
    const { alice, bob } = await start2(wires);
    const program = defineProcess({
      onPush: (_state, pushed: Push, blob, ctx) => ctx.push(pushed, blob),
    });
    addFar(bob, Q, program);
    const { client } = await openChannel(alice, { target_process: `bob.os@${Q}` });
    const sent = Array.from({ length: 10_000 }, (_none, i) => String(i));
    const read = (async () => {
      const texts: string[] = [];
      while (texts.length < sent.length) texts.push(await client.nextText());
      return texts;
    })();
    client.write(Buffer.concat(sent.map((text) => encodeFrame("text", text))));
    expect(await read).toEqual(sent);
  });

  test("a frame of 1 MiB comes whole, and a note goes along", async () => {
    const { alice, p } = await start2(wires);
    const owner = new Recorder();
    addFar(alice, P, owner.program);
    const { client, id } = await openChannel(alice);
    expect(await hear(owner, 1)).toEqual([`open ${id}`]);
    const to = `bob.os@${P}`;
    expect(await owner.ask({ WebSocketTransfer: { channel_id: id, to } }, '{"name":"Ann"}')).toEqual(OK);
    const close = await owner.next();
    expect(JSON.parse(close.metadata ?? "")).toEqual({ code: 1000, reason: "", transferred_to: to });
    expect(await owner.ask(push(id), "no")).toEqual({ Err: "WsChannelNotFound" });
    const open = await p.next();
    expect(open.body).toMatchObject({ WebSocketOpen: { channel_id: id, transferred_from: `alice.os@${P}` } });
    expect(open.text).toBe('{"name":"Ann"}');
    const large = Buffer.alloc(1024 * 1024, "abc");
    client.sendBinary(large);
    expect(Buffer.compare((await p.next()).bytes ?? new Uint8Array(), large)).toBe(0);
  });

  test("who takes no channels of other nodes gets none: 4404, whatever the reason", async () => {
    const { alice, bob } = await start2(wires);
    addFar(bob, "closed:my-package:template.os", new Recorder().program, { public: false });
    addFar(bob, "alone:my-package:template.os", new Recorder().program, { requestCapabilities: [SERVER] });
    for (const name of ["closed", "alone", "nobody"]) {
      const target = `bob.os@${name}:my-package:template.os`;
      expect(await refused(alice, target)).toEqual({
        code: 4404,
        reason: `no process "${target}" takes channels here`,
      });
    }
    expect(await refused(alice, `bob.os@${SERVER}`)).toMatchObject({ code: 4404 });
    expect(await refused(alice, "owner-1:far-owners:sys")).toMatchObject({ code: 4404 });
    expect(await refused(alice, `carol.os@${P}`)).toEqual({
      code: 1013,
      reason: "the node of the process cannot be reached",
    });
  });

  test("without the network capability nobody hands a channel to another node", async () => {
    const { alice } = await start2(wires);
    const owner = new Recorder();
    alice.add(Q, owner.program);
    const { id } = await openChannel(alice, { target_process: Q });
    const give = (to: string) => owner.ask({ WebSocketTransfer: { channel_id: id, to } });
    expect(await give(`bob.os@${P}`)).toEqual({ Err: "WsTargetDenied" });
    expect(await give("owner-1:far-owners:sys")).toEqual({ Err: "WsTargetNotFound" });
    expect(await owner.ask(push(id), "still mine")).toEqual(OK);
  });

  test("a new incarnation hears Open again, before the frames that were kept, and one Close", async () => {
    const { alice, p } = await start2(wires);
    p.onMessage = ({ text }) => {
      if (text === "crash") throw new Error("told to");
    };
    const { client, id } = await openChannel(alice, FAR);
    for (const text of ["one", "crash", "two"]) client.sendText(text);
    expect(await hear(p, 5)).toEqual([
      `open ${id}`,
      `text ${id} one`,
      `text ${id} crash`,
      `open ${id}`,
      `text ${id} two`,
    ]);
    expect(await p.ask(push(id), "again", `alice.os@${SERVER}`)).toEqual(OK);
    expect(await client.nextText()).toBe("again");
    client.sendClose(1000);
    expect(await hear(p, 1)).toEqual([`close ${id} 1000`]);
    expect(p.waiting).toEqual([]);
  });

  test("a process that is gone closes its channels on other nodes with 1001", async () => {
    const { alice, process } = await start2(wires);
    const { client } = await openChannel(alice, FAR);
    client.sendText("there?");
    const { client: other } = await openChannel(alice, FAR);
    await until(() => process.waiting().length === 0 && alice.server.channels.size === 2);
    process.kill();
    // Whichever comes first: the node's word, or its answer to an Open that came too late.
    for (const each of [client, other]) expect([1001, 4404]).toContain((await each.nextClose()).code);
  });

  test("a full mailbox ends the channel with 1013; one that drops loses the frame and goes on", async () => {
    const { alice, bob } = await start2(wires, { nodeOptions: { limits: { mailbox: 4 } } });
    const held = deferred();
    const slow = new Recorder();
    slow.onMessage = ({ text }) => (text === "hold" ? held.promise : undefined);
    addFar(bob, Q, slow.program);
    const target = { target_process: `bob.os@${Q}` };
    const { client } = await openChannel(alice, target);
    const dropping = await openChannel(alice, { ...target, slow_reader: "drop" });
    await until(() => slow.all.length === 2);
    client.sendText("hold");
    await until(() => slow.all.length === 3);
    for (let i = 0; i < 20; i++) dropping.client.sendText(String(i));
    await until(() => (bob.node.kernel.deadLetters.counts().overloaded ?? 0) === 16);
    client.sendText("too many");
    expect(await client.nextClose()).toEqual({ code: 1013, reason: "the process is overloaded" });
    held.resolve();
    dropping.client.sendText("last");
    await until(() => slow.all.some(({ text }) => text === "last"));
  });

  test("the node of the process stops: its channels hear 1001", async () => {
    const { alice, bob, p } = await start2(wires);
    const { client, id } = await openChannel(alice, FAR);
    expect(await hear(p, 1)).toEqual([`open ${id}`]);
    const stopping = bob.stop();
    expect(await client.nextClose()).toEqual({ code: 1001, reason: "the node of the process is stopping" });
    await stopping;
  });

  test("the node of the socket stops: the process hears Close", async () => {
    const { alice, p } = await start2(wires);
    const { id } = await openChannel(alice, FAR);
    expect(await hear(p, 1)).toEqual([`open ${id}`]);
    await alice.stop();
    expect(await hear(p, 1)).toEqual([`close ${id} 1001 the node is stopping`]);
  });

  test("a node that begins anew takes channels as if it had never been away", async () => {
    const { alice, bob, start, p } = await start2(wires);
    const { client } = await openChannel(alice, FAR);
    await p.next();
    const stopping = bob.stop();
    await client.nextClose();
    await stopping;
    const again = new Recorder();
    addFar(await start("bob.os", wires[1]), P, again.program);
    const { client: next, id } = await openChannel(alice, FAR);
    next.sendText("hello");
    expect(await hear(again, 2)).toEqual([`open ${id}`, `text ${id} hello`]);
  });
});

describe("over memory", () => {
  const MEMORY = WIRES[0];

  test("one message crosses the link for a topic with many channels, and none for a topic with none there", async () => {
    const { alice, p, net } = await start2(MEMORY);
    const opened = await Promise.all([1, 2, 3, 4].map(() => openChannel(alice, FAR)));
    for (const { id } of opened.slice(0, 3)) expect(await p.ask(join("alice.os", "news", id))).toEqual(OK);
    const carried = (text: string) =>
      net.carried.filter(({ bytes }) => Buffer.from(bytes).includes(text) && Buffer.from(bytes).includes("FarPublish"));
    expect(await p.ask(publish("news"), "first of all")).toEqual(OK);
    for (const { client } of opened.slice(0, 3)) expect(await client.nextText()).toBe("first of all");
    expect(carried("first of all")).toHaveLength(1);
    expect(await p.ask(publish("other"), "heard by nobody")).toEqual(OK);
    opened[0]?.client.sendClose(1000);
    await until(() => p.all.some(({ body }) => JSON.stringify(body).includes("WebSocketClose")));
    for (const { id } of opened.slice(1, 3))
      expect(await p.ask({ WebSocketUnsubscribe: { channel_id: id, topic: "news", node: "alice.os" } })).toEqual(OK);
    expect(await p.ask(publish("news"), "after the last has left")).toEqual(OK);
    await net.settled();
    expect(carried("heard by nobody")).toHaveLength(0);
    expect(carried("after the last has left")).toHaveLength(0);
    expect(await p.ask(join("alice.os", "news", 1))).toEqual({ Err: "WsChannelNotFound" });
  });

  test("a topic of a process is not that of one of the same name on the other node", async () => {
    const { alice, p } = await start2(MEMORY);
    const same = new Recorder();
    addFar(alice, P, same.program);
    const far = await openChannel(alice, FAR);
    const near = await openChannel(alice);
    expect(await p.ask(join("alice.os", "news", far.id))).toEqual(OK);
    expect(await same.ask(subscribe(near.id, "news"))).toEqual(OK);
    expect(await p.ask(publish("news"), "of bob")).toEqual(OK);
    expect(await far.client.nextText()).toBe("of bob");
    expect(await same.ask(publish("news"), "of alice")).toEqual(OK);
    expect(await near.client.nextText()).toBe("of alice");
  });

  test("a node that goes without a word: its channels end with 1013", async () => {
    const { alice, p, net } = await start2(MEMORY);
    const { client, id } = await openChannel(alice, FAR);
    expect(await hear(p, 1)).toEqual([`open ${id}`]);
    net.vanish("bob.os");
    expect(await client.nextClose()).toEqual({ code: 1013, reason: "the node of the process cannot be reached" });
  });

  test("the node of the socket goes without a word: the process hears Close with 1006, once", async () => {
    const { alice, p, net } = await start2(MEMORY);
    const { id } = await openChannel(alice, FAR);
    expect(await hear(p, 1)).toEqual([`open ${id}`]);
    net.vanish("alice.os");
    expect(await hear(p, 1)).toEqual([`close ${id} 1006 the node of the channel cannot be reached`]);
    expect(p.waiting).toEqual([]);
  });

  test("a link that is cut for long ends both sides; mended, new channels come", async () => {
    const { alice, p, net } = await start2(MEMORY);
    const { client, id } = await openChannel(alice, FAR);
    expect(await hear(p, 1)).toEqual([`open ${id}`]);
    net.cut("alice.os");
    expect((await client.nextClose()).code).toBe(1013);
    net.mend("alice.os");
    const next = await openChannel(alice, FAR);
    next.client.sendText("hello");
    const heard = await hear(p, 3);
    expect(heard).toEqual([
      `close ${id} 1006 the node of the channel cannot be reached`,
      `open ${next.id}`,
      `text ${next.id} hello`,
    ]);
  });

  test("a link that is cut for a moment loses nothing", async () => {
    const { alice, p, net } = await start2(MEMORY, { nodeOptions: { limits: { linkGrace: 60_000 } } });
    const { client, id } = await openChannel(alice, FAR);
    expect(await hear(p, 1)).toEqual([`open ${id}`]);
    net.cut("alice.os");
    for (const text of ["one", "two", "three"]) client.sendText(text);
    client.sendPing();
    await client.nextFrame(); // the three have come before it
    net.mend("alice.os");
    const heard = await hear(p, 3);
    expect(heard).toEqual([`text ${id} one`, `text ${id} two`, `text ${id} three`]);
  });

  test("an event that is lost on the way ends the channel: there is no hole in what its process hears", async () => {
    const { alice, p, net } = await start2(MEMORY);
    const { client, id } = await openChannel(alice, FAR);
    expect(await hear(p, 1)).toEqual([`open ${id}`]);
    net.lose("alice.os", "bob.os", 1);
    client.sendText("lost");
    client.sendText("behind it");
    expect((await client.nextClose()).code).toBe(1013);
    expect(await hear(p, 1)).toEqual([`close ${id} 1006 the node of the channel cannot be reached`]);
  });

  test("what waits for a node is bounded: the channel that sends too much ends with 1013", async () => {
    const { alice, p, net } = await start2(MEMORY, { limits: { farEvents: 5 } });
    const { client, id } = await openChannel(alice, FAR);
    expect(await hear(p, 1)).toEqual([`open ${id}`]);
    net.hold();
    for (let i = 0; i < 10; i++) client.sendText(String(i));
    expect(await client.nextClose()).toEqual({ code: 1013, reason: "the process is overloaded" });
    net.release();
    const heard = await hear(p, 2);
    expect(heard).toEqual([`text ${id} 0`, `text ${id} 1`]);
  });

  test("a node without a link refuses at once, and owners are bounded", async () => {
    const { alice, start } = await start2(MEMORY, { limits: { farOwners: 1 } });
    await openChannel(alice, FAR);
    const client = await connectMain(alice);
    client.sendText(JSON.stringify(registration(alice, { target_process: `bob.os@${Q}` })));
    const message = `no process "bob.os@${Q}" takes channels here`;
    expect(JSON.parse(await client.nextText())).toEqual({ error: { code: "no_such_process", message } });
    const carol = await start("carol.os", MEMORY[1]);
    carol.node.kernel.link = null;
    const lonely = await connectMain(carol);
    lonely.sendText(JSON.stringify(registration(carol, FAR)));
    expect(JSON.parse(await lonely.nextText())).toMatchObject({ error: { code: "no_such_process" } });
  });

  test("one that names its own node is a channel like any other", async () => {
    const { bob, p } = await start2(MEMORY);
    const client = await connectMain(bob);
    client.sendText(JSON.stringify(registration(bob, FAR)));
    const id = channelId(await client.nextText());
    expect(await hear(p, 1)).toEqual([`open ${id}`]);
    expect(p.all[0]?.source).toBe(`bob.os@${SERVER}`);
  });

  test("a caller of RPC on one node cannot pass off what it sends to another as a channel's event", async () => {
    const { alice, bob } = await start2(MEMORY);
    const heard: unknown[] = [];
    addFar(
      bob,
      Q,
      defineProcess({
        onOpen: () => void heard.push("open"),
        onRequest: (_state, { source }, ctx) => {
          heard.push(source.text);
          ctx.respond("Ok");
        },
      }),
    );
    const open = { WebSocketOpen: { path: "/", channel_id: 1 } };
    const url = `${alice.url}/rpc:distro:sys/message`;
    const body = JSON.stringify({
      node: "bob.os",
      process: Q,
      data: null,
      expects_response: 5,
      ipc: JSON.stringify(open),
    });
    const answer = await fetch(url, {
      method: "POST",
      headers: { cookie: alice.cookie, "content-type": "application/json" },
      body,
    });
    expect(answer.status).toBe(200);
    expect(heard).toEqual([`alice.os@${SERVER}`]);
  });

  test("the network capability alone is asked of a process, and its own of who pushes", async () => {
    const { alice, bob } = await start2(MEMORY);
    const q = new Recorder();
    addFar(bob, Q, q.program, { requestCapabilities: [SERVER, NETWORK] });
    const { id } = await openChannel(alice, { target_process: `bob.os@${Q}` });
    expect(await hear(q, 1)).toEqual([`open ${id}`]);
    const thief = new Recorder();
    addFar(bob, "thief:my-package:template.os", thief.program);
    expect(await thief.ask(push(id), "no", `alice.os@${SERVER}`)).toEqual({ Err: "WsChannelNotFound" });
    expect(await thief.ask(join("alice.os", "t", id))).toEqual({ Err: "WsChannelNotFound" });
  });
});
