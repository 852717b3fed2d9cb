/** http-client:distro:sys over the bus: WebSockets to elsewhere (contract kinode §6, case 145). */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { VirtualClock } from "../../../lib/protocol/index.ts";
import { askClient, type ClientNode, startClient, startServer, type TestServer } from "../../support/client-node.ts";
import type { Recorder } from "../../support/recorder.ts";
import { until } from "../../support/until.ts";

const P = "app:b:c";
let client: ClientNode;
let server: TestServer;
let app: Recorder;

function start(options: Parameters<typeof startClient>[0] = {}): void {
  client = startClient(options);
  app = client.recorder(P);
  client.grant(P, { local: true });
}

const open = (channel_id: number, more: object = {}): object => ({
  WebSocketOpen: { url: `ws://${server.host}/chat`, headers: {}, channel_id, ...more },
});
const push = (channel_id: number, message_type = "Text"): object => ({ WebSocketPush: { channel_id, message_type } });
const close = (channel_id: number, more: object = {}): object => ({ WebSocketClose: { channel_id, ...more } });
const ACK = { Ok: "WebSocketAck" };

beforeEach(async () => {
  server = await startServer(
    (_, response) => response.writeHead(404).end(),
    (socket, request) => {
      if (request.url === "/greet") socket.send("at once");
      socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
      socket.on("error", () => undefined);
    },
  );
});
afterEach(async () => {
  await client.node.stop();
  await server.close();
});

const ask = async (body: object, blob: Uint8Array | string | null = null): Promise<unknown> =>
  (await askClient(app.host, body, blob)).body;

