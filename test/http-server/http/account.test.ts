/** /sessions and /password, for who is logged in; and the one-time link of a node without a password. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { loginHash } from "../../../http-server/password.ts";
import { OptionError, VirtualClock } from "../../../lib/protocol/index.ts";
import { type Answer, cookieSet } from "../../support/http-client.ts";
import { bind, type HttpNode, startHttpNode, stopHttpNodes, TRANSPORTS } from "../../support/http-node.ts";
import { P } from "../../support/node.ts";
import { destroyAll, RawSocket } from "../../support/sockets.ts";

const OLD = "correct horse";
const NEW = "battery staple";
const SESSION = "jackfield-auth_alice.os";

type Listed = {
  readonly id: string;
  readonly subdomain: string | null;
  readonly created: number;
  readonly last_seen: number;
  readonly address: string;
  readonly user_agent: string;
  readonly current: boolean;
};

afterEach(async () => {
  destroyAll();
  await stopHttpNodes();
});

describe.each(TRANSPORTS)("over %s", (transport) => {
  describe("/sessions", () => {
    test("lists who is logged in: from where, with what, since when, and which one asks", async () => {
      const clock = new VirtualClock();
      const alice = await startHttpNode({ transport, nodeOptions: { clock }, values: new Map(), password: OLD });
      const now = clock.now() / 1000;
      clock.advance(1_000_000);
      const answer = await login(alice, { password: OLD }, { "user-agent": `Lynx/2 é ${"x".repeat(300)}` });
      const cookie = `${SESSION}=${cookieSet(answer, SESSION)}`;
      const [mine, program, ...none] = await list(alice, cookie);
      expect(none).toEqual([]);
      expect(mine).toEqual({
        id: expect.stringMatching(/^[\w-]{21}$/),
        subdomain: null,
        created: now + 1000,
        last_seen: now + 1000,
        address: "127.0.0.1",
        user_agent: expect.stringMatching(/^Lynx\/2 \?+ x+$/),
        current: true,
      });
      expect(mine?.user_agent).toHaveLength(200);
      expect(program).toMatchObject({
        created: now,
        address: "",
        user_agent: "a program of this node",
        current: false,
      });
    });

    test("is a page to who reads HTML, and the login page or 401 to who is not logged in", async () => {
      const alice = await startHttpNode({ transport });
      const html = { accept: "text/html" };
      const page = await alice.ask({ path: "/sessions", headers: { ...html, cookie: alice.cookie } });
      expect(page.body).toContain("<title>Sessions of alice.os</title>");
      expect(page.headers).toMatchObject({ "cache-control": "no-store", "x-frame-options": "DENY" });
      expect((await alice.ask({ path: "/sessions", headers: html })).body).toContain(
        "<title>Log in to alice.os</title>",
      );
      const register = `${SESSION}=${alice.server.issueToken("register")}`;
      for (const cookie of ["", register]) {
        const answer = await alice.ask({ path: "/sessions", headers: { cookie } });
        expect(answer.status).toBe(401);
        expect(JSON.parse(answer.body)).toEqual({
          error: { code: "unauthorized", message: "log in first: POST /login" },
        });
      }
    });

    test("DELETE of one ends it, its channels too, and tells who ends its own to forget it", async () => {
      const alice = await startHttpNode({ transport });
      const p = alice.add(P);
      await p.ask({ WebSocketBind: { path: "/", authenticated: true, extension: false } });
      const other = `${SESSION}=${alice.server.issueToken("session")}`;
      const client = await RawSocket.connect(alice.port);
      await client.upgrade({ path: `/${P}`, headers: { cookie: other } });
      const { id } = (await list(alice, other)).find(({ current }) => current) ?? { id: "" };
      const answer = await remove(alice, `/sessions/${id}`, alice.cookie);
      expect(answer).toMatchObject({ status: 200, body: '{"node":"alice.os"}', setCookies: [] });
      expect(await client.nextClose()).toMatchObject({ code: 4401 });
      expect((await remove(alice, `/sessions/${id}`, other)).status).toBe(401);
      const again = await remove(alice, `/sessions/${id}`, alice.cookie);
      expect([again.status, JSON.parse(again.body)]).toEqual([
        404,
        { error: { code: "no_such_session", message: "it has ended already" } },
      ]);
      const own = (await list(alice, alice.cookie)).find(({ current }) => current) ?? { id: "" };
      expect((await remove(alice, `/sessions/${own.id}`, alice.cookie)).setCookies).toHaveLength(2);
      expect((await remove(alice, `/sessions/${own.id}`, alice.cookie)).status).toBe(401);
    });

    test("DELETE ends all, and no token that was signed before is good again", async () => {
      const alice = await startHttpNode({ transport });
      const cookies = [alice.cookie, `${SESSION}=${alice.server.issueToken("session")}`];
      const answer = await remove(alice, "/sessions", alice.cookie);
      expect(answer).toMatchObject({ status: 200, body: '{"node":"alice.os"}' });
      expect(answer.setCookies).toHaveLength(2);
      for (const cookie of cookies) expect(await status(alice, cookie)).toBe(401);
      await alice.stop();
      const next = await startHttpNode({ transport, values: alice.values });
      for (const cookie of cookies) expect(await status(next, cookie)).toBe(401);
    });

    test("DELETE by a page of another origin is 403, and ends nobody", async () => {
      const alice = await startHttpNode({ transport });
      const headers = { cookie: alice.cookie, origin: "http://evil.example" };
      expect((await alice.ask({ method: "DELETE", path: "/sessions", headers })).status).toBe(403);
      expect(await status(alice, alice.cookie)).toBe(200);
    });

    test("a page that loads replaces a token of some age; the one before is good until that comes back", async () => {
      const clock = new VirtualClock();
      const limits = { sessionRotation: 100, sessionGrace: 10 };
      const alice = await startHttpNode({ transport, nodeOptions: { clock }, limits });
      await alice.add(P).ask(bind("/m", { authenticated: true, cache: true }), "m");
      const load = (cookie: string): Promise<Answer> => alice.ask({ path: `/${P}/m`, headers: { cookie } });
      const has = "kinode-auth_alice.os=x";
      expect((await load(`${alice.cookie}; ${has}`)).setCookies).toEqual([]);
      clock.advance(100_000);
      const answer = await load(`${alice.cookie}; ${has}`);
      expect(answer.setCookies).toEqual([expect.stringMatching(/^jackfield-auth_alice\.os=.*; HttpOnly$/)]);
      const next = `${SESSION}=${cookieSet(answer, SESSION)}`;
      expect((await load(next)).status).toBe(200);
      expect((await load(alice.cookie)).status).toBe(200);
      clock.advance(10_000);
      expect((await load(alice.cookie)).status).toBe(401);
    });

    test.each([
      ["POST", "/sessions"],
      ["GET", "/sessions/a"],
      ["DELETE", "/password"],
    ])("%s %s is 404", async (method, path) => {
      const alice = await startHttpNode({ transport });
      expect(await alice.ask({ method, path, headers: { cookie: alice.cookie } })).toMatchObject({ status: 404 });
    });
  });

  describe("/password", () => {
    test.each<[how: string, body: () => Promise<unknown>]>([
      ["as text", async () => ({ password: NEW, old_password: OLD })],
      [
        "as hashes",
        async () => ({
          password_hash: await loginHash(NEW, "alice.os"),
          old_password_hash: await loginHash(OLD, "alice.os"),
        }),
      ],
    ])("sets another one %s, ends every session, and begins one", async (_how, body) => {
      const alice = await startHttpNode({ transport, password: OLD });
      const answer = await setPassword(alice, await body());
      expect(answer).toMatchObject({ status: 200, body: '{"node":"alice.os"}' });
      expect(await status(alice, alice.cookie)).toBe(401);
      const cookie = `${SESSION}=${cookieSet(answer, SESSION)}`;
      expect(await list(alice, cookie)).toHaveLength(1);
      expect((await login(alice, { password: OLD })).status).toBe(401);
      expect((await login(alice, { password: NEW })).status).toBe(200);
    });

    test("sets the first one without an old one, and no other", async () => {
      const alice = await startHttpNode({ transport });
      const answer = await setPassword(alice, { password: OLD });
      expect(answer.status).toBe(200);
      const cookie = `${SESSION}=${cookieSet(answer, SESSION)}`;
      for (const old of [{}, { old_password: NEW }, { old_password: 1 }, { old_password_hash: "0x00" }]) {
        const refused = await setPassword(alice, { password: NEW, ...old }, cookie);
        expect([refused.status, JSON.parse(refused.body)]).toEqual([
          403,
          { error: { code: "wrong_password", message: "the old password is another one" } },
        ]);
      }
      expect((await login(alice, { password: OLD })).status).toBe(200);
    });

    test("takes limits.passwordLength characters, and says so when there is one less", async () => {
      const alice = await startHttpNode({ transport });
      const refused = await setPassword(alice, { password: "ä".repeat(7) });
      expect([refused.status, JSON.parse(refused.body)]).toEqual([
        400,
        { error: { code: "too_short", message: "a password has at least 8 characters" } },
      ]);
      expect(alice.server.hasPassword).toBe(false);
      expect((await setPassword(alice, { password: "ä".repeat(8) })).status).toBe(200);
      await expect(alice.server.setPassword("1234567")).rejects.toThrow(
        new OptionError(
          "Cannot set the password as it must have at least limits.passwordLength, 8 characters: got 7, take a longer one",
        ),
      );
    });

    test.each<[what: string, body: unknown]>([
      ["nothing", ""],
      ["half a JSON", "{"],
      ["no password", "{}"],
      ["a password that is a number", '{"password":12345678}'],
      ["a hash that is none", '{"password_hash":"12345678"}'],
    ])("of %s is 400", async (_what, body) => {
      const alice = await startHttpNode({ transport });
      const answer = await setPassword(alice, body);
      expect(answer.status).toBe(400);
      expect(JSON.parse(answer.body)).toMatchObject({ error: { code: "malformed" } });
    });

    test("of nobody is 401, of 16 KiB and one byte 413, of one who guesses 429", async () => {
      const alice = await startHttpNode({ transport, password: OLD, limits: { loginFailures: 2 } });
      expect((await setPassword(alice, { password: NEW, old_password: OLD }, "")).status).toBe(401);
      expect((await setPassword(alice, "x".repeat(16_385))).status).toBe(413);
      for (const status of [403, 403, 429])
        expect((await setPassword(alice, { password: NEW, old_password: "guess" })).status).toBe(status);
    });

    test("is a page that asks for the old one where there is one", async () => {
      const alice = await startHttpNode({ transport });
      const headers = { accept: "text/html", cookie: alice.cookie };
      expect((await alice.ask({ path: "/password", headers })).body).toContain('data-password="none" data-length="8"');
      await alice.server.setPassword(OLD);
      expect((await alice.ask({ path: "/password", headers })).body).toContain('data-password="set"');
      expect((await alice.ask({ path: "/password", headers: { accept: "text/html" } })).body).toContain("Log in to");
    });
  });

  describe("the one-time link", () => {
    const tokenOf = (alice: HttpNode): string => alice.server.oneTimeLogin().replace("/login?token=", "");

    test("logs in once; opening it, however often, uses nothing up", async () => {
      const alice = await startHttpNode({ transport });
      const path = alice.server.oneTimeLogin();
      expect(path).toMatch(/^\/login\?token=[\w-]{32}$/); // 24 bytes
      for (let i = 0; i < 3; i++) {
        const page = await alice.ask({ path, headers: { accept: "text/html" } });
        expect(page).toMatchObject({ status: 200, setCookies: [], headers: { "referrer-policy": "no-referrer" } });
      }
      const token = path.replace("/login?token=", "");
      const answer = await login(alice, { token, subdomain: "" });
      expect(answer).toMatchObject({ status: 200, body: '{"node":"alice.os"}' });
      expect(await status(alice, `${SESSION}=${cookieSet(answer, SESSION)}`)).toBe(200);
      expect(await login(alice, { token })).toMatchObject({
        status: 401,
        body: '"The link was used, or has ended"',
        setCookies: [],
      });
    });

    test("of two that use it at once, one is in", async () => {
      const alice = await startHttpNode({ transport });
      const token = tokenOf(alice);
      const answers = await Promise.all([1, 2, 3].map(() => login(alice, { token })));
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401]);
    });

    test("ends after limits.loginLinkSeconds", async () => {
      const clock = new VirtualClock();
      const alice = await startHttpNode({ transport, nodeOptions: { clock }, limits: { loginLinkSeconds: 60 } });
      const token = tokenOf(alice);
      clock.advance(60_000);
      expect((await login(alice, { token })).status).toBe(401);
      const next = tokenOf(alice);
      clock.advance(59_999);
      expect((await login(alice, { token: next })).status).toBe(200);
    });

    test("ends with the next one, and when a password is set", async () => {
      const alice = await startHttpNode({ transport });
      const [first, second] = [tokenOf(alice), tokenOf(alice)];
      expect((await login(alice, { token: first })).status).toBe(401);
      await setPassword(alice, { password: OLD });
      expect((await login(alice, { token: second })).status).toBe(401);
      const other = await startHttpNode({ transport });
      const third = tokenOf(other);
      await other.server.setPassword(OLD);
      expect((await login(other, { token: third })).status).toBe(401);
    });

    test("another token is 401, and counts as a failure; a node without a link takes none", async () => {
      const alice = await startHttpNode({ transport, limits: { loginFailures: 3 } });
      expect((await login(alice, { token: "" })).status).toBe(401);
      const token = tokenOf(alice);
      for (const wrong of ["x".repeat(32), `${token}x`])
        expect((await login(alice, { token: wrong })).status).toBe(401);
      expect((await login(alice, { token })).status).toBe(429);
    });

    test("the login page says whether there is a password", async () => {
      const alice = await startHttpNode({ transport });
      expect((await alice.ask({ path: "/login" })).body).toContain('data-password="none"');
      await alice.server.setPassword(OLD);
      expect((await alice.ask({ path: "/login" })).body).toContain('data-password="set"');
    });
  });
});

async function list(alice: HttpNode, cookie: string): Promise<readonly Listed[]> {
  const { body } = await alice.ask({ path: "/sessions", headers: { cookie } });
  return (JSON.parse(body) as { readonly sessions: readonly Listed[] }).sessions;
}

async function status(alice: HttpNode, cookie: string): Promise<number> {
  return (await alice.ask({ path: "/sessions", headers: { cookie } })).status;
}

function remove(alice: HttpNode, path: string, cookie: string): Promise<Answer> {
  return alice.ask({ method: "DELETE", path, headers: { cookie } });
}

function login(alice: HttpNode, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  return alice.ask({ method: "POST", path: "/login", body: JSON.stringify(body), headers });
}

function setPassword(alice: HttpNode, body: unknown, cookie = alice.cookie): Promise<Answer> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return alice.ask({ method: "POST", path: "/password", body: text, headers: { cookie } });
}
