/** From login to logout, across restarts of the node: tokens, their sessions, and how both end. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { Auth, type AuthRecord } from "../../../http-server/auth.ts";
import { httpServerLimits } from "../../../http-server/limits.ts";
import { VirtualClock } from "../../../lib/protocol/index.ts";
import { type Answer, cookieSet } from "../../support/http-client.ts";
import {
  bind,
  FORGED_SESSION,
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
const CHESS = "chess:chess:sys";
const RECORD: AuthRecord = {
  secret: Buffer.from(SECRET).toString("base64"),
  password: null,
  sessions: [FORGED_SESSION],
};
const EMPTY: AuthRecord = { ...RECORD, sessions: [] };

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
    const alice = await startHttpNode({ transport, password: PASSWORD });
    alice.add(P);
    const answer = await login(alice, PASSWORD);
    const register = cookieSet(answer, REGISTER);
    expect(await registers(alice, register)).toEqual({ channel_id: expect.any(Number) });
    const cookie = `${SESSION}=${cookieSet(answer, SESSION)}; ${REGISTER}=${register}`;
    await alice.ask({ method: "POST", path: "/logout", headers: { cookie } });
    expect(await registers(alice, register)).toEqual({
      error: { code: "bad_token", message: "the auth_token is not valid here, or has ended: log in again" },
    });
  });

  test("a logout by the token that scripts can read removes cookies and ends nothing", async () => {
    const alice = await startHttpNode({ transport, password: PASSWORD });
    await addPrivatePage(alice);
    const answer = await login(alice, PASSWORD);
    for (const name of [REGISTER, SESSION]) {
      const headers = { cookie: `${name}=${cookieSet(answer, REGISTER)}` };
      const out = await alice.ask({ method: "POST", path: "/logout", headers });
      expect([out.status, out.setCookies.length]).toEqual([200, 2]);
    }
    expect(await registers(alice, cookieSet(answer, REGISTER))).toEqual({ channel_id: expect.any(Number) });
    expect(await opens(alice, `${SESSION}=${cookieSet(answer, SESSION)}`)).toBe(true);
  });

  test("a logout of nobody is 200 and revokes nothing", async () => {
    const alice = await startHttpNode({ transport });
    await alice.ask({ method: "POST", path: "/logout", headers: { cookie: `${SESSION}=${forge({})}` } });
    const before = alice.values.get("http-server:distro:sys");
    expect((await alice.ask({ method: "POST", path: "/logout" })).status).toBe(200);
    expect((await alice.ask({ method: "POST", path: "/logout", headers: { cookie: "a=b" } })).status).toBe(200);
    expect(alice.values.get("http-server:distro:sys")).toBe(before);
  });

  test("password, sessions and logouts outlive the node", async () => {
    const first = await startHttpNode({ transport, password: PASSWORD });
    const kept = first.cookie;
    const out = `${SESSION}=${first.server.issueToken("session")}`;
    await first.ask({ method: "POST", path: "/logout", headers: { cookie: out } });
    await first.stop();
    const second = await startHttpNode({ transport, values: first.values, password: PASSWORD });
    await addPrivatePage(second);
    expect(second.server.hasPassword).toBe(true);
    expect((await login(second, PASSWORD)).status).toBe(200);
    expect(await opens(second, kept)).toBe(true); // the same password again changes nothing
    expect(await opens(second, out)).toBe(false);
  });

  test("another password logs everybody out, of before the restart too", async () => {
    const first = await startHttpNode({ transport, password: "an older one" });
    await first.stop();
    const second = await startHttpNode({ transport, values: first.values, password: PASSWORD });
    await addPrivatePage(second);
    expect((await login(second, PASSWORD)).status).toBe(200);
    expect((await login(second, "an older one")).status).toBe(401);
    expect(await opens(second, first.cookie)).toBe(false);
    expect(await opens(second, `${SESSION}=${forge({})}`)).toBe(false); // its secret is another one
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
});

describe("Auth", () => {
  const saved: AuthRecord[] = [];
  const faults: unknown[] = [];
  const auth = (clock = new VirtualClock(), limits: Record<string, number> = {}, record = RECORD): Auth =>
    new Auth({
      node: "alice.os",
      clock,
      limits: httpServerLimits(limits),
      record,
      save: async (written) => void saved.push(written),
      fault: (error) => void faults.push(error),
    });
  const idOf = (alice: Auth, token: string): string | undefined => alice.verify(token)?.session.id;

  test("keeps as many sessions as limits.sessions: one more ends the one that was not used for longest", async () => {
    const clock = new VirtualClock();
    const alice = auth(clock, { sessions: 2 }, EMPTY);
    const ended: string[] = [];
    alice.onEnd((sessions) => void ended.push(...[...sessions].map(({ agent }) => agent)));
    await alice.begin(null, { address: "", agent: "1" });
    const second = await alice.begin(null, { address: "", agent: "2" });
    clock.advance(300_000);
    expect(alice.verify(alice.sessionToken(second))).toBeDefined(); // used
    await alice.begin(null, { address: "", agent: "3" });
    await alice.begin(null, { address: "", agent: "4" });
    expect(ended).toEqual(["1", "2"]);
    expect(alice.list().map(({ agent }) => agent)).toEqual(["3", "4"]);
    expect(saved.at(-1)?.sessions?.map(({ agent }) => agent)).toEqual(["3", "4"]);
  });

  test("forgets sessions that nobody used for limits.sessionSeconds", async () => {
    const clock = new VirtualClock();
    const alice = auth(clock, { sessionSeconds: 100 }, EMPTY);
    await alice.begin(null, { address: "", agent: "old" });
    clock.advance(99_999);
    expect(alice.list()).toHaveLength(1);
    const ended: unknown[] = [];
    alice.onEnd((sessions) => void ended.push(...sessions));
    clock.advance(1);
    expect(alice.list()).toHaveLength(0);
    expect(ended).toEqual([]); // what it opened may stay
  });

  test("checkPassword() of the old password says no when another was set while it was checked", async () => {
    const alice = auth(new VirtualClock(), {}, EMPTY);
    await alice.changePassword("old");
    let changed = false;
    const change = alice.changePassword("new").then(() => {
      changed = true;
    });
    const checks = Array.from({ length: 12 }, async () => [await alice.checkPassword("old"), changed]); // more than there are threads
    const late = (await Promise.all(checks)).filter(([, isLate]) => isLate);
    await change;
    expect(late).not.toEqual([]);
    expect(late.filter(([isRight]) => isRight)).toEqual([]);
    expect([await alice.checkPassword("old"), await alice.checkPassword("new")]).toEqual([false, true]);
  });

  test("tells once of all that end together", async () => {
    const alice = auth(new VirtualClock(), {}, EMPTY);
    const told: number[] = [];
    alice.onEnd((sessions) => void told.push(sessions.size));
    const one = await alice.begin(null, { address: "", agent: "" });
    for (let i = 0; i < 3; i++) await alice.begin(null, { address: "", agent: "" });
    await alice.end([one]);
    await alice.endAll();
    await alice.endAll();
    expect(told).toEqual([1, 3]);
  });

  test("verify() takes both scopes, and nothing whose session has ended", async () => {
    const alice = auth();
    const session = await alice.begin(null, { address: "", agent: "" });
    const tokens = [alice.sessionToken(session), alice.registerToken(session)];
    expect(tokens.map((token) => idOf(alice, token))).toEqual([session.id, session.id]);
    await alice.end([session]);
    expect(tokens.map((token) => idOf(alice, token))).toEqual([undefined, undefined]);
  });

  test("a session says when it was last used, to five minutes, and writes no more often", async () => {
    const clock = new VirtualClock();
    const alice = auth(clock);
    const session = await alice.begin(null, { address: "", agent: "" });
    const token = alice.sessionToken(session);
    const began = session.seen;
    const writes = saved.length;
    clock.advance(299_000);
    alice.verify(token);
    expect([session.seen, saved.length]).toEqual([began, writes]);
    clock.advance(1_000);
    for (let i = 0; i < 100; i++) alice.verify(token);
    await alice.end([session]); // resolves behind what was under way
    expect(session.seen).toBe(began + 300);
    expect(saved.length - writes).toBeLessThanOrEqual(2);
  });

  test("reports a write that failed and nobody waited for, and tells who did", async () => {
    const error = new Error("the disk is full");
    const alice = new Auth({
      node: "alice.os",
      clock: new VirtualClock(),
      limits: httpServerLimits(),
      record: RECORD,
      save: () => Promise.reject(error),
      fault: (fault) => void faults.push(fault),
    });
    alice.issue("session");
    await expect(alice.begin(null, { address: "", agent: "" })).rejects.toBe(error);
    expect(faults.splice(0)).toEqual([error]);
  });

  test("a record of before there were sessions has none: its tokens are over", () => {
    const alice = auth(new VirtualClock(), {}, { secret: RECORD.secret, password: null });
    expect(alice.verify(forge({}))).toBeUndefined();
    expect(auth().verify(forge({}))).toBeDefined();
  });

  describe("a session token", () => {
    const DAY = 86_400_000;
    const begin = async (clock: VirtualClock, limits = {}) => {
      const alice = auth(clock, limits, EMPTY);
      const session = await alice.begin(null, { address: "", agent: "" });
      return { alice, session, first: alice.sessionToken(session) };
    };
    /** What a request with `token` is answered with; the same token when there is no other. */
    const use = (alice: Auth, token: string): string | undefined => {
      const verified = alice.verify(token);
      return verified === undefined ? undefined : (alice.rotated(verified) ?? token);
    };

    test("is replaced on use when it is limits.sessionRotation old, and not before", async () => {
      const clock = new VirtualClock();
      const { alice, session, first } = await begin(clock);
      clock.advance(DAY - 1);
      expect(use(alice, first)).toBe(first);
      clock.advance(1);
      const second = use(alice, first) ?? "";
      expect(second).not.toBe(first);
      expect(idOf(alice, second)).toBe(session.id);
      expect(use(alice, second)).toBe(second);
    });

    test("stays good until its successor comes back: a lost answer logs nobody out", async () => {
      const clock = new VirtualClock();
      const { alice, first } = await begin(clock);
      clock.advance(DAY);
      expect(use(alice, first)).not.toBe(first);
      clock.advance(10 * DAY);
      expect(use(alice, first)).not.toBe(first);
    });

    test("stays good for limits.sessionGrace after that, and gets no other: requests were under way", async () => {
      const clock = new VirtualClock();
      const { alice, session, first } = await begin(clock);
      clock.advance(DAY);
      const successors = [use(alice, first), use(alice, first)];
      expect(successors.map((token) => idOf(alice, token ?? ""))).toEqual([session.id, session.id]);
      clock.advance(59_999);
      expect(use(alice, first)).toBe(first);
    });

    test("that comes back after that was copied: its session ends, whoever has it", async () => {
      const clock = new VirtualClock();
      const { alice, first } = await begin(clock);
      clock.advance(DAY);
      const second = use(alice, first) ?? "";
      expect(use(alice, second)).toBe(second);
      clock.advance(60_000);
      expect(use(alice, first)).toBeUndefined();
      expect(use(alice, second)).toBeUndefined();
    });

    test("lives as long again when it is replaced", async () => {
      const clock = new VirtualClock();
      const { alice, first } = await begin(clock, { sessionSeconds: 100, sessionRotation: 50 });
      clock.advance(50_000);
      const second = use(alice, first) ?? "";
      clock.advance(99_000);
      expect(alice.verify(first)).toBeUndefined();
      expect(alice.verify(second)).toBeDefined();
      expect(alice.list()).toHaveLength(1);
    });
  });

  describe.each([0, 1, 2, 1000])("that remembers %i verified tokens", (verifiedTokens) => {
    test("refuses one that was taken before when its time is over, to the second", () => {
      const clock = new VirtualClock();
      const alice = auth(clock, { verifiedTokens, registerTokenSeconds: 100 });
      const token = alice.issue("register");
      expect(alice.verify(token)).toBeDefined();
      clock.advance(99_999);
      expect(alice.verify(token)).toBeDefined();
      clock.advance(1);
      expect(alice.verify(token)).toBeUndefined();
    });

    test("refuses one that was taken before once its session has ended, and only that", async () => {
      const alice = auth(new VirtualClock(), { verifiedTokens });
      const [out, kept] = [alice.issue("session"), alice.issue("session")];
      const good = (): boolean[] => [out, kept].map((token) => alice.verify(token) !== undefined);
      expect(good()).toEqual([true, true]);
      await alice.end(alice.tokens(`${SESSION}=${out}`).map(({ session }) => session));
      expect(good()).toEqual([false, true]);
      expect(alice.session(`${SESSION}=${out}`)).toBeUndefined();
    });

    test("refuses all that were taken before once all have ended, and takes what it makes then", async () => {
      const alice = auth(new VirtualClock(), { verifiedTokens });
      const tokens = [alice.issue("session"), alice.issue("register"), forge({})];
      expect(tokens.map((token) => alice.verify(token) !== undefined)).toEqual([true, true, true]);
      await alice.endAll();
      expect(tokens.map((token) => alice.verify(token))).toEqual([undefined, undefined, undefined]);
      expect(saved.at(-1)?.secret).not.toBe(RECORD.secret);
      expect(alice.verify(alice.issue("session"))).toBeDefined();
    });

    test("lets none log in that was taken for a registration", () => {
      const alice = auth(new VirtualClock(), { verifiedTokens });
      const token = alice.issue("register");
      expect(alice.verify(token)).toBeDefined();
      expect(alice.session(`${SESSION}=${token}`)).toBeUndefined();
    });

    test("takes a process's token for that process alone", () => {
      const alice = auth(new VirtualClock(), { verifiedTokens });
      const [main, chess] = [alice.issue("session"), alice.issue("session", CHESS)];
      for (let round = 0; round < 2; round++) {
        expect(alice.session(`${SESSION}=${chess}`)).toBeUndefined();
        expect(alice.session(`${SESSION}@${CHESS}=${main}`, CHESS)).toBeUndefined();
        expect(alice.session(`${SESSION}@${CHESS}=${chess}`, "go:chess:sys")).toBeUndefined();
        expect(alice.session(`${SESSION}@go:chess:sys=${chess}`, "go:chess:sys")).toBeUndefined();
        expect(alice.session(`${SESSION}@${CHESS}=${chess}`, CHESS)?.claims.subdomain).toBe(CHESS);
      }
    });

    test("knows three in turn from their like with a letter changed", () => {
      const alice = auth(new VirtualClock(), { verifiedTokens });
      const tokens = [1, 2, 3].map(() => alice.issue("session"));
      for (let round = 0; round < 3; round++) {
        for (const token of tokens) expect(alice.verify(token)).toBeDefined();
        for (const token of tokens) {
          const changed = token.slice(0, -2) + (token.at(-2) === "A" ? "B" : "A") + token.at(-1);
          expect(alice.verify(changed)).toBeUndefined();
          expect(alice.verify(`${token} `)).toBeUndefined();
        }
      }
    });

    test("refuses another node's of the same secret, however often", () => {
      const alice = auth(new VirtualClock(), { verifiedTokens });
      const bobs = forge({ username: "bob.os", expiration: 4_000_000_000 });
      expect([1, 2, 3].map(() => alice.verify(bobs))).toEqual([undefined, undefined, undefined]);
    });
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
