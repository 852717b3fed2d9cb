/**
 * Where state:distro:sys keeps its values: on disk with lmdb, or in memory.
 *
 * 1. What `set` and `delete` resolve for is on the disk: flushed, not only committed (contracts/hazards.md §2).
 * 2. `get` gives what was set last, also while that is on its way.
 * 3. Writes of one moment go to the disk together; those of one key in the order they were asked for.
 * 4. `close` waits for what is on its way.
 */
import { createHash } from "node:crypto";
import { openLmdb, type RootDatabase, written } from "../lmdb.ts";
import { KEY_MAX } from "./limits.ts";

export interface StateStore {
  get(key: string): Uint8Array | undefined;
  /** Every value whose key begins so; of a key that is too long, the beginning and its hash. */
  entries(prefix: string): Iterable<readonly [key: string, value: Uint8Array]>;
  /** Durable when it resolves. `value` must not be changed afterwards. */
  set(key: string, value: Uint8Array): Promise<void>;
  delete(key: string): Promise<void>;
  close(): Promise<void>;
}

export function memoryStore(): StateStore {
  const values = new Map<string, Uint8Array>();
  return {
    get: (key) => values.get(key),
    entries: (prefix) => [...values].filter(([key]) => key.startsWith(prefix)),
    set: async (key, value) => void values.set(key, value),
    delete: async (key) => void values.delete(key),
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

  set(key: string, value: Uint8Array): Promise<void> {
    return this.#write(storedKey(key), { value });
  }

  delete(key: string): Promise<void> {
    return this.#write(storedKey(key), { value: null });
  }

  async close(): Promise<void> {
    while (this.#writes.size > 0) await Promise.allSettled(this.#writes);
    await this.#database.close();
  }

  #write(key: string, write: Write): Promise<void> {
    this.#onItsWay.set(key, write);
    const done = this.#toDisk(key, write).finally(() => {
      this.#writes.delete(done);
      if (this.#onItsWay.get(key) === write) this.#onItsWay.delete(key);
    });
    this.#writes.add(done);
    return done;
  }

  async #toDisk(key: string, { value }: Write): Promise<void> {
    const bytes = Buffer.from(key);
    await written<boolean>(value === null ? this.#database.remove(bytes) : this.#database.put(bytes, value as Buffer));
    await this.#database.flushed;
  }
}

/** No key has a "#" in it: names have none. */
function storedKey(key: string): string {
  if (key.length * 3 <= KEY_MAX || Buffer.byteLength(key) <= KEY_MAX) return key;
  return `${key.slice(0, 200)}#${createHash("sha256").update(key).digest("hex")}`;
}
