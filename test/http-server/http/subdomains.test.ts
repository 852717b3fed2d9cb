/** Secure subdomains (contract kinode §5.3–5.6, cases 72 to 74): an origin of its own for a package, with its own login. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { decodeJwt } from "jose";
import { labelOf, secureUrl } from "../../../http-server/subdomains.ts";
import type { Visit } from "../../../http-server/visit.ts";
import {
  defineProcess,
  secure_bind_http_path,
  secure_bind_http_static_path,
  secure_bind_ws_path,
} from "../../../lib/process/index.ts";
import { ProcessId } from "../../../lib/protocol/index.ts";
import { hear, told } from "../../support/channels.ts";
import { type Answer, cookieSet } from "../../support/http-client.ts";
import {
  bind,
  type HttpNode,
  reply,
  secureBind,
  startHttpNode,
  stopHttpNodes,
  TRANSPORTS,
  withMounted,
} from "../../support/http-node.ts";
import { P } from "../../support/node.ts";
import type { Recorder } from "../../support/recorder.ts";
import { destroyAll, RawSocket } from "../../support/sockets.ts";

const PASSWORD = "correct horse";
const SERVER = "http-server:distro:sys";
const CHESS = "chess:chess:sys";
const CLOCK = "clock:chess:sys"; // another process of the package
const HERE = { host: "chess-sys.localhost:8080" };
const MAIN = { host: "localhost:8080" };
const OK = { Ok: null };

afterEach(async () => {
  destroyAll();
  await stopHttpNodes();
});

type Chess = { readonly alice: HttpNode; readonly chess: Recorder };

/** Chess, whose `/s` and `/ws` are secure, and whose `/plain` and `/open` are not. */
async function withChess(transport: "uws" | "ws", options: Parameters<typeof startHttpNode>[0] = {}): Promise<Chess> {
  const alice = await startHttpNode({ transport, ...options });
  const chess = alice.add(CHESS);
  expect(await chess.ask(secureBind("/s", true), "secret")).toEqual(OK);
  expect(await chess.ask(secureWs("/ws"))).toEqual(OK);
  expect(await chess.ask(bind("/plain", { authenticated: true, cache: true }), "plain")).toEqual(OK);
  expect(await chess.ask(bind("/open", { cache: true }), "open")).toEqual(OK);
  return { alice, chess };
}

const secureWs = (path: string): unknown => ({ WebSocketSecureBind: { path, extension: false } });

/** A cookie as the login on a subdomain sets it. */
const own = (alice: HttpNode, process = CHESS): string =>
  `jackfield-auth_alice.os@${process}=${alice.server.issueToken("session", process)}`;

const page = (alice: HttpNode, path: string, headers: Record<string, string>): Promise<Answer> =>
  alice.ask({ path: `/${CHESS}${path}`, headers });

