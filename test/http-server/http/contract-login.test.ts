/** Contract kinode §10, cases 69 to 82: who is let in, and how one logs in. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { argon2id } from "hash-wasm";
import { decodeJwt } from "jose";
import { cookieSet } from "../../support/http-client.ts";
import {
  bind,
  forge,
  type HttpNode,
  reply,
  startHttpNode,
  stopHttpNodes,
  TRANSPORTS,
} from "../../support/http-node.ts";
import { P } from "../../support/node.ts";
import { destroyAll } from "../../support/sockets.ts";

const WEEKS_26 = 26 * 7 * 86_400; // seconds
const PASSWORD = "correct horse";

afterEach(async () => {
  destroyAll();
  await stopHttpNodes();
});

describe.each(TRANSPORTS)("over %s", (transport) => {
  test("case 69: a page that wants a login is the login page to who reads HTML", async () => {
    const { alice, path } = await withPrivatePage(transport);
    const answer = await alice.ask({ path, headers: { accept: "text/html,application/xhtml+xml" } });
    expect(answer.status).toBe(200);
    expect(answer.body).toContain("<title>Log in to alice.os</title>");
    expect(answer.headers).toMatchObject({
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
      "x-frame-options": "DENY",
    });
  });

  test.each<[what: string, method: string, accept: string | undefined]>([
    ["a request for JSON", "GET", "application/json"],
    ["a request that names nothing", "GET", undefined],
    ["a POST, whatever it reads", "POST", "text/html"],
  ])("case 69: a page that wants a login is 401 in JSON to %s", async (_what, method, accept) => {
    const { alice, path } = await withPrivatePage(transport);
    const answer = await alice.ask({ method, path, headers: { accept } });
    expect(answer.status).toBe(401);
    expect(answer.headers["content-type"]).toBe("application/json");
    expect(JSON.parse(answer.body)).toEqual({
      error: { code: "unauthorized", message: "log in first: POST /login" },
    });
  });

  test.each<[what: string, token: () => string]>([
    ["another node's user", () => forge({ username: "bob.os" })],
    ["another node's secret", () => forge({}, new TextEncoder().encode("another secret of 32 bytes, well"))],
    ["a bad signature", () => forge({}).replace(/.$/, (last) => (last === "A" ? "B" : "A"))],
    ["an end that has come", () => forge({ expiration: Math.floor(Date.now() / 1000) - 1 })],
    ["the register scope", () => forge({ scope: "register" })],
    ["a subdomain", () => forge({ subdomain: P })],
    ["nothing in it", () => ""],
  ])("case 70: a cookie with %s does not open a page", async (_what, token) => {
    const { alice, path } = await withPrivatePage(transport);
    const headers = { cookie: `jackfield-auth_alice.os=${token()}` };
    expect((await alice.ask({ path, headers })).status).toBe(401);
    expect((await alice.ask({ path, headers: { ...headers, accept: "text/html" } })).body).toContain("Log in to");
  });

  test("case 70: a token signed with the node's own secret opens the page", async () => {
    const { alice, path } = await withPrivatePage(transport);
    const answer = await alice.ask({ path, headers: { cookie: `jackfield-auth_alice.os=${forge({})}` } });
    expect(answer).toMatchObject({ status: 200, body: "private" });
  });

  test("case 71, as inferred: a process's own cookie does not open pages of the node", async () => {
    const { alice, path } = await withPrivatePage(transport);
    const headers = { cookie: `kinode-auth_alice.os@${P}=${forge({})}` };
    expect((await alice.ask({ path, headers })).status).toBe(401);
  });

  test.each([
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-real-ip",
    "forwarded",
    "via",
    "cf-connecting-ip",
    "true-client-ip",
    "x-cluster-client-ip",
    "client-ip",
    "x-original-url",
    "x-envoy-external-address",
  ])("case 75: a local path is 403 to who came with %s", async (name) => {
    const alice = await startHttpNode({ transport });
    const p = alice.add(P);
    await p.ask(bind("/m", { local_only: true, cache: true }), "local");
    expect(await alice.ask({ path: `/${P}/m` })).toMatchObject({ status: 200, body: "local" });
    const answer = await alice.ask({ path: `/${P}/m`, headers: { [name]: "127.0.0.1" } });
    expect(answer).toMatchObject({ status: 403, body: "" });
  });

  test("a local path that wants a login asks for it first", async () => {
    const alice = await startHttpNode({ transport });
    await alice.add(P).ask(bind("/m", { local_only: true, authenticated: true }));
    const headers = { "x-forwarded-for": "127.0.0.1" };
    expect((await alice.ask({ path: `/${P}/m`, headers })).status).toBe(401);
    expect((await alice.ask({ path: `/${P}/m`, headers: { ...headers, cookie: alice.cookie } })).status).toBe(403);
  });

  test.each<[what: string, body: string | Uint8Array]>([
    ["half a JSON", "{"],
    ["nothing", ""],
    ["null", "null"],
    ["a list", '["0x00"]'],
    ["an object without a password", "{}"],
    ["a hash that is a number", '{"password_hash":1}'],
    ["an empty password", '{"password":""}'],
    ["a subdomain", '{"password_hash":"0x00","subdomain":"chess:chess:sys"}'],
    ["bytes that are no UTF-8", new Uint8Array([0x22, 0xff, 0x22])],
  ])("case 76: a login with %s is 400", async (_what, body) => {
    const alice = await startHttpNode({ transport });
    const answer = await login(alice, body);
    expect(answer).toMatchObject({ status: 400, body: '"Failed to parse login info"', setCookies: [] });
  });

  test("case 77, as inferred: a wrong password is 401 and sets no cookie", async () => {
    const alice = await startHttpNode({ transport, password: PASSWORD });
    const answer = await login(alice, { password_hash: await hashOf("wrong horse") });
    expect(answer).toMatchObject({ status: 401, body: '"Wrong password"', setCookies: [] });
    expect((await login(alice, { password: "wrong horse" })).status).toBe(401);
  });

  test("a node without a password lets nobody in", async () => {
    const alice = await startHttpNode({ transport });
    expect(alice.server.hasPassword).toBe(false);
    expect((await login(alice, { password: "any" })).status).toBe(401);
  });

  test.each([
    ["with subdomain empty", { subdomain: "" }],
    ["with subdomain null", { subdomain: null }],
    ["without subdomain", {}],
  ])("case 78: the right hash %s logs in", async (_what, subdomain) => {
    const alice = await startHttpNode({ transport, password: PASSWORD });
    const answer = await login(alice, { password_hash: await hashOf(PASSWORD), ...subdomain });
    expect(answer).toMatchObject({ status: 200, body: '{"node":"alice.os"}' });
    const { expiration, ...claims } = decodeJwt(cookieSet(answer, "jackfield-auth_alice.os"));
    expect(claims).toEqual({ username: "alice.os", subdomain: null, scope: "session", id: expect.any(String) });
    expect(Math.abs(Number(expiration) - (Date.now() / 1000 + WEEKS_26))).toBeLessThan(60);
  });

  test("case 78: the session's cookie is for all paths and out of a script's reach, the other one within", async () => {
    const alice = await startHttpNode({ transport, password: PASSWORD });
    const { setCookies } = await login(alice, { password: PASSWORD });
    const jwt = "[\\w-]+\\.[\\w-]+\\.[\\w-]+";
    expect(setCookies).toEqual([
      expect.stringMatching(
        `^jackfield-auth_alice\\.os=${jwt}; Path=/; Max-Age=${WEEKS_26}; SameSite=Strict; HttpOnly$`,
      ),
      expect.stringMatching(`^kinode-auth_alice\\.os=${jwt}; Path=/; Max-Age=3600; SameSite=Strict$`),
    ]);
  });

  test("case 79: a login with ?redirect answers 303 to that path, with both cookies", async () => {
    const alice = await startHttpNode({ transport, password: PASSWORD });
    const path = `/login?redirect=${encodeURIComponent(`/${P}/?a=b#c`)}`;
    const answer = await alice.ask({ method: "POST", path, body: JSON.stringify({ password: PASSWORD }) });
    expect(answer).toMatchObject({ status: 303, body: "" });
    expect(answer.headers.location).toBe(`/${P}/?a=b#c`);
    expect(answer.setCookies).toHaveLength(2);
  });

  test("case 80: a redirect that a browser would take to another site leads to /", async () => {
    const alice = await startHttpNode({ transport, password: PASSWORD });
    const elsewhere = [
      ["@evil.example/", "https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example", "evil", ""],
      ["/\t/evil.example", "/\r\n/evil.example", "/x\r\nset-cookie: a=b", "/x\\y", "/\0", "javascript:alert(1)"],
    ].flat();
    const body = JSON.stringify({ password_hash: await hashOf(PASSWORD) });
    for (const redirect of elsewhere) {
      const path = `/login?redirect=${encodeURIComponent(redirect)}`;
      const { status, headers } = await alice.ask({ method: "POST", path, body });
      expect([redirect, status, headers.location]).toEqual([redirect, 303, "/"]);
    }
    expect(alice.faults).toEqual([]);
  });

  test("case 81: a login of 16 KiB is read, one byte more is 413", async () => {
    const alice = await startHttpNode({ transport });
    const body = `"${"x".repeat(16_384 - 2)}"`;
    expect((await login(alice, body)).status).toBe(400);
    const answer = await login(alice, `${body} `);
    expect(answer).toMatchObject({ status: 413, body: "" });
    expect(answer.headers.connection).toBe("close");
  });

  test("case 82: /our is the node's name, /our.js a script that says it", async () => {
    const alice = await startHttpNode({ transport });
    expect(await alice.ask({ path: "/our" })).toMatchObject({ status: 200, body: "alice.os" });
    const script = await alice.ask({ path: "/our.js" });
    expect(script.headers["content-type"]).toBe("text/javascript; charset=utf-8");
    const window: { our?: unknown } = {};
    new Function("window", script.body)(window);
    expect(window.our).toEqual({ node: "alice.os" });
  });

  test.each(["/login", "/login/"])("GET %s is the login page", async (path) => {
    const alice = await startHttpNode({ transport });
    const answer = await alice.ask({ path });
    expect(answer.status).toBe(200);
    expect(answer.body).toContain('<span class="strip" id="node">alice.os</span>');
    expect((await alice.ask({ path, method: "HEAD" })).status).toBe(200);
  });

  test.each([
    ["/login/login.js", "text/javascript; charset=utf-8", "The login page's script"],
    ["/login/login.css", "text/css; charset=utf-8", ".sheet"],
    ["/login/argon2.js", "text/javascript; charset=utf-8", "argon2id"],
    ["/client.js", "text/javascript; charset=utf-8", "WsRegister"],
  ])("%s is what the pages need, as %s", async (path, type, part) => {
    const alice = await startHttpNode({ transport });
    const answer = await alice.ask({ path });
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({ "content-type": type, "x-content-type-options": "nosniff" });
    expect(answer.body).toContain(part);
  });

  test.each([
    ["PUT", "/login"],
    ["GET", "/logout"],
    ["POST", "/our"],
  ])("%s %s is 404", async (method, path) => {
    const alice = await startHttpNode({ transport });
    expect(await alice.ask({ method, path })).toMatchObject({ status: 404, body: "" });
  });
});

function login(alice: HttpNode, body: unknown): ReturnType<HttpNode["ask"]> {
  const isRaw = typeof body === "string" || body instanceof Uint8Array;
  return alice.ask({ method: "POST", path: "/login", body: isRaw ? body : JSON.stringify(body) });
}

/** As login.js makes it in the browser: the node's name is the salt. */
async function hashOf(password: string): Promise<string> {
  const salt = new TextEncoder().encode("alice.os");
  return `0x${await argon2id({ password, salt, iterations: 2, memorySize: 19_456, parallelism: 1, hashLength: 32, outputType: "hex" })}`;
}

async function withPrivatePage(transport: "uws" | "ws"): Promise<{ alice: HttpNode; path: string }> {
  const alice = await startHttpNode({ transport });
  const p = alice.add(P);
  await p.ask(bind("/private", { authenticated: true }));
  p.onMessage = reply(200, {}, "private");
  return { alice, path: `/${P}/private` };
}
