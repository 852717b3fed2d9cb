/**
 * Tokens: compact JWS with HS256 (RFC 7515), the claims of contract kinode §5.5, and three of ours.
 *
 * Our own thirty lines on node:crypto because an upgrade must be decided at once: jose verifies asynchronously only
 * (docs/adr/0004). One algorithm, never taken from the token.
 */
import { createHmac, timingSafeEqual } from "node:crypto";

/** - `session`: logs in. - `register`: good for WsRegister alone; page script can read it. */
export type Scope = "session" | "register";

export type Claims = {
  readonly username: string;
  /** Left out means none. */
  readonly subdomain?: string | null;
  /** Seconds since the Unix epoch. */
  readonly expiration: number;
  readonly scope: Scope;
  /** Of its session: what a logout ends. */
  readonly id: string;
  /** How often the session's token was replaced before this one; left out: never. */
  readonly generation?: number;
};

const HEADER = Buffer.from('{"alg":"HS256"}').toString("base64url");
const TOKEN_MAX = 4096; // characters: more is no token of ours

export function signToken(claims: Claims, secret: Uint8Array): string {
  const signed = `${HEADER}.${Buffer.from(JSON.stringify(claims)).toString("base64url")}`;
  return `${signed}.${hmac(signed, secret)}`;
}

/** @returns undefined when the token is malformed or not signed with `secret`; expiry is the caller's to check */
export function verifyToken(token: string, secret: Uint8Array): Claims | undefined {
  if (token.length > TOKEN_MAX) return undefined;
  const [header, payload, signature, ...rest] = token.split(".");
  if (header !== HEADER || payload === undefined || signature === undefined || rest.length > 0) return undefined;
  const expected = Buffer.from(hmac(`${header}.${payload}`, secret));
  const given = Buffer.from(signature);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
  return JSON.parse(Buffer.from(payload, "base64url").toString("utf8")) as Claims; // signed by us: our own text
}

function hmac(text: string, secret: Uint8Array): string {
  return createHmac("sha256", secret).update(text).digest("base64url");
}
