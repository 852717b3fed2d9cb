/** On which terms a path is open (docs/adr/0025): who is refused, before any 101, with which status and words. */
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { afterEach, describe, expect, test } from "@jest/globals";
import { SignJWT } from "jose";
import type { Admission } from "../../../lib/protocol/index.ts";
import { VirtualClock } from "../../../lib/protocol/index.ts";
import { bindWs, err, OK, startWithP, stopNodes, TRANSPORTS } from "../../support/channels.ts";
import { P, type TestNode } from "../../support/node.ts";
import { type HttpAnswer, RawSocket, requestHead } from "../../support/sockets.ts";

afterEach(stopNodes);

const ed = generateKeyPairSync("ed25519");
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const other = generateKeyPairSync("ed25519");
const pem = (key: KeyObject): string => key.export({ type: "spki", format: "pem" }).toString();
const TOKEN = { keys: [pem(ed.publicKey), pem(rsa.publicKey)], audience: "soundlab-api" };
const NOW = Math.floor(Date.now() / 1000);

type Claims = Readonly<Record<string, unknown>>;

/** A good token but for what is given; a claim that is undefined is left out. */
async function token(claims: Claims = {}, key: KeyObject = ed.privateKey, alg = "EdDSA"): Promise<string> {
  const all = { aud: "soundlab-api", iat: NOW, exp: NOW + 900, jti: "1", sub: "ann", ...claims };
  const given = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  return await new SignJWT(given).setProtectedHeader({ alg }).sign(key);
}

