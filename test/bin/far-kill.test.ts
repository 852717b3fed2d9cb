/** A node that is killed or stopped by a signal, with channels of which the other half is on another node; over a real nats-server. */
import { afterEach, expect, test } from "@jest/globals";
import {
  channelId,
  hear,
  OK,
  openChannel,
  publish,
  push,
  startNode as startOn,
  stopNodes,
} from "../support/channels.ts";
import { addFar } from "../support/cluster.ts";
import { endJackfields, logIn, manifest, type RunningNode, startNode, writePackage } from "../support/jackfield.ts";
import { startNatsServer, stopNatsServers } from "../support/nats-server.ts";
import { P, type TestNode } from "../support/node.ts";
import { Recorder } from "../support/recorder.ts";
import { RawSocket } from "../support/sockets.ts";

const HELLO = "hello:my-app:me.os";
const SERVER = "http-server:distro:sys";
const JOIN = (node: string, channel_id: number) => ({ WebSocketSubscribe: { channel_id, topic: "room", node } });

afterEach(async () => {
  await stopNodes();
  await endJackfields();
  await stopNatsServers();
});

/** Greets and echoes; tells alice.os's witness what it hears; pushes where it is asked to. */
const PROGRAM = `import { defineProcess } from "jackfield/process";
const tell = (ctx, text) => ctx.request("alice.os@witness:test:sys").body(text).send();
export default defineProcess({
  onOpen: (_, open, ctx) => { tell(ctx, "open " + open.channelId); ctx.subscribe(open, "room"); ctx.push(open, "welcome"); },
  onPush: (_, push, blob, ctx) => { tell(ctx, "push " + blob.text()); ctx.push(push, "echo " + blob.text()); },
  onClose: (_, close, ctx) => tell(ctx, "close " + close.channelId + " " + close.code),
  async onRequest(_, { body }, ctx) { ctx.respond(await ctx.sendWsPush(body, "by grant")); },
});
`;

function program(): string {
  const capabilities = [SERVER, { process: "kernel:distro:sys", params: "network" }];
  const processes = [
    {
      process_name: "hello",
      file: "hello.js",
      on_exit: "Restart",
      public: true,
      request_capabilities: capabilities,
      grant_capabilities: [SERVER],
    },
  ];
  return writePackage({ "manifest.json": manifest({ processes }), "hello.js": PROGRAM });
}

const startFar = (name: string, url: string, ...args: readonly string[]): Promise<RunningNode> =>
  startNode({ args: ["--memory", "--node", name, "--link", url, ...args] });

async function startNear(name: string, url: string): Promise<TestNode> {
  const on = await startOn("uws", {
    limits: { farProbe: 100 },
    nodeOptions: { name, limits: { drain: 500 } },
  });
  await on.node.linkByNats({ servers: [url] });
  return on;
}

/** alice.os is here, with the sockets and a witness; bob.os, with the process, is one of its own. */
async function nearAndFar() {
  const { url } = await startNatsServer();
  const alice = await startNear("alice.os", url);
  const witness = new Recorder();
  addFar(alice, "witness:test:sys", witness.program);
  const folder = program();
  const startBob = () => startFar("bob.os", url, "--package", folder);
  return { alice, witness, startBob, bob: await startBob() };
}

const FAR = { target_process: `bob.os@${HELLO}` };
const said = async (witness: Recorder): Promise<string> => String((await witness.next()).body);

test("kill -9 of the process's node: 1013 for its clients; back, it takes new channels, and pushes by a grant of before", async () => {
  const { alice, witness, bob, startBob } = await nearAndFar();
  const owner = new Recorder();
  addFar(alice, P, owner.program);
  const own = await openChannel(alice, { target_process: P });
  expect(await hear(owner, 1)).toEqual([`open ${own.id}`]);
  expect(await owner.ask({ WebSocketGrant: { channel_id: own.id, to: `bob.os@${HELLO}` } })).toEqual(OK);
  const opened = await Promise.all([1, 2, 3].map(() => openChannel(alice, FAR)));
  for (const { client } of opened) expect(await client.nextText()).toBe("welcome");
  for (const { client } of opened) client.sendText("hello");
  bob.command.kill("SIGKILL");
  await bob.command.ended;
  for (const { client } of opened)
    for (;;) {
      const { kind, payload } = await client.nextFrame();
      if (kind === "text") continue; // what it said before
      expect([kind, payload.readUInt16BE(0)]).toEqual(["close", 1013]);
      break;
    }
  expect(alice.server.channels.size).toBe(1);
  const asked = { node: "alice.os", channelId: own.id };
  await startBob();
  const { client, id } = await openChannel(alice, FAR);
  expect(await client.nextText()).toBe("welcome");
  client.sendText("again");
  expect(await client.nextText()).toBe("echo again");
  for (let last = ""; last !== `open ${id}`; last = await said(witness));
  expect(await owner.ask(asked, null, `bob.os@${HELLO}`)).toEqual(OK); // a grant names an address, not a life
  expect(await own.client.nextText()).toBe("by grant");
  own.client.sendClose(1000);
  expect(await hear(owner, 1)).toEqual([`close ${own.id} 1000`]);
  expect(await owner.ask(asked, null, `bob.os@${HELLO}`)).toEqual({ Err: "WsChannelNotFound" });
}, 120_000);

