/** A node with TLS: what it sends that it would not send without, and what a reload and a redirect do. */
import { writeFileSync } from "node:fs";
import { afterEach, describe, expect, test } from "@jest/globals";
import { cookieSet } from "../../support/http-client.ts";
import {
  bind,
  type HttpNode,
  type HttpNodeOptions,
  httpOf,
  reply,
  startHttpNode,
  stopHttpNodes,
  TRANSPORTS,
  withMounted,
} from "../../support/http-node.ts";
import { endJackfields, temporaryFolder } from "../../support/jackfield.ts";
import { P } from "../../support/node.ts";
import { destroyAll, RawSocket } from "../../support/sockets.ts";
import { askTls, connectTls, pair, putPair, SERIALS, serialOf } from "../../support/tls.ts";

const PASSWORD = "correct horse";
const NAMED = { host: "alice.example:8443" };

afterEach(async () => {
  destroyAll();
  await stopHttpNodes();
  await endJackfields();
});

describe.each(TRANSPORTS)("over %s with TLS", (transport) => {
  const startTls = (options: HttpNodeOptions = {}): Promise<HttpNode> =>
    startHttpNode({ transport, tls: pair("one"), ...options });

  test("case 78: both cookies of a login are Secure, and so are those that a logout removes", async () => {
    const { port } = await startTls({ password: PASSWORD });
    const body = JSON.stringify({ password: PASSWORD });
    const login = await askTls(port, { method: "POST", path: "/login", body });
    expect(login.status).toBe(200);
    const logout = await askTls(port, { method: "POST", path: "/logout" });
    for (const answer of [login, logout]) {
      expect(answer.setCookies).toHaveLength(2);
      for (const cookie of answer.setCookies) expect(cookie).toMatch(/; Secure$/);
    }
  });

  test("without TLS no cookie is Secure: a browser would not take it", async () => {
    const alice = await startHttpNode({ transport, password: PASSWORD });
    const { setCookies } = await alice.ask({
      method: "POST",
      path: "/login",
      body: JSON.stringify({ password: PASSWORD }),
    });
    expect(setCookies).toHaveLength(2);
    for (const cookie of setCookies) expect(cookie).not.toContain("Secure");
  });

  test("the register cookie that a page renews is Secure", async () => {
    const alice = await startTls();
    const p = alice.add(P);
    await p.ask(bind("/m", { authenticated: true }));
    p.onMessage = reply(200);
    const answer = await askTls(alice.port, { path: `/${P}/m`, headers: { cookie: alice.cookie } });
    expect(cookieSet(answer, "kinode-auth_alice.os")).not.toBe("");
    expect(answer.setCookies[0]).toMatch(/; Secure$/);
  });

  test("a process is told of http in its url, as the contract has it, and that it was secure", async () => {
    const alice = await startTls();
    const p = alice.add(P);
    await p.ask(bind("/m"));
    p.onMessage = reply(200);
    await askTls(alice.port, { path: `/${P}/m` });
    expect(httpOf(await p.next())).toMatchObject({ url: `http://127.0.0.1/${P}/m`, secure: true });
  });

  test("a channel registers over wss, and a page of its own https origin may open it", async () => {
    const alice = await startTls();
    alice.add(P);
    const client = await connectTls(alice.port);
    const headers = { host: `localhost:${alice.port}`, origin: `https://localhost:${alice.port}` };
    await client.upgrade({ headers });
    client.sendText(JSON.stringify({ auth_token: alice.token, target_process: P, encrypted: false }));
    expect(JSON.parse(await client.nextText())).toEqual({ channel_id: expect.any(Number) });
  });

  test("a page that came without TLS is of another origin: it opens nothing, and changes nothing", async () => {
    const alice = await startTls();
    const headers = { host: `localhost:${alice.port}`, origin: `http://localhost:${alice.port}` };
    const client = await connectTls(alice.port);
    expect((await client.tryUpgrade({ headers })).status).toBe(403);
    expect((await askTls(alice.port, { method: "POST", path: "/logout", headers })).status).toBe(403);
  });

  test("a mounted port speaks TLS too", async () => {
    const alice = await startTls({ listeners: withMounted(P) });
    const p = alice.add(P);
    await p.ask(bind("/m", { cache: true }), "static");
    const [, mounted = 0] = alice.server.ports;
    expect(await askTls(mounted, { path: "/m" })).toMatchObject({ status: 200, body: "static" });
  });

  describe("Strict-Transport-Security", () => {
    test.each(["/login", "/our", `/${P}/static`, `/${P}/asked`])("stands on %s", async (path) => {
      const alice = await startTls({ limits: { hstsSeconds: 1000 } });
      const p = alice.add(P);
      await p.ask(bind("/static", { cache: true }), "static");
      await p.ask(bind("/asked"));
      p.onMessage = reply(200);
      const { headers } = await askTls(alice.port, { path, headers: NAMED });
      expect(headers["strict-transport-security"]).toBe("max-age=1000");
    });

    test("is 180 days unless told", async () => {
      const { port } = await startTls();
      const { headers } = await askTls(port, { path: "/our", headers: NAMED });
      expect(headers["strict-transport-security"]).toBe("max-age=15552000");
    });

    test.each(["127.0.0.1", "[::1]:8443", "localhost", "app.localhost:8443"])("is not for %s", async (host) => {
      const { port } = await startTls();
      const { status, headers } = await askTls(port, { path: "/our", headers: { host } });
      expect(status).toBe(200);
      expect(headers).not.toHaveProperty("strict-transport-security");
    });

    test("is not sent without TLS: browsers must not believe it there", async () => {
      const alice = await startHttpNode({ transport });
      const { headers } = await alice.ask({ path: "/our", headers: NAMED });
      expect(headers).not.toHaveProperty("strict-transport-security");
    });
  });

  describe("reloadTls()", () => {
    test("takes what the files hold now, on every port, and says what it took", async () => {
      const folder = temporaryFolder();
      const alice = await startTls({ tls: putPair(folder, "one"), listeners: withMounted(P) });
      alice.add(P);
      putPair(folder, "two");
      expect(alice.server.reloadTls()).toMatchObject({ serial: SERIALS.two });
      for (const port of alice.server.ports) expect(serialOf(await connectTls(port))).toBe(SERIALS.two);
    });

    test("does nothing when they hold what they held", async () => {
      const alice = await startTls();
      expect(alice.server.reloadTls()).toBeUndefined();
    });

    test("keeps the old certificate when the new one is bad", async () => {
      const files = putPair(temporaryFolder(), "one");
      const alice = await startTls({ tls: files });
      writeFileSync(files.cert, "-----BEGIN NOTHING-----");
      expect(() => alice.server.reloadTls()).toThrow(/^Cannot serve TLS with ".*node.crt" as it must be /);
      expect(serialOf(await connectTls(alice.port))).toBe(SERIALS.one);
      expect(alice.server.tls?.serial).toBe(SERIALS.one);
    });

    test("without TLS does nothing", async () => {
      const alice = await startHttpNode({ transport });
      expect(alice.server.reloadTls()).toBeUndefined();
    });
  });
});

