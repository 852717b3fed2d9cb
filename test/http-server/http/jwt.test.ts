/** Tokens: any bytes in, and what another implementation of RFC 7515 makes of ours. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { jwtVerify, SignJWT } from "jose";
import { type Claims, signToken, verifyToken } from "../../../http-server/jwt.ts";
import { SECRET } from "../../support/http-node.ts";

const CLAIMS: Claims = { username: "alice.os", subdomain: null, expiration: 1_810_950_753, scope: "session", id: "a" };
const TOKEN = signToken(CLAIMS, SECRET);

describe("signToken()", () => {
  test("makes a token that jose verifies, with the contract's header and claims", async () => {
    const { payload, protectedHeader } = await jwtVerify(TOKEN, SECRET, { algorithms: ["HS256"] });
    expect(protectedHeader).toEqual({ alg: "HS256" });
    expect(payload).toEqual(CLAIMS);
  });

  test("makes a token that jose refuses under another secret", async () => {
    const another = new TextEncoder().encode("another secret of 32 bytes, well");
    await expect(jwtVerify(TOKEN, another)).rejects.toMatchObject({ code: "ERR_JWS_SIGNATURE_VERIFICATION_FAILED" });
  });

  test("is undone by verifyToken(), whatever the claims", () => {
    const text = fc.string({ unit: "grapheme" });
    const claims = fc.record({
      username: text,
      subdomain: fc.option(text),
      expiration: fc.nat(),
      scope: fc.constantFrom("session" as const, "register" as const),
      id: text,
    });
    fc.assert(
      fc.property(claims, (given) => {
        expect(verifyToken(signToken(given, SECRET), SECRET)).toEqual(given);
      }),
    );
  });
});

describe("verifyToken()", () => {
  test("takes what jose signed", async () => {
    const token = await new SignJWT(CLAIMS).setProtectedHeader({ alg: "HS256" }).sign(SECRET);
    expect(verifyToken(token, SECRET)).toEqual(CLAIMS);
  });

  test.each<[what: string, header: Record<string, string>]>([
    ["another algorithm", { alg: "HS512" }],
    ["a type beside it", { alg: "HS256", typ: "JWT" }],
    ["a key of the sender's choice", { alg: "HS256", kid: "mine" }],
  ])("refuses a header with %s, signed well as it is", async (_what, header) => {
    const secret = new Uint8Array(64).fill(7); // HS512 wants as much
    const token = await new SignJWT(CLAIMS).setProtectedHeader({ alg: "HS256", ...header }).sign(secret);
    expect(verifyToken(token, secret)).toBeUndefined();
  });

  test("refuses alg none", () => {
    const header = Buffer.from('{"alg":"none"}').toString("base64url");
    const [, payload] = TOKEN.split(".");
    expect(verifyToken(`${header}.${payload}.`, SECRET)).toBeUndefined();
    expect(verifyToken(`${TOKEN.slice(0, TOKEN.lastIndexOf("."))}.`, SECRET)).toBeUndefined();
  });

  test("is undefined for any text, and never throws", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.base64String(), tokenLike()), (text) => {
        expect(verifyToken(text, SECRET)).toBeUndefined();
      }),
      { numRuns: 2000 },
    );
  });

  test("is undefined for any bytes read as text, and never throws", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(verifyToken(Buffer.from(bytes).toString("latin1"), SECRET)).toBeUndefined();
        expect(verifyToken(Buffer.from(bytes).toString("utf8"), SECRET)).toBeUndefined();
      }),
    );
  });

  test("is undefined when one letter was changed or put in", () => {
    const at = fc.nat({ max: TOKEN.length });
    const letter = fc.constantFrom(..."ABCxyz019-_.= ");
    fc.assert(
      fc.property(at, letter, fc.constantFrom(0, 1), (index, put, removed) => {
        const changed = TOKEN.slice(0, index) + put + TOKEN.slice(index + removed);
        fc.pre(changed !== TOKEN);
        expect(verifyToken(changed, SECRET)).toBeUndefined();
      }),
      { numRuns: 1000 },
    );
  });

  test("is undefined when a letter was left out, or a part put behind", () => {
    for (let at = 0; at < TOKEN.length; at++) {
      expect(verifyToken(TOKEN.slice(0, at) + TOKEN.slice(at + 1), SECRET)).toBeUndefined();
    }
    for (const more of [".", ".x", `.${TOKEN}`]) expect(verifyToken(TOKEN + more, SECRET)).toBeUndefined();
  });

  test("is undefined where letters beyond Latin-1 end in the same bytes as those of the signature", () => {
    const at = TOKEN.lastIndexOf(".") + 1;
    const beyond = Array.from(TOKEN.slice(at), (letter) => String.fromCharCode(letter.charCodeAt(0) + 0x100)).join("");
    expect(verifyToken(TOKEN.slice(0, at) + beyond, SECRET)).toBeUndefined();
    expect(verifyToken(TOKEN, SECRET)).toEqual(CLAIMS);
  });

  test("takes up to 4096 letters and no more", () => {
    const withId = (length: number): string => signToken({ ...CLAIMS, id: "x".repeat(length) }, SECRET);
    let length = 2900;
    while (withId(length + 1).length <= 4096) length++;
    expect(verifyToken(withId(length), SECRET)?.id).toHaveLength(length);
    expect(verifyToken(withId(length + 3), SECRET)).toBeUndefined();
  });
});

/** Three parts of base64url, the first of them ours as often as not. */
function tokenLike(): fc.Arbitrary<string> {
  const part = fc.string().map((text) => Buffer.from(text).toString("base64url"));
  const header = fc.oneof(part, fc.constant(TOKEN.split(".")[0] ?? ""));
  return fc.tuple(header, part, part).map((parts) => parts.join("."));
}
