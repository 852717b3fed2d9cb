/** Soundlab in production: who is refused, with which status and words, before there is a socket. */
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { afterEach, describe, expect, test } from "@jest/globals";
import { SignJWT } from "jose";
import { TRANSPORTS } from "../../support/channels.ts";
import { RawSocket } from "../../support/sockets.ts";
import { SOUNDLAB, startSoundlab, stopSoundlabs, type TestSoundlab } from "../../support/soundlab.ts";
import { until } from "../../support/until.ts";

afterEach(stopSoundlabs);

const ed = generateKeyPairSync("ed25519");
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const other = generateKeyPairSync("ed25519");
const pem = (key: KeyObject): string => key.export({ type: "spki", format: "pem" }).toString();
const PAGE = "https://lab.example";
const PRODUCTION = {
  mode: "production",
  token: { keys: [pem(ed.publicKey), pem(rsa.publicKey)] },
  origins: [PAGE],
  handshakes: { max: 1_000, seconds: 10 },
};
const WANTED = "a token is wanted that is signed, in date and for this service\n";

type Claims = Readonly<Record<string, unknown>>;

/** A good token but for what is given; a claim that is undefined is left out. */
async function token(lab: TestSoundlab, claims: Claims = {}, key: KeyObject = ed.privateKey, alg = "EdDSA") {
  const now = Math.floor(lab.clock.now() / 1000);
  const all = { aud: "soundlab-api", iat: now, exp: now + 900, jti: "1", ...claims };
  const given = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  return await new SignJWT(given).setProtectedHeader({ alg }).sign(key);
}

const start = (transport: (typeof TRANSPORTS)[number], settings: Claims = {}): Promise<TestSoundlab> =>
  startSoundlab({ transport, settings: { ...PRODUCTION, ...settings } });

