/** What kv:distro:sys is asked, read and found to be within its limits. */
import { unpackUntrusted } from "jackfield/protocol";
import { type Access, type DatabaseRequest, isRecord, Refusal, readTxId } from "../database-request.ts";
import type { KvLimits } from "./limits.ts";
import type { KvCheck, KvOperation, KvRange } from "./store.ts";

export const NEEDS: Readonly<Record<string, Access>> = {
  Open: "own",
  RemoveDb: "own",
  Get: "read",
  Iterate: "read",
  Set: "write",
  Delete: "write",
  Batch: "write",
  BeginTx: "write",
  Commit: "write",
  Rollback: "write",
};

/** Actions whose value may stand alone: {"Get":[1]}. */
export const BARE: Readonly<Record<string, string>> = { Get: "key" };

export type Page = {
  readonly range: KvRange;
  readonly limit: number;
  readonly keysOnly: boolean;
};

export type Batch = { readonly checks: readonly KvCheck[]; readonly operations: readonly KvOperation[] };

/** As JSON an array of numbers; between processes of a node, bytes will do. @throws {Refusal} */
export function readKey(value: unknown, { keyBytes }: KvLimits): Uint8Array {
  const bytes = asBytes(value);
  if (bytes === undefined) throw new Refusal("MalformedRequest");
  if (bytes.byteLength > keyBytes) throw new Refusal({ KeyTooLong: { bytes: bytes.byteLength, max: keyBytes } });
  return bytes;
}

/** @throws {Refusal} */
export function checkValue(value: Uint8Array, { valueBytes: max }: KvLimits): Uint8Array {
  if (value.byteLength > max) throw new Refusal({ ValueTooLarge: { bytes: value.byteLength, max } });
  return value;
}

/** @throws {Refusal} NoTx: there is none to be named */
export function txIdOf({ given }: DatabaseRequest): number {
  const id = readTxId(given.tx_id);
  if (id === null) throw new Refusal("MalformedRequest");
  return id;
}

/**
 * `prefix`, `start` and `end` narrow it down together; `after` is where the page before ended.
 * @throws {Refusal}
 */
export function readPage({ given }: DatabaseRequest, limits: KvLimits): Page {
  const { limit = limits.pageEntries, reverse = false, keys_only: keysOnly = false } = given;
  if (!Number.isSafeInteger(limit) || (limit as number) < 1) throw new Refusal("MalformedRequest");
  if (typeof reverse !== "boolean" || typeof keysOnly !== "boolean") throw new Refusal("MalformedRequest");
  const key = (name: string): Uint8Array | undefined =>
    given[name] === undefined || given[name] === null ? undefined : readKey(given[name], limits);
  const [prefix, start, end, after] = [key("prefix"), key("start"), key("end"), key("after")];
  const lows = [prefix, start, reverse || after === undefined ? undefined : justAfter(after)];
  const highs = [prefix && afterAll(prefix), end, reverse ? after : undefined];
  const low = lows.reduce<Uint8Array>((one, other) => (other !== undefined && isLess(one, other) ? other : one), NONE);
  const high = highs.reduce((one, other) => (one === undefined || (other && isLess(other, one)) ? other : one));
  return { range: { low, high, reverse }, limit: Math.min(limit as number, limits.pageEntries), keysOnly };
}

/** MessagePack: {"operations":[[key, value or null], …],"checks":[[key, value or null], …]}. @throws {Refusal} */
export function readBatch(bytes: Uint8Array | undefined, limits: KvLimits): Batch {
  if (bytes === undefined) throw new Refusal("MalformedRequest");
  if (bytes.byteLength > limits.batchBytes) {
    throw new Refusal({ BatchTooLarge: { bytes: bytes.byteLength, max: limits.batchBytes } });
  }
  let value: unknown;
  try {
    value = unpackUntrusted(bytes);
  } catch {
    throw new Refusal("MalformedRequest");
  }
  if (!isRecord(value)) throw new Refusal("MalformedRequest");
  const { operations = [], checks = [] } = value;
  const batch = { operations: readPairs(operations, limits), checks: readPairs(checks, limits) };
  assertCount(batch.operations.length + batch.checks.length, limits);
  return batch;
}

/** @throws {Refusal} */
export function assertCount(operations: number, { batchOperations: max }: KvLimits): void {
  if (operations > max) throw new Refusal({ BatchTooLong: { operations, max } });
}

function readPairs(value: unknown, limits: KvLimits): readonly KvOperation[] {
  if (!Array.isArray(value)) throw new Refusal("MalformedRequest");
  return value.map((pair: unknown) => {
    if (!Array.isArray(pair) || pair.length !== 2) throw new Refusal("MalformedRequest");
    const [key, inner] = pair as readonly unknown[];
    if (inner !== null && !(inner instanceof Uint8Array)) throw new Refusal("MalformedRequest");
    return { key: readKey(key, limits), value: inner === null ? null : checkValue(inner, limits) };
  });
}

function asBytes(value: unknown): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  if (!Array.isArray(value) || !value.every((byte) => Number.isInteger(byte) && byte >= 0 && byte <= 255)) {
    return undefined;
  }
  return Uint8Array.from(value as readonly number[]);
}

const NONE = new Uint8Array(0);

function isLess(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) < 0;
}

/** The next key there can be. */
function justAfter(key: Uint8Array): Uint8Array {
  return Buffer.concat([key, Buffer.of(0)]);
}

/** The first key that does not begin with `prefix` and comes after it; undefined: there can be none. */
function afterAll(prefix: Uint8Array): Uint8Array | undefined {
  let end = prefix.length;
  while (end > 0 && prefix[end - 1] === 0xff) end--;
  if (end === 0) return undefined;
  const next = new Uint8Array(prefix.subarray(0, end)); // not slice(): see store.ts
  next[end - 1] = (next[end - 1] ?? 0) + 1;
  return next;
}
