/**
 * Rooms of a cluster of `jackfield start --link` nodes, and a client of ours that stays: nodes are killed, frozen and stopped,
 * and the room with its state is found again.
 */
import { afterEach, expect, test } from "@jest/globals";
import { WebSocket } from "ws";
import { type Channel, type ChannelClosed, connect } from "../../lib/client/index.ts";
import { endJackfields, logIn, manifest, type RunningNode, startNode, writePackage } from "../support/jackfield.ts";
import { startNatsServer, stopNatsServers } from "../support/nats-server.ts";

const PASSWORD = "correct horse";
const BEAT = ["--limit", "directoryBeat=200", "--limit", "farProbe=200"];
const GONE = ["--limit", "directoryGone=8000", "--limit", "clusterMargin=2000"]; // a node that is busy is not gone
const WAIT_MAX_S = 50; // nodes that say nothing are found out by time alone

const channels: Channel[] = [];
afterEach(async () => {
  for (const channel of channels.splice(0)) channel.close();
  await endJackfields();
  await stopNatsServers();
});

/** A room counts what it is sent, keeps the count, and says so to all that are there. */
const ROOM = `import { defineProcess } from "jackfield/process";
const here = (ctx, count) => ({ at: ctx.node, count });
export default defineProcess({
  async init(ctx) {
    return (await ctx.getState()) ?? 0;
  },
  onOpen(count, open, ctx) {
    ctx.subscribe(open, "all");
    ctx.push(open, here(ctx, count));
  },
  async onPush(count, _push, _blob, ctx) {
    await ctx.setState(count + 1);
    ctx.publish("all", here(ctx, count + 1));
    return count + 1;
  },
});
`;

function rooms(): string {
  const http = ["http-server:distro:sys"];
  const room = { process_name: "room", file: "room.js", on_exit: "Restart", cluster: "keyed", public: true };
  const network = { process: "kernel:distro:sys", params: "network" };
  const processes = [{ ...room, request_capabilities: [...http, network], grant_capabilities: http }];
  return writePackage({ "manifest.json": manifest({ processes }), "room.js": ROOM });
}

