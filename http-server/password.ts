/**
 * The node's password, never kept: what is stored is scrypt over what the browser sends.
 *
 * The browser sends `0x` + hex of Argon2id(password, salt = node name), as the login page of the contract does
 * (contract kinode §5.5); a node name under 8 bytes is filled up with zero bytes, which Argon2 needs.
 */
import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { argon2id } from "./argon2.ts";

const SCRYPT = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 }; // 32 MiB; 88 ms here, on a thread of libuv's pool
const KEY_BYTES = 32;
const ARGON2 = { parallelism: 1, iterations: 2, memorySize: 19_456, hashLength: 32 }; // contract kinode §5.5
const ARGON2_SALT_MIN = 8; // bytes

export type StoredPassword = { readonly salt: string; readonly hash: string };

/** What the login page makes of a password. */
export function loginHash(password: string, node: string): Promise<string> {
  const salt = Buffer.alloc(Math.max(ARGON2_SALT_MIN, Buffer.byteLength(node)));
  salt.write(node);
  return argon2id({ ...ARGON2, password, salt }).then((hex) => `0x${hex}`);
}

/** Whether `text` is what the login page makes of some password. */
export function isLoginHash(text: string): boolean {
  return /^0x[0-9a-f]{64}$/i.test(text);
}

/** @param hash of loginHash */
export async function storeHash(hash: string): Promise<StoredPassword> {
  const salt = randomBytes(16);
  return { salt: salt.toString("base64"), hash: (await derive(hash, salt)).toString("base64") };
}

/** @param sent what the browser sent */
export async function matchesPassword(sent: string, stored: StoredPassword): Promise<boolean> {
  const key = await derive(sent, Buffer.from(stored.salt, "base64"));
  return timingSafeEqual(key, Buffer.from(stored.hash, "base64"));
}

/** In libuv's thread pool: the event loop goes on. */
function derive(text: string, salt: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(text, salt, KEY_BYTES, SCRYPT, (error, key) => (error === null ? resolve(key) : reject(error)));
  });
}
