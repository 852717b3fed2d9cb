/** A process in a worker or an operating-system process of its own, with channels of another node: docs/cluster.md, Channels. */
import { afterEach, describe, expect, test } from "@jest/globals";
import type { Process } from "../../../kernel/index.ts";
import { findProgram } from "../../../kernel/package.ts";
import { type Placement, ProcessId } from "../../../lib/protocol/index.ts";
import { hear, OK, openChannel, push, until } from "../../support/channels.ts";
import { addFar, cluster, NETWORK, stopCluster } from "../../support/cluster.ts";
import { P, Q, type TestNode } from "../../support/node.ts";
import { PROGRAMS, REALM_ENTRY, started } from "../../support/placed.ts";
import { Recorder } from "../../support/recorder.ts";

const SERVER = "http-server:distro:sys";
const FAR = { target_process: `bob.os@${P}` };

afterEach(stopCluster);

type Witness = { next(): Promise<string> };

async function start2(wires: "memory" | "nats", placement: Placement, mailbox?: number) {
  const made = await cluster(wires);
  const nodeOptions = { realmEntry: REALM_ENTRY };
  const alice = await made.start("alice.os", "uws", { nodeOptions });
  const bob = await made.start("bob.os", "uws", { nodeOptions });
  const recorder = new Recorder();
  bob.add("witness:test:sys", recorder.program, { public: true });
  const witness: Witness = { next: async () => String((await recorder.next()).body) };
  return { ...made, alice, bob, witness, process: await addPlaced(bob, placement, mailbox) };
}

async function addPlaced(on: TestNode, placement: Placement, mailbox?: number): Promise<Process> {
  const { kernel } = on.node;
  const file = "far-channel.mjs";
  const program = await findProgram(PROGRAMS, file, P, placement);
  const id = ProcessId.parse(P);
  const limit = mailbox === undefined ? {} : { mailbox };
  const process = kernel.register({ id, program, folder: PROGRAMS, file, public: true, onExit: "Restart", ...limit });
  for (const cap of kernel.asked([SERVER, NETWORK])) process.capabilities.add(cap);
  kernel.grantOwn(process, [SERVER]);
  process.run();
  await started(process);
  return process;
}

