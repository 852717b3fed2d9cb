/** From a process to its channel: the checks, the answers and the bytes of contract kinode §5.1, cases 103 to 110 and 118. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { WebSocket } from "ws";
import { KinodeEncryptorApi } from "../../../lib/client/index.ts";
import { Address, Blob, Envelope, HTTP_SERVER } from "../../../lib/protocol/index.ts";
import {
  err,
  hear,
  OK,
  openChannel,
  push,
  startNode,
  startWithP,
  stopNodes,
  TRANSPORTS,
  takeFaults,
} from "../../support/channels.ts";
import { deferred } from "../../support/deferred.ts";
import { P, Q } from "../../support/node.ts";
import { Recorder } from "../../support/recorder.ts";

describe.each(TRANSPORTS)("%s WebSocketPush", (transport) => {
  afterEach(stopNodes);

  test("case 103: Text arrives as a text frame, and the process is told Ok", async () => {
    const { on, p } = await startWithP(transport);
    const { client, id } = await openChannel(on);
    expect(await p.ask(push(id), "yo")).toEqual(OK);
    expect(await client.nextText()).toBe("yo");
  });

  test("Binary arrives as a binary frame with the very bytes", async () => {
    const { on, p } = await startWithP(transport);
    const { client, id } = await openChannel(on);
    const bytes = Uint8Array.from({ length: 70_000 }, (_, at) => at % 251);
    expect(await p.ask(push(id, "Binary"), bytes)).toEqual(OK);
    expect(Buffer.compare(await client.nextBinary(), bytes)).toBe(0);
  });

  test("bytes that were transferred before they left: the channel ends with 1013, the node goes on", async () => {
    const { on, p } = await startWithP(transport);
    const [one, other] = [await openChannel(on), await openChannel(on)];
    const bytes = new Uint8Array(64);
    const pushed = p.ask(push(one.id, "Binary"), bytes);
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
    expect(await pushed).toEqual(OK);
    if (transport === "ws") {
      expect(await one.client.nextClose()).toEqual({ code: 1013, reason: "what was pushed to it could not be sent" });
      expect(takeFaults(on).map(String)).toEqual([expect.stringMatching(/^TypeError: /)]);
    } else expect(await one.client.nextBinary()).toHaveLength(0); // it finds no bytes, and sends none
    expect(await p.ask(push(other.id), "goes on")).toEqual(OK);
    expect(await other.client.nextText()).toBe("goes on");
  });

  test("near case 104: another process is told WsChannelNotFound, and the client hears nothing of it", async () => {
    const { on, p } = await startWithP(transport);
    const q = new Recorder();
    on.add(Q, q.program);
    const { client, id } = await openChannel(on);
    expect(await q.ask(push(id), "from Q")).toEqual(err("WsChannelNotFound"));
    expect(await p.ask(push(id), "from P")).toEqual(OK);
    expect(await client.nextText()).toBe("from P");
  });

  test("case 105: a push without a blob is told NoBlob", async () => {
    const { on, p } = await startWithP(transport);
    const { id } = await openChannel(on);
    expect(await p.ask(push(id))).toEqual(err("NoBlob"));
  });

  test("case 106: an unknown channel is told WsChannelNotFound with a blob and NoBlob without", async () => {
    const { on, p } = await startWithP(transport);
    const { id } = await openChannel(on);
    const unknown = id === 1 ? 2 : 1;
    expect(await p.ask(push(unknown), "x")).toEqual(err("WsChannelNotFound"));
    expect(await p.ask(push(unknown))).toEqual(err("NoBlob"));
  });

  test.each([
    ["a lower-case type", { channel_id: 1, message_type: "text" }],
    ["an unknown type", { channel_id: 1, message_type: "Continuation" }],
    ["no type", { channel_id: 1 }],
    ["no channel", { message_type: "Text" }],
    ["a negative channel", { channel_id: -1, message_type: "Text" }],
    ["a channel above u32", { channel_id: 2 ** 32, message_type: "Text" }],
    ["half a channel", { channel_id: 1.5, message_type: "Text" }],
    ["a channel as text", { channel_id: "1", message_type: "Text" }],
    ["null", null],
    ["a list", [1, "Text"]],
  ])("near case 107: %s is told MalformedRequest", async (_, argument) => {
    const { p } = await startWithP(transport);
    expect(await p.ask({ WebSocketPush: argument }, "x")).toEqual(err("MalformedRequest"));
  });

  test("near case 107: unknown extra fields are ignored", async () => {
    const { on, p } = await startWithP(transport);
    const { client, id } = await openChannel(on);
    expect(await p.ask({ WebSocketPush: { channel_id: id, message_type: "Text", more: 1 } }, "x")).toEqual(OK);
    expect(await client.nextText()).toBe("x");
  });

  test("near case 116: events are no actions: MalformedRequest", async () => {
    const { on, p } = await startWithP(transport);
    const { id } = await openChannel(on);
    expect(await p.ask({ WebSocketOpen: { path: "/", channel_id: id } }, "x")).toEqual(err("MalformedRequest"));
    expect(await p.ask({ WebSocketExtPushOutgoing: { channel_id: id } }, "x")).toEqual(err("MalformedRequest"));
    expect(await p.ask("WebSocketPush", "x")).toEqual(err("MalformedRequest"));
  });

  test("case 108: a Ping takes 125 bytes and is told WsPingPongTooLong with 126", async () => {
    const { on, p } = await startWithP(transport);
    const { client, id } = await openChannel(on);
    expect(await p.ask(push(id, "Ping"), new Uint8Array(126))).toEqual(err("WsPingPongTooLong"));
    expect(await p.ask(push(id, "Ping"), new Uint8Array(125).fill(7))).toEqual(OK);
    expect(await client.nextFrame()).toMatchObject({ kind: "ping", payload: Buffer.alloc(125, 7) });
  });

  test("a Pong of its own goes out on ws; uWebSockets.js has none to offer: MalformedRequest", async () => {
    const { on, p } = await startWithP(transport);
    const { client, id } = await openChannel(on);
    expect(await p.ask(push(id, "Pong"), new Uint8Array(126))).toEqual(err("WsPingPongTooLong"));
    const answers = [p.ask(push(id), "before"), p.ask(push(id, "Pong"), "po"), p.ask(push(id), "after")];
    expect(await Promise.all(answers)).toEqual([OK, transport === "ws" ? OK : err("MalformedRequest"), OK]);
    expect(await client.nextText()).toBe("before");
    if (transport === "ws")
      expect(await client.nextFrame()).toMatchObject({ kind: "pong", payload: Buffer.from("po") });
    expect(await client.nextText()).toBe("after");
  });

  test("a Ping keeps its place among the frames of a turn", async () => {
    const { on, p } = await startWithP(transport);
    const { client, id } = await openChannel(on);
    const answers = [p.ask(push(id), "before"), p.ask(push(id, "Ping"), "pi"), p.ask(push(id), "after")];
    expect(await Promise.all(answers)).toEqual([OK, OK, OK]);
    const frames = [await client.nextFrame(), await client.nextFrame(), await client.nextFrame()];
    expect(frames.map(({ kind, payload }) => `${kind} ${payload}`)).toEqual(["text before", "ping pi", "text after"]);
  });

  test.each([
    ["case 109: bytes that are no UTF-8", [0xff, 0x41], "\u{fffd}A"],
    ["a byte order mark", [0xef, 0xbb, 0xbf, 0x41], "\u{feff}A"],
    ["a surrogate as bytes", [0xed, 0xa0, 0x80], "\u{fffd}\u{fffd}\u{fffd}"],
  ])("Text with %s is sent as text that a browser takes", async (_, bytes, text) => {
    const { on, p } = await startWithP(transport);
    const { client, id } = await openChannel(on);
    expect(await p.ask(push(id), Uint8Array.from(bytes))).toEqual(OK);
    expect(await client.nextText()).toBe(text);
  });

  test("Text with half a surrogate pair is repaired, asked for or in answer to a frame", async () => {
    const { on, p } = await startWithP(transport);
    const { client, id } = await openChannel(on);
    p.onMessage = (_, host) => {
      host.send(new Envelope("request", host.our, new Address("alice.os", HTTP_SERVER), push(id), Blob.of("b\ud800")));
    };
    expect(await p.ask(push(id), "a\ud800")).toEqual(OK);
    client.sendText("go");
    expect(await client.nextText()).toBe("a\u{fffd}");
    expect(await client.nextText()).toBe("b\u{fffd}");
  });

  test("near case 110: empty frames arrive as empty bytes, both ways", async () => {
    const { on, p } = await startWithP(transport);
    const { client, id } = await openChannel(on);
    await p.next();
    client.sendText("");
    client.sendBinary(new Uint8Array(0));
    for (const messageType of ["Text", "Binary"]) {
      const { body, bytes } = await p.next();
      expect(body).toEqual({ WebSocketPush: { channel_id: id, message_type: messageType } });
      expect(bytes).toHaveLength(0);
    }
    expect(await p.ask(push(id), "")).toEqual(OK);
    expect(await p.ask(push(id, "Binary"), new Uint8Array(0))).toEqual(OK);
    expect(await client.nextText()).toBe("");
    expect(await client.nextBinary()).toHaveLength(0);
  });

  test("frames leave in the order pushed, whatever their type and size", async () => {
    const { on, p } = await startWithP(transport);
    const { client, id } = await openChannel(on);
    const sizes = [0, 1, 125, 126, 20_000, 65_535, 65_536, 3, 100_000, 16_384, 7];
    const answers = sizes.map((size, at) => p.ask(push(id, at % 2 === 0 ? "Text" : "Binary"), "a".repeat(size)));
    expect(await Promise.all(answers)).toEqual(sizes.map(() => OK));
    for (const [at, size] of sizes.entries()) {
      const { kind, payload } = await client.nextFrame();
      expect([kind, payload.length]).toEqual([at % 2 === 0 ? "text" : "binary", size]);
    }
  });

  test("a push nobody waits for and that fails is a dead letter with the blob's size", async () => {
    const { on, p } = await startWithP(transport);
    await openChannel(on);
    const { our } = p.host ?? { our: new Address("nobody", HTTP_SERVER) };
    p.host?.send(new Envelope("request", our, new Address("alice.os", HTTP_SERVER), push(0), Blob.of("12345")));
    await p.ask(push(0), "marker");
    expect(on.node.kernel.deadLetters.last()).toEqual([
      expect.objectContaining({ reason: "refused", source: `alice.os@${P}`, body: push(0), blobBytes: 5 }),
    ]);
  });

  test("case 118: data of the seed's api.send arrives as JSON", async () => {
    const { on, p } = await startWithP(transport);
    const closed = deferred();
    const api = new KinodeEncryptorApi({
      WebSocket,
      processId: P,
      uri: `${on.url}/`,
      token: on.token,
      onOpen: (_, opened) => opened.send({ data: { chat: ["hello", "é"] } }),
      onClose: () => closed.resolve(),
    });
    await p.next();
    expect(JSON.parse((await p.next()).text ?? "")).toEqual({ chat: ["hello", "é"] });
    api.channel.close();
    await closed.promise;
    expect(await hear(p, 1)).toEqual([expect.stringMatching(/^close /)]);
  });

  test("a channel of a node without P's name is nobody's", async () => {
    const on = await startNode(transport);
    const q = new Recorder();
    on.add(Q, q.program);
    expect(await q.ask(push(5), "x")).toEqual(err("WsChannelNotFound"));
  });
});
