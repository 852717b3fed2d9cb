/** Paths that bind their channels at upgrade: contract kinode §5.6 and its cases 119 to 133. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { packMessage, unpackMessage } from "../../../lib/protocol/index.ts";
import {
  bindWs,
  channelId,
  connectPath,
  err,
  hear,
  OK,
  push,
  startWithP,
  stopNodes,
  TRANSPORTS,
} from "../../support/channels.ts";
import { P, Q, type TestNode } from "../../support/node.ts";
import type { Recorder } from "../../support/recorder.ts";
import { RawSocket } from "../../support/sockets.ts";

/** The id in the next message, which has to be an Open. */
async function openId(p: Recorder): Promise<number> {
  const { body } = await p.next();
  return (body as { WebSocketOpen: { channel_id: number } }).WebSocketOpen.channel_id;
}

async function statusOf(on: TestNode, path: string, headers = {}): Promise<number> {
  const client = await RawSocket.connect(on.port);
  const { status } = await client.tryUpgrade({ path, headers });
  client.destroy();
  return status;
}

describe.each(TRANSPORTS)("%s path-bound channel", (transport) => {
  afterEach(stopNodes);

  test("near case 119: with the session cookie it opens at the upgrade, without a registration", async () => {
    const { on, p } = await startWithP(transport);
    expect(await p.ask(bindWs("/"))).toEqual(OK);
    const client = await connectPath(on, `/${P}`);
    const open = await p.next();
    expect(open).toMatchObject({ body: { WebSocketOpen: { path: "/" } }, bytes: null });
    const id = channelId(JSON.stringify((open.body as { WebSocketOpen: unknown }).WebSocketOpen));
    client.sendText("first");
    client.sendText("second");
    expect(await hear(p, 2)).toEqual([`text ${id} first`, `text ${id} second`]);
    expect(await p.ask(push(id), "yo")).toEqual(OK);
    expect(await client.nextText()).toBe("yo");
  });

  test.each([
    ["no cookie", () => ({})],
    ["a bad cookie", () => ({ cookie: "jackfield-auth_alice.os=a.b.c" })],
    ["a cookie with a bad signature", (on: TestNode) => ({ cookie: `${on.cookie}x` })],
    ["a cookie of another name", (on: TestNode) => ({ cookie: `jackfield-auth_bob.os=${on.token}` })],
    [
      "a register token, which is good for WsRegister only",
      (on: TestNode) => ({ cookie: `kinode-auth_alice.os=${on.server.issueToken("register")}` }),
    ],
  ])("case 120: %s is refused with 401, and P is told nothing", async (_, headers) => {
    const { on, p } = await startWithP(transport);
    await p.ask(bindWs("/"));
    expect(await statusOf(on, `/${P}`, headers(on))).toBe(401);
    await connectPath(on, `/${P}`);
    await openId(p);
    expect(p.waiting).toEqual([]);
  });

  test("a binding that wants no login takes everybody", async () => {
    const { on, p } = await startWithP(transport);
    await p.ask(bindWs("/open", { authenticated: false }));
    await connectPath(on, `/${P}/open`, {});
    expect(await p.next()).toMatchObject({ body: { WebSocketOpen: { path: "/open" } } });
  });

  test("case 121: an unbound path is refused with 404, below a bound one too", async () => {
    const { on, p } = await startWithP(transport);
    await p.ask(bindWs("/"));
    const headers = { cookie: on.cookie };
    for (const path of ["/nope", `/${P}/below`, `/${Q}`, `/${P.toUpperCase()}`]) {
      expect([path, await statusOf(on, path, headers)]).toEqual([path, 404]);
    }
    expect(await statusOf(on, `/${P}/`, headers)).toBe(101);
  });

  test("near case 122: parameters in a path; the process is told the real path, without the query", async () => {
    const { on, p } = await startWithP(transport);
    await p.ask(bindWs("/ws/:id"));
    await p.ask(bindWs("/all/*rest"));
    await connectPath(on, `/${P}/ws/4%202?token=x`);
    await connectPath(on, `/${P}/all/a/b/c`);
    expect(await p.next()).toMatchObject({ body: { WebSocketOpen: { path: "/ws/4%202" } } });
    expect(await p.next()).toMatchObject({ body: { WebSocketOpen: { path: "/all/a/b/c" } } });
    expect(await statusOf(on, `/${P}/ws`, { cookie: on.cookie })).toBe(404);
  });

  test("case 123: a client's ping is answered, and told as Ping with its bytes", async () => {
    const { on, p } = await startWithP(transport);
    await p.ask(bindWs("/"));
    const client = await connectPath(on, `/${P}`);
    const id = await openId(p);
    client.sendPing("p1");
    expect(await client.nextFrame()).toMatchObject({ kind: "pong", payload: Buffer.from("p1") });
    expect(await hear(p, 1)).toEqual([`ping ${id} p1`]);
  });

  test("case 124: the answer to a Ping of the process is told as Pong", async () => {
    const { on, p } = await startWithP(transport);
    await p.ask(bindWs("/"));
    const client = await connectPath(on, `/${P}`);
    const id = await openId(p);
    expect(await p.ask(push(id, "Ping"), "pp")).toEqual(OK);
    const { kind, payload } = await client.nextFrame();
    expect([kind, payload.toString()]).toEqual(["ping", "pp"]);
    client.sendPong(payload);
    expect(await hear(p, 1)).toEqual([`pong ${id} pp`]);
  });

  test("a Ping without bytes is answered with a Pong that is told too", async () => {
    const { on, p } = await startWithP(transport);
    await p.ask(bindWs("/"));
    const client = await connectPath(on, `/${P}`);
    const id = await openId(p);
    expect(await p.ask(push(id, "Ping"), "")).toEqual(OK);
    expect(await client.nextFrame()).toMatchObject({ kind: "ping" });
    client.sendPong();
    expect(await hear(p, 1)).toEqual([`pong ${id} `]);
  });

  test("near case 125: a close of the client is one Close, with its reason", async () => {
    const { on, p } = await startWithP(transport);
    await p.ask(bindWs("/"));
    const client = await connectPath(on, `/${P}`);
    const id = await openId(p);
    client.sendText("x");
    client.sendClose(1001, "page left");
    expect(await hear(p, 2)).toEqual([`text ${id} x`, `close ${id} 1001 page left`]);
  });

  test('case 126: the npm client\'s first frame, bytes of "Hello World" as JSON on /P/, is plain data', async () => {
    const { on, p } = await startWithP(transport);
    await p.ask(bindWs("/"));
    const client = await connectPath(on, `/${P}/`);
    client.sendBinary(Buffer.from('"Hello World"'));
    const id = await openId(p);
    const { body, text } = await p.next();
    expect(body).toEqual({ WebSocketPush: { channel_id: id, message_type: "Binary" } });
    expect(text).toBe('"Hello World"');
  });

  describe("case 127: a client of 0.2.4 registers on the bound path, and is answered", () => {
    test.each([
      ["JSON", (value: unknown) => Buffer.from(JSON.stringify(value)), (bytes: Buffer) => JSON.parse(bytes.toString())],
      ["MessagePack", (value: unknown) => Buffer.from(packMessage(value)), unpackMessage],
    ] as const)("%s", async (name, encode, decode) => {
      const { on, p } = await startWithP(transport);
      await p.ask(bindWs("/"));
      const client = await connectPath(on, `/${P}/`);
      const id = await openId(p);
      client.sendBinary(encode({ auth_token: on.token, target_process: P, encrypted: false }));
      client.sendText("data");
      const answer = await client.nextFrame();
      expect(answer.kind).toBe(name === "JSON" ? "text" : "binary");
      expect(decode(answer.payload)).toEqual({ channel_id: id });
      expect(await hear(p, 1)).toEqual([`text ${id} data`]);
    });

    test("a registration for another process, or as a later frame, is plain data", async () => {
      const { on, p } = await startWithP(transport);
      await p.ask(bindWs("/"));
      const client = await connectPath(on, `/${P}/`);
      const id = await openId(p);
      const [other, own] = [JSON.stringify({ target_process: Q }), JSON.stringify({ target_process: P })];
      client.sendText(other);
      client.sendText(own);
      expect(await hear(p, 2)).toEqual([`text ${id} ${other}`, `text ${id} ${own}`]);
    });
  });

  test("near case 128: an unbound path takes no more channels, and those it has go on", async () => {
    const { on, p } = await startWithP(transport);
    await p.ask(bindWs("/"));
    const client = await connectPath(on, `/${P}`);
    const id = await openId(p);
    expect(await p.ask({ WebSocketUnbind: { path: "/" } })).toEqual(OK);
    expect(await statusOf(on, `/${P}`, { cookie: on.cookie })).toBe(404);
    client.sendText("still");
    expect(await hear(p, 1)).toEqual([`text ${id} still`]);
  });

  test.each([
    ["no extension", { path: "/", authenticated: true }],
    [
      "blobs for an extension in a way nobody knows",
      { path: "/", authenticated: true, extension: true, extension_blob: "text" },
    ],
    ["no path", { authenticated: true, extension: false }],
    ["a policy nobody knows", { path: "/", authenticated: true, extension: false, slow_reader: "hope" }],
    ["a send limit of nothing", { path: "/", authenticated: true, extension: false, send_limit: 0 }],
  ])("a WebSocketBind with %s is told MalformedRequest", async (_, argument) => {
    const { p } = await startWithP(transport);
    expect(await p.ask({ WebSocketBind: argument })).toEqual(err("MalformedRequest"));
  });

  test("a send limit may be the node's own, and is told LimitReached one byte above it", async () => {
    const { p } = await startWithP(transport, { limits: { sendLimit: 4096 } });
    expect(await p.ask(bindWs("/", { send_limit: 4096 }))).toEqual(OK);
    expect(await p.ask(bindWs("/", { send_limit: 4097 }))).toEqual(err("LimitReached"));
  });

  test("case 133: a client that asks for a sub-protocol gets a whole socket with none selected", async () => {
    const { on, p } = await startWithP(transport);
    await p.ask(bindWs("/"));
    const client = await RawSocket.connect(on.port);
    const headers = { cookie: on.cookie, "sec-websocket-protocol": "x, y" };
    const answer = await client.upgrade({ path: `/${P}`, headers });
    expect(answer.headers).not.toHaveProperty("sec-websocket-protocol");
    expect(answer.headers).not.toHaveProperty("sec-websocket-extensions");
    const id = await openId(p);
    expect(await p.ask(push(id), "yo")).toEqual(OK);
    expect(await client.nextText()).toBe("yo");
    client.sendClose(1000);
    expect(await hear(p, 1)).toEqual([`close ${id} 1000`]);
  });

  test("an upgrade whose process takes no channels hears why and is closed with 1013", async () => {
    const { on, p, process } = await startWithP(transport);
    await p.ask(bindWs("/"));
    on.node.kernel.registry
      .all()
      .find(({ address }) => address.id.process === "http-server")
      ?.capabilities.revokeFrom(process.address.text);
    const client = await connectPath(on, `/${P}`);
    expect(JSON.parse(await client.nextText())).toMatchObject({ error: { code: "try_again_later" } });
    expect(await client.nextClose()).toMatchObject({ code: 1013 });
    expect(p.waiting).toEqual([]);
  });
});