describe.each(TRANSPORTS)("over %s", (transport) => {
  test.each([
    ["localhost:8080", "http://chess-sys.localhost:8080"],
    ["localhost", "http://chess-sys.localhost"],
    ["alice.example", "http://chess-sys.alice.example"],
    ["ALICE.example:80", "http://chess-sys.ALICE.example:80"],
    ["go-sys.localhost", "http://chess-sys.go-sys.localhost"], // nobody's subdomain: the node itself
  ])("case 72: a secure path asked for on %s is 307 to %s, with path and query", async (host, to) => {
    const { alice } = await withChess(transport);
    const answer = await page(alice, "/s/%20/?a=b&c=%2F", { host, cookie: alice.cookie });
    expect(answer.status).toBe(404); // only what is bound
    const found = await page(alice, "/s?a=b&c=%2F", { host, cookie: alice.cookie });
    expect(found).toMatchObject({ status: 307, body: "", setCookies: [] });
    expect(found.headers.location).toBe(`${to}/${CHESS}/s?a=b&c=%2F`);
  });

  test("case 72: a POST is 307 too, and reaches no process", async () => {
    const { alice, chess } = await withChess(transport);
    await chess.ask(secureBind("/api"));
    const { status, headers } = await alice.ask({ method: "POST", path: `/${CHESS}/api`, headers: MAIN, body: "x" });
    expect([status, headers.location]).toEqual([307, `http://chess-sys.localhost:8080/${CHESS}/api`]);
    expect(chess.waiting).toEqual([]);
  });

  test.each(["127.0.0.1:8080", "127.0.0.1", "[::1]:8080", "", "local host", "localhost:8080:9", "a/b", "evil@host"])(
    "a secure path asked for on %p, which has no subdomains, is 421 with a way out",
    async (host) => {
      const { alice } = await withChess(transport);
      const answer = await page(alice, "/s", { host });
      if (answer.status !== 400) {
        expect(answer).toMatchObject({ status: 421, setCookies: [] });
        expect(answer.body).toContain("open the node by a name such as localhost");
        expect(answer.headers.location).toBeUndefined();
      } else expect(["", "local host", "localhost:8080:9", "a/b", "evil@host"]).toContain(host); // the transport's own no
    },
  );

  test("case 73: the main cookie does not open a secure path on its host, under whatever name", async () => {
    const { alice } = await withChess(transport);
    for (const name of [
      `jackfield-auth_alice.os`,
      `jackfield-auth_alice.os@${CHESS}`,
      `kinode-auth_alice.os@${CHESS}`,
    ]) {
      const answer = await page(alice, "/s", { ...HERE, cookie: `${name}=${alice.token}` });
      expect(answer.status).toBe(401);
    }
    const html = await page(alice, "/s", { ...HERE, cookie: alice.cookie, accept: "text/html" });
    expect(html).toMatchObject({ status: 200, setCookies: [] });
    expect(html.body).toContain(`data-subdomain="${CHESS}"`);
  });

  test("a process's cookie opens its paths on its subdomain, secure or not, and nothing anywhere else", async () => {
    const { alice } = await withChess(transport);
    await alice.add(CLOCK).ask(secureBind("/s", true), "clock");
    await alice.add(P).ask(bind("/m", { authenticated: true, cache: true }), "P's");
    const cookie = own(alice);
    expect(await page(alice, "/s", { ...HERE, cookie })).toMatchObject({ status: 200, body: "secret" });
    expect(await page(alice, "/s", { host: "CHESS-sys.localhost:1", cookie })).toMatchObject({ status: 200 });
    expect(await page(alice, "/plain", { ...HERE, cookie })).toMatchObject({ status: 200, body: "plain" });
    expect((await page(alice, "/plain", { ...MAIN, cookie })).status).toBe(401);
    expect((await page(alice, "/plain", { ...HERE, cookie: alice.cookie })).status).toBe(401);
    expect((await page(alice, "/plain", { ...MAIN, cookie: alice.cookie })).status).toBe(200);
    expect((await alice.ask({ path: `/${CLOCK}/s`, headers: { ...HERE, cookie } })).status).toBe(401);
    expect((await alice.ask({ path: `/${P}/m`, headers: { ...MAIN, cookie } })).status).toBe(401);
    // Named as the main cookie it is still the process's.
    const renamed = cookie.replace(`@${CHESS}`, "");
    expect((await page(alice, "/plain", { ...MAIN, cookie: renamed })).status).toBe(401);
    expect((await page(alice, "/s", { ...HERE, cookie: renamed })).status).toBe(401);
  });

  test("on a subdomain another package is 403 with a sentence, and what is not bound is 404", async () => {
    const { alice } = await withChess(transport);
    await alice.add("homepage:homepage:sys").ask(bind("/", { cache: true }), "home");
    await alice.add(P).ask(bind("/m", { cache: true }), "P's");
    for (const path of [`/${P}/m`, "/"]) {
      const answer = await alice.ask({ path, headers: { ...HERE, cookie: `${own(alice)}; ${alice.cookie}` } });
      expect(answer.status).toBe(403);
      expect(answer.body).toBe("this subdomain is another package's: open the node by its own name\n");
    }
    expect((await alice.ask({ path: `/${CHESS}/nope`, headers: HERE })).status).toBe(404);
    expect(await page(alice, "/open", HERE)).toMatchObject({ status: 200, body: "open" });
  });

  test("on a subdomain stands what its pages need, and no other service of the node", async () => {
    const { alice } = await withChess(transport);
    for (const path of [
      "/our",
      "/our.js",
      "/client.js",
      "/login",
      "/login/login.js",
      "/login/form.js",
      "/login/hash.js",
    ])
      expect([path, (await alice.ask({ path, headers: HERE })).status]).toEqual([path, 200]);
    for (const path of ["/sessions", "/password"]) {
      const headers = { ...HERE, cookie: `${alice.cookie}; ${own(alice)}` };
      expect([path, (await alice.ask({ path, headers })).status]).toEqual([path, 404]);
    }
  });

  test("case 74, as inferred: the login on the subdomain is for the process it names, with cookies of its own", async () => {
    const { alice } = await withChess(transport, { password: PASSWORD });
    const body = JSON.stringify({ password: PASSWORD, subdomain: CHESS });
    const answer = await alice.ask({ method: "POST", path: "/login", headers: HERE, body });
    expect(answer.status).toBe(200);
    const [session = "", register = ""] = answer.setCookies;
    expect(session).toMatch(
      /^jackfield-auth_alice\.os@chess:chess:sys=[\w.-]+; Path=\/; Max-Age=\d+; SameSite=Strict; HttpOnly$/,
    );
    expect(register).toMatch(/^kinode-auth_alice\.os@chess:chess:sys=[\w.-]+; Path=\/; Max-Age=3600; SameSite=Strict$/);
    const token = cookieSet(answer, `jackfield-auth_alice.os@${CHESS}`);
    expect(decodeJwt(token)).toMatchObject({ username: "alice.os", subdomain: CHESS, scope: "session" });
    const opened = await page(alice, "/s", { ...HERE, cookie: `jackfield-auth_alice.os@${CHESS}=${token}` });
    expect(opened).toMatchObject({ status: 200, body: "secret" });
    expect(opened.setCookies).toEqual([expect.stringMatching(/^kinode-auth_alice\.os@chess:chess:sys=/)]);
  });

  test.each<[what: string, headers: Record<string, string>, subdomain: unknown]>([
    ["for a process, on the main host", MAIN, CHESS],
    ["for none, on a subdomain", HERE, ""],
    ["for null, on a subdomain", HERE, null],
    ["for another package's process", HERE, P],
    ["for another publisher's", HERE, "chess:chess:other"],
    ["for what is no process id", HERE, "chess"],
    ["for unsafe letters", HERE, "che ss:chess:sys"],
    ["for a number", HERE, 1],
  ])("a login %s is 400", async (_what, headers, subdomain) => {
    const { alice } = await withChess(transport);
    const body = JSON.stringify({ password: PASSWORD, subdomain });
    const answer = await alice.ask({ method: "POST", path: "/login", headers, body });
    expect(answer).toMatchObject({ status: 400, setCookies: [] });
  });

  test("the login page on a subdomain knows the process: of the redirect, else one of the package", async () => {
    const { alice } = await withChess(transport);
    await alice.add(CLOCK).ask(secureBind("/s", true), "clock");
    const subdomainAt = async (path: string, headers: Record<string, string>): Promise<string | undefined> =>
      /data-subdomain="([^"]*)"/.exec((await alice.ask({ path, headers })).body)?.[1];
    expect(await subdomainAt(`/login?redirect=%2F${CLOCK}%2Fs`, HERE)).toBe(CLOCK);
    expect(await subdomainAt(`/login?redirect=%2F${P}%2F`, HERE)).toBe(CHESS);
    expect(await subdomainAt("/login", HERE)).toBe(CHESS);
    expect(await subdomainAt("/login", MAIN)).toBe("");
  });

  test("a logout on the subdomain ends its session alone, and one on the main host the main one alone", async () => {
    const { alice } = await withChess(transport);
    const cookie = `${own(alice)}; ${alice.cookie}`;
    const answer = await alice.ask({ method: "POST", path: "/logout", headers: { ...HERE, cookie } });
    expect(answer.setCookies).toEqual([
      `jackfield-auth_alice.os@${CHESS}=; Path=/; Max-Age=0; SameSite=Strict`,
      `kinode-auth_alice.os@${CHESS}=; Path=/; Max-Age=0; SameSite=Strict`,
    ]);
    expect((await page(alice, "/s", { ...HERE, cookie })).status).toBe(401);
    expect((await page(alice, "/plain", { ...MAIN, cookie })).status).toBe(200);
    const again = `${own(alice)}; ${alice.cookie}`;
    await alice.ask({ method: "POST", path: "/logout", headers: { ...MAIN, cookie: again } });
    expect((await page(alice, "/s", { ...HERE, cookie: again })).status).toBe(200);
    expect((await page(alice, "/plain", { ...MAIN, cookie: again })).status).toBe(401);
  });

  test("a logout there by the token that scripts can read removes that process's cookies and ends nothing", async () => {
    const { alice } = await withChess(transport, { password: PASSWORD });
    const login = await alice.ask({
      method: "POST",
      path: "/login",
      headers: HERE,
      body: JSON.stringify({ password: PASSWORD, subdomain: CHESS }),
    });
    const [session, register] = ["jackfield", "kinode"].map((family) => {
      const name = `${family}-auth_alice.os@${CHESS}`;
      return `${name}=${cookieSet(login, name)}`;
    });
    const headers = { ...HERE, cookie: String(register) };
    const out = await alice.ask({ method: "POST", path: "/logout", headers });
    expect([out.status, out.setCookies.length]).toEqual([200, 2]);
    expect((await page(alice, "/s", { ...HERE, cookie: String(session) })).status).toBe(200);
  });

  test("a page of the subdomain may not POST to the main host, nor the other way round", async () => {
    const { alice } = await withChess(transport);
    const post = async (path: string, headers: Record<string, string>): Promise<number> =>
      (await alice.ask({ method: "POST", path, headers, body: "x" })).status;
    const [subdomain, main] = [`http://${HERE.host}`, `http://${MAIN.host}`];
    const mine = { cookie: `${alice.cookie}; ${own(alice)}` };
    expect(await post("/logout", { ...MAIN, ...mine, origin: subdomain })).toBe(403);
    expect(await post(`/${CHESS}/s`, { ...HERE, ...mine, origin: main })).toBe(403);
    expect(await post("/logout", { ...MAIN, ...mine, origin: "http://chess-sys.localhost:8081" })).toBe(403);
    expect(await post("/logout", { ...HERE, origin: subdomain })).toBe(200);
  });

  test("the first package to bind has the label; another that comes to the same is told SubdomainTaken", async () => {
    const alice = await startHttpNode({ transport });
    const [first, second] = [alice.add("p:a-b:c"), alice.add("p:a:b-c")];
    expect(await first.ask(secureBind("/s", true), "first")).toEqual(OK);
    expect(await second.ask(secureBind("/s", true), "second")).toEqual({ Err: "SubdomainTaken" });
    expect(await second.ask(secureWs("/ws"))).toEqual({ Err: "SubdomainTaken" });
    expect(await second.ask(bind("/plain", { cache: true }), "plain")).toEqual(OK);
    const headers = { host: "a-b-c.localhost" };
    expect((await alice.ask({ path: "/p:a:b-c/plain", headers })).status).toBe(403);
    expect((await alice.ask({ path: "/p:a-b:c/s", headers: { ...headers, cookie: own(alice, "p:a-b:c") } })).body).toBe(
      "first",
    );
    await first.ask({ Unbind: { path: "/s" } }); // an origin does not change hands
    expect(await second.ask(secureBind("/s", true), "second")).toEqual({ Err: "SubdomainTaken" });
  });

  test("a label of 63 letters is taken, a longer one is no host's", async () => {
    const alice = await startHttpNode({ transport });
    const fits = alice.add(`p:${"x".repeat(59)}:sys`);
    expect(await fits.ask(secureBind("/", true), "x")).toEqual(OK);
    const long = alice.add(`p:${"x".repeat(60)}:sys`);
    expect(await long.ask(secureBind("/", true), "x")).toEqual({ Err: "SubdomainTaken" });
  });

  test("a secure bind is as every other one: it needs its blob, replaces, and may be unbound", async () => {
    const { alice, chess } = await withChess(transport);
    expect(await chess.ask(secureBind("/t", true))).toEqual({ Err: "NoBlob" });
    expect(await chess.ask(secureBind("/plain"))).toEqual(OK);
    expect((await page(alice, "/plain", { ...MAIN, cookie: alice.cookie })).status).toBe(307);
    chess.onMessage = reply(200, {}, "asked");
    expect((await page(alice, "/plain", { ...HERE, cookie: own(alice) })).body).toBe("asked");
    expect(await chess.ask({ Unbind: { path: "/plain" } })).toEqual(OK);
    expect((await page(alice, "/plain", { ...MAIN, cookie: alice.cookie })).status).toBe(404);
  });

  test("on a port of its own a process has no subdomain: its secure paths are 421 there", async () => {
    const { alice } = await withChess(transport, { listeners: withMounted(CHESS) });
    const port = alice.server.ports[1] ?? 0;
    const answer = await alice.ask({ port, path: "/s", headers: { ...MAIN, cookie: alice.cookie } });
    expect(answer).toMatchObject({ status: 421 });
    expect(answer.body).toContain("on its own subdomain of the main port only");
  });

  test("ctx and the seeds' calls bind secure paths; one that wants no login, or local clients, is refused", async () => {
    const { alice } = await withChess(transport);
    const refusals: string[] = [];
    const program = defineProcess({
      init: async (ctx) => {
        const bound = [
          secure_bind_http_path("/a"),
          secure_bind_http_static_path("/b", "text/css", "b {}"),
          secure_bind_ws_path("/c"),
          ctx.bindHttp("/d", { secure: true }),
          ctx.bindStatic("/e", "e", { secure: true, mime: "text/css" }),
          ctx.bindWs("/f", { secure: true, slowReader: "drop" }),
        ];
        for (const result of await Promise.all(bound)) expect(result).toEqual(OK);
        for (const binding of [{ authenticated: false }, { localOnly: true }]) {
          const tries = [
            ctx.bindHttp("/x", { secure: true, ...binding }),
            ctx.bindStatic("/x", "", { secure: true, ...binding }),
          ];
          for (const refused of tries) await refused.catch(({ message }: Error) => refusals.push(message));
        }
        await ctx
          .bindWs("/x", { secure: true, authenticated: false })
          .catch(({ message }: Error) => refusals.push(message));
        ctx.log("ready");
      },
    });
    const allowed = { requestCapabilities: [SERVER], grantCapabilities: [SERVER] };
    const ready = new Promise<void>((resolve) => {
      alice.node.kernel.events.listen((event) => event.type === "log" && resolve());
    });
    alice.node.addProcess(ProcessId.parse("go:go:sys"), program, allowed);
    await ready;
    const cookie = own(alice, "go:go:sys");
    for (const path of ["/b", "/e"]) {
      expect((await alice.ask({ path: `/go:go:sys${path}`, headers: MAIN })).status).toBe(307);
      const answer = await alice.ask({ path: `/go:go:sys${path}`, headers: { host: "go-sys.localhost", cookie } });
      expect([answer.status, answer.headers["content-type"]]).toEqual([200, "text/css"]);
    }
    for (const path of ["/a", "/d"])
      expect((await alice.ask({ path: `/go:go:sys${path}`, headers: MAIN })).status).toBe(307);
    const rule = 'Cannot bind "/x" as a secure path wants a login and takes any client that has it: leave';
    const left = ["authenticated", "authenticated", "localOnly", "localOnly", "authenticated"];
    expect(refusals).toEqual(left.map((name) => `${rule} ${name} out`));
  });

  describe("a WebSocket", () => {
    const upgrade = async (alice: HttpNode, path: string, headers: Record<string, string>) => {
      const client = await RawSocket.connect(alice.port);
      return { client, answer: await client.tryUpgrade({ path, headers }) };
    };

    test.each<[what: string, status: number, headers: (alice: HttpNode) => Record<string, string>]>([
      ["with the process's cookie", 101, (alice) => ({ ...HERE, cookie: own(alice) })],
      ["with the main cookie", 401, (alice) => ({ ...HERE, cookie: alice.cookie })],
      ["with another process's cookie", 401, (alice) => ({ ...HERE, cookie: own(alice, CLOCK) })],
      ["without a cookie", 401, () => HERE],
      ["on the main host", 421, (alice) => ({ ...MAIN, cookie: `${alice.cookie}; ${own(alice)}` })],
      ["of a page of the main host", 403, (alice) => ({ ...HERE, cookie: own(alice), origin: `http://${MAIN.host}` })],
    ])("on a secure path %s: %i", async (_what, status, headers) => {
      const { alice } = await withChess(transport);
      expect((await upgrade(alice, `/${CHESS}/ws`, headers(alice))).answer.status).toBe(status);
    });

    test("of another package is 403 on the subdomain", async () => {
      const { alice } = await withChess(transport);
      await alice.add(P).ask({ WebSocketBind: { path: "/", authenticated: false, extension: false } });
      expect((await upgrade(alice, `/${P}`, HERE)).answer.status).toBe(403);
    });

    test.each<[what: string, isTaken: boolean, headers: object, token: (alice: HttpNode) => string | null]>([
      ["the process's token, on its subdomain", true, HERE, (alice) => alice.server.issueToken("register", CHESS)],
      ["the process's token, on the main host", true, MAIN, (alice) => alice.server.issueToken("register", CHESS)],
      ["the main token, on the subdomain", false, HERE, (alice) => alice.token],
      ["the main token, on the main host", false, MAIN, (alice) => alice.token],
      ["another process's token", false, HERE, (alice) => alice.server.issueToken("register", CLOCK)],
      ["no token and the process's cookie, on its subdomain", true, HERE, () => null],
      ["no token and both cookies, on the main host", false, MAIN, () => null],
    ])("that registers for a secure process with %s: %p", async (_what, isTaken, headers, token) => {
      const { alice, chess } = await withChess(transport);
      const cookie = `${alice.cookie}; ${own(alice)}`;
      const { client } = await upgrade(alice, "/", { ...headers, cookie } as Record<string, string>);
      client.sendText(JSON.stringify({ auth_token: token(alice), target_process: CHESS }));
      const answer = JSON.parse(await client.nextText()) as object;
      if (isTaken) expect(answer).toEqual({ channel_id: expect.any(Number) });
      else expect(answer).toMatchObject({ error: { code: "bad_token" } });
      expect(chess.waiting.map(told)).toHaveLength(isTaken ? 1 : 0);
    });

    test("registers with a process's token for that process alone", async () => {
      const { alice } = await withChess(transport);
      alice.add(P);
      const { client } = await upgrade(alice, "/", MAIN);
      const auth_token = alice.server.issueToken("session", CHESS);
      client.sendText(JSON.stringify({ auth_token, target_process: P }));
      expect(JSON.parse(await client.nextText())).toMatchObject({ error: { code: "bad_token" } });
    });

    test("that came by the main login ends with 4401 when its process binds its first secure path", async () => {
      const alice = await startHttpNode({ transport });
      const chess = alice.add(CHESS);
      await chess.ask({ WebSocketBind: { path: "/any", authenticated: false, extension: false } });
      const main = (await upgrade(alice, "/", MAIN)).client;
      main.sendText(JSON.stringify({ auth_token: alice.token, target_process: CHESS }));
      await main.nextText();
      const nobodys = (await upgrade(alice, `/${CHESS}/any`, MAIN)).client;
      const own = (await upgrade(alice, "/", MAIN)).client;
      own.sendText(JSON.stringify({ auth_token: alice.server.issueToken("register", CHESS), target_process: CHESS }));
      await own.nextText();
      expect(await chess.ask(secureBind("/s", true), "s")).toEqual(OK);
      const reason = "the process has a subdomain of its own now: log in there";
      expect(await main.nextClose()).toEqual({ code: 4401, reason });
      for (const client of [nobodys, own]) {
        client.sendPing("still");
        expect(await client.nextFrame()).toMatchObject({ kind: "pong" });
      }
    });

    test("ends with the session that let it in, by 4401, and no other does", async () => {
      const { alice, chess } = await withChess(transport);
      await chess.ask({ WebSocketBind: { path: "/any", authenticated: false, extension: false } });
      const mine = { ...HERE, cookie: own(alice) };
      const bound = (await upgrade(alice, `/${CHESS}/ws`, mine)).client;
      const registered = (await upgrade(alice, "/", mine)).client;
      registered.sendText(JSON.stringify({ target_process: CHESS }));
      await registered.nextText();
      const others = [
        (await upgrade(alice, `/${CHESS}/ws`, { ...HERE, cookie: own(alice) })).client,
        (await upgrade(alice, `/${CHESS}/any`, mine)).client, // nobody asked for its login
      ];
      await hear(chess, 4);
      await alice.ask({ method: "POST", path: "/logout", headers: mine });
      for (const client of [bound, registered])
        expect(await client.nextClose()).toEqual({ code: 4401, reason: "the session has ended: log in again" });
      for (const client of others) {
        client.sendPing("still");
        expect(await client.nextFrame()).toMatchObject({ kind: "pong" });
      }
    });
  });
});

describe("labelOf()", () => {
  test.each([
    ["main:app-store:sys", "app-store-sys"],
    ["a:my_app:template.os", "my-app-template-os"],
    ["a:b:c", "b-c"],
  ])("of %s is %s", (id, label) => {
    expect(labelOf(ProcessId.parse(id))).toBe(label);
  });
});

test("secureUrl() keeps the scheme that the client used", () => {
  const visit = { host: "alice.example", path: "/x", query: "", secure: true } as Visit;
  expect(secureUrl(visit, ProcessId.parse(CHESS))).toBe("https://chess-sys.alice.example/x");
});