/** Longer than test/support/until.ts. */
async function until(holds: () => boolean): Promise<void> {
  for (const last = Date.now() + WAIT_MAX_S * 1_000; !holds(); ) {
    if (Date.now() > last) throw new Error(`waited ${WAIT_MAX_S} s for ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

type Member = { readonly channel: Channel; readonly heard: Said[]; readonly closes: ChannelClosed[] };
type Said = { readonly at: string; readonly count: number };

/** A client of `on` in the room of that key. */
async function enter(on: RunningNode, node: string, key: string): Promise<Member> {
  const cookies = await logIn(on.port, PASSWORD);
  const token = new RegExp(`kinode-auth_${node}=([^;]+)`).exec(cookies)?.[1] ?? "";
  const channel = connect({
    process: `*@room/${key}:my-app:me.os`,
    url: on.url.replace("http", "ws"),
    token,
    WebSocket,
    limits: { retryFirstMs: 100, retryMaxMs: 300 },
  });
  channels.push(channel);
  const heard: Said[] = [];
  const closes: ChannelClosed[] = [];
  channel.on("message", ({ data }) => void heard.push(JSON.parse(String(data)) as Said));
  channel.on("close", (closed) => void closes.push(closed));
  return { channel, heard, closes };
}

const last = ({ heard }: Member): Said | undefined => heard.at(-1);

async function start(
  name: string,
  url: string,
  packages: readonly string[],
  ...more: readonly string[]
): Promise<RunningNode> {
  const args = ["--memory", "--node", name, "--link", url, ...packages, "--password", PASSWORD];
  return await startNode({ args: [...args, ...BEAT, ...(more.length > 0 ? more : GONE)] });
}

async function three(...ofBob: readonly string[]) {
  const { url } = await startNatsServer();
  const packages = ["--package", rooms()];
  const [alice, bob, carol] = await Promise.all([
    start("alice.os", url, []),
    start("bob.os", url, packages, ...ofBob),
    start("carol.os", url, packages),
  ]);
  return { alice, nodes: { "bob.os": bob, "carol.os": carol } as Readonly<Record<string, RunningNode>> };
}

function nodeOf(nodes: Readonly<Record<string, RunningNode>>, name: string | undefined): RunningNode {
  const node = nodes[name ?? ""];
  if (node === undefined) throw new Error(`no such node: ${name}`);
  return node;
}

test("the room's node is killed: who was in it comes back by itself, to another node, with what was kept", async () => {
  const { alice, nodes } = await three();
  const member = await enter(alice, "alice.os", "42");
  await until(() => member.heard.length === 1);
  const before = last(member)?.at;
  for (let i = 0; i < 3; i++) member.channel.send("add");
  await until(() => last(member)?.count === 3);
  nodeOf(nodes, before).command.kill("SIGKILL");
  await until(() => member.heard.length > 4);
  expect(last(member)).toEqual({ at: before === "bob.os" ? "carol.os" : "bob.os", count: 3 });
  expect(member.closes.length).toBeGreaterThan(0);
  for (const { code } of member.closes) expect(code).toBe(1013); // never for good
  member.channel.send("add");
  await until(() => last(member)?.count === 4);
}, 180_000); // ms: some of WAIT_MAX_S, one after the other

test("the room's node stops: the same, with 1001, and nobody waits for a time to pass", async () => {
  const { alice, nodes } = await three();
  const member = await enter(alice, "alice.os", "42");
  await until(() => member.heard.length === 1);
  const before = last(member)?.at;
  member.channel.send("add");
  await until(() => last(member)?.count === 1);
  expect(await nodeOf(nodes, before).stop()).toMatchObject({ code: 0 });
  await until(() => member.heard.length > 2);
  expect(last(member)).toEqual({ at: before === "bob.os" ? "carol.os" : "bob.os", count: 1 });
  expect(member.closes[0]?.code).toBe(1001);
}, 180_000);

test("a node that is frozen past its time ends what it had when it goes on: its clients find who has it now", async () => {
  const { nodes } = await three();
  const { bob, carol, key, his } = await roomOfBob(nodes);
  bob.command.kill("SIGSTOP");
  const hers = await enter(carol, "carol.os", key);
  await until(() => last(hers)?.at === "carol.os");
  expect(last(hers)).toEqual({ at: "carol.os", count: 1 });
  hers.channel.send("add");
  await until(() => last(hers)?.count === 2);
  bob.command.kill("SIGCONT");
  await until(() => last(his)?.at === "carol.os");
  expect(last(his)?.count).toBe(2);
  his.channel.send("add");
  await until(() => last(hers)?.count === 3 && last(his)?.count === 3);
}, 180_000);

test("one that does not notice that its time is over is refused what it writes, and ends: what the other keeps stays", async () => {
  const { nodes } = await three("--limit", "directoryGone=600000"); // bob waits for longer than the others do
  const { bob, carol, key, his } = await roomOfBob(nodes);
  bob.command.kill("SIGSTOP");
  const hers = await enter(carol, "carol.os", key);
  await until(() => last(hers)?.at === "carol.os");
  hers.channel.send("add");
  await until(() => last(hers)?.count === 2);
  const before = his.heard.length;
  bob.command.kill("SIGCONT");
  his.channel.send("late"); // to the room that bob still has
  await until(() => his.heard.length > before);
  expect(his.heard.slice(before)).toEqual([{ at: "carol.os", count: 2 }]); // never 2 of bob's own
  expect(his.closes.map(({ code }) => code)).toEqual([1001]);
  expect(bob.command.stderr).toContain(`as another node has that name now`);
  hers.channel.send("add");
  await until(() => last(hers)?.count === 3 && last(his)?.count === 3);
}, 180_000);

/** One that bob has, and a client of his in it that has added one. */
async function roomOfBob(nodes: Readonly<Record<string, RunningNode>>) {
  const [bob, carol] = [nodeOf(nodes, "bob.os"), nodeOf(nodes, "carol.os")];
  for (let key = 0; ; key++) {
    const his = await enter(bob, "bob.os", String(key));
    await until(() => his.heard.length === 1);
    if (last(his)?.at === "bob.os") {
      his.channel.send("add");
      await until(() => last(his)?.count === 1);
      return { bob, carol, key: String(key), his };
    }
  }
}
