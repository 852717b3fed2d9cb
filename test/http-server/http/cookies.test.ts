/** Which cookie opens a page: exact names, in however many headers they come. */
import { afterEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Auth } from "../../../http-server/auth.ts";
import { cookieNameOf, cookieValues, setCookie, tokensOf } from "../../../http-server/cookies.ts";
import { httpServerLimits } from "../../../http-server/limits.ts";
import { SessionCookies } from "../../../http-server/session-cookies.ts";
import { VirtualClock } from "../../../lib/protocol/index.ts";
import { cookieSet } from "../../support/http-client.ts";
import { bind, forge, type HttpNode, startHttpNode, stopHttpNodes, TRANSPORTS } from "../../support/http-node.ts";
import { P } from "../../support/node.ts";
import { destroyAll } from "../../support/sockets.ts";

afterEach(async () => {
  destroyAll();
  await stopHttpNodes();
});

describe.each(TRANSPORTS)("over %s", (transport) => {
  const session = `jackfield-auth_alice.os=${forge({})}`;

  test.each<[what: string, cookie: string | readonly string[]]>([
    ["alone", session],
    ["behind another", `a=1; ${session}`],
    ["behind another without a blank", `a=1;${session}`],
    ["behind one of no meaning", `=; ;;x; ${session}`],
    ["before one for a process", `${session}; jackfield-auth_alice.os@chess:chess:sys=x`],
    ["behind one for a process", `jackfield-auth_alice.os@chess:chess:sys=x; ${session}`],
    ["behind a bad one of its name", `jackfield-auth_alice.os=x.y.z; ${session}`],
    ["before a bad one of its name", `${session}; jackfield-auth_alice.os=x.y.z`],
    ["in a header of its own", ["a=1", session, "b=2"]],
    ["under the Kinode name", session.replace("jackfield", "kinode")],
    ["under the Nectar name", session.replace("jackfield", "nectar")],
    ["under the Uqbar name", session.replace("jackfield", "uqbar")],
    ["under the Hyperware name", session.replace("jackfield", "hyperware")],
  ])("a session's cookie %s opens a page", async (_what, cookie) => {
    const { alice, path } = await withPrivatePage(transport);
    expect(await alice.ask({ path, headers: { cookie } })).toMatchObject({ status: 200, body: "private" });
  });

  test.each<[what: string, cookie: string]>([
    ["of a node whose name begins alike", session.replace("alice.os=", "alice.osx=")],
    ["of a node whose name ends alike", session.replace("_alice", "_malice")],
    ["for a process of the node", session.replace("=", "@chess:chess:sys=")],
    ["whose name begins alike", `x${session}`],
    ["in another's value", `a=${session}`],
    ["with a letter behind it", `${session}=`],
    ["in capitals", session.replace("jackfield", "JACKFIELD")],
  ])("a session's cookie %s opens nothing", async (_what, cookie) => {
    const { alice, path } = await withPrivatePage(transport);
    expect((await alice.ask({ path, headers: { cookie } })).status).toBe(401);
  });

  test("the cookie that scripts can read opens no page, with its own name or the session's", async () => {
    const { alice, path } = await withPrivatePage(transport);
    const token = alice.server.issueToken("register");
    for (const name of ["kinode-auth_alice.os", "jackfield-auth_alice.os"]) {
      expect((await alice.ask({ path, headers: { cookie: `${name}=${token}` } })).status).toBe(401);
    }
  });

  test("the cookie that scripts can read is set anew where it is missing, and good for registering alone", async () => {
    const { alice, path } = await withPrivatePage(transport);
    const answer = await alice.ask({ path, headers: { cookie: session } });
    expect(answer.setCookies).toEqual([
      expect.stringMatching(/^kinode-auth_alice\.os=[\w.-]+; Path=\/; Max-Age=3600; SameSite=Strict$/),
    ]);
    const token = cookieSet(answer, "kinode-auth_alice.os");
    expect((await alice.ask({ path, headers: { cookie: `kinode-auth_alice.os=${token}` } })).status).toBe(401);
    const both = await alice.ask({ path, headers: { cookie: `${session}; kinode-auth_alice.os=${token}` } });
    expect(both).toMatchObject({ status: 200, setCookies: [] });
  });

  test("no cookie is set on paths that want no login, nor before one", async () => {
    const { alice, path } = await withPrivatePage(transport);
    await alice.add("open:open:sys").ask(bind("/", { cache: true }), "open");
    expect(await alice.ask({ path: "/open:open:sys", headers: { cookie: session } })).toMatchObject({
      body: "open",
      setCookies: [],
    });
    expect((await alice.ask({ path })).setCookies).toEqual([]);
  });
});

test("setCookie() gives every attribute that was asked for, and no other", () => {
  const options = { name: "a", value: "b", maxAge: 0, httpOnly: false, secure: false };
  expect(setCookie(options)).toBe("a=b; Path=/; Max-Age=0; SameSite=Strict");
  expect(setCookie({ ...options, maxAge: 9, httpOnly: true, secure: true })).toBe(
    "a=b; Path=/; Max-Age=9; SameSite=Strict; HttpOnly; Secure",
  );
});

test("a login that came over TLS sets cookies that travel over TLS alone", async () => {
  const limits = httpServerLimits();
  const clock = new VirtualClock();
  const save = (): Promise<void> => Promise.resolve();
  const auth = new Auth({ node: "alice.os", clock, limits, record: undefined, save, fault: () => undefined });
  const session = await auth.begin(null, { address: "", agent: "" });
  const cookies = new SessionCookies(auth, limits, { list: () => ["kinode"] });
  const ends = (secure: boolean): string[] =>
    cookies.ofLogin(session, secure).map(([, set]) => set.replace(/^.*?; /, ""));
  expect(ends(true)).toEqual([
    "Path=/; Max-Age=15724800; SameSite=Strict; HttpOnly; Secure",
    "Path=/; Max-Age=3600; SameSite=Strict; Secure",
  ]);
  expect(ends(false).join()).not.toContain("Secure");
});

test("cookieNameOf() keeps of a process id what a cookie's name may have", () => {
  expect(cookieNameOf("alice.os", null)).toBe("alice.os");
  expect(cookieNameOf("alice.os", "my_chess-1:chess:a.os")).toBe("alice.os@mychess-1:chess:a.os");
});

test("cookieValues() gives every value of a name, in order, and what is behind the first =", () => {
  expect(cookieValues("a=1; b=2;a=3;a ;a=;  a=x=y", "a")).toEqual(["1", "3", "", "x=y"]);
});

test("tokensOf() never throws, and finds a token wherever other cookies leave it whole", () => {
  const others = fc.array(fc.string().map((text) => text.replaceAll(/[;\r\n]/g, "")));
  fc.assert(
    fc.property(others, others, fc.constantFrom(";", "; "), (before, behind, blank) => {
      fc.pre(![...before, ...behind].some((pair) => pair.includes("alice.os")));
      const header = [...before, "jackfield-auth_alice.os=x.y.z", ...behind].join(blank);
      expect(tokensOf(header, "alice.os")).toEqual(["x.y.z"]);
    }),
  );
});

async function withPrivatePage(transport: "uws" | "ws"): Promise<{ alice: HttpNode; path: string }> {
  const alice = await startHttpNode({ transport });
  await alice.add(P).ask(bind("/private", { authenticated: true, cache: true }), "private");
  return { alice, path: `/${P}/private` };
}
