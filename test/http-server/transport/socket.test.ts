import { afterEach, describe, expect, test } from "@jest/globals";
import { WebSocket } from "ws";
import { DROPPED, SENT } from "../../../http-server/transport/transport.ts";
import { closePayload, encodeFrame, RawSocket } from "../../support/sockets.ts";
import { copy, deferred, OPTIONS, openPair, start, stopAll, type Tag, TRANSPORTS } from "./harness.ts";

describe.each(TRANSPORTS)("%s socket", (name, listen) => {
  afterEach(stopAll);

  test("getUserData() is the very object the handler accepted with", async () => {
    const data: Tag = { name: "the one" };
    const seen: Tag[] = [];
    const closed = deferred<void>();
    const { client, socket } = await openPair(listen, {
      upgrade: () => ({ accept: true, data, protocol: "" }),
      message: (from) => seen.push(from.getUserData()),
      close: (from) => {
        seen.push(from);
        closed.resolve();
      },
    });
    expect(socket.getUserData()).toBe(data);
    client.sendText("x");
    client.sendClose(1000);
    await closed.promise;
    expect(seen).toHaveLength(2);
    expect(seen.every((tag) => tag === data)).toBe(true);
  });

  test("message() lends text and binary as bytes and says which", async () => {
    const seen: [string, boolean][] = [];
    const server = await start(listen, {
      message: (socket, data, isBinary) => {
        seen.push([copy(data).toString(), isBinary]);
        socket.send(data, isBinary);
      },
    });
    const client = await RawSocket.connect(server.port);
    await client.upgrade();
    client.sendText("grüß");
    client.sendBinary(Buffer.from("bytes"));
    client.sendText("");
    expect(await client.nextText()).toBe("grüß");
    expect((await client.nextBinary()).toString()).toBe("bytes");
    expect(await client.nextText()).toBe("");
    expect(seen).toEqual([
      ["grüß", false],
      ["bytes", true],
      ["", false],
    ]);
  });

  test("message() joins fragments, with a ping between them", async () => {
    const server = await start(listen, { message: (socket, data, isBinary) => socket.send(data, isBinary) });
    const client = await RawSocket.connect(server.port);
    await client.upgrade();
    client.write(encodeFrame("text", "one ", { final: false }));
    client.sendPing("?");
    client.write(encodeFrame("continuation", "two"));
    expect(await client.nextFrame()).toMatchObject({ kind: "pong" });
    expect(await client.nextText()).toBe("one two");
  });

  test("a client made of the ws package is served", async () => {
    const server = await start(listen, { message: (socket, data, isBinary) => socket.send(data, isBinary) });
    const client = new WebSocket(`ws://127.0.0.1:${server.port}/`);
    const echoed = deferred<string>();
    client.on("open", () => client.send("hello"));
    client.on("message", (data) => echoed.resolve(String(data)));
    expect(await echoed.promise).toBe("hello");
    client.terminate();
  });

  test.each([125, 126, 65_535, 65_536, 300_000])("send() of %i bytes arrives in one frame", async (size) => {
    const { client, socket } = await openPair(listen);
    const bytes = Buffer.alloc(size, "x");
    expect(socket.send(bytes, true)).not.toBe(DROPPED);
    const frame = await client.nextFrame();
    expect([frame.kind, frame.final, frame.payload.equals(bytes)]).toEqual(["binary", true, true]);
  });

  test("send() takes text, a view and an ArrayBuffer", async () => {
    const { client, socket } = await openPair(listen);
    expect(socket.send("é", false)).toBe(SENT);
    expect(socket.send(Buffer.from("abcd").subarray(1, 3), true)).toBe(SENT);
    expect(socket.send(new Uint8Array([1, 2]).buffer, true)).toBe(SENT);
    expect(await client.nextText()).toBe("é");
    expect((await client.nextBinary()).toString()).toBe("bc");
    expect([...(await client.nextBinary())]).toEqual([1, 2]);
  });

  test("a throw in a handler is a fault, and the socket goes on", async () => {
    const throwing = (what: string) => (): never => {
      throw new Error(`defect in ${what}`);
    };
    const ponged = deferred<void>();
    const closed = deferred<void>();
    const server = await start(listen, {
      open: throwing("open"),
      message: throwing("message"),
      ping: throwing("ping"),
      pong: () => {
        ponged.resolve();
        throw new Error("defect in pong");
      },
      close: () => {
        closed.resolve();
        throw new Error("defect in close");
      },
    });
    const client = await RawSocket.connect(server.port);
    await client.upgrade();
    client.sendText("x");
    client.sendPing();
    client.sendPong();
    await ponged.promise;
    client.sendClose(1000);
    await closed.promise;
    await client.ended;
    expect(server.faults.map(String)).toEqual(
      ["open", "message", "ping", "pong", "close"].map((what) => `Error: defect in ${what}`),
    );
  });

  test("ping() from the client is answered with its bytes and told", async () => {
    const told: string[] = [];
    const { client } = await openPair(listen, { ping: (_socket, data) => told.push(copy(data).toString()) });
    client.sendPing("abc");
    expect(await client.nextFrame()).toMatchObject({ kind: "pong", payload: Buffer.from("abc") });
    expect(told).toEqual(["abc"]);
  });

  test("ping() to the client comes back as pong()", async () => {
    const back = deferred<string>();
    const { client, socket } = await openPair(listen, { pong: (_socket, data) => back.resolve(copy(data).toString()) });
    expect(socket.ping(Buffer.from("42"))).toBe(SENT);
    const frame = await client.nextFrame();
    expect(frame.kind).toBe("ping");
    client.sendPong(frame.payload);
    expect(await back.promise).toBe("42");
  });

  test("pong() is there on ws alone", async () => {
    const { client, socket } = await openPair(listen);
    expect(socket.pong === undefined).toBe(name === "uws");
    if (socket.pong === undefined) return;
    expect(socket.pong(Buffer.from("p"))).toBe(SENT);
    expect(await client.nextFrame()).toMatchObject({ kind: "pong", payload: Buffer.from("p") });
  });

  test.each([
    [1000, 1000],
    [1013, 1013],
    [3000, 3000],
    [4999, 4999],
    [999, 1000],
    [1005, 1000],
    [1006, 1000],
    [1015, 1000],
    [5000, 1000],
    [-1, 1000],
  ])("end(%i) sends %i and calls close within", async (asked, sent) => {
    const closes: unknown[] = [];
    const { client, socket } = await openPair(listen, { close: (_data, code, reason) => closes.push([code, reason]) });
    socket.end(asked, "why");
    expect(closes).toEqual([[sent, "why"]]);
    expect(await client.nextClose()).toEqual({ code: sent, reason: "why" });
    client.sendClose(sent);
    await client.ended;
    expect(closes).toHaveLength(1);
  });

  test.each([
    ["123 bytes as they are", "a".repeat(123), "a".repeat(123)],
    ["124 bytes cut to 123", "a".repeat(124), "a".repeat(123)],
    ["two-byte letters cut between them", "é".repeat(70), "é".repeat(61)],
    ["four-byte letters cut between them", "😀".repeat(40), "😀".repeat(30)],
    ["a lone surrogate repaired", "a\ud800", "a\ufffd"],
  ])("end() sends a reason of %s", async (_what, reason, sent) => {
    const { client, socket } = await openPair(listen);
    socket.end(4000, reason);
    expect(await client.nextClose()).toEqual({ code: 4000, reason: sent });
  });

  test("end() sends the close frame behind what was sent before", async () => {
    const { client, socket } = await openPair(listen);
    socket.cork(() => {
      socket.send("last", false);
      socket.end(1000, "done");
    });
    expect(await client.nextText()).toBe("last");
    expect(await client.nextClose()).toEqual({ code: 1000, reason: "done" });
  });

  test("after end() no message is told", async () => {
    const messages: string[] = [];
    const { client } = await openPair(listen, {
      message: (socket, data) => {
        messages.push(copy(data).toString());
        socket.end(1000, "");
      },
    });
    client.write(Buffer.concat([encodeFrame("text", "first"), encodeFrame("text", "second")]));
    await client.nextClose();
    client.sendClose(1000);
    await client.ended;
    expect(messages).toEqual(["first"]);
  });

  test("close() cuts the connection without a close frame", async () => {
    const closes: unknown[] = [];
    const { client, socket } = await openPair(listen, { close: (_data, code) => closes.push(code) });
    socket.close();
    expect(closes).toEqual([1006]);
    await client.ended;
    await expect(client.nextFrame()).rejects.toThrow('the server ended before a frame; left over: ""');
    expect(closes).toHaveLength(1);
  });

  test.each<[string, Buffer, number, string | RegExp]>([
    ["its code and reason", encodeFrame("close", closePayload(4001, "bye é")), 4001, "bye é"],
    ["1005 when there was none", encodeFrame("close"), 1005, ""],
    ["1006 after a frame that is none", encodeFrame(5, "x"), 1006, /invalid/i],
    ["1006 after a message over maxPayload", encodeFrame("binary", Buffer.alloc(OPTIONS.maxPayload + 1)), 1006, /./],
  ])("close of the client's is told with %s", async (_what, bytes, code, reason) => {
    const closed = deferred<[Tag, number, string]>();
    const { client } = await openPair(listen, { close: (...told) => closed.resolve(told) });
    client.write(bytes);
    expect(await closed.promise).toEqual([{ name: "a socket" }, code, expect.stringMatching(reason)]);
    await client.ended;
  });

  test("a message of maxPayload bytes passes", async () => {
    const size = deferred<number>();
    const { client } = await openPair(listen, { message: (_socket, data) => size.resolve(data.byteLength) });
    client.sendBinary(Buffer.alloc(OPTIONS.maxPayload));
    expect(await size.promise).toBe(OPTIONS.maxPayload);
  });

  test("a client that cuts the connection is told as 1006", async () => {
    const closed = deferred<number>();
    const { client } = await openPair(listen, { close: (_data, code) => closed.resolve(code) });
    client.destroy();
    expect(await closed.promise).toBe(1006);
  });
});
