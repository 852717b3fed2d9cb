/** Behind a proxy: what counts by client counts by the real one, and nobody outside is local. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { startHttpServer } from "../../../http-server/index.ts";
import { createNode } from "../../../kernel/index.ts";
import {
  bind,
  type HttpNode,
  type HttpNodeOptions,
  httpOf,
  reply,
  startHttpNode,
  stopHttpNodes,
  TRANSPORTS,
} from "../../support/http-node.ts";
import { P } from "../../support/node.ts";
import { destroyAll, RawSocket } from "../../support/sockets.ts";

const A = "203.0.113.1";
const B = "203.0.113.2";

afterEach(async () => {
  destroyAll();
  await stopHttpNodes();
});

describe.each(TRANSPORTS)("over %s", (transport) => {
  /** A node that believes whoever connects from 127.0.0.1: the test is the proxy. */
  const behindProxy = (options: HttpNodeOptions = {}): Promise<HttpNode> =>
    startHttpNode({ transport, trustProxy: ["127.0.0.1"], ...options });

  test("a process hears the client's address, without its login and as it was told", async () => {
    const alice = await behindProxy();
    const p = alice.add(P);
    await p.ask(bind("/m"));
    p.onMessage = reply(200);
    const headers = { "x-forwarded-for": `198.51.100.7, ${A}` };
    expect((await alice.ask({ path: `/${P}/m`, headers })).status).toBe(200);
    expect(httpOf(await p.next())).toMatchObject({ source_socket_addr: `${A}:0`, headers });
  });

  test("case 75: a local path is 403 through a trusted proxy, whatever it says of the client", async () => {
    const alice = await behindProxy();
    const p = alice.add(P);
    await p.ask(bind("/local", { local_only: true }));
    p.onMessage = reply(200);
    for (const headers of [{}, { "x-forwarded-for": A }, { "x-forwarded-for": "127.0.0.1" }, { forwarded: "for=::1" }])
      expect((await alice.ask({ path: `/${P}/local`, headers })).status).toBe(403);
    expect(p.all).toEqual([]);
  });

  test("case 75: and 403 through one that is not trusted; without a proxy it is served", async () => {
    const alice = await startHttpNode({ transport, trustProxy: ["10.0.0.0/8"] });
    const p = alice.add(P);
    await p.ask(bind("/local", { local_only: true }));
    p.onMessage = reply(200);
    expect((await alice.ask({ path: `/${P}/local`, headers: { "x-forwarded-for": "127.0.0.1" } })).status).toBe(403);
    expect((await alice.ask({ path: `/${P}/local` })).status).toBe(200);
  });

  const failedLogin = async (alice: HttpNode, xff: string): Promise<number> => {
    const headers = { "x-forwarded-for": xff };
    return (await alice.ask({ method: "POST", path: "/login", body: '{"password":"wrong"}', headers })).status;
  };

  test("failed logins count for the client: others may go on, and a made-up address helps nobody", async () => {
    const alice = await behindProxy({ limits: { loginFailures: 2 } });
    expect(await failedLogin(alice, A)).toBe(401);
    expect(await failedLogin(alice, `198.51.100.1, ${A}`)).toBe(401);
    expect(await failedLogin(alice, A)).toBe(429);
    expect(await failedLogin(alice, `${B}, ${A}`)).toBe(429);
    expect(await failedLogin(alice, B)).toBe(401);
  });

  test("without --trust-proxy they count for who connects, whatever the headers say", async () => {
    const alice = await startHttpNode({ transport, limits: { loginFailures: 2 } });
    expect(await failedLogin(alice, A)).toBe(401);
    expect(await failedLogin(alice, B)).toBe(401);
    expect(await failedLogin(alice, "203.0.113.3")).toBe(429);
  });

  test("sockets count for the client, and their Open has its address", async () => {
    const alice = await behindProxy({ limits: { channelsPerAddress: 1 } });
    const p = alice.add(P);
    await p.ask({ WebSocketBind: { path: "/", authenticated: false, extension: false } });
    const connect = async (client: string): Promise<number> => {
      const socket = await RawSocket.connect(alice.port);
      return (await socket.tryUpgrade({ path: `/${P}`, headers: { "x-forwarded-for": client } })).status;
    };
    expect(await connect(A)).toBe(101);
    expect(await connect(A)).toBe(429);
    expect(await connect(`${B}, ${A}`)).toBe(429);
    expect(await connect(B)).toBe(101);
    const opened = [await p.next(), await p.next()].map(({ body }) => body);
    expect(opened).toMatchObject([
      { WebSocketOpen: { source_socket_addr: `${A}:0` } },
      { WebSocketOpen: { source_socket_addr: `${B}:0` } },
    ]);
  });

  test("cookies of a login are Secure when the client came by https, by the proxy's word only", async () => {
    const login = async (trustProxy: readonly string[], scheme: string): Promise<boolean[]> => {
      const alice = await startHttpNode({ transport, trustProxy, password: "correct horse" });
      const headers = { "x-forwarded-for": A, "x-forwarded-proto": scheme };
      const body = '{"password":"correct horse"}';
      const { status, setCookies } = await alice.ask({ method: "POST", path: "/login", body, headers });
      expect(status).toBe(200);
      return setCookies.map((cookie) => /; Secure(;|$)/.test(cookie));
    };
    expect(await login(["127.0.0.1"], "https")).toEqual([true, true]);
    expect(await login(["127.0.0.1"], "http")).toEqual([false, false]);
    expect(await login([], "https")).toEqual([false, false]);
  });

  test("the page's origin is compared with Host, not with X-Forwarded-Host", async () => {
    const alice = await behindProxy();
    const post = async (origin: string): Promise<number> => {
      const headers = { host: "node.example", "x-forwarded-host": "evil.example", "x-forwarded-for": A, origin };
      return (await alice.ask({ method: "POST", path: "/logout", headers })).status;
    };
    expect(await post("https://node.example")).toBe(200);
    expect(await post("https://evil.example")).toBe(403);
  });
});

test("a server with a list that cannot be read does not start", async () => {
  const node = createNode({ name: "alice.os" });
  const started = startHttpServer(node, { trustProxy: ["10.0.0.0/40"] });
  await expect(started).rejects.toMatchObject({
    name: "OptionError",
    message: expect.stringMatching(/^Cannot trust the proxy "10.0.0.0\/40" as it must be an address/),
  });
  await node.stop();
});
