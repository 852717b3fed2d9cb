/** Who tries passwords too often, or too many at once; and what a check costs everybody else. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { argon2id } from "hash-wasm";
import { httpServerLimits } from "../../../http-server/limits.ts";
import { LoginGate } from "../../../http-server/login-gate.ts";
import { loginHash } from "../../../http-server/password.ts";
import { Sessions } from "../../../http-server/sessions.ts";
import { clientOf, Throttle } from "../../../http-server/throttle.ts";
import type { Visit } from "../../../http-server/visit.ts";
import { VirtualClock } from "../../../lib/protocol/index.ts";
import { deferred } from "../../support/deferred.ts";
import type { Answer } from "../../support/http-client.ts";
import { type HttpNode, startHttpNode, stopHttpNodes, TRANSPORTS } from "../../support/http-node.ts";
import { destroyAll } from "../../support/sockets.ts";

const PASSWORD = "correct horse";

afterEach(async () => {
  destroyAll();
  await stopHttpNodes();
});

describe.each(TRANSPORTS)("over %s", (transport) => {
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

  test("of more logins than may wait, those too many are 503 and may come back in a second", async () => {
    const limits = { logins: 1, loginQueue: 1, loginFailures: 100 };
    const alice = await startHttpNode({ transport, limits, password: PASSWORD });
    const answers = await Promise.all(Array.from("abcd", (wrong) => login(alice, wrong)));
    expect(answers.map(({ status }) => status).sort()).toEqual([401, 401, 503, 503]);
    const refused = answers.find(({ status }) => status === 503);
    expect(refused).toMatchObject({ body: '"Too many logins at once"', headers: { "retry-after": "1" } });
    expect((await login(alice, PASSWORD)).status).toBe(200); // all places are free again
  });

  test("limits.loginFailuresTotal counts who came through a proxy, and holds up no program on this machine", async () => {
    const limits = { loginFailuresTotal: 2, loginFailures: 100 };
    const alice = await startHttpNode({ transport, limits, password: PASSWORD });
    const proxied = { "x-forwarded-for": "192.0.2.7" };
    for (const status of [401, 401, 429]) expect((await login(alice, "wrong", proxied)).status).toBe(status);
    expect((await login(alice, "wrong")).status).toBe(401);
    expect((await login(alice, PASSWORD)).status).toBe(200);
  });
});

test("a bare password is hashed as hash-wasm does it, in another thread: this one goes on meanwhile", async () => {
  let turns = 0;
  let counting = true;
  const count = (): void => {
    turns++;
    if (counting) setImmediate(count);
  };
  count();
  const hash = await loginHash("correct horse", "alice.os");
  counting = false;
  const salt = new TextEncoder().encode("alice.os");
  const options = { iterations: 2, memorySize: 19_456, parallelism: 1, hashLength: 32, outputType: "hex" } as const;
  expect(hash).toBe(`0x${await argon2id({ ...options, password: "correct horse", salt })}`);
  expect(turns).toBeGreaterThan(20); // on this thread it were two or three
});

describe("LoginGate", () => {
  const from = (remoteAddress: string, isLocal = false): Visit => ({ remoteAddress, isLocal }) as Visit;
  const gate = (limits: Record<string, number>, clock = new VirtualClock()) => {
    const resolved = httpServerLimits(limits);
    const sessions = new Sessions(resolved, [], () => undefined);
    return { gate: new LoginGate(clock, resolved, sessions), sessions };
  };
  const no = async (): Promise<boolean> => false;

  test("many addresses are stopped together, until the window ends; who is logged in is not", async () => {
    const clock = new VirtualClock();
    const { gate: at, sessions } = gate({ loginFailuresTotal: 3 }, clock);
    sessions.add("a", null, { address: "192.0.2.99", agent: "" }, 0);
    for (const last of [1, 2, 3]) await at.check(from(`192.0.2.${last}`), no);
    expect(at.refusal(from("192.0.2.4"))).toEqual({ status: 429, retryAfter: 60 });
    expect(at.refusal(from("192.0.2.99"))).toBeUndefined();
    expect(at.refusal(from("127.0.0.1", true))).toBeUndefined();
    clock.advance(60_000);
    expect(at.refusal(from("192.0.2.4"))).toBeUndefined();
  });

  test("checks limits.logins at once and the others in their turn, whatever becomes of those before", async () => {
    const { gate: at } = gate({ logins: 2, loginQueue: 2 });
    const begun: number[] = [];
    const works = [0, 1, 2, 3].map(() => deferred<boolean>());
    const checks = works.map((work, index) =>
      at.check(from(`192.0.2.${index}`), () => {
        begun.push(index);
        return work.promise;
      }),
    );
    await null;
    expect(begun).toEqual([0, 1]);
    expect(at.refusal(from("192.0.2.9"))).toEqual({ status: 503, retryAfter: 1 });
    works[1]?.reject(new Error("a defect"));
    await expect(checks[1]).rejects.toThrow("a defect");
    await null;
    expect(begun).toEqual([0, 1, 2]);
    expect(at.refusal(from("192.0.2.9"))).toBeUndefined();
    for (const work of works) work.resolve(true);
    expect(await Promise.all([checks[0], checks[2], checks[3]])).toEqual([true, true, true]);
    expect(begun).toEqual([0, 1, 2, 3]);
    const { gate: none } = gate({ logins: 1, loginQueue: 0 });
    expect(none.refusal(from("192.0.2.9"))).toBeUndefined(); // a queue of none: who comes to a free place may
  });
});

describe("Throttle", () => {
  test("counts each client by itself, in a window that begins with its first failure", () => {
    const clock = new VirtualClock();
    const throttle = new Throttle(clock, 1, 1000);
    throttle.failed("a");
    expect([throttle.retryAfter("a"), throttle.retryAfter("b")]).toEqual([1, 0]);
    clock.advance(600);
    throttle.failed("b");
    clock.advance(400);
    expect([throttle.retryAfter("a"), throttle.retryAfter("b")]).toEqual([0, 1]);
    throttle.takeBack("b");
    expect(throttle.retryAfter("b")).toBe(0);
  });

  test("takes nothing back of a window that has ended", () => {
    const clock = new VirtualClock();
    const throttle = new Throttle(clock, 1, 1000);
    throttle.failed("a");
    clock.advance(1000);
    throttle.takeBack("a");
    throttle.failed("a");
    expect(throttle.retryAfter("a")).toBe(1);
  });

  test("beyond 10,000 clients counts all new ones as one, until windows end", () => {
    const clock = new VirtualClock();
    const throttle = new Throttle(clock, 2, 60_000);
    for (let i = 0; i < 10_000; i++) throttle.failed(`old ${i}`);
    clock.advance(1);
    throttle.failed("new 1");
    expect(throttle.retryAfter("new 2")).toBe(0);
    throttle.failed("new 2");
    expect(throttle.retryAfter("new 3")).toBe(60);
    expect(throttle.retryAfter("old 1")).toBe(0);
    clock.advance(59_999);
    expect(throttle.retryAfter("new 3")).toBe(0); // there is room again
  });

  test.each([
    ["192.0.2.1", "192.0.2.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:DB8:0001:2::9", "2001:db8:1:2::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["::", "0:0:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["1::2:3:4:5:6:7", "1:0:2:3::/64"],
    ["64:ff9b::192.0.2.1", "64:ff9b:0:0::/64"],
    ["2001:db8:1:2::192.0.2.1", "2001:db8:1:2::/64"],
  ])("clientOf(%p) is %p", (address, client) => {
    expect(clientOf(address)).toBe(client);
  });
});

function login(alice: HttpNode, password: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  return alice.ask({ method: "POST", path: "/login", body: JSON.stringify({ password }), headers });
}