/** @param from an address of this machine: all of 127.0.0.0/8 is */
async function tryPath(
  on: TestNode,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<HttpAnswer> {
  const client = await RawSocket.connect(on.port);
  return await client.tryUpgrade({ path: `/${P}${path}`, headers });
}

describe.each(TRANSPORTS)("%s admission", (transport) => {
  const open = async (admission: Admission, paths: readonly string[] = ["/ws"]) => {
    const { on, p } = await startWithP(transport);
    for (const path of paths) expect(await p.ask(bindWs(path, { authenticated: false, admission }))).toEqual(OK);
    return { on, p };
  };

  test("lets pages of any origin in, or of those listed, besides the node's own", async () => {
    const { on, p } = await open({ origins: "any" });
    await p.ask(bindWs("/some", { authenticated: false, admission: { origins: ["https://a.example"] } }));
    await p.ask(bindWs("/none", { authenticated: false }));
    const tries = async (path: string, origin: string): Promise<number> => (await tryPath(on, path, { origin })).status;
    expect(await tries("/ws", "https://anywhere.example")).toBe(101);
    expect(await tries("/some", "https://a.example")).toBe(101);
    expect(await tries("/some", "https://b.example")).toBe(403);
    expect(await tries("/none", "https://a.example")).toBe(403);
    expect((await tryPath(on, "/some")).status).toBe(101); // a program
  });

  test("is refused where pages of any origin could use a login", async () => {
    const { p } = await startWithP(transport);
    expect(await p.ask(bindWs("/ws", { admission: { origins: "any" } }))).toEqual(err("MalformedRequest"));
  });

  test("takes so many sockets, 403 for one more, and counts on when the path is bound again", async () => {
    const { on, p } = await open({ channels: 2 });
    const first = await RawSocket.connect(on.port);
    expect((await first.tryUpgrade({ path: `/${P}/ws` })).status).toBe(101);
    expect((await tryPath(on, "/ws")).status).toBe(101);
    expect(await tryPath(on, "/ws")).toMatchObject({
      status: 403,
      body: "this path takes 2 sockets at once: come back later\n",
    });
    await p.ask(bindWs("/ws", { authenticated: false, admission: { channels: 2 } }));
    expect((await tryPath(on, "/ws")).status).toBe(403);
    await p.next();
    await p.next();
    first.destroy();
    expect(await p.next()).toMatchObject({ body: { WebSocketClose: expect.any(Number) } });
    expect((await tryPath(on, "/ws")).status).toBe(101);
  });

  test("takes so many from one address, 429 for one more", async () => {
    const { on } = await open({ channels_per_address: 1 });
    expect((await tryPath(on, "/ws")).status).toBe(101);
    expect(await tryPath(on, "/ws")).toMatchObject({
      status: 429,
      headers: { "retry-after": "5" },
      body: "this path takes 1 sockets from one address: close some first\n",
    });
  });

  test("counts paths as one that say so, bound again or not, and others by themselves", async () => {
    const shared = { channels: 1, shared: "a" };
    const { on, p } = await open(shared, ["/one", "/two"]);
    for (const path of ["/else", "/more"])
      await p.ask(bindWs(path, { authenticated: false, admission: { channels: 1, shared: path } }));
    const tries = async (path: string): Promise<number> => (await tryPath(on, path)).status;
    expect(await tries("/two")).toBe(101);
    expect(await tries("/one")).toBe(403);
    await p.ask(bindWs("/one", { authenticated: false, admission: shared }));
    await p.ask(bindWs("/three", { authenticated: false, admission: shared }));
    expect([await tries("/one"), await tries("/two"), await tries("/three")]).toEqual([403, 403, 403]);
    expect([await tries("/else"), await tries("/more")]).toEqual([101, 101]);
  });

  test("takes an IPv6 network of 64 bits for one address", async () => {
    const { on, p } = await startWithP(transport, { trustProxy: ["loopback"] });
    await p.ask(bindWs("/ws", { authenticated: false, admission: { channels_per_address: 1 } }));
    const from = async (address: string): Promise<number> =>
      (await tryPath(on, "/ws", { "x-forwarded-for": address })).status;
    expect([await from("2001:db8::1"), await from("2001:db8::2"), await from("2001:db8:0:1::1")]).toEqual([
      101, 429, 101,
    ]);
  });

  test("takes so many handshakes from one address in a time, refused ones too", async () => {
    const clock = new VirtualClock();
    const { on, p } = await startWithP(transport, { nodeOptions: { clock } });
    const admission = { handshakes: { max: 2, seconds: 10 }, token: TOKEN };
    await p.ask(bindWs("/ws", { authenticated: false, admission }));
    expect((await tryPath(on, "/ws")).status).toBe(401);
    expect((await tryPath(on, "/ws")).status).toBe(401);
    expect(await tryPath(on, "/ws")).toMatchObject({
      status: 429,
      headers: { "retry-after": "10" },
      body: "too many handshakes from this address\n",
    });
    await p.ask(bindWs("/ws", { authenticated: false, admission })); // again, which is no new beginning
    expect((await tryPath(on, "/ws")).status).toBe(429);
    clock.advance(10_000);
    expect((await tryPath(on, "/ws")).status).toBe(401);
  });

  test("is closed for now, which says when to come back however often that is asked", async () => {
    const closed = { reason: "the chain is being built", retry_after: 7 };
    const { on } = await open({ closed, handshakes: { max: 1, seconds: 10 } });
    for (let tried = 0; tried < 2; tried++)
      expect(await tryPath(on, "/ws")).toMatchObject({
        status: 503,
        headers: { "retry-after": "7" },
        body: "the chain is being built\n",
      });
  });

  test("finds a token wherever a client can put one, and tells the process who, not the token", async () => {
    const { on, p } = await open({ token: TOKEN }, ["/ws", "/t/:token/ws"]);
    const good = await token();
    const asked: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
      ["/ws", { authorization: `Bearer ${good}` }],
      ["/ws", { authorization: `Basic ${Buffer.from(`any:${good}`).toString("base64")}` }],
      [`/ws?a=1&token=${good}&b=2`, {}],
      [`/t/${good}/ws`, {}],
    ];
    for (const [path, headers] of asked) {
      expect((await tryPath(on, path, headers)).status).toBe(101);
      const { body } = await p.next();
      expect(body).toMatchObject({ WebSocketOpen: { user: "ann" } });
      expect(JSON.stringify(body)).not.toContain(good);
      if (path.includes("?")) expect(body).toMatchObject({ WebSocketOpen: { query_params: { a: "1", b: "2" } } });
    }
    expect(
      (await tryPath(on, "/ws", { authorization: `Bearer ${await token({}, rsa.privateKey, "RS256")}` })).status,
    ).toBe(101);
  });

  test.each<readonly [string, () => Promise<string>]>([
    ["none", async () => ""],
    ["no JWT", async () => "a.b.c"],
    ["of another key", async () => await token({}, other.privateKey)],
    ["of another audience", async () => await token({ aud: "else" })],
    ["that has ended", async () => await token({ iat: NOW - 1000, exp: NOW - 100 })],
    ["of the future", async () => await token({ iat: NOW + 100, exp: NOW + 200 })],
    ["not good yet", async () => await token({ nbf: NOW + 100 })],
    ["that lives too long", async () => await token({ exp: NOW + 901 })],
    ["without an id", async () => await token({ jti: undefined })],
    ["without an end", async () => await token({ exp: undefined })],
    ["without a beginning", async () => await token({ iat: undefined })],
    ["whose text was changed", async () => (await token()).replace(/\.(.)/, (_, at) => `.${at === "e" ? "f" : "e"}`)],
    [
      "that says it needs no signature",
      async () => `${Buffer.from('{"alg":"none"}').toString("base64url")}.${(await token()).split(".")[1]}.`,
    ],
    [
      "signed with the public key as a secret",
      async () =>
        await new SignJWT({ aud: "soundlab-api", jti: "1" })
          .setProtectedHeader({ alg: "HS256" })
          .setIssuedAt(NOW)
          .setExpirationTime(NOW + 900)
          .sign(Buffer.from(TOKEN.keys[0] ?? "")),
    ],
  ])("refuses a token %s with 401", async (_, make) => {
    const { on } = await open({ token: TOKEN });
    expect(await tryPath(on, "/ws", { authorization: `Bearer ${await make()}` })).toMatchObject({
      status: 401,
      headers: { "www-authenticate": "Bearer" },
      body: "a token is wanted that is signed, in date and for this service\n",
    });
    expect((await tryPath(on, "/ws", { authorization: `Bearer ${await token()}` })).status).toBe(101);
  });

  test("takes a token again, by default from anywhere, as clients reconnect by the URL they have", async () => {
    const { on } = await open({ token: { ...TOKEN, issuer: "us" } });
    const good = await token({ iss: "us" });
    for (let i = 0; i < 3; i++) expect((await tryPath(on, `/ws?token=${good}`)).status).toBe(101);
    expect((await tryPath(on, `/ws?token=${await token({ iss: "them" })}`)).status).toBe(401);
  });

  test("may keep a token to the address that used it first", async () => {
    const { on, p } = await startWithP(transport, { trustProxy: ["loopback"] });
    await p.ask(bindWs("/ws", { authenticated: false, admission: { token: { ...TOKEN, bind_address: true } } }));
    const good = await token();
    const from = (address: string) => tryPath(on, `/ws?token=${good}`, { "x-forwarded-for": address });
    expect((await from("192.0.2.1")).status).toBe(101);
    expect((await from("192.0.2.2")).status).toBe(401);
    expect((await from("192.0.2.1")).status).toBe(101);
  });

  test("keeps it to that address at every path of the process, and when one is bound again", async () => {
    const { on, p } = await startWithP(transport, { trustProxy: ["loopback"] });
    const admission = { token: { ...TOKEN, bind_address: true } };
    for (const path of ["/ws", "/other", "/ws"]) await p.ask(bindWs(path, { authenticated: false, admission }));
    await p.ask({ Bind: { path: "/m", authenticated: false, local_only: false, cache: true, admission } }, "content");
    const good = await token();
    const from = async (address: string, path: string): Promise<number> =>
      (await tryPath(on, `${path}?token=${good}`, { "x-forwarded-for": address })).status;
    expect(await from("192.0.2.1", "/ws")).toBe(101);
    expect(await from("192.0.2.2", "/other")).toBe(401);
    await p.ask(bindWs("/ws", { authenticated: false, admission }));
    expect(await from("192.0.2.2", "/ws")).toBe(401);
    const client = await RawSocket.connect(on.port);
    const headers = { "x-forwarded-for": "192.0.2.2" };
    expect((await client.request({ path: `/${P}/m?token=${good}`, headers })).status).toBe(401);
    const other = await token({ iss: "them" }); // whose ids are their own
    expect((await tryPath(on, `/ws?token=${other}`, headers)).status).toBe(101);
  });

  test("keeps a token from the process however the client wrote its name, and from the headers that it chose", async () => {
    const { on, p } = await startWithP(transport);
    const binding = { authenticated: false, open_headers: ["authorization", "x-a"], admission: { token: TOKEN } };
    await p.ask(bindWs("/ws", binding));
    const good = await token();
    for (const [path, headers] of [
      [`/ws?%74oken=${good}&a=1`, {}],
      ["/ws?a=1", { authorization: `Bearer ${good}` }],
    ] as const) {
      expect((await tryPath(on, path, { ...headers, "x-a": "b" })).status).toBe(101);
      const { body } = await p.next();
      expect(body).toMatchObject({ WebSocketOpen: { query_params: { a: "1" }, headers: { "x-a": "b" } } });
      expect(JSON.stringify(body)).not.toContain(good);
    }
  });

  test("of HTTP: keeps a token from the process, and so from its dead letters", async () => {
    const { on, p } = await startWithP(transport);
    const bind = { authenticated: false, local_only: false, cache: false, admission: { token: TOKEN } };
    for (const path of ["/m", "/t/:token/m", "/u/:token/*rest"]) await p.ask({ Bind: { path, ...bind } });
    const good = await token();
    for (const [path, headers, url] of [
      ["/m", { authorization: `Bearer ${good}` }, "/m"],
      [`/m?a=1&token=${good}&%74oken=${good}`, {}, "/m"],
      [`/t/${good}/m?a=1`, {}, "/t/:token/m"],
      [`/u/${good}/x/y`, {}, "/u/:token/x/y"],
    ] as const) {
      const client = await RawSocket.connect(on.port);
      client.write(requestHead({ path: `/${P}${path}`, headers: { ...headers, "x-a": "b" } }));
      const { body } = await p.next();
      expect(body).toMatchObject({ Http: { url: `http://localhost/${P}${url}`, headers: { "x-a": "b" } } });
      if (path.includes("?")) expect(body).toMatchObject({ Http: { query_params: { a: "1" } } });
      expect(JSON.stringify(body)).not.toContain(good);
    }
  });

  test("of HTTP: a token is wanted there too", async () => {
    const { on, p } = await startWithP(transport);
    const bind = { path: "/m", authenticated: false, local_only: false, cache: true, admission: { token: TOKEN } };
    expect(await p.ask({ Bind: bind }, "content")).toEqual(OK);
    const ask = async (headers: Readonly<Record<string, string>>): Promise<HttpAnswer> =>
      await (await RawSocket.connect(on.port)).request({ path: `/${P}/m`, headers });
    expect(await ask({})).toMatchObject({ status: 401, headers: { "www-authenticate": "Bearer" } });
    expect(await ask({ authorization: `Bearer ${await token()}` })).toMatchObject({ status: 200, body: "content" });
  });
});