describe.each(TRANSPORTS)("the redirect port over %s", (transport) => {
  type Redirecting = { readonly alice: HttpNode; readonly plain: number };
  const startRedirecting = async (): Promise<Redirecting> => {
    const alice = await startHttpNode({ transport, tls: pair("one") });
    await alice.server.redirect("127.0.0.1", 0);
    return { alice, plain: alice.server.redirectPorts[0] ?? 0 };
  };

  test.each(["GET", "HEAD", "POST", "DELETE"])("sends a %s to the same path and query of https", async (method) => {
    const { alice, plain } = await startRedirecting();
    const { status, headers } = await alice.ask({
      port: plain,
      method,
      path: "/a%20b//c?d=e&f",
      headers: { host: "a.example:81" },
    });
    expect(status).toBe(308);
    expect(headers).toMatchObject({
      location: `https://a.example:${alice.port}/a%20b//c?d=e&f`,
      "cache-control": "no-store",
      connection: "close",
    });
  });

  test("writes what is no ASCII as it should have come, where the transport lets it through", async () => {
    const { alice, plain } = await startRedirecting();
    const { status, headers } = await alice.ask({ port: plain, path: "/é?ü", headers: { host: "[::1]" } });
    if (transport === "ws")
      expect(status).toBe(400); // node:http's own
    else expect(headers.location).toBe(`https://[::1]:${alice.port}/%C3%A9?%C3%BC`);
  });

  test.each(["evil.example/path", "a b", "user@evil.example", "a:b:c", ".example", "é.example"])(
    "answers 400 to the Host %s",
    async (host) => {
      const { alice, plain } = await startRedirecting();
      const answer = await alice.ask({ port: plain, headers: { host } });
      expect(answer.status).toBe(400);
      expect(answer.headers).not.toHaveProperty("location");
    },
  );

  test("serves nothing: not even a body is read", async () => {
    const { alice, plain } = await startRedirecting();
    for (const path of ["/our", "/login", "/client.js"])
      expect((await alice.ask({ port: plain, path })).status).toBe(308);
    const body = JSON.stringify({ password: PASSWORD });
    expect(await alice.ask({ port: plain, method: "POST", path: "/login", body })).toMatchObject({
      status: 308,
      setCookies: [],
    });
  });

  test("refuses a WebSocket, and says where it is served", async () => {
    const { alice, plain } = await startRedirecting();
    const client = await RawSocket.connect(plain);
    const answer = await client.tryUpgrade({ headers: { host: "a.example" } });
    expect(answer).toMatchObject({
      status: 403,
      body: `no WebSocket is served without TLS: connect to wss://a.example:${alice.port}\n`,
    });
  });

  test("closes with the node", async () => {
    const { alice, plain } = await startRedirecting();
    await alice.stop();
    await expect(alice.ask({ port: plain })).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });
});