describe.each(TRANSPORTS)("%s production", (transport) => {
  test("takes a token wherever a client can put it, of either algorithm, for streams and REST", async () => {
    const lab = await start(transport);
    await lab.pass(100);
    const good = await token(lab);
    const signedByRsa = await token(lab, {}, rsa.privateKey, "RS256");
    const basic = `Basic ${Buffer.from(`user:${good}`).toString("base64")}`;
    for (const [path, authorization] of [
      ["/ws/metrics", `Bearer ${good}`],
      ["/ws/metrics", `Bearer ${signedByRsa}`],
      ["/ws/metrics", basic],
      [`/ws/latency?token=${good}`],
      [`/t/${good}/ws/metrics`],
    ] as const) {
      const client = await lab.open(path, { headers: { authorization } });
      expect(await client.next()).toMatchObject({ timestamp: expect.any(Number) });
    }
    const events = await lab.open(`/t/${good}/ws/events`);
    events.say({ type: "ping" }); // nothing there, and no end
    for (const [path, authorization] of [
      ["/api/status", `Bearer ${good}`],
      [`/api/status?token=${good}`],
      [`/t/${good}/api/status`],
    ] as const)
      expect((await lab.ask("GET", path, undefined, { authorization })).status).toBe(200);
    expect(await lab.ask("GET", `/t/${good}/api/status`)).toMatchObject({
      body: expect.stringContaining('"clients":{"metrics":4,"latency":1,"events":1},"mode":"production"'),
    });
  });

  test.each<readonly [string, (lab: TestSoundlab) => Promise<string> | string]>([
    ["no token", () => ""],
    ["what is no token", () => "a.b.c"],
    ["one of another key", (lab) => token(lab, {}, other.privateKey)],
    ["one for another service", (lab) => token(lab, { aud: "other" })],
    ["one that lives too long", (lab) => token(lab, { exp: Math.floor(lab.clock.now() / 1000) + 901 })],
    ["one that is over by more than clocks differ", (lab) => token(lab, atSeconds(lab, -161, -61))],
    ["one of the future", (lab) => token(lab, atSeconds(lab, 62, 100))],
    ["one without an id", (lab) => token(lab, { jti: undefined })],
    ["one without an end", (lab) => token(lab, { exp: undefined })],
  ])("refuses %s with 401, of streams and of REST", async (_what, make) => {
    const lab = await start(transport);
    const authorization = `Bearer ${await make(lab)}`;
    for (const path of ["/ws/metrics", "/ws/latency", "/ws/events"])
      expect(await lab.tryOpen(path, { headers: { authorization } })).toMatchObject({
        status: 401,
        headers: { "www-authenticate": "Bearer" },
        body: WANTED,
      });
    for (const [method, path] of [
      ["GET", "/api/status"],
      ["GET", "/metrics"],
      ["PUT", "/api/control"],
      ["POST", "/api/audio/stop"],
      ["GET", "/t/x/api/status"],
    ] as const)
      expect(await lab.ask(method, path, undefined, { authorization })).toMatchObject({ status: 401, body: WANTED });
  });

  test("takes one that is over by less than clocks differ, and the same one again", async () => {
    const lab = await start(transport);
    const late = await token(lab, atSeconds(lab, -159, -59));
    for (let again = 0; again < 3; again++) expect((await lab.tryOpen(`/ws/events?token=${late}`)).status).toBe(101);
  });

  test("is open where somebody watches over it, and for the page itself", async () => {
    const lab = await start(transport);
    await lab.pass(100);
    for (const path of ["/healthz", "/readyz", "/version", "/", "/soundlab.js"])
      expect([path, (await lab.ask("GET", path)).status]).toEqual([path, 200]);
  });

  test("refuses pages of other origins with 403; programs have none", async () => {
    const lab = await start(transport);
    const path = `/ws/metrics?token=${await token(lab)}`;
    expect(await lab.tryOpen(path, { headers: { origin: "https://other.example" } })).toMatchObject({
      status: 403,
      body: "pages of that origin may not connect: allow it with --allow-origin\n",
    });
    expect((await lab.tryOpen(path, { headers: { origin: PAGE } })).status).toBe(101);
    expect((await lab.tryOpen(path)).status).toBe(101);
    const cors = async (origin: string): Promise<unknown> => {
      const { headers } = await lab.ask("GET", `/api/status?token=${await token(lab)}`, undefined, { origin });
      return headers["access-control-allow-origin"];
    };
    expect([await cors(PAGE), await cors("https://other.example")]).toEqual([PAGE, undefined]);
  });

  test("answers a listed page's preflight, which has no token, and no other request without one", async () => {
    const lab = await start(transport);
    const asks = { "access-control-request-method": "GET", "access-control-request-headers": "authorization" };
    const preflight = (headers: Readonly<Record<string, string>>) =>
      lab.ask("OPTIONS", "/api/status", undefined, headers);
    expect(await preflight({ origin: PAGE, ...asks })).toMatchObject({
      status: 204,
      headers: { "access-control-allow-origin": PAGE, "access-control-allow-headers": "Authorization, Content-Type" },
    });
    expect((await preflight({ origin: "https://other.example", ...asks })).headers).not.toHaveProperty(
      "access-control-allow-origin",
    );
    expect((await preflight({ origin: PAGE })).status).toBe(401);
    expect((await lab.ask("GET", "/api/status", undefined, { origin: PAGE, ...asks })).status).toBe(401);
  });

  test("counts a stream by both of its paths", async () => {
    const lab = await start(transport, { connectionsPerAddress: 1 });
    const good = await token(lab);
    await lab.open(`/ws/events?token=${good}`);
    expect((await lab.tryOpen(`/t/${good}/ws/events`)).status).toBe(429);
    expect((await lab.tryOpen(`/t/${good}/ws/latency`)).status).toBe(101);
  });

  test("refuses one client more than there may be with 403", async () => {
    const lab = await start(transport, { clients: 2, connectionsPerAddress: 100 });
    const path = `/ws/metrics?token=${await token(lab)}`;
    await lab.open(path);
    const second = await lab.open(path);
    expect(await lab.tryOpen(path)).toMatchObject({
      status: 403,
      body: "this path takes 2 sockets at once: come back later\n",
    });
    second.socket.destroy();
    const counted = async (): Promise<unknown> =>
      JSON.parse((await lab.ask("GET", `/api/status?token=${await token(lab)}`)).body).clients.metrics;
    while ((await counted()) !== 1);
    expect((await lab.tryOpen(path)).status).toBe(101);
  });

  test("refuses one connection more than an address may have with 429", async () => {
    const lab = await start(transport, { connectionsPerAddress: 1 });
    const path = `/ws/latency?token=${await token(lab)}`;
    await lab.open(path);
    expect(await lab.tryOpen(path)).toMatchObject({
      status: 429,
      headers: { "retry-after": "5" },
      body: "this path takes 1 sockets from one address: close some first\n",
    });
  });

  test("refuses one handshake more than an address may try with 429 and when to come back, whatever it brings", async () => {
    const lab = await start(transport, { handshakes: { max: 3, seconds: 10 } });
    for (let tried = 0; tried < 3; tried++) expect((await lab.tryOpen("/ws/metrics")).status).toBe(401);
    const path = `/ws/metrics?token=${await token(lab)}`;
    expect(await lab.tryOpen(path)).toMatchObject({
      status: 429,
      headers: { "retry-after": "10" },
      body: "too many handshakes from this address\n",
    });
    await lab.pass(10_000);
    expect((await lab.tryOpen(path)).status).toBe(101);
  });

  test("ignores what is above 100 messages a second", async () => {
    const lab = await start(transport);
    const client = await lab.open(`/ws/metrics?token=${await token(lab)}`);
    for (let sent = 0; sent < 150; sent++) client.say({ type: "ping" });
    client.socket.sendPing("all");
    await until(() => client.pongs.length > 0);
    await lab.pass(100);
    await until(() => client.messages.some(({ frame }) => frame !== undefined)); // behind what was answered
    expect(client.messages.filter(({ type }) => type === "pong").length).toBe(100);
    expect(client.closed).toBeUndefined();
  });

  test("is served under the main port's path as well, under the same terms", async () => {
    const lab = await start(transport);
    const main = async (path: string): Promise<number> => {
      const socket = await RawSocket.connect(lab.on.port);
      return (await socket.tryUpgrade({ path: `/${SOUNDLAB}${path}` })).status;
    };
    expect(await main("/ws/metrics")).toBe(401);
    expect(await main(`/t/${await token(lab)}/ws/metrics`)).toBe(101);
  });

  test("does not start with a key that is none", async () => {
    const lab = await start(transport, { token: { keys: ["-----BEGIN PUBLIC KEY-----"] } });
    expect(lab.process.state).toBe("gone");
  });
});

function atSeconds({ clock }: TestSoundlab, iat: number, exp: number): Claims {
  const now = Math.floor(clock.now() / 1000);
  return { iat: now + iat, exp: now + exp };
}
