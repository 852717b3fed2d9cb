/** Handing a channel over: who hears what, in which order, and that a refusal loses nothing. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { HTTP_SERVER_LIMITS } from "../../../http-server/index.ts";
import type { Process } from "../../../kernel/index.ts";
import { Address, Blob, type Host, HTTP_SERVER } from "../../../lib/protocol/index.ts";
import {
  bindWs,
  connectPath,
  err,
  hear,
  OK,
  openChannel,
  publish,
  push,
  startNode,
  startWithP,
  stopNodes,
  subscribe,
  TRANSPORTS,
  told,
  until,
} from "../../support/channels.ts";
import { type Deferred, deferred } from "../../support/deferred.ts";
import { P, type TestNode, type TestNodeOptions } from "../../support/node.ts";
import { Recorder } from "../../support/recorder.ts";

const ROOM = P.replace(/^[^:]+/, "room"); // of P's own package, so they may message each other
const SERVER = "http-server:distro:sys";

const transfer = (channel_id: number, to: unknown = ROOM): unknown => ({ WebSocketTransfer: { channel_id, to } });

type Two = {
  readonly on: TestNode;
  readonly p: Recorder;
  readonly process: Process;
  readonly room: Recorder;
  readonly roomProcess: Process;
};

async function startTwo(transport: (typeof TRANSPORTS)[number], options: TestNodeOptions = {}): Promise<Two> {
  const { on, p, process } = await startWithP(transport, { ...options, process: { onExit: "Restart" } });
  const room = new Recorder();
  return { on, p, process, room, roomProcess: on.add(ROOM, room.program, { onExit: "Restart" }) };
}

/** Keeps the frame `hold` in hand until the test lets it go; `crash` throws. */
function obey(recorder: Recorder): Deferred<void> {
  const held = deferred();
  recorder.onMessage = ({ text }) => {
    if (text === "hold") return held.promise;
    if (text === "crash") throw new Error("told to");
    return undefined;
  };
  return held;
}

