/**
 * Passwords as they are kept: scrypt (RFC 7914) with a salt of its own each, in libuv's threads, never on the loop.
 */
import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";

/** @property cost N of scrypt; kept with the hash, so that it may grow */
export type PasswordHash = { readonly salt: Uint8Array; readonly key: Uint8Array; readonly cost: number };

const COST = 2 ** 15; // N: 32 MiB of memory for each guess, with r = 8
const BLOCK = 8; // r, as RFC 7914 §2 recommends
const KEY_BYTES = 32;
const SALT_BYTES = 16;

export async function hashPassword(password: string): Promise<PasswordHash> {
  const salt = randomBytes(SALT_BYTES);
  return { salt, key: await derive(password, salt, COST), cost: COST };
}

/** @param hash undefined: there is no such user, which must take as long as a wrong password */
export async function isPassword(password: string, hash: PasswordHash | undefined): Promise<boolean> {
  const { salt, key, cost } = hash ?? NOBODY;
  const derived = await derive(password, salt, cost);
  return timingSafeEqual(derived, key) && hash !== undefined;
}

const NOBODY: PasswordHash = { salt: new Uint8Array(SALT_BYTES), key: new Uint8Array(KEY_BYTES), cost: COST };

function derive(password: string, salt: Uint8Array, cost: number): Promise<Uint8Array> {
  const maxmem = 2 * 128 * cost * BLOCK; // bytes: twice what it needs, as Node counts its own too
  return new Promise((resolve, reject) => {
    scrypt(password.normalize("NFC"), salt, KEY_BYTES, { N: cost, r: BLOCK, p: 1, maxmem }, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}