describe.each([
  ["worker", "nats"],
  ["isolated", "nats"],
] as const)("%s, over %s", (placement, wires) => {
  test("hears Open, frames in order and Close; pushes, publishes, closes", async () => {
    const { alice, witness } = await start2(wires, placement);
    const { client, id } = await openChannel(alice, FAR);
    expect(await witness.next()).toBe(`open alice.os ${id}`);
    expect(await client.nextText()).toBe("welcome");
    const texts = Array.from({ length: 500 }, (_, i) => String(i));
    for (const text of texts) client.sendText(text);
    for (const text of texts) expect(await client.nextText()).toBe(`echo ${text}`);
    for (const text of texts) expect(await witness.next()).toBe(`push ${text}`);
    client.sendText("all");
    expect(await client.nextText()).toBe("to all");
    client.sendText("ask");
    expect([await client.nextText(), await client.nextText()]).toEqual(["asked for", JSON.stringify(OK)]);
    client.sendText("large".repeat(100_000));
    expect(await client.nextText()).toBe("large came whole");
    client.sendText("leave");
    expect(await client.nextClose()).toEqual({ code: 4001, reason: "left" });
    for (const said of ["push all", "push ask", "push leave"]) expect(await witness.next()).toBe(said);
    expect(await witness.next()).toBe(`close alice.os ${id} 4001 left`);
  });

  test("is handed a channel, with a note; pushes by grant to one that is not its own", async () => {
    const { alice, witness } = await start2(wires, placement);
    const owner = new Recorder();
    addFar(alice, Q, owner.program);
    const target = { target_process: Q };
    const [handed, kept] = [await openChannel(alice, target), await openChannel(alice, target)];
    expect(await hear(owner, 2)).toEqual([`open ${handed.id}`, `open ${kept.id}`]);
    const to = `bob.os@${P}`;
    expect(await owner.ask({ WebSocketTransfer: { channel_id: handed.id, to } })).toEqual(OK);
    expect(await witness.next()).toBe(`open alice.os ${handed.id}`);
    expect(await handed.client.nextText()).toBe("welcome");
    const give = `give ${JSON.stringify({ node: "alice.os", channelId: kept.id })}`;
    handed.client.sendText(give);
    expect(await handed.client.nextText()).toBe('{"Err":"WsChannelNotFound"}');
    expect(await owner.ask({ WebSocketGrant: { channel_id: kept.id, to } })).toEqual(OK);
    handed.client.sendText(give);
    expect(await handed.client.nextText()).toBe(JSON.stringify(OK));
    expect(await kept.client.nextText()).toBe("by grant");
    expect(await owner.ask(push(kept.id), "mine still")).toEqual(OK);
    expect(await kept.client.nextText()).toBe("mine still");
  });

  test.each(placement === "worker" ? ["crash"] : ["crash", "die"])(
    "a new incarnation hears Open again, before what was kept: %s",
    async (how) => {
      const { alice, witness } = await start2(wires, placement);
      const { client, id } = await openChannel(alice, FAR);
      expect(await client.nextText()).toBe("welcome");
      expect(await witness.next()).toBe(`open alice.os ${id}`);
      client.sendText(how);
      client.sendText("two");
      if (how === "crash") expect(await witness.next()).toBe("push crash");
      for (let said = ""; said !== `open alice.os ${id}`; said = await witness.next());
      expect(await witness.next()).toBe("push two");
      expect(await client.nextText()).toBe("welcome");
      expect(await client.nextText()).toBe("echo two");
      client.sendText("all");
      expect(await client.nextText()).toBe("to all"); // once: it was in the room before
      client.sendText("end of it");
      expect(await client.nextText()).toBe("echo end of it");
      client.sendClose(1000);
      for (const said of ["push all", "push end of it", `close alice.os ${id} 1000 `])
        expect(await witness.next()).toBe(said);
    },
  );

  test("gone for good: 1001", async () => {
    const { alice, process } = await start2(wires, placement);
    const { client } = await openChannel(alice, FAR);
    expect(await client.nextText()).toBe("welcome");
    process.kill();
    expect((await client.nextClose()).code).toBe(1001);
    const { client: next } = await openChannel(alice, FAR);
    expect((await next.nextClose()).code).toBe(4404);
  });

  test("its mailbox is full: 1013; one that drops goes on", async () => {
    const { alice, witness } = await start2(wires, placement, 8);
    const { client } = await openChannel(alice, FAR);
    const dropping = await openChannel(alice, { ...FAR, slow_reader: "drop" });
    expect(await client.nextText()).toBe("welcome");
    expect(await dropping.client.nextText()).toBe("welcome");
    client.sendText("block");
    for (let i = 0; i < 5_000; i++) client.sendText(String(i)); // some are on their way to the thread, and wait there
    for (let i = 0; i < 50; i++) dropping.client.sendText(String(i));
    for (;;) {
      const { kind, payload } = await client.nextFrame();
      if (kind !== "close") continue;
      expect(payload.readUInt16BE(0)).toBe(1013);
      break;
    }
    for (let said = ""; !said.startsWith("close "); said = await witness.next());
    const asking = setInterval(() => dropping.client.sendText("there?"), 20); // while it is full, that is left out too
    try {
      for (let said = ""; said !== "echo there?"; said = await dropping.client.nextText());
    } finally {
      clearInterval(asking);
    }
  });

  test("the socket's node stops: Close 1001", async () => {
    const { alice, witness } = await start2(wires, placement);
    const { client, id } = await openChannel(alice, FAR);
    expect(await witness.next()).toBe(`open alice.os ${id}`);
    expect(await client.nextText()).toBe("welcome");
    await alice.stop();
    expect(await witness.next()).toBe(`close alice.os ${id} 1001 the node is stopping`);
    expect((await client.nextClose()).code).toBe(1001);
  });

  test("its own node stops: 1001", async () => {
    const { alice, bob } = await start2(wires, placement);
    const { client } = await openChannel(alice, FAR);
    expect(await client.nextText()).toBe("welcome");
    const stopping = bob.stop();
    expect(await client.nextClose()).toEqual({ code: 1001, reason: "the node of the process is stopping" });
    await stopping;
  });
});

test("over memory: the other node goes without a word", async () => {
  const { alice, net, witness } = await start2("memory", "worker");
  const { id } = await openChannel(alice, FAR);
  expect(await witness.next()).toBe(`open alice.os ${id}`);
  net.vanish("alice.os");
  expect(await witness.next()).toBe(`close alice.os ${id} 1006 the node of the channel cannot be reached`);
});

test("over memory: what a worker pushes is lost on the way: 1013, and no hole", async () => {
  const { alice, net, witness } = await start2("memory", "worker");
  const { client, id } = await openChannel(alice, FAR);
  expect(await witness.next()).toBe(`open alice.os ${id}`);
  expect(await client.nextText()).toBe("welcome");
  await net.settled();
  await until(() => alice.node.kernel.link?.facts()[0]?.unconfirmed === 0);
  net.hold();
  const before = net.carried.length;
  client.sendText("one");
  await until(() => net.carried.length > before);
  net.release();
  expect(await client.nextText()).toBe("echo one");
  await net.settled();
  net.lose("bob.os", "alice.os", 1);
  client.sendText("two");
  client.sendText("three");
  expect((await client.nextClose()).code).toBe(1013);
});