describe.each(TRANSPORTS)("%s transfer", (transport) => {
  afterEach(stopNodes);

  test("the old owner hears its Close, the new one an Open with who and why, then the client's frames", async () => {
    const { on, p, room } = await startTwo(transport);
    const { client, id } = await openChannel(on);
    expect(await hear(p, 1)).toEqual([`open ${id}`]);
    const opened = p.all[0]?.body as { readonly WebSocketOpen: object };
    expect(await p.ask(transfer(id), '{"name":"Ann"}')).toEqual(OK);

    const close = await p.next();
    expect(close.body).toEqual({ WebSocketClose: id });
    expect(JSON.parse(close.metadata ?? "")).toEqual({ code: 1000, reason: "", transferred_to: `alice.os@${ROOM}` });
    const open = await room.next();
    expect(open.body).toEqual({
      WebSocketOpen: { ...opened.WebSocketOpen, transferred_from: `alice.os@${P}` },
    });
    expect(open).toMatchObject({ text: '{"name":"Ann"}', source: `alice.os@${SERVER}` });

    client.sendText("hello");
    client.sendPing("beat");
    expect(await hear(room, 2)).toEqual([`text ${id} hello`, `ping ${id} beat`]);
    expect((await client.nextFrame()).kind).toBe("pong");
    expect(await room.ask(push(id), "welcome")).toEqual(OK);
    expect(await client.nextText()).toBe("welcome");
    client.sendClose(4001, "bye");
    expect(await hear(room, 1)).toEqual([`close ${id} 4001 bye`]);
    expect(p.waiting).toEqual([]);
    expect(on.server.channels.size).toBe(0);
  });

  test("from then on the old owner has no channel of that id", async () => {
    const { on, p } = await startTwo(transport);
    const { id } = await openChannel(on);
    expect(await p.ask(transfer(id))).toEqual(OK);
    for (const action of [push(id), subscribe(id, "t"), { WebSocketClose: id }, transfer(id)])
      expect(await p.ask(action, "x")).toEqual(err("WsChannelNotFound"));
    expect(on.server.channels.size).toBe(1);
  });

  test("frames that wait go along, in order; the one in hand stays; other channels' stay", async () => {
    const { on, p, process, room } = await startTwo(transport);
    const held = obey(p);
    const [a, b] = [await openChannel(on), await openChannel(on)];
    a.client.sendText("hold");
    await hear(p, 3);
    for (let n = 1; n <= 20; n++) a.client.sendText(`a${n}`);
    b.client.sendText("b1");
    await until(() => process.mailbox.length === 21);
    expect(await p.ask(transfer(a.id))).toEqual(OK);
    expect(process.mailbox.length).toBe(2); // b1, and the Close
    a.client.sendText("a21");
    const wanted = Array.from({ length: 21 }, (_, n) => `text ${a.id} a${n + 1}`);
    expect(await hear(room, 22)).toEqual([`open ${a.id}`, ...wanted]);
    expect(room.all[1]?.envelope.target.text).toBe(`alice.os@${ROOM}`);
    held.resolve();
    expect(await hear(p, 2)).toEqual([`text ${b.id} b1`, `close ${a.id} 1000`]);
  });

  test("frames that waited for a process of Uqbar are what they were to one of Kinode", async () => {
    const { on, p, process } = await startWithP(transport, { process: { dialect: "uqbar" } });
    const room = new Recorder();
    on.add(ROOM, room.program);
    const { client, id } = await openChannel(on);
    await p.next(); // its Open
    const held = obey(p);
    client.sendText("hold");
    await p.next();
    client.sendText("hello");
    client.sendPing("beat");
    client.sendText("end");
    await until(() => process.mailbox.length === 3);
    expect(await p.ask(transfer(id))).toEqual(OK);
    held.resolve();
    expect(await hear(room, 4)).toEqual([`open ${id}`, `text ${id} hello`, `ping ${id} beat`, `text ${id} end`]);
  });

  test("what was pushed and published before leaves before what the new owner pushes", async () => {
    const { on, p, room } = await startTwo(transport);
    room.onMessage = (message, host) => {
      if (!told(message).startsWith("open")) return;
      const { channel_id: id } = (message.body as { WebSocketOpen: { channel_id: number } }).WebSocketOpen;
      host.tell(new Address("alice.os", HTTP_SERVER), push(id), Blob.of("from the room"));
    };
    p.onMessage = ({ text, envelope }, host) => {
      if (text !== "go") return;
      const { channel_id: id } = (envelope.body as { WebSocketPush: { channel_id: number } }).WebSocketPush;
      const tell = (action: unknown, blob: string): void =>
        host.tell(new Address("alice.os", HTTP_SERVER), action, Blob.of(blob));
      host.push(id, "Text", Blob.of("1 by the shortcut"));
      tell(push(id), "2 queued");
      tell(publish("t"), "3 published");
      tell(push(id), "4 queued");
      tell(publish("t"), "5 published");
      tell(transfer(id), "");
      tell(push(id), "too late");
      tell(publish("t"), "too late");
      expect(host.push(id, "Text", Blob.of("too late"))).toBe(false);
    };
    const { client, id } = await openChannel(on);
    expect(await p.ask(subscribe(id, "t"))).toEqual(OK);
    client.sendText("go");
    const heard: string[] = [];
    while (heard.at(-1) !== "from the room") heard.push(await client.nextText());
    expect(heard).toEqual(["1 by the shortcut", "2 queued", "3 published", "4 queued", "5 published", "from the room"]);
    const letters = on.node.kernel.deadLetters.last();
    expect(letters).toMatchObject([{ reason: "refused", body: push(id) }]); // the push that came too late; a publish reaches who is there
  });

  test("subscriptions are the old owner's: the new one begins with none, and its topics are its own", async () => {
    const { on, p, room } = await startTwo(transport);
    const { client, id } = await openChannel(on);
    expect(await p.ask(subscribe(id, "t"))).toEqual(OK);
    expect(await p.ask(transfer(id))).toEqual(OK);
    expect(await room.ask(publish("t"), "nobody")).toEqual(OK);
    expect(await room.ask(subscribe(id, "t"))).toEqual(OK);
    expect(await p.ask(publish("t"), "not for it")).toEqual(OK);
    expect(await room.ask(publish("t"), "for it")).toEqual(OK);
    expect(await client.nextText()).toBe("for it");
  });

  test("a frame whose handler hands its channel over and then crashes is a dead letter of the old owner's", async () => {
    const { on, p, room } = await startTwo(transport);
    p.onMessage = (message, host) => {
      if (message.text !== "go") return;
      host.tell(message.envelope.source, transfer(id), null);
      throw new Error("told to");
    };
    const { client, id } = await openChannel(on);
    client.sendText("go");
    client.sendText("next");
    expect(await hear(room, 2)).toEqual([`open ${id}`, `text ${id} next`]);
    // The new incarnation is told of a channel whose Close still waits, so that Open and Close come in pairs.
    expect(await hear(p, 4)).toEqual([`open ${id}`, `text ${id} go`, `open ${id}`, `close ${id} 1000`]);
    expect(on.node.kernel.deadLetters.last()).toMatchObject([{ reason: "crashed", target: `alice.os@${P}` }]);
  });

  test("a new owner that may not message the http-server hears its channel, and cannot push to it", async () => {
    const { on, p } = await startTwo(transport);
    const mute = new Recorder();
    const MUTE = P.replace(/^[^:]+/, "mute");
    on.add(MUTE, mute.program, { requestCapabilities: [] });
    const byShortcut: boolean[] = [];
    const back = ({ text }: { readonly text: string | null }, host: Host): void => {
      if (text !== null) byShortcut.push(host.push(id, "Text", Blob.of("back")));
    };
    const { client, id } = await openChannel(on);
    p.onMessage = back;
    mute.onMessage = back;
    client.sendText("one"); // remembered on the channel: P may push
    expect(await client.nextText()).toBe("back");
    expect(await p.ask(transfer(id, MUTE))).toEqual(OK);
    client.sendText("two");
    expect(await hear(mute, 2)).toEqual([`open ${id}`, `text ${id} two`]);
    expect(byShortcut).toEqual([true, false]);
  });

  test("a path-bound channel keeps its path and its terms", async () => {
    const { on, p, room } = await startTwo(transport);
    expect(await p.ask(bindWs("/seat/:n", { slow_reader: "drop", send_limit: 2048 }))).toEqual(OK);
    await connectPath(on, `/${P}/seat/7`);
    const { envelope } = await p.next();
    const { channel_id: id } = (envelope.body as { WebSocketOpen: { channel_id: number } }).WebSocketOpen;
    expect(await p.ask(transfer(id))).toEqual(OK);
    const open = await room.next();
    expect(open.body).toMatchObject({ WebSocketOpen: { path: "/seat/7", channel_id: id } });
    expect(open.envelope.origin).toMatchObject({ slowReader: "drop", sendLimit: 2048 });
  });

  describe("a refusal changes nothing", () => {
    test.each<[why: string, action: (id: number) => unknown, error: string]>([
      ["no process of that name", (id) => transfer(id, "nobody:my-package:template.os"), "WsTargetNotFound"],
      ["the node's own process", (id) => transfer(id, "kernel:distro:sys"), "WsTargetNotFound"],
      ["another node", (id) => transfer(id, `bob.os@${ROOM}`), "WsTargetNotFound"],
      ["itself", (id) => transfer(id, P), "MalformedRequest"],
      ["no address", (id) => transfer(id, "room"), "MalformedRequest"],
      ["no text", (id) => transfer(id, 5), "MalformedRequest"],
      ["one that the owner may not message", (id) => transfer(id, "far:far:template.os"), "WsTargetDenied"],
      [
        "one that the http-server may not message",
        (id) => transfer(id, "shy:my-package:template.os"),
        "WsTargetDenied",
      ],
    ])("%s", async (_, action, error) => {
      const { on, p, room } = await startTwo(transport);
      on.add("far:far:template.os", new Recorder().program);
      on.add("shy:my-package:template.os", new Recorder().program, { grantCapabilities: [] });
      const { client, id } = await openChannel(on);
      expect(await p.ask(subscribe(id, "t"))).toEqual(OK);
      expect(await p.ask(action(id))).toEqual(err(error));
      client.sendText("still here");
      expect(await hear(p, 2)).toEqual([`open ${id}`, `text ${id} still here`]);
      expect(await p.ask(publish("t"), "news")).toEqual(OK);
      expect(await client.nextText()).toBe("news");
      expect(room.all).toEqual([]);
    });

    test("with a node's name or `our`, the target is found", async () => {
      const { on, p, room } = await startTwo(transport);
      for (const node of ["alice.os", "our"]) {
        const { id } = await openChannel(on);
        expect(await p.ask(transfer(id, `${node}@${ROOM}`))).toEqual(OK);
        expect(await hear(room, 1)).toEqual([`open ${id}`]);
      }
    });

    test("another process's channel is as one that is not there", async () => {
      const { on, p, room } = await startTwo(transport);
      const { client, id } = await openChannel(on);
      expect(await room.ask(transfer(id, P))).toEqual(err("WsChannelNotFound"));
      expect(await room.ask(transfer(id + 1, "nobody:at:all"))).toEqual(err("WsChannelNotFound"));
      client.sendText("hello");
      expect(await hear(p, 2)).toEqual([`open ${id}`, `text ${id} hello`]);
    });

    test("a note of limits.noteBytes goes along, one byte more does not", async () => {
      const noteBytes = HTTP_SERVER_LIMITS.noteBytes.value;
      const { on, p, room } = await startTwo(transport);
      const { id } = await openChannel(on);
      expect(await p.ask(transfer(id), new Uint8Array(noteBytes + 1))).toEqual(err("LimitReached"));
      expect(await p.ask(transfer(id), new Uint8Array(noteBytes))).toEqual(OK);
      expect((await room.next()).bytes?.byteLength).toBe(noteBytes);
    });

    test("a mailbox with room for the Open and the frames that wait takes them; with one place less, nothing moves", async () => {
      const { on, p, process, room, roomProcess } = await startTwo(transport, {
        nodeOptions: { limits: { mailbox: 4 } },
      });
      const [held, roomHeld] = [obey(p), obey(room)];
      const r = await openChannel(on, { target_process: ROOM });
      r.client.sendText("hold");
      await hear(room, 2);
      const a = await openChannel(on);
      a.client.sendText("hold");
      await hear(p, 2);
      a.client.sendText("one");
      a.client.sendText("two");
      r.client.sendText("r1");
      r.client.sendText("r2");
      await until(() => process.mailbox.length === 2 && roomProcess.mailbox.length === 2);
      expect(await p.ask(transfer(a.id))).toEqual(err("WsTargetOverloaded"));
      expect([process.mailbox.length, roomProcess.mailbox.length]).toEqual([2, 2]);
      roomHeld.resolve();
      expect(await hear(room, 2)).toEqual([`text ${r.id} r1`, `text ${r.id} r2`]);

      const again = obey(room);
      r.client.sendText("hold");
      r.client.sendText("r3");
      await hear(room, 1);
      await until(() => roomProcess.mailbox.length === 1);
      expect(await p.ask(transfer(a.id))).toEqual(OK);
      expect(roomProcess.mailbox.length).toBe(4);
      again.resolve();
      held.resolve();
      expect(await hear(room, 4)).toEqual([`text ${r.id} r3`, `open ${a.id}`, `text ${a.id} one`, `text ${a.id} two`]);
    });
  });

  describe("restarts and ends", () => {
    test("each incarnation of the new owner has the Open with its note again, before the frames that were kept", async () => {
      const { on, p, room, roomProcess } = await startTwo(transport);
      const held = obey(room);
      const { client, id } = await openChannel(on);
      expect(await p.ask(transfer(id), "Ann")).toEqual(OK);
      client.sendText("hold");
      expect(await hear(room, 2)).toEqual([`open ${id}`, `text ${id} hold`]);
      client.sendText("kept");
      await until(() => roomProcess.mailbox.length === 1);
      held.reject(new Error("told to"));
      const open = await room.next();
      expect(open).toMatchObject({
        body: { WebSocketOpen: { channel_id: id, transferred_from: `alice.os@${P}` } },
        text: "Ann",
      });
      expect(await hear(room, 1)).toEqual([`text ${id} kept`]);
    });

    test("there and back again: each is told in pairs, also one that crashes in between, and nobody reads the other's note", async () => {
      const { on, p, process, room } = await startTwo(transport);
      const { client, id } = await openChannel(on);
      const held = obey(p);
      client.sendText("hold");
      await hear(p, 2);
      expect(await p.ask(transfer(id), "to the room")).toEqual(OK);
      client.sendText("on the way");
      expect(await hear(room, 2)).toEqual([`open ${id}`, `text ${id} on the way`]);
      expect(await room.ask(transfer(id, P), "back to P")).toEqual(OK);
      client.sendText("back");
      await until(() => process.mailbox.length === 3); // Close, Open, frame
      held.reject(new Error("told to"));
      const [first, ...rest] = [await p.next(), await p.next(), await p.next(), await p.next()];
      expect([first, ...rest].map((message) => message && told(message))).toEqual([
        `open ${id}`,
        `close ${id} 1000`,
        `open ${id}`,
        `text ${id} back`,
      ]);
      expect(rest[1]).toMatchObject({
        text: "back to P",
        body: { WebSocketOpen: { transferred_from: `alice.os@${ROOM}` } },
      });
      expect(await hear(room, 1)).toEqual([`close ${id} 1000`]);
      expect(await p.ask(push(id), "welcome back")).toEqual(OK);
      expect(await client.nextText()).toBe("welcome back");
    });

    test("one that had the channel before does not see the note of who has it now", async () => {
      const { on, p, room } = await startTwo(transport);
      const third = new Recorder();
      const THIRD = P.replace(/^[^:]+/, "third");
      on.add(THIRD, third.program);
      const { client, id } = await openChannel(on);
      expect(await p.ask(transfer(id), "to the room")).toEqual(OK);
      const held = obey(room);
      client.sendText("hold");
      await hear(room, 2);
      expect(await room.ask(transfer(id, THIRD), "for the third alone")).toEqual(OK);
      held.reject(new Error("told to"));
      const open = await room.next(); // its Close still waited
      expect(open.text).toBeNull();
      expect(open.body).not.toMatchObject({ WebSocketOpen: { transferred_from: expect.anything() } });
      expect(await hear(room, 1)).toEqual([`close ${id} 1000`]);
      expect(await third.next()).toMatchObject({ text: "for the third alone" });
    });

    test("the end of the new owner ends the channel with 1001, the end of the old one does not", async () => {
      const { on, p, process, room, roomProcess } = await startTwo(transport);
      const { client, id } = await openChannel(on);
      expect(await p.ask(transfer(id))).toEqual(OK);
      process.kill();
      expect(await room.ask(push(id), "still here")).toEqual(OK);
      expect(await client.nextText()).toBe("still here");
      roomProcess.kill();
      expect(await client.nextClose()).toEqual({ code: 1001, reason: "the process has ended" });
    });

    test("a channel whose client has left is not handed over", async () => {
      const { on, p, room } = await startTwo(transport);
      const { client, id } = await openChannel(on);
      client.sendClose(1000);
      await until(() => on.server.channels.size === 0);
      expect(await p.ask(transfer(id))).toEqual(err("WsChannelNotFound"));
      expect(await hear(p, 2)).toEqual([`open ${id}`, `close ${id} 1000`]);
      expect(room.all).toEqual([]);
    });
  });
});

test("to a process that waits to be started again: it hears of the channel when it is", async () => {
  const on = await startNode("ws");
  const [p, room] = [new Recorder(), new Recorder()];
  on.add(P, p.program);
  const roomProcess = on.add(ROOM, room.program, { onExit: "Restart" });
  room.onMessage = ({ body }) => {
    if (body === "crash") throw new Error("told to");
  };
  const { client, id } = await openChannel(on);
  for (let n = 0; n < 2; n++) await p.ask("crash", null, ROOM).catch(() => undefined);
  expect(roomProcess.state).toBe("backoff");
  expect(await p.ask(transfer(id), "Ann")).toEqual(OK);
  client.sendText("hello");
  await until(() => room.all.some((message) => message.text === "hello"));
  const heard = room.all.filter(({ body }) => body !== "crash");
  expect(heard.map(told)).toEqual([`open ${id}`, `text ${id} hello`]);
  await stopNodes();
});
