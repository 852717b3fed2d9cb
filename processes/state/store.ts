/**
 * Where state:distro:sys keeps its values: on disk with lmdb, or in memory.
 *
 * 1. What `set` and `delete` resolve for is on the disk: flushed, not only committed (contracts/hazards.md §2).
 * 2. `get` gives what was set last, also while that is on its way.
 * 3. Writes of one moment go to the disk together; those of one key in the order they were asked for.
 * 4. `close` waits for what is on its way.
 * 5. Changes of one call are on the disk all or none.
 * 6. What comes after `close` is refused here, not by lmdb: a write that met its end could end the program.
 */
import { createHash } from "node:crypto";
import { openLmdb, type RootDatabase, written } from "../lmdb.ts";
import { KEY_MAX } from "./limits.ts";

export interface StateStore {
  /** It is in memory, and ends with the node. */
  readonly volatile?: boolean;
  get(key: string): Uint8Array | undefined;
  /** Every value whose key begins so; of a key that is too long, the beginning and its hash. */
  entries(prefix: string): Iterable<readonly [key: string, value: Uint8Array]>;
  /** Durable when it resolves. `value` must not be changed afterwards. @param along rule 5 */
  set(key: string, value: Uint8Array, along?: readonly Change[]): Promise<void>;
  delete(key: string, along?: readonly Change[]): Promise<void>;
  /** Durable when it resolves. */
  write(changes: readonly Change[]): Promise<void>;
  close(): Promise<void>;
}

/** @property 1 null: it is deleted */
export type Change = readonly [key: string, value: Uint8Array | null];

export function memoryStore(): StateStore {
  const values = new Map<string, Uint8Array>();
  const write = async (changes: readonly Change[]): Promise<void> => {
    for (const [key, value] of changes) {
      if (value === null) values.delete(key);
      else values.set(key, value);
    }
  };
  return {
    volatile: true,
    get: (key) => values.get(key),
    entries: (prefix) => [...values].filter(([key]) => key.startsWith(prefix)).sort(([a], [b]) => (a < b ? -1 : 1)),
    set: (key, value, along = []) => write([[key, value], ...along]),
    delete: (key, along = []) => write([[key, null], ...along]),
    write,
    close: async () => values.clear(),
  };
}

/** @param folder is made when it is not there */
export function diskStore(folder: string): StateStore {
  return new DiskStore(folder);
}

/** What a key's value will be: null: none. */
type Write = { readonly value: Uint8Array | null };

class DiskStore implements StateStore {
  readonly #database: RootDatabase<Buffer, Buffer>;
  readonly #onItsWay = new Map<string, Write>(); // the last of each key
  readonly #writes = new Set<Promise<void>>();
  #isClosed = false;

  constructor(folder: string) {
    this.#database = openLmdb(folder);
  }

  get(key: string): Uint8Array | undefined {
    const stored = storedKey(key);
    const write = this.#onItsWay.get(stored);
    return write === undefined ? this.#database.get(Buffer.from(stored)) : (write.value ?? undefined);
  }

  *entries(prefix: string): Iterable<readonly [string, Uint8Array]> {
    const start = Buffer.from(prefix);
    const end = Buffer.concat([start, Buffer.of(0xff)]); // above all of UTF-8
    for (const { key, value } of this.#database.getRange({ start, end })) yield [key.toString(), value];
  }

  set(key: string, value: Uint8Array, along: readonly Change[] = []): Promise<void> {
    return this.write([[key, value], ...along]);
  }

  delete(key: string, along: readonly Change[] = []): Promise<void> {
    return this.write([[key, null], ...along]);
  }

  async close(): Promise<void> {
    while (this.#writes.size > 0) await Promise.allSettled(this.#writes);
    this.#isClosed = true;
    await this.#database.close();
  }

  write(changes: readonly Change[]): Promise<void> {
    if (this.#isClosed) return Promise.reject(new Error("Cannot keep it as the store is closed: the node stops"));
    const writes = changes.map(([key, value]) => [storedKey(key), { value }] as const);
    for (const [key, write] of writes) this.#onItsWay.set(key, write);
    const done = this.#toDisk(writes).finally(() => {
      this.#writes.delete(done);
      for (const [key, write] of writes) if (this.#onItsWay.get(key) === write) this.#onItsWay.delete(key);
    });
    this.#writes.add(done);
    return done;
  }

  async #toDisk(writes: readonly (readonly [string, Write])[]): Promise<void> {
    const [first] = writes;
    if (writes.length === 1 && first !== undefined) await written(this.#one(...first));
    else {
      const all: Promise<boolean>[] = [];
      const batch = this.#database.batch(() => {
        for (const each of writes) all.push(this.#one(...each));
      });
      await Promise.all([...all, batch].map((each) => written(each)));
    }
    await this.#database.flushed;
  }

  #one(key: string, { value }: Write): Promise<boolean> {
    const bytes = Buffer.from(key);
    return value === null ? this.#database.remove(bytes) : this.#database.put(bytes, value as Buffer);
  }
}

/** No key has a "#" in it: names have none. */
function storedKey(key: string): string {
  if (key.length * 3 <= KEY_MAX || Buffer.byteLength(key) <= KEY_MAX) return key;
  return `${key.slice(0, 200)}#${createHash("sha256").update(key).digest("hex")}`;
}