test("SIGSTOP of the process's node: 1013 when it has not answered in time; SIGCONT: Close for what it missed", async () => {
  const { alice, witness, bob } = await nearAndFar();
  const { client, id } = await openChannel(alice, FAR);
  expect(await client.nextText()).toBe("welcome");
  expect(await said(witness)).toBe(`open ${id}`);
  bob.command.kill("SIGSTOP");
  client.sendText("hello?");
  expect(await client.nextClose()).toEqual({ code: 1013, reason: "the node of the process cannot be reached" });
  bob.command.kill("SIGCONT");
  for (let last = ""; !last.startsWith("close "); last = await said(witness))
    expect(["", "push hello?"]).toContain(last); // it comes late, and nobody hears what it says to that
  const next = await openChannel(alice, FAR);
  expect(await next.client.nextText()).toBe("welcome");
}, 120_000);

/** bob.os is here, with the process; alice.os, with the sockets, is one of its own. */
async function farAndNear() {
  const { url } = await startNatsServer();
  const bob = await startNear("bob.os", url);
  const p = new Recorder();
  addFar(bob, P, p.program);
  const startAlice = () => startFar("alice.os", url, "--password", "correct horse");
  return { bob, p, startAlice, alice: await startAlice() };
}

async function openOn(alice: RunningNode): Promise<{ readonly client: RawSocket; readonly id: number }> {
  const cookie = await logIn(alice.port, "correct horse");
  const client = await RawSocket.connect(alice.port);
  await client.upgrade({ path: "/", headers: { cookie } });
  const [, auth_token] = /jackfield-auth_alice\.os=([^;]+)/.exec(cookie) ?? [];
  client.sendText(JSON.stringify({ auth_token, target_process: `bob.os@${P}`, encrypted: false }));
  return { client, id: channelId(await client.nextText()) };
}

test("kill -9 of the socket's node: Close 1006 for its process; nothing goes to its topics any more; back, it brings new ones", async () => {
  const { bob, p, alice, startAlice } = await farAndNear();
  const opened = [await openOn(alice), await openOn(alice)];
  expect(await hear(p, 2)).toEqual(opened.map(({ id }) => `open ${id}`));
  for (const { id } of opened) expect(await p.ask(JOIN("alice.os", id))).toEqual(OK);
  expect(await p.ask(publish("room"), "to all")).toEqual(OK);
  for (const { client } of opened) expect(await client.nextText()).toBe("to all");
  alice.command.kill("SIGKILL");
  await alice.command.ended;
  const lost = opened.map(({ id }) => `close ${id} 1006 the node of the channel cannot be reached`);
  expect((await hear(p, 2)).toSorted()).toEqual(lost.toSorted());
  const { link, deadLetters } = bob.node.kernel;
  const before = deadLetters.counts();
  const sent = link?.facts()[0]?.sent;
  expect(await p.ask(publish("room"), "to nobody")).toEqual(OK);
  expect(link?.facts()[0]?.sent).toBe(sent);
  expect(deadLetters.counts()).toEqual(before);
  const again = await startAlice();
  const { client, id } = await openOn(again);
  expect(await hear(p, 1)).toEqual([`open ${id}`]);
  expect(await p.ask(publish("room"), "not in it yet")).toEqual(OK);
  expect(await p.ask(JOIN("alice.os", id))).toEqual(OK);
  expect(await p.ask(publish("room"), "in it")).toEqual(OK);
  expect(await client.nextText()).toBe("in it");
}, 120_000);

test("SIGSTOP of the socket's node: Close 1006 when it has not answered in time; SIGCONT: 1013 for its clients", async () => {
  const { p, alice } = await farAndNear();
  const { client, id } = await openOn(alice);
  expect(await hear(p, 1)).toEqual([`open ${id}`]);
  alice.command.kill("SIGSTOP");
  expect(await hear(p, 1)).toEqual([`close ${id} 1006 the node of the channel cannot be reached`]);
  expect(await p.ask(push(id), "late")).toEqual({ Err: "WsChannelNotFound" });
  alice.command.kill("SIGCONT");
  // Whichever alice.os sees first when it goes on: its own question that is too old, or the answer of one that forgot it.
  const reason = expect.stringMatching(/^the node of the process (cannot be reached|began anew)$/);
  expect(await client.nextClose()).toEqual({ code: 1013, reason });
  const next = await openOn(alice);
  expect(await hear(p, 1)).toEqual([`open ${next.id}`]);
}, 120_000);
