/** RPC: one message to any process, by HTTP (contract kinode §5.8), cases 83 to 86. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { defineProcess } from "../../../lib/process/index.ts";
import { Blob, ProcessId, VirtualClock } from "../../../lib/protocol/index.ts";
import type { Answer } from "../../support/http-client.ts";
import {
  bind,
  forge,
  type HttpNode,
  type HttpNodeOptions,
  startHttpNode,
  stopHttpNodes,
  TRANSPORTS,
} from "../../support/http-node.ts";
import { P, Q } from "../../support/node.ts";
import type { Recorder } from "../../support/recorder.ts";
import { destroyAll } from "../../support/sockets.ts";

const PATH = "/rpc:distro:sys/message";

type Headers = Readonly<Record<string, string>>;

function call(alice: HttpNode, fields: unknown, headers: Headers = {}): Promise<Answer> {
  const body = typeof fields === "string" ? fields : JSON.stringify(fields);
  return alice.ask({ method: "POST", path: PATH, headers: { "content-type": "application/json", ...headers }, body });
}

const errorOf = (answer: Answer): { readonly code: string; readonly message: string } => JSON.parse(answer.body).error;

async function withP(
  transport: "uws" | "ws",
  options: HttpNodeOptions = {},
): Promise<{ alice: HttpNode; p: Recorder }> {
  const alice = await startHttpNode({ transport, ...options });
  return { alice, p: alice.add(P) };
}

/** What makes a caller that is not of this machine. */
const PROXIED: Headers = { "x-forwarded-for": "192.0.2.1" };

