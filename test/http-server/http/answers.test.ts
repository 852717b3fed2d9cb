/** What of a process's answer goes out, and what of a request may trouble a process. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { defineProcess } from "../../../lib/process/index.ts";
import { Blob, ProcessId } from "../../../lib/protocol/index.ts";
import {
  askWithBlob,
  bind,
  HTTP_SERVER,
  type HttpNode,
  httpOf,
  reply,
  startHttpNode,
  stopHttpNodes,
  TRANSPORTS,
} from "../../support/http-node.ts";
import { P } from "../../support/node.ts";
import { destroyAll } from "../../support/sockets.ts";

/** What the transports and the server add. */
const USUAL_HEADERS = ["content-type", "content-length", "date", "connection", "keep-alive", "uwebsockets"];

afterEach(async () => {
  destroyAll();
  await stopHttpNodes();
});

describe.each(TRANSPORTS)("over %s", (transport) => {
  test.each<[what: string, name: string, value: unknown]>([
    ["a line break and another header in its value", "x-a", "b\r\nset-cookie: c=d"],
    ["a bare carriage return", "x-a", "b\rc"],
    ["a bare line feed", "x-a", "b\nset-cookie: c=d"],
    ["a NUL", "x-a", "b\0c"],
    ["another control character", "x-a", "b\x1bc"],
    ["a line break in its name", "x-a: b\r\nset-cookie", "c=d"],
    ["a blank in its name", "x a", "b"],
    ["no name", "", "b"],
    ["a number as its value", "x-a", 1],
    ["a list of no texts as its value", "x-a", [1, { b: "c" }]],
    ["the transport's own: Content-Length", "Content-Length", "1"],
    ["the transport's own: Transfer-Encoding", "transfer-encoding", "chunked"],
    ["the transport's own: Connection", "Connection", "close"],
    ["the transport's own: Upgrade", "Upgrade", "websocket"],
    ["the node's own: its login", "Set-Cookie", "jackfield-auth_alice.os=x; Path=/"],
    ["the node's own: its login under an older name", "set-cookie", "uqbar-auth_alice.os=; Max-Age=0; Path=/"],
    ["the node's own: a login of a process", "Set-Cookie", ["kinode-auth_alice.os@chess:chess:sys=x"]],
    ["the node's own: its login behind blanks", "Set-Cookie", " \thyperware-auth_alice.os=x"],
    ["the node's own: its login without a name", "Set-Cookie", "= nectar-auth_alice.os=x"],
    ["the origin's: Clear-Site-Data", "Clear-Site-Data", '"cookies"'],
    ["the origin's: Service-Worker-Allowed", "service-worker-allowed", "/"],
    ["the transport's own: Trailer", "Trailer", "Expires"],
    ["the transport's own: TE", "te", "trailers"],
    ["a proxy's: Proxy-Connection", "Proxy-Connection", "close"],
    ["a proxy's: Proxy-Authenticate", "proxy-authenticate", "Basic"],
  ])("a header with %s is left out, the rest goes out", async (_what, name, value) => {
    const alice = await withAnswer(transport, 200, { [name]: value, "x-good": "yes" });
    const answer = await alice.ask({ path: `/${P}/m` });
    expect(answer).toMatchObject({ status: 200, body: "the body", setCookies: [] });
    expect(answer.headers).toMatchObject({
      "x-good": "yes",
      "content-type": "application/octet-stream",
      "content-length": "8",
    });
    expect(answer.headers.connection ?? "keep-alive").toBe("keep-alive");
    const others = Object.keys(answer.headers).filter((known) => !USUAL_HEADERS.includes(known));
    expect(others).toEqual(["x-good"]);
    expect(alice.faults).toEqual([]);
  });

  test.each<[value: string, sent: string | undefined]>([
    ["websocket", "websocket"],
    ["h2c", undefined], // nothing that this server would do
  ])("a 426 names what to upgrade to: Upgrade %s goes out as %p", async (value, sent) => {
    const alice = await withAnswer(transport, 426, { Upgrade: value });
    const answer = await alice.ask({ path: `/${P}/m` });
    expect([answer.status, answer.headers.upgrade, answer.body]).toEqual([426, sent, "the body"]);
    expect((await alice.ask({ path: `/${P}/m` })).status).toBe(426); // the connection goes on
    expect(alice.faults).toEqual([]);
  });

  test("of several Set-Cookie lines only those of the node's own names are left out", async () => {
    const lines = ["a=b; Path=/", "jackfield-auth_alice.os=; Max-Age=0", "kinode-author=c"];
    const alice = await withAnswer(transport, 200, { "Set-Cookie": lines });
    expect((await alice.ask({ path: `/${P}/m` })).setCookies).toEqual(["a=b; Path=/", "kinode-author=c"]);
  });

  test("Set-Cookie of a process goes out, unsplit, beside the node's own", async () => {
    const alice = await withAnswer(transport, 200, { "Set-Cookie": "a=b; Path=/; HttpOnly" }, { authenticated: true });
    const { setCookies } = await alice.ask({ path: `/${P}/m`, headers: { cookie: alice.cookie } });
    expect(setCookies).toEqual([
      "a=b; Path=/; HttpOnly",
      expect.stringMatching(/^kinode-auth_alice\.os=[\w.-]+; Path=\/; Max-Age=3600; SameSite=Strict$/),
    ]);
  });

  test.each<[given: unknown, sent: string]>([
    ["public, max-age=600, s-maxage=60", "private, max-age=600"],
    [["PUBLIC", "max-age=5"], "private, max-age=5"],
    ["private, max-age=600", "private, max-age=600"],
    ["no-store", "no-store"],
    [undefined, "private"],
  ])("Cache-Control %p beside the node's own cookies is %p, whole or in pieces", async (given, sent) => {
    const headers = given === undefined ? {} : { "Cache-Control": given };
    const alice = await startHttpNode({ transport });
    const p = alice.add(P);
    await p.ask(bind("/m", { authenticated: true }));
    const has = `${alice.cookie}; kinode-auth_alice.os=x`;
    for (const stream of [false, true]) {
      p.onMessage = ({ envelope }, host) => {
        if (envelope.rsvp === null) return;
        host.respond(
          { body: { status: 200, headers: { ...headers, "Content-Length": "1" }, stream }, blob: Blob.of("x") },
          envelope,
        );
      };
      const answer = await alice.ask({ path: `/${P}/m`, headers: { cookie: alice.cookie } });
      expect([answer.setCookies.length, answer.headers["cache-control"]]).toEqual([1, sent]);
      const plain = await alice.ask({ path: `/${P}/m`, headers: { cookie: has } });
      const asGiven = Array.isArray(given) ? given.join(", ") : given;
      expect([plain.setCookies.length, plain.headers["cache-control"]]).toEqual([0, asGiven]);
    }
  });

  test.each(["Content-Type", "content-type", "CONTENT-TYPE"])("%s is sent once", async (name) => {
    const alice = await withAnswer(transport, 200, { [name]: "text/x" });
    expect((await alice.ask({ path: `/${P}/m` })).headers["content-type"]).toBe("text/x");
  });

  test.each([200, 201, 206, 301, 404, 418, 500, 503, 599])("status %i passes", async (status) => {
    const alice = await withAnswer(transport, status, {});
    expect(await alice.ask({ path: `/${P}/m` })).toMatchObject({ status, body: "the body" });
  });

  test.each([204, 304])("status %i goes without the body", async (status) => {
    const alice = await withAnswer(transport, status, {});
    const answer = await alice.ask({ path: `/${P}/m` });
    expect(answer).toMatchObject({ status, body: "" });
    expect(answer.headers["content-length"]).toBeUndefined();
  });

  test("HEAD is forwarded, and its answer goes without the body", async () => {
    const alice = await withAnswer(transport, 200, {});
    const answer = await alice.ask({ method: "HEAD", path: `/${P}/m` });
    expect(answer).toMatchObject({ status: 200, body: "" });
    expect(answer.headers["content-length"]).toBe("8");
  });

  test("HEAD of static content is its head alone, and the process is not asked", async () => {
    const alice = await startHttpNode({ transport });
    const p = alice.add(P);
    await p.ask(bind("/m", { cache: true }), "static");
    const answer = await alice.ask({ method: "HEAD", path: `/${P}/m` });
    expect(answer).toMatchObject({ status: 200, body: "" });
    expect(answer.headers).toMatchObject({
      "content-length": "6",
      "content-type": "text/plain",
      "x-content-type-options": "nosniff",
    });
    expect(p.waiting).toEqual([]);
  });

  test("static content is bytes: nothing is decoded on the way", async () => {
    const alice = await startHttpNode({ transport });
    const bytes = Buffer.from("a\0b");
    await askWithBlob(alice.add(P), bind("/m", { cache: true }), Blob.of(bytes, "application/x-bytes"));
    const answer = await alice.ask({ path: `/${P}/m` });
    expect(answer.body).toBe("a\0b");
    expect(answer.headers["content-type"]).toBe("application/x-bytes");
  });

  test("static content with a type that is no header is text/plain", async () => {
    const alice = await startHttpNode({ transport });
    await askWithBlob(alice.add(P), bind("/m", { cache: true }), Blob.of("here", "text/html\r\nset-cookie: a=b"));
    const answer = await alice.ask({ path: `/${P}/m` });
    expect(answer).toMatchObject({ status: 200, body: "here", setCookies: [] });
    expect(answer.headers["content-type"]).toBe("text/plain");
    expect(alice.faults).toEqual([]);
  });

  test.each([
    ["Example.com:8080", "Example.com"],
    ["[::1]:8080", "[::1]"],
    ["a_b.example", "a_b.example"],
    ["[", "localhost"],
    ["a b", "localhost"],
    ["evil.example/path?", "localhost"],
    ["user@evil.example", "localhost"],
    ["1.2.3.4.5", "localhost"],
    [":80", "localhost"],
    ["", "localhost"],
  ])("a request to Host %j is told as one to %s", async (host, told) => {
    const alice = await withAnswer(transport, 200, {});
    const p = alice.p;
    await alice.ask({ path: `/${P}/m`, headers: { host } });
    expect(httpOf(await p.next()).url).toBe(`http://${told}/${P}/m`);
  });

  test("a process that looks at its path survives whatever Host and path a client sends", async () => {
    const alice = await startHttpNode({ transport });
    const allowed = { requestCapabilities: [HTTP_SERVER.text], grantCapabilities: [HTTP_SERVER.text] };
    const program = defineProcess({
      init: async (ctx) => void (await ctx.bindHttp("/", { authenticated: false })),
      onHttp: (_, request) => request.reply(request.path),
    });
    alice.node.addProcess(ProcessId.parse(P), program, allowed);
    const hosts = ["[", "", "a:b:c", "%", "1.2.3.4.5", "\u00e9"];
    for (const host of hosts) {
      expect(await alice.ask({ path: `/${P}/x`, headers: { host } })).toMatchObject({ status: 200, body: "/x" });
    }
    for (const path of [`/${P}/%zz`, `/${P}//`, `/${P}/..`, `/${P}/\\`, `/${P}/%00`, `/${P}/:80`]) {
      expect((await alice.ask({ path })).status).toBe(200);
    }
    expect(alice.node.kernel.crashes.last()).toEqual([]);
  });

  test("a header named like something of Object's does no harm", async () => {
    const alice = await withAnswer(transport, 200, {});
    await alice.ask({ path: `/${P}/m?__proto__=1&constructor=2`, headers: { constructor: "a", __proto__x: "b" } });
    const { headers, query_params: query } = httpOf(await alice.p.next());
    expect(Object.getPrototypeOf(headers)).toBe(Object.prototype);
    expect(headers).toMatchObject({ constructor: "a", __proto__x: "b" });
    expect(Object.entries(query)).toEqual([
      ["__proto__", "1"],
      ["constructor", "2"],
    ]);
  });
});

/** A node whose P answers every request for /m with `status`, `headers` and a body of eight letters. */
async function withAnswer(
  transport: "uws" | "ws",
  status: number,
  headers: Readonly<Record<string, unknown>>,
  flags: { readonly authenticated?: boolean } = {},
): Promise<HttpNode & { readonly p: ReturnType<HttpNode["add"]> }> {
  const alice = await startHttpNode({ transport });
  const p = alice.add(P);
  await p.ask(bind("/m", flags));
  p.onMessage = reply(status, headers, "the body");
  return { ...alice, p };
}
