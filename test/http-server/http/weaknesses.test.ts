/** Weaknesses of the original that no other test shows closed (contract kinode §9): docs/security.md has them all. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { type Claims, signToken } from "../../../http-server/jwt.ts";
import { Address, Blob, Envelope, unpackMessage } from "../../../lib/protocol/index.ts";
import { cookieSet } from "../../support/http-client.ts";
import {
  bind,
  FORGED_SESSION,
  forge,
  HTTP_SERVER,
  startHttpNode,
  stopHttpNodes,
  TRANSPORTS,
} from "../../support/http-node.ts";
import { P, Q } from "../../support/node.ts";

const PASSWORD = "correct horse battery staple";

/** The signing secret a node keeps. */
function secretOf(values: Map<string, Uint8Array>): Buffer {
  const { secret } = unpackMessage(values.get(HTTP_SERVER.text) ?? new Uint8Array()) as { readonly secret: string };
  return Buffer.from(secret, "base64");
}

describe.each(TRANSPORTS)("%s", (transport) => {
  afterEach(stopHttpNodes);

  test("row 28: the signing secret is 32 random bytes, another on each node", async () => {
    const made: Buffer[] = [];
    for (let i = 0; i < 3; i++) {
      const { values } = await startHttpNode({ transport, values: new Map(), password: PASSWORD });
      made.push(secretOf(values));
    }
    expect(made.map((secret) => secret.length)).toEqual([32, 32, 32]);
    expect(new Set(made.map((secret) => secret.toString("hex"))).size).toBe(3);
    for (const secret of made) expect(new Set(secret).size).toBeGreaterThan(16); // not one byte again and again
  });

  test("row 28: no token under a secret of two bytes opens a page", async () => {
    const alice = await startHttpNode({ transport, values: new Map(), password: PASSWORD });
    const p = alice.add(P);
    await p.ask(bind("/m", { authenticated: true, cache: true }), "private");
    const login = await alice.ask({ method: "POST", path: "/login", body: JSON.stringify({ password: PASSWORD }) });
    const [, payload = ""] = cookieSet(login, "jackfield-auth_alice.os").split(".");
    const claims = JSON.parse(Buffer.from(payload, "base64url").toString()) as Claims; // of a session that is good
    const statusUnder = async (secret: Uint8Array): Promise<number> => {
      const cookie = `jackfield-auth_alice.os=${signToken(claims, secret)}`;
      return (await alice.ask({ path: `/${P}/m`, headers: { cookie } })).status;
    };
    for (let last = 0; last < 256; last++) expect(await statusUnder(new Uint8Array([0, last]))).toBe(401); // the original's is 00 20
    expect(await statusUnder(secretOf(alice.values))).toBe(200); // nothing but the secret was wrong
  });

  test("row 36: a login answers with two cookies and no key, secret or hash", async () => {
    const alice = await startHttpNode({ transport, values: new Map(), password: PASSWORD });
    const answer = await alice.ask({ method: "POST", path: "/login", body: JSON.stringify({ password: PASSWORD }) });
    expect(answer).toMatchObject({ status: 200 });
    expect(answer.setCookies).toHaveLength(2);
    const { password } = unpackMessage(alice.values.get(HTTP_SERVER.text) ?? new Uint8Array()) as {
      readonly password: { readonly salt: string; readonly hash: string };
    };
    const said = JSON.stringify([answer.headers, answer.body]);
    for (const text of [secretOf(alice.values).toString("base64"), password.hash, password.salt, PASSWORD]) {
      expect(said).not.toContain(text);
      expect(said).not.toContain(Buffer.from(text, "base64").toString("hex"));
    }
    expect(answer.body.length).toBeLessThan(100); // the original's is the encrypted key file
  });

  test("row 37: an answer to P's HTTP request from another process, or another node, goes nowhere", async () => {
    const alice = await startHttpNode({ transport });
    const [p, q] = [alice.add(P), alice.add(Q)];
    await p.ask(bind("/m"));
    const answer = alice.ask({ path: `/${P}/m` });
    const { envelope } = await p.next();
    const server = new Address("alice.os", HTTP_SERVER);
    const body = { status: 200, headers: {} };
    for (const source of [
      new Address("alice.os", q.host?.our.id ?? HTTP_SERVER),
      new Address("bob.os", envelope.target.id),
    ]) {
      const forged = new Envelope("response", source, server, body, Blob.of("forged"));
      forged.id = envelope.id;
      q.host?.send(forged);
      const asked = new Envelope("request", server, source, {}, null); // as if it had been asked itself
      asked.id = envelope.id;
      asked.rsvp = server;
      q.host?.respond({ body, blob: Blob.of("forged") }, asked);
    }
    expect(await q.ask(bind("/q"))).toEqual({ Ok: null }); // what was sent before it has been looked at
    p.host?.respond({ body, blob: Blob.of("mine") }, envelope);
    expect(await answer).toMatchObject({ status: 200, body: "mine" });
  });

  test("row 32: a token that was signed by another node, or not at all, opens nothing", async () => {
    const alice = await startHttpNode({ transport });
    await alice.add(P).ask(bind("/m", { authenticated: true, cache: true }), "private");
    const claims = {
      username: "alice.os",
      subdomain: null,
      expiration: 2 ** 40,
      scope: "session",
      id: FORGED_SESSION.id,
    } as const;
    const [, payload] = signToken(claims, new Uint8Array(32)).split(".");
    const none = Buffer.from('{"alg":"none"}').toString("base64url");
    for (const token of [signToken(claims, new Uint8Array(32)), `${none}.${payload}.`, `${none}.${payload}`]) {
      const { status } = await alice.ask({ path: `/${P}/m`, headers: { cookie: `jackfield-auth_alice.os=${token}` } });
      expect(status).toBe(401);
    }
    const cookie = `jackfield-auth_alice.os=${forge(claims)}`; // under the node's own secret it is good
    expect((await alice.ask({ path: `/${P}/m`, headers: { cookie } })).status).toBe(200);
  });
});
