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
const SIGNATURE = 43; // characters: 32 bytes in base64url
const TOKEN_MAX = 4096; // characters: more is no token of ours

export function signToken(claims: Claims, secret: Uint8Array): string {
  const signed = `${HEADER}.${Buffer.from(JSON.stringify(claims)).toString("base64url")}`;
  return `${signed}.${hmac(signed, secret)}`;
}

/** @returns undefined when the token is malformed or not signed with `secret`; expiry is the caller's to check */
export function verifyToken(token: string, secret: Uint8Array): Claims | undefined {
  if (token.length > TOKEN_MAX) return undefined;
  const end = token.lastIndexOf(".");
  if (end < HEADER.length + 1 || !token.startsWith(HEADER) || token[HEADER.length] !== ".") return undefined;
  const signature = token.slice(end + 1);
  if (!isSame(signature, hmac(token.slice(0, end), secret))) return undefined;
  const payload = token.slice(HEADER.length + 1, end);
  return JSON.parse(Buffer.from(payload, "base64url").toString("utf8")) as Claims; // signed by us: our own text
}

// Written over each time: making two of them took a registration 3,000 instructions (bench/profile).
const givenBytes = Buffer.alloc(SIGNATURE);
const expectedBytes = Buffer.alloc(SIGNATURE);

/** Takes the same time wherever they differ. */
function isSame(given: string, expected: string): boolean {
  if (given.length !== SIGNATURE) return false;
  givenBytes.write(given, "latin1");
  expectedBytes.write(expected, "latin1");
  return timingSafeEqual(givenBytes, expectedBytes) && given === expected; // letters beyond Latin-1 look like others there
}

function hmac(text: string, secret: Uint8Array): string {
  return createHmac("sha256", secret).update(text).digest("base64url");
}