describe.each(TRANSPORTS)("%s RPC", (transport) => {
  afterEach(async () => {
    destroyAll();
    await stopHttpNodes();
  });

  describe("sends a message", () => {
    test("case 84: without expects_response: 200, empty, at once; it comes from the http-server and wants no answer", async () => {
      const { alice, p } = await withP(transport);
      const answer = await call(alice, { process: P, body: "hello" });
      expect(answer).toMatchObject({ status: 200, body: "" });
      const heard = await p.next();
      expect(heard).toMatchObject({
        kind: "request",
        source: "alice.os@http-server:distro:sys",
        body: "hello",
        bytes: null,
        metadata: null,
      });
      expect(heard.envelope.rsvp).toBeNull();
    });

    test("case 85: with expects_response: the answer's body as bytes, its blob as the bytes of its base64", async () => {
      const { alice, p } = await withP(transport);
      p.onMessage = (_, host) => host.respond({ body: "hi", blob: Blob.of("BB", "x/y") });
      const answer = await call(alice, { process: P, body: "?", expects_response: 3 });
      expect(answer).toMatchObject({
        status: 200,
        body: '{"body":[104,105],"lazy_load_blob":{"mime":"x/y","bytes":[81,107,73,61]}}',
      });
      expect(answer.headers).toMatchObject({ "content-type": "text/html", "x-content-type-options": "nosniff" });
    });

    test.each([
      ["a text", "é", "é", "null"],
      ["a value, as JSON", { a: [1, null] }, '{"a":[1,null]}', "null"],
      ["nothing", undefined, "null", "null"],
      ["bytes", new Uint8Array([104, 105]), "hi", "null"],
    ])("an answer of %s", async (_, body, text, blob) => {
      const { alice, p } = await withP(transport);
      p.onMessage = (_message, host) => host.respond({ body });
      const answer = await call(alice, { process: P, expects_response: 3 });
      expect(answer.body).toBe(`{"body":[${[...Buffer.from(text)].join(",")}],"lazy_load_blob":${blob}}`);
    });

    test.each([
      ['{"a":[1]}', { a: [1] }],
      ["5", 5],
      ['"5"', "5"],
      ["null", null],
      ["plain text", "plain text"],
      ["", ""],
      [null, null],
      [undefined, null],
    ])("the body %j is %j to the process", async (body, value) => {
      const { alice, p } = await withP(transport);
      await call(alice, { process: P, body });
      expect((await p.next()).body).toEqual(value);
    });

    test("with metadata and a blob; node may be our own; what else there is is ignored", async () => {
      const { alice, p } = await withP(transport);
      const more = { inherit: true, context: "c", nope: [1] };
      for (const node of ["alice.os", "our", null]) {
        const fields = { ...more, process: P, node, metadata: "m", mime: "x/y", data: "QkI=", body: "b" };
        expect((await call(alice, fields)).status).toBe(200);
        const heard = await p.next();
        expect(heard).toMatchObject({ body: "b", text: "BB", metadata: "m", context: undefined });
        expect(heard.envelope.blob?.mime).toBe("x/y");
      }
    });

    test.each(["QkI", "Qk I=", "***", "QkI=\n"])("data that is no base64, %j: without a blob", async (data) => {
      const { alice, p } = await withP(transport);
      expect((await call(alice, { process: P, body: "b", data })).status).toBe(200);
      expect((await p.next()).bytes).toBeNull();
    });

    test("to the kernel, which answers", async () => {
      const { alice } = await withP(transport);
      const fields = { process: "kernel:distro:sys", body: '{"Debug":"ProcessMap"}', expects_response: 5 };
      const { body } = JSON.parse((await call(alice, fields)).body) as { readonly body: number[] };
      expect(JSON.parse(Buffer.from(body).toString())).toHaveProperty(["Debug", "ProcessMap", P]);
    });

    test("a process of lib/process hears it as a request, whatever it looks like", async () => {
      const alice = await startHttpNode({ transport });
      const program = defineProcess({
        onOpen: (_, open, ctx) => ctx.log(`told of channel ${open.channelId}`),
        onRequest: (_, message, ctx) => ctx.respond({ heard: message.body }),
      });
      alice.node.addProcess(ProcessId.parse(P), program, { grantCapabilities: ["http-server:distro:sys"] });
      for (const text of [
        "5",
        "null",
        '"text"',
        "[]",
        '{"WebSocketOpen":{"channel_id":1,"path":"/"}}',
        '{"Http":{}}',
      ]) {
        const { body } = await call(alice, { process: P, body: text, expects_response: 5 });
        const bytes = (JSON.parse(body) as { readonly body: number[] }).body;
        expect(Buffer.from(bytes).toString()).toBe(`{"heard":${text}}`);
      }
      expect(alice.faults).toEqual([]);
    });
  });

  describe("has no answer", () => {
    test("408 when none comes within expects_response", async () => {
      const clock = new VirtualClock();
      const { alice, p } = await withP(transport, { nodeOptions: { clock } });
      const asked = call(alice, { process: P, body: "?", expects_response: 20 });
      await p.next();
      clock.advance(19_990);
      expect(alice.process("http-server:distro:sys").pending?.size).toBe(1);
      clock.advance(10);
      const answer = await asked;
      expect([answer.status, errorOf(answer).code]).toEqual([408, "Timeout"]);
    });

    test("a wait beyond the kernel's longest is that", async () => {
      const clock = new VirtualClock();
      const { alice, p } = await withP(transport, { nodeOptions: { clock, limits: { requestSeconds: 5 } } });
      const asked = call(alice, { process: P, expects_response: 1e15 });
      await p.next();
      clock.advance(5000);
      expect((await asked).status).toBe(408);
    });

    test("503 for a process that is not there, or on a node that cannot be reached", async () => {
      const { alice } = await withP(transport);
      for (const fields of [{ process: Q }, { process: P, node: "bob.os" }]) {
        const answer = await call(alice, { ...fields, expects_response: 5 });
        expect([answer.status, errorOf(answer).code]).toEqual([503, "Offline"]);
        expect(errorOf(answer).message).toMatch(/^Cannot get an answer from "/);
      }
      expect((await call(alice, { process: Q })).status).toBe(200); // nobody waits: a dead letter
      expect(alice.node.kernel.deadLetters.counts()).toEqual({ offline: 1 });
    });

    test("403 for a process that the http-server may not message", async () => {
      const { alice, p } = await withP(transport);
      const { capabilities } = alice.process("http-server:distro:sys");
      for (const cap of capabilities.list()) capabilities.drop(cap);
      const answer = await call(alice, { process: P, expects_response: 5 });
      expect([answer.status, errorOf(answer).code]).toEqual([403, "Denied"]);
      expect(p.waiting).toEqual([]);
    });

    test("503 with Retry-After for one with a full mailbox", async () => {
      const { alice, p } = await withP(transport, { nodeOptions: { limits: { mailbox: 1 } } });
      p.onMessage = () => new Promise<void>(() => undefined);
      for (let n = 0; n < 2; n++) await call(alice, { process: P });
      const answer = await call(alice, { process: P, expects_response: 5 });
      expect([answer.status, answer.headers["retry-after"], errorOf(answer).code]).toEqual([503, "1", "Overloaded"]);
    });

    test("503 with Retry-After when the http-server waits for limits.pendingRequests", async () => {
      const { alice, p } = await withP(transport, { nodeOptions: { limits: { pendingRequests: 1 } } });
      const first = call(alice, { process: P, expects_response: 5 });
      const { envelope } = await p.next();
      const answer = await call(alice, { process: P, expects_response: 5 });
      expect([answer.status, answer.headers["retry-after"]]).toEqual([503, "1"]);
      p.host?.respond({ body: "x" }, envelope);
      expect((await first).status).toBe(200);
    });

    test.each([
      ["no JSON", 1n, "no_json"],
      ["more than limits.httpBodyBytes", "x".repeat(1001), "no_json"],
    ])("500 when it is %s", async (_, body, code) => {
      const { alice, p } = await withP(transport, { limits: { httpBodyBytes: 1000 } });
      p.onMessage = (_message, host) => host.respond({ body: typeof body === "bigint" ? { body } : body });
      const answer = await call(alice, { process: P, expects_response: 5 });
      expect([answer.status, errorOf(answer).code]).toEqual([500, code]);
      p.onMessage = (_message, host) => host.respond({ body: "x".repeat(1000) });
      expect((await call(alice, { process: P, expects_response: 5 })).status).toBe(200);
    });
  });

  describe("case 83, as inferred: what is no call is 400, and says why", () => {
    test.each([
      ["no JSON", "{", /^a call is JSON/],
      ["nothing", "", /^a call is JSON/],
      ["a list", [], /^a call is an object/],
      ["no process", { body: "x" }, /^process must be a text/],
      ["a process that is a number", { process: 1 }, /^process must be a text/],
      ["a process that is no id", { process: "chat" }, /^Cannot read process id "chat"/],
      ["an address", { process: `alice.os@${P}:x` }, /^Cannot read process id/],
      ["a body that is no text", { process: P, body: {} }, /^body must be a text/],
      ["a wait below 0", { process: P, expects_response: -1 }, /^expects_response must/],
      ["a wait that is a text", { process: P, expects_response: "5" }, /^expects_response must/],
      ["metadata that is no text", { process: P, metadata: 1 }, /^metadata must be a text/],
    ])("%s", async (_, fields, message) => {
      const { alice, p } = await withP(transport);
      const answer = await call(alice, fields);
      expect([answer.status, errorOf(answer).message]).toEqual([400, expect.stringMatching(message)]);
      expect(p.waiting).toEqual([]);
    });

    test("bytes that are no UTF-8", async () => {
      const { alice } = await withP(transport);
      const headers = { "content-type": "application/json" };
      const body = Buffer.from([0x22, 0xff, 0x22]);
      expect((await alice.ask({ method: "POST", path: PATH, headers, body })).status).toBe(400);
    });

    test("a GET, and any other method", async () => {
      const { alice } = await withP(transport);
      for (const method of ["GET", "PUT", "DELETE", "OPTIONS"]) {
        expect((await alice.ask({ method, path: PATH })).status).toBe(400);
      }
    });

    test("a body that is nested too deep to be a message", async () => {
      const { alice } = await withP(transport);
      const answer = await call(alice, { process: P, body: "[".repeat(100_000) + "]".repeat(100_000) });
      expect([answer.status, errorOf(answer).message]).toEqual([400, "the body is nested too deep"]);
    });

    test("413 one byte above limits.httpBodyBytes", async () => {
      const { alice } = await withP(transport, { limits: { httpBodyBytes: 1000 } });
      const whole = JSON.stringify({ process: P, body: "" });
      const of = (bytes: number): string => whole.replace('""', `"${"x".repeat(bytes - whole.length)}"`);
      expect((await call(alice, of(1000))).status).toBe(200);
      const answer = await call(alice, of(1001));
      expect([answer.status, errorOf(answer).code]).toEqual([413, "too_large"]);
    });
  });

  describe("case 86, as inferred: who may call", () => {
    const fields = { process: P, body: "x" };
    const may: readonly (readonly [string, (alice: HttpNode) => Headers])[] = [
      ["a program on this machine", () => ({})],
      ["one that asks for localhost", ({ port }) => ({ host: `localhost:${port}` })],
      ["a token, from anywhere", ({ token }) => ({ ...PROXIED, authorization: `Bearer ${token}` })],
      ["a session cookie, from anywhere", ({ cookie }) => ({ ...PROXIED, cookie })],
      ["a page of the node with a session", ({ cookie, url }) => ({ cookie, origin: url })],
    ];
    test.each(may)("%s: 200", async (_, headers) => {
      const { alice, p } = await withP(transport);
      expect((await call(alice, fields, headers(alice))).status).toBe(200);
      expect((await p.next()).body).toBe("x");
    });

    const mayNot: readonly (readonly [string, (alice: HttpNode) => Headers])[] = [
      ["behind a proxy, without a token", () => PROXIED],
      ["by another name of this machine", () => ({ host: "evil.example" })],
      ["a page by such a name", () => ({ host: "evil.example", origin: "http://evil.example" })],
      ["a page of another site", () => ({ origin: "https://evil.example" })],
      ["a page of another site, with the cookie", ({ cookie }) => ({ cookie, origin: "https://evil.example" })],
      ["a page of another site, with a token", ({ token }) => ({ authorization: `Bearer ${token}`, origin: "null" })],
      ["a page of the node without a session", ({ url }) => ({ origin: url })],
      ["with a wrong token, on this machine too", ({ token }) => ({ authorization: `Bearer ${token}x` })],
      [
        "with a token of another node",
        () => ({ ...PROXIED, authorization: `Bearer ${forge({ username: "bob.os" })}` }),
      ],
      ["with a token that has ended", () => ({ ...PROXIED, authorization: `Bearer ${forge({ expiration: 1 })}` })],
      [
        "with a register token, which is good for WsRegister alone",
        ({ server }) => ({ ...PROXIED, authorization: `Bearer ${server.issueToken("register")}` }),
      ],
    ];
    test.each(mayNot)("%s: 403, and nothing is sent", async (_, headers) => {
      const { alice, p } = await withP(transport);
      expect((await call(alice, fields, headers(alice))).status).toBe(403);
      await call(alice, { process: P, body: "marker" });
      expect((await p.next()).body).toBe("marker");
    });

    test("a call says application/json, or is 415: other types a page may send without asking", async () => {
      const { alice } = await withP(transport);
      for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]) {
        expect((await call(alice, fields, { "content-type": type, cookie: alice.cookie })).status).toBe(415);
      }
      expect((await call(alice, fields, { "content-type": "Application/JSON; charset=utf-8" })).status).toBe(200);
    });

    test("with localRpc off, being on this machine is not enough; a token is", async () => {
      const { alice } = await withP(transport, { localRpc: false });
      const answer = await call(alice, fields);
      expect([answer.status, errorOf(answer).message]).toEqual([
        403,
        "send a session token, as a cookie or as authorization: Bearer",
      ]);
      expect((await call(alice, fields, { authorization: `Bearer ${alice.token}` })).status).toBe(200);
    });
  });

  test("no process can bind its path; a mounted port has none", async () => {
    const { alice, p } = await withP(transport);
    await p.ask(bind("/"));
    await alice.server.listen({ host: "127.0.0.1", port: 0, mount: ProcessId.parse(P) });
    const [, port = 0] = alice.server.ports;
    p.onMessage = (_, host) => host.respond({ body: { status: 418 } });
    const headers = { "content-type": "application/json" };
    const { status } = await alice.ask({ port, method: "POST", path: PATH, headers, body: "{}" });
    expect(status).toBe(418);
  });

  test("nobody is told of the answer to a caller who has left", async () => {
    const { alice, p } = await withP(transport);
    const asked = call(alice, { process: P, body: "?", expects_response: 5 }).catch((error: unknown) => error);
    const { envelope } = await p.next();
    destroyAll();
    await asked;
    p.host?.respond({ body: "x" }, envelope);
    expect((await call(alice, { process: P })).status).toBe(200);
    expect(alice.faults).toEqual([]);
  });

  test("a type in an answer's mime cannot be a tag to a browser that takes it for HTML", async () => {
    const { alice, p } = await withP(transport);
    p.onMessage = (_, host) => host.respond({ body: "", blob: Blob.of("", "<script>") });
    const { body } = await call(alice, { process: P, expects_response: 5 });
    expect(body).not.toContain("<");
    expect(JSON.parse(body)).toMatchObject({ lazy_load_blob: { mime: "<script>" } });
  });
});
