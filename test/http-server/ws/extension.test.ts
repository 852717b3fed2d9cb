/** Extensions: programs of other languages that work for a process (contract kinode §5.9), cases 130 to 132. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { Packr } from "msgpackr";
import { OwnHosts } from "../../../http-server/own-hosts.ts";
import { TrustedProxies } from "../../../http-server/trusted-proxies.ts";
import { Visit } from "../../../http-server/visit.ts";
import { Address, Blob, Envelope, HTTP_SERVER, unpackMessage, VirtualClock } from "../../../lib/protocol/index.ts";
import { bindWs, err, OK, push, startWithP, stopNodes, TRANSPORTS, until } from "../../support/channels.ts";
import { deferred } from "../../support/deferred.ts";
import { P, Q, type TestNode, type TestNodeOptions } from "../../support/node.ts";
import { Recorder } from "../../support/recorder.ts";
import { RawSocket } from "../../support/sockets.ts";

/** The golden bytes of contract kinode §5.9. */
const GOLDEN =
  "81b4576562536f636b6574457874507573684461746183a26964cd0102b36b696e6f64655f6d6573736167655f74797065a8526573706f6e7365a4626c6f629201ccc8";

const packr = new Packr({ useRecords: false, variableMapSize: true });
/** As an extension writes it. */
const pack = (argument: unknown): Buffer => packr.pack({ WebSocketExtPushData: argument });
const reply = (id: number | bigint, blob: unknown, type = "Response"): Buffer =>
  pack({ id, kinode_message_type: type, blob });

type Read = { readonly id: number; readonly kinode_message_type: string; readonly blob: readonly number[] };

async function nextMessage(client: RawSocket): Promise<Read> {
  return (unpackMessage(await client.nextBinary()) as { readonly WebSocketExtPushData: Read }).WebSocketExtPushData;
}

const outgoing = (channel_id: number, fields: Readonly<Record<string, unknown>> = {}): unknown => ({
  WebSocketExtPushOutgoing: { channel_id, message_type: "Binary", desired_reply_type: "Response", ...fields },
});

type Options = TestNodeOptions & { readonly bind?: Readonly<Record<string, unknown>> };

/** P with an extension on its path `/ext`, which has come and been told of. */
async function withExtension(transport: "uws" | "ws", { bind = {}, ...options }: Options = {}) {
  const { on, p, process } = await startWithP(transport, options);
  expect(await p.ask(bindWs("/ext", { authenticated: false, extension: true, ...bind }))).toEqual(OK);
  const { client, id } = await another(on, p);
  return { on, p, process, client, id };
}

async function another(on: TestNode, p: Recorder) {
  const client = await RawSocket.connect(on.port);
  await client.upgrade({ path: `/${P}/ext`, headers: { host: `localhost:${on.port}` } });
  const { body } = await p.next();
  return { client, id: (body as { WebSocketOpen: { channel_id: number } }).WebSocketOpen.channel_id };
}

/** A request of P to its extension whose outcome comes as a message. */
function send(p: Recorder, id: number, options: { readonly expects?: number; readonly context?: unknown } = {}): void {
  const { host } = p;
  if (host === undefined) throw new Error("P has not started");
  const request = new Envelope("request", host.our, new Address("alice.os", HTTP_SERVER), outgoing(id), Blob.of("?"));
  request.expectsResponse = options.expects ?? 5;
  request.context = options.context;
  host.send(request);
}

const counts = (on: TestNode): Readonly<Record<string, number>> => on.node.kernel.deadLetters.counts();
const pushOf = (id: number): unknown => ({ WebSocketPush: { channel_id: id, message_type: "Binary" } });

