/** What processes of each dialect are told of their channels, and how their actions are answered (contract kinode §5.7, §8). */
import { afterEach, describe, expect, test } from "@jest/globals";
import { type Close, defineProcess, type IncomingHttp, type Open, type Push } from "../../../lib/process/index.ts";
import { DIALECTS, type Dialect, HTTP_SERVER_IN } from "../../../lib/protocol/index.ts";
import {
  bindWs,
  connectPath,
  hear,
  OK,
  type Opened,
  openChannel,
  publish,
  push,
  startNode,
  startWithP,
  stopNodes,
  TRANSPORTS,
  until,
} from "../../support/channels.ts";
import { deferred } from "../../support/deferred.ts";
import { askHttp } from "../../support/http-client.ts";
import { P, Q, type TestNode } from "../../support/node.ts";
import { Recorder } from "../../support/recorder.ts";
import type { RawSocket } from "../../support/sockets.ts";

const bindCached = { Bind: { path: "/c", authenticated: false, local_only: false, cache: true } };
const speaks = (dialect: Dialect) => ({ process: { dialect } }) as const;
const sourceIn = (dialect: Dialect): string => `alice.os@${HTTP_SERVER_IN[dialect].text}`;
const pushed = (channel_id: number, message_type: string): unknown => ({ WebSocketPush: { channel_id, message_type } });

function record(on: TestNode, id: string, dialect: Dialect): Recorder {
  const recorder = new Recorder();
  on.add(id, recorder.program, { dialect });
  return recorder;
}

/** All that a client can send; the pong answers the process's ping. */
async function sendAll(client: RawSocket, p: Recorder, id: number): Promise<void> {
  client.sendText("hello");
  client.sendBinary(Uint8Array.of(104, 105));
  client.sendPing("p1");
  expect(await p.ask(push(id, "Ping"), "pp")).toEqual(OK);
  client.sendPong("pp");
  client.sendClose(4000, "bye");
}

type Spelling = {
  readonly open: (id: number) => unknown;
  readonly types: readonly string[];
  readonly metadata: string | null;
  readonly close: { readonly metadata: string; readonly text: string | null };
};

const REAL = ["Text", "Binary", "Ping", "Pong"];
const peer = expect.stringMatching(/^127\.0\.0\.1:\d+$/);
const facts = JSON.stringify({ code: 4000, reason: "bye" });

const openInFull = (channel_id: number): object => ({
  path: "/",
  channel_id,
  source_socket_addr: peer,
  forwarded_for: null,
  user: "alice.os",
  query_params: {},
  headers: {},
  protocol: null,
});

const SPELLINGS: Readonly<Record<Dialect, Spelling>> = {
  kinode: {
    open: openInFull,
    types: REAL,
    metadata: null,
    close: { metadata: facts, text: null },
  },
  hyperware: {
    open: openInFull,
    types: REAL,
    metadata: null,
    close: { metadata: facts, text: null },
  },
  nectar: {
    open: (channel_id) => ({ path: "/", channel_id }),
    types: REAL,
    metadata: "ws",
    close: { metadata: "ws", text: null },
  },
  uqbar: {
    open: (channel_id) => channel_id,
    types: ["Binary", "Binary", "Binary", "Binary"],
    metadata: "ws",
    close: { metadata: "ws", text: '{"ipc":[],"payload":null}' },
  },
};

