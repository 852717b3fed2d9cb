/** Pushes to channels of another node by who was granted it (contract kinode §9 rows 29 and 87, §10 case 117). */
import { afterEach, describe, expect, test } from "@jest/globals";
import { type Context, defineProcess } from "../../../lib/process/index.ts";
import { err, OK, openChannel, publish, push, subscribe, unsubscribe } from "../../support/channels.ts";
import { addFar, cluster, stopCluster, WIRES } from "../../support/cluster.ts";
import { P } from "../../support/node.ts";
import { Recorder } from "../../support/recorder.ts";

const ALICE = "alice.os@http-server:distro:sys";
const NEIGHBOUR = P.replace(/^[^:]+/, "neighbour");
const NOT_FOUND = err("WsChannelNotFound");

const grant = (channel_id: number, to: string) => ({ WebSocketGrant: { channel_id, to } });
const ungrant = (channel_id: number, to: string) => ({ WebSocketUngrant: { channel_id, to } });

describe.each(WIRES)("over %s, %s: grants", (wires, transport) => {
  afterEach(stopCluster);

  /** P on alice.os with a channel, and P on bob.os. */
  async function start(grantsPerChannel = 32) {
    const made = await cluster(wires);
    const alice = await made.start("alice.os", transport, { limits: { grantsPerChannel } });
    const bob = await made.start("bob.os", transport);
    const [owner, other] = [new Recorder(), new Recorder()];
    alice.add(P, owner.program);
    addFar(bob, P, other.program);
    return { ...made, alice, bob, owner, other, ...(await openChannel(alice)) };
  }

  test("who was granted it pushes and closes, and hears how it went; before and after, there is no such channel", async () => {
    const { client, id, owner, other } = await start();
    expect(await other.ask(push(id), "no", ALICE)).toEqual(NOT_FOUND);
    expect(await owner.ask(grant(id, `bob.os@${P}`))).toEqual(OK);
    expect(await other.ask(push(id), "one", ALICE)).toEqual(OK);
    expect(await other.ask(push(id, "Binary"), "two", ALICE)).toEqual(OK);
    expect(await other.ask(push(id), null, ALICE)).toEqual(err("NoBlob"));
    expect(await other.ask(push(id, "Ping"), "x".repeat(126), ALICE)).toEqual(err("WsPingPongTooLong"));
    expect(await other.ask(push(id + 1), "no", ALICE)).toEqual(NOT_FOUND);
    expect(await client.nextText()).toBe("one");
    expect((await client.nextBinary()).toString()).toBe("two");
    expect(await owner.ask(ungrant(id, `bob.os@${P}`))).toEqual(OK);
    expect(await other.ask(push(id), "no", ALICE)).toEqual(NOT_FOUND);
    expect(await owner.ask(grant(id, `bob.os@${P}`))).toEqual(OK);
    expect(await other.ask({ WebSocketClose: { channel_id: id, code: 4001, reason: "bye" } }, null, ALICE)).toEqual(OK);
    expect(await client.nextClose()).toEqual({ code: 4001, reason: "bye" });
    expect(await other.ask(push(id), "no", ALICE)).toEqual(NOT_FOUND);
  });

  test("a grant is for one full address: the same name on another node, and another name on that node, have none", async () => {
    const made = await start();
    const { id, owner, bob, other, client } = made;
    const carol = await made.start("carol.os", transport);
    const [same, neighbour] = [new Recorder(), new Recorder()];
    addFar(carol, P, same.program);
    addFar(bob, NEIGHBOUR, neighbour.program);
    expect(await owner.ask(grant(id, `bob.os@${P}`))).toEqual(OK);
    expect(await same.ask(push(id), "no", ALICE)).toEqual(NOT_FOUND);
    expect(await neighbour.ask(push(id), "no", ALICE)).toEqual(NOT_FOUND);
    expect(await other.ask(push(id), "yes", ALICE)).toEqual(OK);
    expect(await client.nextText()).toBe("yes");
  });

  test("10,000 pushes come in the order sent", async () => {
    const { client, id, owner, bob } = await start();
    let ctx: Context | undefined;
    const program = defineProcess({
      init: (own) => {
        ctx = own as Context;
      },
    });
    addFar(bob, NEIGHBOUR, program);
    expect(await owner.ask(grant(id, `bob.os@${NEIGHBOUR}`))).toEqual(OK);
    const sent = Array.from({ length: 10_000 }, (_, i) => String(i));
    const read = (async () => {
      const texts: string[] = [];
      while (texts.length < sent.length) texts.push(await client.nextText());
      return texts;
    })();
    for (const [i, text] of sent.entries())
      if (i % 1_000 === 999) expect(await ctx?.sendWsPush({ channelId: id, node: "alice.os" }, text)).toEqual(OK);
      else ctx?.push({ channelId: id, node: "alice.os" }, text);
    expect(await read).toEqual(sent);
  });

  test("ends when the channel is handed over; is bounded; and only its owner gives one", async () => {
    const { id, owner, other, alice } = await start(1);
    const room = new Recorder();
    alice.add(NEIGHBOUR, room.program);
    expect(await owner.ask(grant(id, `bob.os@${P}`))).toEqual(OK);
    expect(await owner.ask(grant(id, `bob.os@${P}`))).toEqual(OK);
    expect(await owner.ask(grant(id, `carol.os@${P}`))).toEqual(err("LimitReached"));
    expect(await room.ask(grant(id, NEIGHBOUR))).toEqual(NOT_FOUND);
    expect(await room.ask(ungrant(id, `bob.os@${P}`))).toEqual(NOT_FOUND);
    expect(await owner.ask(grant(id, "nobody"))).toEqual(err("MalformedRequest"));
    expect(await owner.ask({ WebSocketTransfer: { channel_id: id, to: NEIGHBOUR } })).toEqual(OK);
    expect(await other.ask(push(id), "no", ALICE)).toEqual(NOT_FOUND);
  });

  test("a process of the same node can be granted it too, with or without the node's name", async () => {
    const { client, id, owner, alice } = await start();
    const room = new Recorder();
    alice.add(NEIGHBOUR, room.program);
    expect(await room.ask(push(id), "no")).toEqual(NOT_FOUND);
    expect(await owner.ask(grant(id, NEIGHBOUR))).toEqual(OK);
    expect(await room.ask(push(id), "yes")).toEqual(OK);
    expect(await room.ask(subscribe(id, "t"))).toEqual(NOT_FOUND);
    expect(await owner.ask(ungrant(id, `our@${NEIGHBOUR}`))).toEqual(OK);
    expect(await room.ask(push(id), "no")).toEqual(NOT_FOUND);
    expect(await client.nextText()).toBe("yes");
  });

  test("every other action of another node is refused, from who was granted a channel too", async () => {
    const { client, id, owner, other } = await start();
    expect(await owner.ask(grant(id, `bob.os@${P}`))).toEqual(OK);
    expect(await owner.ask(subscribe(id, "t"))).toEqual(OK);
    const path = { path: "/", authenticated: false, local_only: false };
    const bind = err("InvalidSourceProcess");
    const table: readonly (readonly [action: unknown, answer: unknown])[] = [
      [{ Bind: { ...path, cache: false } }, bind],
      [{ Bind: { ...path, cache: true } }, bind],
      [{ SecureBind: { path: "/", cache: false } }, bind],
      [{ Unbind: { path: "/" } }, bind],
      [{ WebSocketBind: { ...path, extension: false } }, bind],
      [{ WebSocketSecureBind: { path: "/", extension: false } }, bind],
      [{ WebSocketUnbind: { path: "/" } }, bind],
      [subscribe(id, "mine"), NOT_FOUND],
      [{ WebSocketSubscribe: { channel_id: id, topic: "mine", node: "alice.os" } }, NOT_FOUND],
      [unsubscribe(id, "t"), NOT_FOUND],
      [{ WebSocketTransfer: { channel_id: id, to: P } }, NOT_FOUND],
      [{ WebSocketTransfer: { channel_id: id, to: `bob.os@${P}` } }, NOT_FOUND],
      [grant(id, `bob.os@${NEIGHBOUR}`), NOT_FOUND],
      [ungrant(id, `bob.os@${P}`), NOT_FOUND],
      [
        { WebSocketExtPushOutgoing: { channel_id: id, message_type: "Binary", desired_reply_type: "Response" } },
        NOT_FOUND,
      ],
      [{ HttpChunk: { stream_id: 1 } }, NOT_FOUND],
      [{ HttpRead: { stream_id: 1 } }, NOT_FOUND],
      [{ HttpEnd: { stream_id: 1 } }, NOT_FOUND],
      [publish("t"), OK], // its own topic, which nobody here has
      [{ FarEvents: { session: 1, seq: 0, events: [] } }, err("MalformedRequest")],
      [{ FarPublish: { to: P, topic: "t", message_type: "Text" } }, err("MalformedRequest")],
      [{ FarEnd: { to: P, channel_ids: [id], code: 1000, reason: "" } }, err("MalformedRequest")],
      [{ FarLeave: null }, err("MalformedRequest")],
      ["anything", err("MalformedRequest")],
    ];
    for (const [action, answer] of table)
      expect([action, await other.ask(action, "content", ALICE)]).toEqual([action, answer]);
    expect(await owner.ask(publish("t"), "of alice")).toEqual(OK);
    expect(await client.nextText()).toBe("of alice"); // nothing came before it, and it is still open
  });
});