describe.each(TRANSPORTS)("%s an extension", (transport) => {
  afterEach(stopNodes);

  describe("is asked by its process", () => {
    test("case 130: request 258 with blob 01 C8 goes out as the golden bytes", async () => {
      const { on, p, client, id } = await withExtension(transport);
      while (on.node.kernel.nextMessageId() < 257);
      void p.ask(outgoing(id), new Uint8Array([1, 0xc8])).catch(() => undefined);
      expect((await client.nextBinary()).toString("hex")).toBe(GOLDEN);
    });

    test.each([
      ["named, array", (id: number) => reply(id, [1, 200])],
      ["named, bin", (id: number) => reply(id, Buffer.from([1, 200]))],
      ["the newer spelling", (id: number) => pack({ id, hyperware_message_type: "Response", blob: [1, 200] })],
      ["positional, array", (id: number) => pack([id, "Response", [1, 200]])],
      ["positional, bin", (id: number) => pack([id, "Response", Buffer.from([1, 200])])],
    ])("case 131, as inferred: a Response with that id is the answer: %s", async (_, answer) => {
      const { p, client, id } = await withExtension(transport);
      send(p, id, { context: "kept" });
      const asked = await nextMessage(client);
      expect(asked).toMatchObject({ kinode_message_type: "Response", blob: [63] });
      client.sendBinary(answer(asked.id));
      expect(await p.next()).toMatchObject({
        kind: "response",
        source: "alice.os@http-server:distro:sys",
        body: pushOf(id),
        bytes: new Uint8Array([1, 200]),
        context: "kept",
      });
    });

    test("an answer may come in any order, and each finds who asked", async () => {
      const { p, client, id } = await withExtension(transport);
      for (const context of ["a", "b", "c"]) send(p, id, { context });
      const asked = [await nextMessage(client), await nextMessage(client), await nextMessage(client)];
      for (const { id: n } of asked.reverse()) client.sendBinary(reply(n, [n]));
      const heard = [await p.next(), await p.next(), await p.next()];
      expect(heard.map(({ context }) => context)).toEqual(["c", "b", "a"]);
    });

    test("with extension_blob bin, blobs go out as bin", async () => {
      const { p, client, id } = await withExtension(transport, { bind: { extension_blob: "bin" } });
      const answer = p.ask(outgoing(id), new Uint8Array([1, 0xc8]));
      const asked = await nextMessage(client);
      expect(asked.blob).toEqual(Buffer.from([1, 0xc8]));
      client.sendBinary(reply(asked.id, []));
      expect(await answer).toEqual(pushOf(id));
    });

    test("a push that expects no answer goes out with an id, and what comes back to it is a dead letter", async () => {
      const { on, p, client, id } = await withExtension(transport);
      p.host?.tell(new Address("alice.os", HTTP_SERVER), outgoing(id), Blob.of("?"));
      const { id: n } = await nextMessage(client);
      expect(n).toBeGreaterThan(0);
      client.sendBinary(reply(n, []));
      client.sendText("marker");
      expect(await p.next()).toMatchObject({ text: "marker" });
      expect(counts(on)).toEqual({ unexpected_answer: 1 });
    });

    test("where a Request is to come back, the answer is that it was queued", async () => {
      const { p, client, id } = await withExtension(transport);
      expect(await p.ask(outgoing(id, { desired_reply_type: "Request" }), "?")).toEqual(OK);
      const asked = await nextMessage(client);
      expect(asked).toMatchObject({ kinode_message_type: "Request" });
      client.sendBinary(reply(asked.id, [7], "Request"));
      expect(await p.next()).toMatchObject({ kind: "request", body: pushOf(id), bytes: new Uint8Array([7]) });
    });

    test("a request passed on with inherit is answered to who asked first", async () => {
      const { on, p, client, id } = await withExtension(transport);
      const q = new Recorder();
      on.add(Q, q.program, { requestCapabilities: [P] });
      p.onMessage = (message, host) => {
        if (message.body !== "forward") return;
        const on = new Envelope("request", host.our, new Address("alice.os", HTTP_SERVER), outgoing(id), null);
        on.inherit = true;
        host.send(on);
      };
      const answer = q.ask("forward", "?", P);
      const asked = await nextMessage(client);
      client.sendBinary(reply(asked.id, []));
      expect(await answer).toEqual(pushOf(id));
    });

    test("without an answer it ends with Timeout, and a late one is a dead letter", async () => {
      const clock = new VirtualClock();
      const { on, p, client, id } = await withExtension(transport, { nodeOptions: { clock } });
      send(p, id, { expects: 3 });
      const asked = await nextMessage(client);
      clock.advance(3000);
      expect(await p.next()).toMatchObject({ kind: "error", error: "Timeout", body: outgoing(id) });
      client.sendBinary(reply(asked.id, []));
      client.sendText("marker");
      expect(await p.next()).toMatchObject({ text: "marker" });
      expect(counts(on)).toEqual({ unexpected_answer: 1 });
    });

    test("when its channel ends first, it ends with Offline, and brings back what was sent", async () => {
      const { p, client, id } = await withExtension(transport);
      send(p, id, { context: "kept" });
      await nextMessage(client);
      client.destroy();
      const heard = [await p.next(), await p.next()];
      expect(heard.map(({ kind }) => kind).sort()).toEqual(["error", "request"]);
      const error = heard.find(({ kind }) => kind === "error")?.envelope;
      expect(error).toMatchObject({ error: "Offline", body: outgoing(id), context: "kept" });
      expect(error?.blob?.text()).toBe("?");
    });

    test("the checks stand in the contract's order", async () => {
      const { on, p, client, id } = await withExtension(transport);
      const q = new Recorder();
      on.add(Q, q.program);
      expect(await p.ask(outgoing(0, { message_type: "Text" }))).toEqual(err("NoBlob"));
      expect(await p.ask(outgoing(id, { message_type: "Text" }), "?")).toEqual(err("NoBlob"));
      expect(await p.ask(outgoing(id, { message_type: "Ping" }), new Uint8Array(126))).toEqual(err("NoBlob"));
      expect(await p.ask(outgoing(id))).toEqual(err("NoBlob"));
      expect(await p.ask(outgoing(0), "?")).toEqual(err("WsChannelNotFound"));
      expect(await q.ask(outgoing(id), "?")).toEqual(err("WsChannelNotFound"));
      expect(await p.ask(outgoing(id, { desired_reply_type: "Both" }), "?")).toEqual(err("MalformedRequest"));
      expect(await p.ask({ WebSocketExtPushData: { id: 1, kinode_message_type: "Response", blob: [] } }, "?")).toEqual(
        err("MalformedRequest"),
      );
      expect(await p.ask(push(id), "only this arrives")).toEqual(OK);
      expect(await client.nextText()).toBe("only this arrives");
    });

    test("a channel that is no extension's is not found", async () => {
      const { p, on } = await withExtension(transport);
      await p.ask(bindWs("/", { authenticated: false }));
      const page = await RawSocket.connect(on.port);
      await page.upgrade({ path: `/${P}` });
      const { body } = await p.next();
      const { channel_id: id } = (body as { WebSocketOpen: { channel_id: number } }).WebSocketOpen;
      expect(await p.ask(outgoing(id), "?")).toEqual(err("WsChannelNotFound"));
    });

    test("as many wait as limits.extensionRequests says, on each channel; one more is told LimitReached", async () => {
      const { on, p, client, id } = await withExtension(transport, { limits: { extensionRequests: 2 } });
      send(p, id);
      send(p, id);
      expect(await p.ask(outgoing(id), "?")).toEqual(err("LimitReached"));
      const other = await another(on, p);
      send(p, other.id);
      await nextMessage(other.client);
      client.sendBinary(reply((await nextMessage(client)).id, []));
      await p.next();
      send(p, id);
      await nextMessage(client);
      expect(await nextMessage(client)).toMatchObject({ blob: [63] });
    });

    test("one that has timed out makes room for another", async () => {
      const clock = new VirtualClock();
      const { p, client, id } = await withExtension(transport, {
        nodeOptions: { clock },
        limits: { extensionRequests: 1 },
      });
      send(p, id, { expects: 1 });
      await nextMessage(client);
      expect(await p.ask(outgoing(id), "?")).toEqual(err("LimitReached"));
      clock.advance(1000);
      expect(await p.next()).toMatchObject({ error: "Timeout" });
      send(p, id);
      await nextMessage(client);
    });

    test("the frame, not the blob, has to be within limits.pushBytes", async () => {
      const { p, client, id } = await withExtension(transport, { limits: { pushBytes: 1024 } });
      expect(await p.ask(outgoing(id), new Uint8Array(900).fill(200))).toEqual(err("LimitReached"));
      void p.ask(outgoing(id), new Uint8Array(900)).catch(() => undefined);
      expect((await nextMessage(client)).blob).toHaveLength(900);
    });
  });

  describe("asks its process", () => {
    test.each([
      ["7", 7, 7],
      ["2^53 + 1", 2n ** 53n + 1n, 2n ** 53n + 1n],
      ["the largest u64", 2n ** 64n - 1n, 2n ** 64n - 1n],
    ])("under an id of its own, %s; the process's answer goes back under it", async (_, id, back) => {
      const { p, client, id: channel } = await withExtension(transport);
      p.onMessage = (message, host) => {
        if (message.text === "ask") host.respond({ body: null, blob: Blob.of("answer") });
      };
      client.sendBinary(reply(id, [...Buffer.from("ask")], "Request"));
      expect(await p.next()).toMatchObject({
        kind: "request",
        source: "alice.os@http-server:distro:sys",
        body: pushOf(channel),
        text: "ask",
      });
      expect(await nextMessage(client)).toEqual({
        id: back,
        kinode_message_type: "Response",
        blob: [...Buffer.from("answer")],
      });
    });

    test.each([
      ["a text", "hi", "hi"],
      ["a value, as JSON", { a: [1] }, '{"a":[1]}'],
    ])("an answer without a blob is its body: %s", async (_, body, payload) => {
      const { p, client } = await withExtension(transport);
      p.onMessage = ({ envelope }, host) => {
        if (envelope.rsvp !== null) host.respond({ body });
      };
      client.sendBinary(pack([1, "Request", Buffer.from("ask")]));
      expect(Buffer.from((await nextMessage(client)).blob).toString()).toBe(payload);
    });

    test("answers may come late and in any order, beside those of the process's own questions", async () => {
      const { p, client, id } = await withExtension(transport);
      for (const n of [1, 2]) client.sendBinary(pack([n, "Request", [n]]));
      const [first, second] = [await p.next(), await p.next()];
      send(p, id);
      p.host?.respond({ body: "second" }, second.envelope);
      p.host?.respond({ body: "first" }, first.envelope);
      const frames = [await nextMessage(client), await nextMessage(client), await nextMessage(client)];
      expect(frames.map(({ blob }) => Buffer.from(blob).toString())).toEqual(["?", "second", "first"]);
      expect(frames.slice(1).map(({ id }) => id)).toEqual([2, 1]);
    });

    test("after limits.extensionSeconds an answer is a dead letter", async () => {
      const clock = new VirtualClock();
      const { on, p, client } = await withExtension(transport, {
        nodeOptions: { clock },
        limits: { extensionSeconds: 2 },
      });
      client.sendBinary(pack([1, "Request", [1]]));
      const { envelope } = await p.next();
      clock.advance(2000);
      p.host?.respond({ body: "late" }, envelope);
      expect(counts(on)).toEqual({ unexpected_answer: 1 });
    });

    test("of more than limits.extensionRequests that are not answered, the oldest is given up", async () => {
      const { on, p, client } = await withExtension(transport, { limits: { extensionRequests: 2 } });
      for (const n of [1, 2, 3]) client.sendBinary(pack([n, "Request", [n]]));
      const asked = [await p.next(), await p.next(), await p.next()];
      for (const { envelope } of asked) p.host?.respond({ body: "x" }, envelope);
      expect([(await nextMessage(client)).id, (await nextMessage(client)).id]).toEqual([2, 3]);
      expect(counts(on)).toEqual({ unexpected_answer: 1 });
    });

    test("an answer for an extension that has left is a dead letter", async () => {
      const { on, p, client, id } = await withExtension(transport);
      client.sendBinary(pack([1, "Request", [1]]));
      const { envelope } = await p.next();
      client.destroy();
      expect(await p.next()).toMatchObject({ body: { WebSocketClose: id } });
      p.host?.respond({ body: "x" }, envelope);
      await until(() => counts(on).unexpected_answer === 1);
    });

    test("of one that has left nothing waits any more: the places are free for others", async () => {
      const options = { nodeOptions: { limits: { pendingRequests: 3 } } };
      const { on, p, client, id } = await withExtension(transport, options);
      for (const n of [1, 2, 3]) client.sendBinary(pack([n, "Request", [n]]));
      for (let n = 0; n < 3; n++) await p.next();
      client.destroy();
      expect(await p.next()).toMatchObject({ body: { WebSocketClose: id } });
      const { client: next } = await another(on, p);
      next.sendBinary(pack([9, "Request", [9]]));
      p.host?.respond({ body: "taken" }, (await p.next()).envelope);
      expect(await nextMessage(next)).toMatchObject({ id: 9 });
    });

    test("limits.extensionQuestions is for all of them: who asks one more is closed with 1013", async () => {
      const { on, p, client } = await withExtension(transport, { limits: { extensionQuestions: 2 } });
      for (const n of [1, 2]) client.sendBinary(pack([n, "Request", [n]]));
      const asked = [await p.next(), await p.next()];
      const { client: other } = await another(on, p);
      other.sendBinary(pack([3, "Request", [3]]));
      expect(await other.nextClose()).toEqual({ code: 1013, reason: "the process is overloaded" });
      for (const { envelope } of asked) p.host?.respond({ body: "x" }, envelope);
      expect([(await nextMessage(client)).id, (await nextMessage(client)).id]).toEqual([1, 2]);
    });

    test("one that is handed over with its channel is answered by the new process, in its own dialect", async () => {
      const { on, p, client, id } = await withExtension(transport);
      const room = new Recorder();
      const ROOM = P.replace(/^[^:]+/, "room"); // of P's own package
      on.add(ROOM, room.program, { dialect: "nectar" });
      const held = deferred();
      p.onMessage = () => held.promise;
      for (const n of [1, 2]) client.sendBinary(pack([n, "Request", [n]]));
      await p.next();
      expect(await p.ask({ WebSocketTransfer: { channel_id: id, to: ROOM } })).toEqual(OK);
      held.resolve();
      await room.next(); // its Open
      const { envelope, source } = await room.next();
      expect(source).toBe("alice.os@http_server:sys:nectar");
      room.host?.respond({ body: "from the room" }, envelope);
      expect(await nextMessage(client)).toMatchObject({ id: 2 });
    });

    test("a process with a full mailbox: the channel ends with 1013, as for any frame", async () => {
      const { p, client } = await withExtension(transport, { nodeOptions: { limits: { mailbox: 1 } } });
      p.onMessage = () => new Promise<void>(() => undefined);
      for (const n of [1, 2, 3]) client.sendBinary(pack([n, "Request", [n]]));
      expect(await client.nextClose()).toEqual({ code: 1013, reason: "the process is overloaded" });
    });
  });

  describe("sends anything else", () => {
    test.each([
      ["bytes", Buffer.from([0, 1, 2])],
      ["MessagePack of its own", packr.pack({ hello: 1 })],
      ["half a message", reply(1, [1]).subarray(0, 30)],
      ["an action's name with other fields", packr.pack({ WebSocketPush: { channel_id: "x" } })],
      ["nothing", Buffer.alloc(0)],
    ])("%s: a push like any client's, from the first frame on", async (_, bytes) => {
      const { p, client, id } = await withExtension(transport);
      for (let n = 0; n < 2; n++) {
        client.sendBinary(bytes);
        expect(await p.next()).toMatchObject({ kind: "request", body: pushOf(id), bytes: new Uint8Array(bytes) });
      }
      expect(p.all.every(({ envelope }) => envelope.rsvp === null)).toBe(true);
    });

    test("text is text, also that of a registration", async () => {
      const { p, client } = await withExtension(transport);
      const text = JSON.stringify({ target_process: P });
      client.sendText(text);
      expect(await p.next()).toMatchObject({ text });
    });

    test.each([
      ["named", { WebSocketPush: { channel_id: 1, message_type: "Text" } }],
      ["positional", { Bind: ["/", false, false, false] }],
      ["a close", { WebSocketClose: 1 }],
      ["an outgoing push", { WebSocketExtPushOutgoing: [1, "Binary", "Response"] }],
    ])("another action, %s, is dropped: a dead letter", async (_, action) => {
      const { on, p, client, id } = await withExtension(transport);
      client.sendBinary(packr.pack(action));
      client.sendText("marker");
      expect(await p.next()).toMatchObject({ text: "marker" });
      expect(on.node.kernel.deadLetters.last()).toEqual([
        expect.objectContaining({ reason: "refused", target: `alice.os@${P}`, body: pushOf(id) }),
      ]);
    });

    test("its messages count: one more than limits.messagesPerSecond ends the channel with 4429", async () => {
      const { p, client } = await withExtension(transport, {
        nodeOptions: { clock: new VirtualClock() },
        limits: { messagesPerSecond: 2 },
      });
      for (const n of [1, 2, 3]) client.sendBinary(pack([n, "Request", [n]]));
      expect(await client.nextClose()).toMatchObject({ code: 4429 });
      expect(p.all.filter(({ envelope }) => envelope.rsvp !== null)).toHaveLength(2);
    });

    test("its bytes are lent: what waits for a busy process, of a bin too, stays as it was", async () => {
      const { p, client } = await withExtension(transport);
      let go: () => void = () => undefined;
      p.onMessage = () =>
        new Promise<void>((resolve) => {
          go = resolve;
        });
      for (const n of [1, 2]) client.sendBinary(pack([n, "Request", Buffer.alloc(1000, n)]));
      await p.next();
      client.sendBinary(pack([3, "Request", Buffer.alloc(1000, 3)]));
      client.sendPing("through");
      await client.nextFrame();
      p.onMessage = () => undefined;
      go();
      const later = [await p.next(), await p.next()];
      expect(later.map(({ bytes }) => [bytes?.byteLength, ...new Set(bytes)])).toEqual([
        [1000, 2],
        [1000, 3],
      ]);
    });
  });

  describe("case 132: comes from this machine, or is refused with 403", () => {
    test.each([
      ["a proxy in between", { "x-forwarded-for": "192.0.2.1" }],
      ["a proxy that says Forwarded", { forwarded: "for=192.0.2.1" }],
      ["a name that leads here, of somebody else", { host: "evil.example" }],
      ["a page of such a name", { host: "evil.example:8080", origin: "http://evil.example:8080" }],
      ["a page of another site", { origin: "https://evil.example" }],
      ["a page of this node", { host: "localhost:8080", origin: "http://localhost:8080" }],
      ["a page without an origin of its own", { host: "localhost:8080", origin: "null" }],
      ["a name that begins like an address", { host: "127.0.0.1.evil.example" }],
    ])("%s", async (_, headers) => {
      const { on, p, client } = await withExtension(transport);
      const stranger = await RawSocket.connect(on.port);
      const { status } = await stranger.tryUpgrade({ path: `/${P}/ext`, headers });
      expect(status).toBe(403);
      client.sendText("marker");
      expect(await p.next()).toMatchObject({ text: "marker" });
    });

    test.each([
      "localhost",
      "localhost:8080",
      "LOCALHOST",
      "127.0.0.1:8080",
      "[::1]:8080",
      "my-package.localhost:8080",
    ])("%s is this machine", async (host) => {
      const { on, p } = await withExtension(transport);
      const client = await RawSocket.connect(on.port);
      await client.upgrade({ path: `/${P}/ext`, headers: { host } });
      expect(await p.next()).toMatchObject({ body: { WebSocketOpen: { path: "/ext" } } });
    });

    test("with a login where the path wants one: 401 first", async () => {
      const { on, p } = await startWithP(transport);
      await p.ask(bindWs("/ext", { extension: true }));
      const client = await RawSocket.connect(on.port);
      expect(await client.tryUpgrade({ path: `/${P}/ext` })).toMatchObject({ status: 401, body: "log in first\n" });
      const other = await RawSocket.connect(on.port);
      const headers = { cookie: on.cookie, "x-forwarded-for": "192.0.2.1" };
      const { body } = await other.tryUpgrade({ path: `/${P}/ext`, headers });
      expect(body).toBe(
        "an extension must be a program on this machine that asks for localhost, with no proxy in between\n",
      );
      const page = await RawSocket.connect(on.port);
      const own = { cookie: on.cookie, host: "localhost", origin: "http://localhost" };
      expect(await page.tryUpgrade({ path: `/${P}/ext`, headers: own })).toMatchObject({
        status: 403,
        body: "an extension must be a program, and no page: leave the Origin header out\n",
      });
    });
  });
});

describe("Visit.isLocal", () => {
  const request = { method: "GET", path: "/", query: "", remotePort: 0, secure: false } as const;
  test.each([
    ["127.0.0.1", "localhost", true],
    ["127.8.8.8", "127.8.8.8:80", true],
    ["::1", "[::1]", true],
    ["192.0.2.1", "localhost", false],
    ["127.0.0.1", "192.0.2.1", true], // an address: no page can make it lead elsewhere
    ["127.0.0.1", "localhost.evil.example", false],
    ["127.0.0.1", "evillocalhost", false],
    ["127.0.0.1", "127.evil.example", false],
    ["127.0.0.1", "", true], // no page can leave it out
  ])("from %s, for %s: %s", (remoteAddress, host, isLocal) => {
    const visit = new Visit(
      { ...request, remoteAddress, headers: [["host", host]] },
      { proxies: new TrustedProxies([]), hosts: new OwnHosts() },
    );
    expect(visit.isLocal).toBe(isLocal);
  });
});