describe.each(TRANSPORTS)("%s", (transport) => {
  afterEach(stopNodes);

  test.each(DIALECTS)("case 100: a process of %s is told of its channels in its own words", async (dialect) => {
    const { on, p } = await startWithP(transport, speaks(dialect));
    const { client, id } = await openChannel(on);
    const { open, types, metadata, close } = SPELLINGS[dialect];
    const source = sourceIn(dialect);
    expect(await p.next()).toMatchObject({ source, body: { WebSocketOpen: open(id) }, text: null, metadata });
    await sendAll(client, p, id);
    for (const [index, text] of ["hello", "hi", "p1", "pp"].entries()) {
      const body = pushed(id, types[index] ?? "");
      expect(await p.next()).toMatchObject({ source, body, text, metadata });
    }
    expect(await p.next()).toMatchObject({ source, body: { WebSocketClose: id }, ...close });
    expect(p.waiting).toEqual([]);
  });

  test.each(DIALECTS)("a path-bound channel of %s is told the same", async (dialect) => {
    const { on, p } = await startWithP(transport, speaks(dialect));
    expect(await p.ask(bindWs("/x"))).toEqual(OK);
    const client = await connectPath(on, `/${P}/x`);
    const { body } = await p.next();
    client.sendText("hello");
    const { body: event } = await p.next();
    const { channel_id: id } = (event as { WebSocketPush: { channel_id: number } }).WebSocketPush;
    const open = SPELLINGS[dialect].open(id);
    expect(body).toEqual({ WebSocketOpen: typeof open === "number" ? id : { ...(open as object), path: "/x" } });
  });

  test.each(DIALECTS)("a process of %s that was started again is opened its channels again, once", async (dialect) => {
    const { on, p, process } = await startWithP(transport, {
      process: { dialect, onExit: "Restart" },
    });
    const held = deferred();
    p.onMessage = ({ text }) => (text === "hold" ? held.promise : undefined);
    const first = await openChannel(on);
    const source = sourceIn(dialect);
    await p.next();
    first.client.sendText("hold");
    await p.next();
    first.client.sendText("kept");
    const second = await openChannel(on);
    await until(() => process.mailbox.length === 2);
    held.reject(new Error("told to"));
    const { open, types } = SPELLINGS[dialect];
    expect(await p.next()).toMatchObject({ source, body: { WebSocketOpen: open(first.id) } });
    expect(await p.next()).toMatchObject({ source, body: pushed(first.id, types[0] ?? ""), text: "kept" });
    expect(await p.next()).toMatchObject({ source, body: { WebSocketOpen: open(second.id) } });
    second.client.sendText("on");
    expect(await p.next()).toMatchObject({ body: pushed(second.id, types[0] ?? ""), text: "on" });
  });

  const tooLong = "x".repeat(126);
  const notFound = { WebSocketPushError: { error: "WebSocket channel not found" } };

  test.each<[what: string, action: unknown, blob: string | null, old: unknown, kinode: string]>([
    ["a push without a payload", push(1), null, "NoPayload", "NoBlob"],
    ["a cached bind without one", bindCached, null, "NoPayload", "NoBlob"],
    ["a push to no channel", push(1), "x", notFound, "WsChannelNotFound"],
    [
      "a ping of 126 bytes",
      push(1, "Ping"),
      tooLong,
      { WebSocketPushError: { error: "Ping and Pong messages must be 125 bytes or less" } },
      "WsPingPongTooLong",
    ],
    ["no action", { Nope: 1 }, null, { BadRequest: { req: '{"Nope":1}' } }, "MalformedRequest"],
    [
      "a publish too large",
      publish("t"),
      "x".repeat(5000),
      { WebSocketPushError: { error: "limit reached" } },
      "LimitReached",
    ],
    ["one path too many", bindWs("/two"), null, { PathBindError: { error: "limit reached" } }, "LimitReached"],
  ])("%s is answered in the asker's words", async (_, action, blob, old, kinode) => {
    const on = await startNode(transport, { limits: { bindingsPerProcess: 1, pushBytes: 4096 } });
    for (const dialect of DIALECTS) {
      const p = record(on, `${dialect}:${dialect}:os`, dialect);
      expect(await p.ask(bindWs("/one"))).toEqual(OK);
      const isOld = dialect === "nectar" || dialect === "uqbar";
      // Whichever name of the http-server it uses.
      for (const name of ["http-server:distro:sys", "http_server:sys:uqbar", "http_server:sys:nectar"])
        expect([dialect, await p.ask(action, blob, name)]).toEqual([dialect, { Err: isOld ? old : kinode }]);
    }
  });

  test("the http-server does what it is asked under each of its names, and answers under it", async () => {
    const { on, p } = await startWithP(transport);
    const { client, id } = await openChannel(on);
    await p.next();
    for (const name of ["http_server:sys:uqbar", "http_server:sys:nectar", "http_server:distro:sys"]) {
      expect(await p.ask(push(id), name, name)).toEqual(OK);
      expect(await client.nextText()).toBe(name);
    }
  });

  test.each<[what: string, bind: Readonly<Record<string, unknown>>, isTaken: boolean]>([
    ["Nectar's", { encrypted: false }, true],
    ["2024's", { encrypted: false, extension: false }, true],
    ["an encrypted", { encrypted: true }, false],
    ["an encrypted, with an extension's field", { encrypted: true, extension: false }, false],
    ["no kind of", {}, false],
  ])("%s WebSocketBind is read whoever sends it", async (_, fields, isTaken) => {
    const on = await startNode(transport);
    for (const dialect of ["kinode", "nectar"] as const) {
      const p = record(on, `${dialect}:${dialect}:os`, dialect);
      const answer = await p.ask({ WebSocketBind: { path: "/", authenticated: true, ...fields } });
      expect("Ok" in (answer as object)).toBe(isTaken);
    }
  });

  describe("a process made by defineProcess", () => {
    test.each(DIALECTS)("has the same handlers in %s", async (dialect) => {
      const on = await startNode(transport);
      const seen: unknown[] = [];
      const closed = deferred<Close>();
      const program = defineProcess({
        async init(ctx) {
          seen.push(await ctx.bindHttp("/m/:id", { authenticated: false }), await ctx.bindWs("/"));
          seen.push(await ctx.sendWsPush(1, "nobody"));
        },
        onOpen: (_, open: Open) => void seen.push(open),
        onPush(_, { channelId: id, messageType }: Push, blob, ctx) {
          ctx.push(
            id,
            `${messageType} ${blob.text()} ${JSON.stringify(ctx.message?.body)} ${ctx.message?.source.text}`,
          );
        },
        onHttp: (_, request: IncomingHttp) =>
          request.reply(`${request.method} ${request.path} ${request.queryParams.q} ${request.blob.text()}`),
        onClose: (_, close) => closed.resolve(close),
        onRequest: (_, message) => void seen.push(message.body),
      });
      on.add(P, program, { dialect });
      await until(() => seen.length === 3);
      expect(seen.splice(0)).toEqual([OK, OK, { Err: "WsChannelNotFound" }]);
      const type = dialect === "uqbar" ? "Binary" : "Text";
      const isOld = dialect === "nectar" || dialect === "uqbar";

      const { client, id } = await openChannel(on);
      const told = isOld ? { peer: null, user: null } : { peer, user: "alice.os" };
      expect(seen.splice(0)).toEqual([{ channelId: id, path: "/", query: {}, headers: {}, protocol: null, ...told }]);
      client.sendText("hi");
      const body = JSON.stringify(pushed(id, type));
      expect(await client.nextText()).toBe(`${type} hi ${body} ${sourceIn(dialect)}`);
      client.sendClose(4000, "bye");
      expect(await closed.promise).toEqual(
        isOld ? { channelId: id, code: 1005, reason: "" } : { channelId: id, code: 4000, reason: "bye" },
      );
      const answer = await askHttp(on.port, { method: "POST", path: `/${P}/m/7?q=a%20b`, body: "the body" });
      expect(answer).toMatchObject({ status: 200, body: "POST /m/7 a b the body" });
      expect(seen).toEqual([]);
    });

    test("in Uqbar hears Binary whether it is idle or busy", async () => {
      const on = await startNode(transport);
      const gate = deferred();
      on.add(
        P,
        defineProcess({
          async onPush(_, { channelId: id, messageType }, blob, ctx) {
            const text = blob.keep().text();
            if (text === "wait") await gate.promise;
            ctx.push(id, `${messageType} ${text}`);
          },
        }),
        { dialect: "uqbar" },
      );
      const { client } = await openChannel(on);
      for (const text of ["idle", "idle again"]) {
        client.sendText(text);
        expect(await client.nextText()).toBe(`Binary ${text}`);
      }
      for (const text of ["wait", "behind"]) client.sendText(text);
      gate.resolve();
      expect([await client.nextText(), await client.nextText()]).toEqual(["Binary wait", "Binary behind"]);
    });

    test("takes nothing for an event that another process says", async () => {
      const on = await startNode(transport);
      const seen: unknown[] = [];
      const handlers = defineProcess({
        onOpen: () => void seen.push("opened"),
        onRequest: (_, { body }, ctx) => {
          seen.push(body);
          ctx.respond(null);
        },
      });
      on.add(P, handlers, { dialect: "uqbar", public: true });
      const q = record(on, Q, "kinode");
      await q.ask({ WebSocketOpen: 7 }, null, P);
      expect(seen).toEqual([{ WebSocketOpen: 7 }]);
    });
  });

  test("several at once: a process of each dialect on one node, each told and answered in its own words", async () => {
    const on = await startNode(transport);
    const all = DIALECTS.map((dialect) => ({ dialect, p: record(on, `${dialect}:${dialect}:os`, dialect) }));
    const opened = await Promise.all(
      all.map(({ dialect }) => openChannel(on, { target_process: `${dialect}:${dialect}:os` })),
    );
    for (const [index, { dialect, p }] of all.entries()) {
      const { client, id } = opened[index] as Opened;
      expect((await p.next()).body).toEqual({ WebSocketOpen: SPELLINGS[dialect].open(id) });
      client.sendText(dialect);
      expect(await p.next()).toMatchObject({ source: sourceIn(dialect), text: dialect });
      expect(await p.ask(push(id), `to ${dialect}`)).toEqual(OK);
      expect(await client.nextText()).toBe(`to ${dialect}`);
      const other = opened[(index + 1) % opened.length];
      const isOld = dialect === "nectar" || dialect === "uqbar";
      expect(await p.ask(push(other?.id ?? 0), "not yours")).toEqual({ Err: isOld ? notFound : "WsChannelNotFound" });
    }
    for (const { p } of all) expect(p.waiting).toEqual([]);
  });

  test("a frame goes on reaching an Uqbar process until the http-server may not message it, and then is denied", async () => {
    const { on, p, process } = await startWithP(transport, speaks("uqbar"));
    const { client, id } = await openChannel(on);
    await p.next();
    for (const text of ["a", "b"]) client.sendText(text);
    expect(await hear(p, 2)).toEqual([`binary ${id} a`, `binary ${id} b`]);
    const server = on.node.kernel.registry.all().find(({ address }) => address.id.process === "http-server");
    server?.capabilities.revokeFrom(process.address.text);
    client.sendText("c");
    await until(() => on.node.kernel.deadLetters.last().some(({ reason }) => reason === "denied"));
    expect(on.node.kernel.deadLetters.last()[0]).toMatchObject({
      source: sourceIn("uqbar"),
      body: pushed(id, "Binary"),
    });
    expect(p.waiting).toEqual([]);
  });
});
