/**
 * Where kv:distro:sys keeps its databases. Two of them, which behave alike: disk-store.ts and memory-store.ts.
 *
 * 1. A database is a number; its number is never given again. Its name is the store's only to keep.
 * 2. Keys are ordered as bytes, the shorter one first.
 * 3. What a `commit` does, it does whole, in the order of the calls; when it resolves, it is durable.
 * 4. Bytes that go in and come out are copies: nobody can change them afterwards.
 */

/** @property value null: the key is taken away */
export type KvOperation = { readonly key: Uint8Array; readonly value: Uint8Array | null };

/** What must be so, or nothing is done. @property value null: there is no such key */
export type KvCheck = KvOperation;

/** Keys from `low` on and before `high`; undefined: as far as there are any. */
export type KvRange = {
  readonly low: Uint8Array;
  readonly high: Uint8Array | undefined;
  readonly reverse: boolean;
};

export type KvEntry = readonly [key: Uint8Array, value: Uint8Array];

export interface KvStore {
  /** @param name of a package's database, as the process spells it */
  find(name: string): number | undefined;
  /** How many databases have names that begin so. */
  count(prefix: string): number;
  /** Nothing else may be asked about that name until it resolves; likewise with `remove`. @throws (rejects) there is none then */
  create(name: string): Promise<number>;
  remove(name: string): Promise<void>;
  get(database: number, key: Uint8Array): Uint8Array | undefined;
  /** To be walked through at once: it shows what is there now. */
  range(database: number, range: KvRange): Iterable<KvEntry>;
  /** @returns false: a check did not hold, and nothing was done @throws {StoreFullError} (rejects) likewise */
  commit(database: number, checks: readonly KvCheck[], operations: readonly KvOperation[]): Promise<boolean>;
  close(): Promise<void>;
}

/** Nothing more goes in. */
export class StoreFullError extends Error {
  override readonly name = "StoreFullError";
}

export function sameBytes(a: Uint8Array | null | undefined, b: Uint8Array | null | undefined): boolean {
  if (a === null || a === undefined || b === null || b === undefined) return (a ?? null) === (b ?? null);
  return Buffer.compare(a, b) === 0;
}

/** Not slice(): that of a Buffer is a view of the same memory. */
export function copyOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}