describe("the contract's WebSockets", () => {
  beforeEach(() => start());

  test("case 145: a push on an unknown channel is WsPushUnknownChannel", async () => {
    expect(await ask(push(1), "x")).toEqual({ Err: { WsPushUnknownChannel: { channel_id: 1 } } });
  });

  test("frames go out and come in as requests, text with text/plain, bytes with application/octet-stream", async () => {
    expect(await ask(open(7))).toEqual(ACK);
    expect(await ask(push(7), "hello")).toEqual(ACK);
    expect(await ask(push(7, "Binary"), Uint8Array.of(0, 255))).toEqual(ACK);
    const text = await app.next();
    expect(text).toMatchObject({
      kind: "request",
      source: "alice.os@http-client:distro:sys",
      body: push(7),
      text: "hello",
    });
    expect(text.envelope.blob?.mime).toBe("text/plain");
    expect(text.envelope.rsvp).toBeNull();
    const bytes = await app.next();
    expect(bytes).toMatchObject({ body: push(7, "Binary"), bytes: Uint8Array.of(0, 255) });
    expect(bytes.envelope.blob?.mime).toBe("application/octet-stream");
  });

  test("pings and pongs come without a blob; ours are nobody's business", async () => {
    await ask(open(7));
    server.sockets[0]?.ping("x");
    expect(await app.next()).toMatchObject({ body: push(7, "Ping"), bytes: null });
    expect(await ask(push(7, "Ping"))).toEqual(ACK);
    expect(await app.next()).toMatchObject({ body: push(7, "Pong"), bytes: null });
  });

  test("a frame that follows the handshake at once is not lost", async () => {
    expect(await ask(open(7, { url: `ws://${server.host}/greet` }))).toEqual(ACK);
    expect(await app.next()).toMatchObject({ body: push(7), text: "at once" });
  });

  test("the process closes: the peer hears it, and one WebSocketClose comes", async () => {
    await ask(open(7));
    const closed = new Promise((resolve) =>
      server.sockets[0]?.once("close", (code, reason) => resolve([code, String(reason)])),
    );
    expect(await ask(close(7, { code: 4001, reason: "bye" }))).toEqual(ACK);
    expect(await closed).toEqual([4001, "bye"]);
    expect(await app.next()).toMatchObject({ body: close(7, { code: 4001, reason: "bye" }) });
    expect(await ask(close(7))).toEqual({ Err: { WsCloseFailed: { channel_id: 7 } } });
    expect(await ask(push(7), "x")).toEqual({ Err: { WsPushUnknownChannel: { channel_id: 7 } } });
    expect(app.waiting).toEqual([]);
  });

  test("the peer closes, or is lost", async () => {
    await ask(open(7));
    await ask(open(8));
    server.sockets[0]?.close(4002, "enough");
    expect(await app.next()).toMatchObject({ body: close(7, { code: 4002, reason: "enough" }) });
    server.sockets[1]?.terminate();
    expect(await app.next()).toMatchObject({ body: close(8, { code: 1006, reason: "" }) });
  });

  test("opened twice, the first is closed, and nobody is told of that one", async () => {
    await ask(open(7));
    const closed = new Promise((resolve) => server.sockets[0]?.once("close", resolve));
    expect(await ask(open(7))).toEqual(ACK);
    await closed;
    await ask(push(7), "on the second");
    expect(await app.next()).toMatchObject({ body: push(7), text: "on the second" });
    expect(app.waiting).toEqual([]);
  });

  test("each process has its own channels", async () => {
    const other = client.recorder("other:b:c");
    await ask(open(7));
    expect((await askClient(other.host, push(7), "x")).body).toEqual({
      Err: { WsPushUnknownChannel: { channel_id: 7 } },
    });
    expect((await askClient(other.host, close(7))).body).toEqual({ Err: { WsCloseFailed: { channel_id: 7 } } });
  });

  test.each([
    ["WsPushNoBlob", push(7), null],
    ["WsPushNoBlob", push(7, "Binary"), null],
    ["WsPushBadText", push(7), Uint8Array.of(0xff)],
  ])("%s", async (word, body, blob) => {
    await ask(open(7));
    expect(await ask(body, blob)).toEqual({ Err: word });
  });

  test.each([
    ["http://x/", { BadUrl: { url: "http://x/" } }],
    ["nowhere", { BadUrl: { url: "nowhere" } }],
    [
      "ws://127.0.0.1:1/",
      { WsOpenFailed: { url: "ws://127.0.0.1:1/", error: expect.stringContaining("ECONNREFUSED") } },
    ],
  ])("%s is not opened", async (url, error) => {
    expect(await ask(open(7, { url }))).toEqual({ Err: error });
    expect(app.waiting).toEqual([]);
  });

  test("a server that refuses, headers and sub-protocols that cannot be", async () => {
    const plain = await startServer((_, response) => response.end());
    plain.sockets.length = 0;
    expect(await ask(open(7, { headers: { "Sec-WebSocket-Key": "x" } }))).toEqual({
      Err: { BuildRequestFailed: "the header Sec-WebSocket-Key is not for a process to set" },
    });
    expect(await ask(open(7, { protocols: ["a b"] }))).toMatchObject({ Err: { WsOpenFailed: {} } });
    expect(await ask(open(7, { protocols: ["a", "a"] }))).toMatchObject({ Err: { WsOpenFailed: {} } });
    expect(await ask(open(7))).toEqual(ACK);
    await plain.close();
  });

  test("a process that did not grant its messaging is told, instead of losing every frame", async () => {
    const deaf = client.recorder("deaf:b:c", false);
    client.grant("deaf:b:c", { local: true });
    expect((await askClient(deaf.host, open(1))).body).toEqual({
      Err: {
        WsOpenFailed: {
          url: `ws://${server.host}/chat`,
          error: "deaf:b:c must grant http-client:distro:sys its messaging capability, for the frames",
        },
      },
    });
    const own = { issuer: deaf.host?.our.text ?? "", params: '"messaging"' };
    expect((await askClient(deaf.host, open(1), null, [own])).body).toEqual(ACK); // as ctx.http.openWs does
    server.sockets[0]?.send("heard");
    expect(await deaf.next()).toMatchObject({ body: push(1), text: "heard" });
  });
});

