/** A node behind nginx and behind Caddy, as docs/proxies sets them up: what reaches it, and whose it is. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { channelId, told } from "../support/channels.ts";
import type { Answer, Question } from "../support/http-client.ts";
import { bind, type HttpNode, httpOf, reply, secureBind, startHttpNode, stopHttpNodes } from "../support/http-node.ts";
import { P } from "../support/node.ts";
import { destroyAll, type RawSocket } from "../support/sockets.ts";
import { connectFrom, isHere, type ProxyName, type RunningProxy, startProxy } from "./proxy.ts";

const CLIENT = "127.0.0.2"; // an address of this machine that the proxy does not have
const OTHER = "127.0.0.3";
const PASSWORD = "correct horse";
const MIB = 1024 * 1024;

const PROXIES = (["nginx", "caddy"] as const).filter(isHere);

test("in CI, nginx is here", () => {
  if (process.env.CI) expect(PROXIES).toContain("nginx");
});

const WORDS: Readonly<Record<ProxyName, string>> = {
  nginx: "nginx (docs/proxies/nginx.conf)",
  caddy: "Caddy (docs/proxies/Caddyfile)",
};

describe.each(PROXIES)("behind %s", (name) => {
  let proxy: RunningProxy | undefined;

  afterEach(async () => {
    destroyAll();
    await proxy?.stop();
    proxy = undefined;
    await stopHttpNodes();
  });

  async function start(): Promise<{ readonly alice: HttpNode; readonly port: number; readonly host: string }> {
    const alice = await startHttpNode({ trustProxy: ["127.0.0.1"], password: PASSWORD, limits: { loginFailures: 2 } });
    proxy = await startProxy(name, alice.port);
    return { alice, port: proxy.port, host: `localhost:${proxy.port}` };
  }

  /** One request of a client at `from`, through the proxy. */
  async function ask(from: string, { body, ...head }: Question): Promise<Answer> {
    const port = proxy?.port ?? 0;
    const client = await connectFrom(from, port);
    const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
    const answer = await client.request(
      { ...head, headers: { host: `localhost:${port}`, connection: "close", ...length, ...head.headers } },
      body,
    );
    client.destroy();
    return { ...answer, setCookies: (answer.headers["set-cookie"] ?? "").split(", ") };
  }

  const login = (from: string, password: string, headers: Question["headers"] = {}): Promise<Answer> =>
    ask(from, { method: "POST", path: "/login", body: JSON.stringify({ password }), headers });

  test(`${WORDS[name]}: a login gives Secure cookies, which open a page; its process hears of the real client`, async () => {
    const { alice, host } = await start();
    const p = alice.add(P);
    await p.ask(bind("/m", { authenticated: true }));
    p.onMessage = reply(200, {}, "hello");
    const answer = await login(CLIENT, PASSWORD, { origin: `https://${host}` });
    expect(answer.status).toBe(200);
    const session = answer.setCookies.find((cookie) => cookie.startsWith("jackfield-auth_")) ?? "";
    expect(session).toMatch(/; HttpOnly; Secure$/);
    const cookie = session.slice(0, session.indexOf(";"));
    const page = await ask(CLIENT, { path: `/${P}/m?a=1`, headers: { cookie } });
    expect(page).toMatchObject({ status: 200, body: "hello" });
    const { source_socket_addr, url, query_params, headers } = httpOf(await p.next());
    expect(source_socket_addr).toBe(`${CLIENT}:0`);
    expect({ url, query_params, host: headers.host }).toEqual({
      url: `http://localhost/${P}/m`,
      query_params: { a: "1" },
      host,
    });
  });

  test("a secure path is on its package's subdomain, by https, with a login of its own", async () => {
    const { alice, host } = await start();
    const chess = alice.add("chess:chess:sys");
    await chess.ask(secureBind("/s", true), "secret");
    const path = "/chess:chess:sys/s";
    const there = `chess-sys.${host}`;
    expect(await ask(CLIENT, { path })).toMatchObject({
      status: 307,
      headers: { location: `https://${there}${path}` },
    });
    expect((await ask(CLIENT, { path, headers: { host: there } })).status).toBe(401);
    const answer = await ask(CLIENT, {
      method: "POST",
      path: "/login",
      headers: { host: there, origin: `https://${there}` },
      body: JSON.stringify({ password: PASSWORD, subdomain: "chess:chess:sys" }),
    });
    const [cookie = ""] = (answer.setCookies[0] ?? "").split(";");
    expect(cookie).toMatch(/^jackfield-auth_alice\.os@chess:chess:sys=/);
    expect(await ask(CLIENT, { path, headers: { host: there, cookie } })).toMatchObject({
      status: 200,
      body: "secret",
    });
  });

  async function upgraded(from: string, headers: Readonly<Record<string, string>>): Promise<RawSocket> {
    const client = await connectFrom(from, proxy?.port ?? 0);
    await client.upgrade({ headers: { host: `localhost:${proxy?.port}`, ...headers } });
    return client;
  }

  test("a WebSocket registers, echoes and closes with its own code", async () => {
    const { alice, host } = await start();
    const p = alice.add(P);
    const client = await upgraded(CLIENT, { origin: `https://${host}` });
    client.sendText(JSON.stringify({ auth_token: alice.token, target_process: P, encrypted: false }));
    const id = channelId(await client.nextText());
    expect((await p.next()).body).toMatchObject({
      WebSocketOpen: { channel_id: id, source_socket_addr: `${CLIENT}:0` },
    });
    client.sendText("hello");
    expect(told(await p.next())).toBe(`text ${id} hello`);
    const big = "x".repeat(MIB / 2);
    expect(await p.ask({ WebSocketPush: { channel_id: id, message_type: "Text" } }, big)).toEqual({ Ok: null });
    expect(await client.nextText()).toBe(big);
    expect(await p.ask({ WebSocketClose: { channel_id: id, code: 4000, reason: "bye" } })).toEqual({ Ok: null });
    expect(await client.nextClose()).toEqual({ code: 4000, reason: "bye" });
  });

  test("a page of another origin opens no socket", async () => {
    await start();
    await expect(upgraded(CLIENT, { origin: "https://evil.example" })).rejects.toThrow("refused with 403");
  });

  test.each([
    ["another machine", CLIENT],
    ["this machine", "127.0.0.1"],
  ])("a local path is refused to a client of %s", async (_, from) => {
    const { alice } = await start();
    const p = alice.add(P);
    await p.ask(bind("/local", { local_only: true }));
    p.onMessage = reply(200);
    expect((await ask(from, { path: `/${P}/local` })).status).toBe(403);
    expect(p.all).toEqual([]);
  });

  const SPOOFED = {
    "x-forwarded-for": "127.0.0.9, 127.0.0.1",
    forwarded: "for=127.0.0.9;proto=http;host=evil.example",
    "x-real-ip": "127.0.0.9",
    "x-forwarded-proto": "http",
    "x-forwarded-host": "evil.example",
  };

  test("what a client says of itself is not believed, and does not reach the process", async () => {
    const { alice } = await start();
    const p = alice.add(P);
    await p.ask(bind("/m"));
    p.onMessage = reply(200);
    await ask(CLIENT, { path: `/${P}/m`, headers: SPOOFED });
    const { source_socket_addr, headers } = httpOf(await p.next());
    expect(source_socket_addr).toBe(`${CLIENT}:0`);
    expect(JSON.stringify(headers)).not.toMatch(/127\.0\.0\.9|evil/);
    const { setCookies } = await login(CLIENT, PASSWORD, SPOOFED);
    expect(setCookies[0]).toMatch(/; Secure$/);
  });

  test("failed logins count for the real client", async () => {
    await start();
    expect((await login(CLIENT, "wrong")).status).toBe(401);
    expect((await login(CLIENT, "wrong", SPOOFED)).status).toBe(401);
    const late = await login(CLIENT, PASSWORD, { ...SPOOFED, "x-forwarded-for": OTHER });
    expect(late.status).toBe(429);
    expect(Number(late.headers["retry-after"])).toBeGreaterThan(0);
    expect((await login(OTHER, PASSWORD)).status).toBe(200);
  });

  test("a body of a mebibyte arrives whole, one above the limit is 413", async () => {
    const { alice } = await start();
    const p = alice.add(P);
    await p.ask(bind("/m"));
    p.onMessage = reply(200);
    const body = Buffer.alloc(MIB, 7);
    expect((await ask(CLIENT, { method: "POST", path: `/${P}/m`, body })).status).toBe(200);
    expect((await p.next()).bytes?.byteLength).toBe(MIB);
    // Refused by what it says its length is. Were the body sent too, the proxy might reset the connection, 413 and all.
    const headers = { "content-length": String(10 * MIB + 1) };
    expect((await ask(CLIENT, { method: "POST", path: `/${P}/m`, headers })).status).toBe(413);
  });

  test("when the node is away, the client hears so", async () => {
    const { alice } = await start();
    await alice.stop();
    expect((await ask(CLIENT, { path: "/our" })).status).toBe(502);
  });
});

describe.each(PROXIES.filter((name) => name === "nginx"))("%s", (name) => {
  test("plain http is sent to https", async () => {
    const proxy = await startProxy(name, 9);
    try {
      const answer = await fetch(`http://127.0.0.1:${proxy.httpPort}/a?b=c`, { redirect: "manual" });
      expect([answer.status, answer.headers.get("location")]).toEqual([308, "https://127.0.0.1/a?b=c"]);
    } finally {
      await proxy.stop();
    }
  });
});