test.each<readonly [string, unknown]>([
  ["no object", 1],
  ["a list", []],
  ["origins that are a text", { origins: "some" }],
  ["origins that are numbers", { origins: [1] }],
  ["no channels", { channels: 0 }],
  ["half a channel", { channels_per_address: 0.5 }],
  ["handshakes without a time", { handshakes: { max: 1 } }],
  ["handshakes in no time", { handshakes: { max: 1, seconds: 0 } }],
  ["a token without keys", { token: { audience: "a" } }],
  ["a token with no key", { token: { keys: [], audience: "a" } }],
  ["a key that is none", { token: { keys: ["-----BEGIN"], audience: "a" } }],
  ["a private key", { token: { keys: [ed.privateKey.export({ type: "pkcs8", format: "pem" })], audience: "a" } }],
  ["a token without an audience", { token: { keys: TOKEN.keys } }],
  ["what it shares as a number", { shared: 1 }],
  ["a long name for what it shares", { shared: "x".repeat(201) }],
  ["closed without a reason", { closed: {} }],
  ["closed with a long reason", { closed: { reason: "x".repeat(201) } }],
])("an admission is refused that is, or has, %s", async (_, admission) => {
  const { p } = await startWithP("ws");
  expect(await p.ask(bindWs("/ws", { authenticated: false, admission }))).toEqual(err("MalformedRequest"));
  expect(
    await p.ask({ Bind: { path: "/m", authenticated: false, local_only: false, cache: false, admission } }),
  ).toEqual(err("MalformedRequest"));
});
