/**
 * Tokens: who, in which project, until when, signed with a secret of the node (HMAC-SHA-256). Letters: `A-Za-z0-9_-.`
 *
 * 1. Nothing is kept for a token, so there may be any number, and they outlive a restart of the node: an upload goes on.
 * 2. It says which password it was made with (`generation`): a new password ends all older tokens.
 */
import { createHmac, timingSafeEqual } from "node:crypto";

/** @property expires seconds since the Unix epoch */
export type Claims = {
  readonly user: string;
  readonly project: string;
  readonly generation: number;
  readonly expires: number;
};

const TOKEN_MAX = 4096; // characters: one that is longer is none of ours
const SAFE = /^[A-Za-z0-9_\-.]+$/;

/** Whether `text` has only letters that tokens have: G1 answers 400 to others. */
export function isSafeToken(text: string): boolean {
  return SAFE.test(text);
}

export function signToken({ user, project, generation, expires }: Claims, secret: Uint8Array): string {
  const payload = Buffer.from(JSON.stringify([user, project, generation, expires])).toString("base64url");
  return `${payload}.${mac(payload, secret).toString("base64url")}`;
}

/** @param now seconds since the Unix epoch @returns undefined: not ours, or over */
export function readToken(token: string, secret: Uint8Array, now: number): Claims | undefined {
  if (token.length > TOKEN_MAX) return undefined;
  const [payload = "", signature = "", ...more] = token.split(".");
  if (more.length > 0) return undefined;
  const expected = mac(payload, secret);
  const given = Buffer.from(signature, "base64url");
  if (given.byteLength !== expected.byteLength || !timingSafeEqual(given, expected)) return undefined;
  const [user, project, generation, expires] = JSON.parse(Buffer.from(payload, "base64url").toString()) as Written;
  return expires > now ? { user, project, generation, expires } : undefined;
}

/** Signed by us: it is what we wrote. */
type Written = readonly [user: string, project: string, generation: number, expires: number];

function mac(payload: string, secret: Uint8Array): Buffer {
  return createHmac("sha256", secret).update(payload).digest();
}