describe("limits and ends", () => {
  test("sockets of one process, and of all: at them, and one more", async () => {
    start({ limits: { sockets: 2, socketsTotal: 3 } });
    const other = client.recorder("other:b:c");
    client.grant("other:b:c", { local: true });
    for (const id of [1, 2]) expect(await ask(open(id))).toEqual(ACK);
    expect(await ask(open(3))).toEqual({ Err: { LimitReached: { limit: "sockets", max: 2 } } });
    expect(await ask(open(2))).toEqual(ACK); // in place of the other
    expect((await askClient(other.host, open(1))).body).toEqual(ACK);
    expect((await askClient(other.host, open(2))).body).toEqual({
      Err: { LimitReached: { limit: "socketsTotal", max: 3 } },
    });
    await ask(close(1));
    await app.next();
    expect(await ask(open(3))).toEqual(ACK);
  });

  test("a message larger than limits.messageBytes ends the channel", async () => {
    start({ limits: { messageBytes: 10 } });
    await ask(open(7));
    server.sockets[0]?.send("0123456789");
    expect(await app.next()).toMatchObject({ text: "0123456789" });
    server.sockets[0]?.send("0123456789x");
    expect(await app.next()).toMatchObject({ body: { WebSocketClose: { channel_id: 7, code: 1009 } } });
  });

  test("a peer that does not read: pushes are answered when they are sent, and refused beyond limits.sendMax", async () => {
    start({ limits: { sendLimit: 1024, sendMax: 8 * 1024 * 1024 } });
    await ask(open(7));
    server.sockets[0]?.pause();
    const piece = new Uint8Array(1024 * 1024);
    const outcomes: unknown[] = [];
    let pending = 0;
    for (let i = 0; i < 64 && outcomes.length === 0; i++) {
      pending++;
      void ask(push(7, "Binary"), piece).then((body) => {
        pending--;
        if (JSON.stringify(body) !== JSON.stringify(ACK)) outcomes.push(body);
      });
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => outcomes.length > 0);
    expect(outcomes[0]).toEqual({ Err: { LimitReached: { limit: "sendMax", max: 8 * 1024 * 1024 } } });
    expect(pending).toBeGreaterThan(0); // they wait for the peer
    server.sockets[0]?.removeAllListeners("message");
    server.sockets[0]?.resume();
    await until(() => pending === 0);
  });

  test("frames that are to be answered: at most limits.framesAhead are under way, and the peer is held back", async () => {
    start({ limits: { framesAhead: 4 } });
    await ask(open(7, { answered: true }));
    const [socket] = server.sockets;
    if (socket === undefined) throw new Error("there is no socket");
    const total = 400;
    for (let i = 0; i < total; i++) socket.send(Buffer.alloc(64 * 1024, i));
    await until(() => app.all.length >= 4);
    for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(app.all.length).toBeLessThan(12); // those of a piece that was read already come too
    expect(socket.bufferedAmount).toBeGreaterThan(1024 * 1024);
    for (let i = 0; i < total; i++) {
      const { envelope, bytes } = await app.next();
      expect(bytes?.[0]).toBe(i % 256);
      app.host?.respond({ body: "Ok" }, envelope);
    }
  });

  test("a channel ends with its process, and a peer that answers no ping is lost", async () => {
    const clock = new VirtualClock();
    start({ nodeOptions: { clock } });
    const gone = client.recorder("gone:b:c");
    client.grant("gone:b:c", { local: true });
    await askClient(gone.host, open(1));
    await ask(open(7));
    const [first, second] = server.sockets;
    const closed = new Promise((resolve) => first?.once("close", resolve));
    client.node.kernel.registry
      .all()
      .find(({ address }) => address.id.text === "gone:b:c")
      ?.kill();
    second?.pause(); // answers nothing any more
    const pass = (): void => {
      for (let passed = 0; passed < 30_010; passed += 10) clock.advance(10);
    };
    pass();
    expect(await closed).toBe(1001);
    pass();
    expect(await app.next()).toMatchObject({ body: close(7, { code: 1006, reason: "" }) });
  });
});
