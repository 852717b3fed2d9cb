/** From login to logout, across restarts of the node; and who tries too often. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { Auth, type AuthRecord } from "../../../http-server/auth.ts";
import { httpServerLimits } from "../../../http-server/limits.ts";
import { Throttle } from "../../../http-server/throttle.ts";
import { systemClock, VirtualClock } from "../../../lib/protocol/index.ts";
import { type Answer, cookieSet } from "../../support/http-client.ts";
import {
  bind,
  forge,
  type HttpNode,
  SECRET,
  startHttpNode,
  stopHttpNodes,
  TRANSPORTS,
} from "../../support/http-node.ts";
import { P } from "../../support/node.ts";
import { destroyAll, RawSocket } from "../../support/sockets.ts";

const PASSWORD = "correct horse";
const SESSION = "jackfield-auth_alice.os";
const REGISTER = "kinode-auth_alice.os";

afterEach(async () => {
  destroyAll();
  await stopHttpNodes();
});

describe.each(TRANSPORTS)("over %s", (transport) => {
  test("a logout removes both cookies and ends the session for good", async () => {
    const alice = await startHttpNode({ transport });
    await addPrivatePage(alice);
    const cookie = `${SESSION}=${alice.server.issueToken("session")}`;
    expect(await opens(alice, cookie)).toBe(true);
    const answer = await alice.ask({ method: "POST", path: "/logout", headers: { cookie } });
    expect(answer).toMatchObject({ status: 200, body: '{"node":"alice.os"}' });
    expect(answer.setCookies).toEqual([
      `${SESSION}=; Path=/; Max-Age=0; SameSite=Strict`,
      `${REGISTER}=; Path=/; Max-Age=0; SameSite=Strict`,
    ]);
    expect(await opens(alice, cookie)).toBe(false);
    expect(await opens(alice, alice.cookie)).toBe(true); // another session of the same person
  });

  test("a logout ends the token that scripts can read, too", async () => {
    const alice = await startHttpNode({ transport });
    alice.add(P);
    const register = alice.server.issueToken("register");
    expect(await registers(alice, register)).toEqual({ channel_id: expect.any(Number) });
    const cookie = `${SESSION}=${alice.server.issueToken("session")}; ${REGISTER}=${register}`;
    await alice.ask({ method: "POST", path: "/logout", headers: { cookie } });
    expect(await registers(alice, register)).toEqual({
      error: { code: "bad_token", message: "the auth_token is not valid here, or has ended: log in again" },
    });
  });

  test("a logout of nobody is 200 and revokes nothing", async () => {
    const alice = await startHttpNode({ transport });
    const before = alice.values.get("http-server:distro:sys");
    expect((await alice.ask({ method: "POST", path: "/logout" })).status).toBe(200);
    expect((await alice.ask({ method: "POST", path: "/logout", headers: { cookie: "a=b" } })).status).toBe(200);
    expect(alice.values.get("http-server:distro:sys")).toBe(before);
  });

  test("password, sessions and logouts outlive the node", async () => {
    const first = await startHttpNode({ transport, password: "an older one" });
    const kept = first.cookie;
    const out = `${SESSION}=${first.server.issueToken("session")}`;
    await first.server.setPassword(PASSWORD);
    await first.ask({ method: "POST", path: "/logout", headers: { cookie: out } });
    await first.stop();
    const second = await startHttpNode({ transport, values: first.values });
    await addPrivatePage(second);
    expect(second.server.hasPassword).toBe(true);
    expect((await login(second, PASSWORD)).status).toBe(200);
    expect((await login(second, "an older one")).status).toBe(401);
    expect(await opens(second, kept)).toBe(true);
    expect(await opens(second, out)).toBe(false);
  });

  test("nodes that share nothing do not take each other's sessions", async () => {
    const alice = await startHttpNode({ transport, values: new Map() });
    const twin = await startHttpNode({ transport, values: new Map() });
    await addPrivatePage(twin);
    expect(await opens(twin, twin.cookie)).toBe(true);
    expect(await opens(twin, alice.cookie)).toBe(false);
  });

  test("what a login sets opens pages and registers channels, each cookie its own", async () => {
    const alice = await startHttpNode({ transport, password: PASSWORD });
    await addPrivatePage(alice);
    const answer = await login(alice, PASSWORD);
    expect(await opens(alice, `${SESSION}=${cookieSet(answer, SESSION)}`)).toBe(true);
    expect(await opens(alice, `${REGISTER}=${cookieSet(answer, REGISTER)}`)).toBe(false);
    expect(await registers(alice, cookieSet(answer, REGISTER))).toEqual({ channel_id: expect.any(Number) });
  });

  test("a session ends with its time, to the second", async () => {
    const clock = new VirtualClock();
    const alice = await startHttpNode({ transport, nodeOptions: { clock }, limits: { sessionSeconds: 100 } });
    await addPrivatePage(alice);
    clock.advance(99_999);
    expect(await opens(alice, alice.cookie)).toBe(true);
    clock.advance(1);
    expect(await opens(alice, alice.cookie)).toBe(false);
  });

  test("one wrong password more than allowed is 429 until the window ends, even with the right one", async () => {
    const clock = new VirtualClock();
    const limits = { loginFailures: 2, loginWindow: 60_000 };
    const alice = await startHttpNode({ transport, nodeOptions: { clock }, limits, password: PASSWORD });
    for (const wrong of ["a", "b"]) expect((await login(alice, wrong)).status).toBe(401);
    clock.advance(20_500);
    const refused = await login(alice, PASSWORD);
    expect(refused).toMatchObject({ status: 429, body: '"Too many attempts"', setCookies: [] });
    expect(refused.headers["retry-after"]).toBe("40");
    clock.advance(39_499);
    expect((await login(alice, PASSWORD)).headers["retry-after"]).toBe("1");
    clock.advance(1);
    expect((await login(alice, PASSWORD)).status).toBe(200);
  });

  test("wrong passwords sent at once are no more than those sent in a row", async () => {
    const alice = await startHttpNode({ transport, limits: { loginFailures: 2 }, password: PASSWORD });
    const answers = await Promise.all(Array.from("abcde", (wrong) => login(alice, wrong)));
    expect(answers.map(({ status }) => status).sort()).toEqual([401, 401, 429, 429, 429]);
  });

  test("right passwords and unreadable logins do not count as failures", async () => {
    const alice = await startHttpNode({ transport, limits: { loginFailures: 1 }, password: PASSWORD });
    for (let i = 0; i < 2; i++) {
      expect((await login(alice, PASSWORD)).status).toBe(200);
      expect((await alice.ask({ method: "POST", path: "/login", body: "{" })).status).toBe(400);
    }
    expect((await login(alice, "wrong")).status).toBe(401);
    expect((await login(alice, PASSWORD)).status).toBe(429);
  });
});

describe("Auth", () => {
  const saved: AuthRecord[] = [];
  const auth = (revokedTokens: number, clock = new VirtualClock(), limits: Record<string, number> = {}): Auth =>
    new Auth({
      node: "alice.os",
      clock,
      limits: httpServerLimits({ ...limits, revokedTokens }),
      record: { secret: Buffer.from(SECRET).toString("base64"), password: null, revoked: [] },
      save: async (record) => void saved.push(record),
    });
  const cookie = (id: string): string => `${SESSION}=${forge({ id, expiration: 4_000_000_000 })}`;

  test("revoke() remembers as many tokens as limits.revokedTokens, the newest", async () => {
    const alice = auth(2);
    for (const id of ["1", "2", "3"]) await alice.revoke(alice.tokens(cookie(id)));
    expect(saved.at(-1)?.revoked.map(([id]) => id)).toEqual(["2", "3"]);
    expect(alice.session(cookie("3"))).toBeUndefined();
    await alice.revoke(alice.tokens(["4", "5", "6"].map(cookie).join(";")));
    expect(saved.at(-1)?.revoked.map(([id]) => id)).toEqual(["5", "6"]);
  });

  test("revoke() forgets tokens whose time is over", async () => {
    const clock = new VirtualClock();
    const alice = auth(10, clock);
    const end = clock.now() / 1000 + 5;
    await alice.revoke(alice.tokens(`${SESSION}=${forge({ id: "short", expiration: end })}`));
    clock.advance(5000);
    await alice.revoke(alice.tokens(cookie("long")));
    expect(saved.at(-1)?.revoked.map(([id]) => id)).toEqual(["long"]);
  });

  test("mayRegister() takes both scopes, and nothing that is revoked", async () => {
    const alice = auth(10, new VirtualClock());
    const token = alice.issue("register");
    expect([alice.mayRegister(token), alice.mayRegister(alice.issue("session"))]).toEqual([true, true]);
    await alice.revoke(alice.tokens(`${REGISTER}=${token}`));
    expect(alice.mayRegister(token)).toBe(false);
  });

  describe.each([0, 1, 2, 1000])("that remembers %i verified tokens", (verifiedTokens) => {
    test("refuses one that was taken before when its time is over, to the second", () => {
      const clock = new VirtualClock();
      const alice = auth(10, clock, { verifiedTokens, registerTokenSeconds: 100 });
      const token = alice.issue("register");
      expect(alice.mayRegister(token)).toBe(true);
      clock.advance(99_999);
      expect(alice.mayRegister(token)).toBe(true);
      clock.advance(1);
      expect(alice.mayRegister(token)).toBe(false);
    });

    test("refuses one that was taken before once it is revoked, and only that", async () => {
      const alice = auth(10, new VirtualClock(), { verifiedTokens });
      const [out, kept] = [alice.issue("session"), alice.issue("session")];
      expect([alice.mayRegister(out), alice.mayRegister(kept)]).toEqual([true, true]);
      await alice.revoke(alice.tokens(`${SESSION}=${out}`));
      expect([alice.mayRegister(out), alice.mayRegister(kept)]).toEqual([false, true]);
      expect(alice.session(`${SESSION}=${out}`)).toBeUndefined();
    });

    test("lets none log in that was taken for a registration", () => {
      const alice = auth(10, new VirtualClock(), { verifiedTokens });
      const token = alice.issue("register");
      expect(alice.mayRegister(token)).toBe(true);
      expect(alice.session(`${SESSION}=${token}`)).toBeUndefined();
    });

    test("knows three in turn from their like with a letter changed", () => {
      const alice = auth(10, new VirtualClock(), { verifiedTokens });
      const tokens = [1, 2, 3].map(() => alice.issue("session"));
      for (let round = 0; round < 3; round++) {
        expect(tokens.map((token) => alice.mayRegister(token))).toEqual([true, true, true]);
        for (const token of tokens) {
          const changed = token.slice(0, -2) + (token.at(-2) === "A" ? "B" : "A") + token.at(-1);
          expect(alice.mayRegister(changed)).toBe(false);
          expect(alice.mayRegister(`${token} `)).toBe(false);
        }
      }
    });

    test("refuses another node's of the same secret, however often", () => {
      const alice = auth(10, new VirtualClock(), { verifiedTokens });
      const bobs = forge({ username: "bob.os", expiration: 4_000_000_000 });
      expect([1, 2, 3].map(() => alice.mayRegister(bobs))).toEqual([false, false, false]);
    });
  });
});

describe("Throttle", () => {
  test("counts each address by itself", () => {
    const throttle = new Throttle(new VirtualClock(), 1, 1000);
    throttle.failed("a");
    expect([throttle.retryAfter("a"), throttle.retryAfter("b")]).toEqual([1, 0]);
    throttle.takeBack("a");
    expect(throttle.retryAfter("a")).toBe(0);
  });

  test("beyond 10,000 addresses counts all new ones as one", () => {
    const throttle = new Throttle(systemClock, 2, 60_000);
    for (let i = 0; i < 10_000; i++) throttle.failed(`old ${i}`);
    throttle.failed("new 1");
    expect(throttle.retryAfter("new 2")).toBe(0);
    throttle.failed("new 2");
    expect(throttle.retryAfter("new 3")).toBeGreaterThan(0);
    expect(throttle.retryAfter("old 1")).toBe(0);
  });
});

async function addPrivatePage(alice: HttpNode): Promise<void> {
  await alice.add(P).ask(bind("/private", { authenticated: true, cache: true }), "private");
}

async function opens(alice: HttpNode, cookie: string): Promise<boolean> {
  const { status } = await alice.ask({ path: `/${P}/private`, headers: { cookie } });
  expect([200, 401]).toContain(status);
  return status === 200;
}

/** What the main route answers to a WsRegister for P. */
async function registers(alice: HttpNode, token: string): Promise<unknown> {
  const client = await RawSocket.connect(alice.port);
  await client.upgrade();
  client.sendText(JSON.stringify({ auth_token: token, target_process: P, encrypted: false }));
  return JSON.parse(await client.nextText());
}

function login(alice: HttpNode, password: string): Promise<Answer> {
  return alice.ask({ method: "POST", path: "/login", body: JSON.stringify({ password }) });
}
