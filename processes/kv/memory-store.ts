/** The databases of a node that keeps nothing: the same as on disk, until it ends. */
import {
  copyOf,
  type KvCheck,
  type KvEntry,
  type KvOperation,
  type KvRange,
  type KvStore,
  StoreFullError,
  sameBytes,
} from "./store.ts";

/** @param bytesMax of all keys and values together */
export function memoryStore(bytesMax: number): KvStore {
  return new MemoryStore(bytesMax);
}

/** Keys in order, and beside each its value. */
type Database = { readonly keys: Uint8Array[]; readonly values: Uint8Array[] };

class MemoryStore implements KvStore {
  readonly #bytesMax: number;
  readonly #names = new Map<string, number>();
  readonly #databases = new Map<number, Database>();
  #bytes = 0;
  #last = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  find(name: string): number | undefined {
    return this.#names.get(name);
  }

  count(prefix: string): number {
    return [...this.#names.keys()].filter((name) => name.startsWith(prefix)).length;
  }

  async create(name: string): Promise<number> {
    const database = ++this.#last;
    this.#names.set(name, database);
    this.#databases.set(database, { keys: [], values: [] });
    return database;
  }

  async remove(name: string): Promise<void> {
    const number = this.#names.get(name) ?? 0;
    const database = this.#databases.get(number);
    for (const [at, key] of database?.keys.entries() ?? []) this.#bytes -= sizeOf(key, database?.values[at]);
    this.#names.delete(name);
    this.#databases.delete(number);
  }

  get(number: number, key: Uint8Array): Uint8Array | undefined {
    const { keys, values } = this.#database(number);
    const at = firstFrom(keys, key);
    return sameBytes(keys[at], key) ? copyOf(values[at] ?? NONE) : undefined;
  }

  *range(number: number, { low, high, reverse }: KvRange): Generator<KvEntry> {
    const { keys, values } = this.#database(number);
    const begin = firstFrom(keys, low);
    const end = high === undefined ? keys.length : firstFrom(keys, high);
    for (let step = 0; step < end - begin; step++) {
      const at = reverse ? end - 1 - step : begin + step;
      const [key, value] = [keys[at], values[at]];
      if (key !== undefined && value !== undefined) yield [copyOf(key), copyOf(value)];
    }
  }

  async commit(number: number, checks: readonly KvCheck[], operations: readonly KvOperation[]): Promise<boolean> {
    const database = this.#database(number);
    for (const { key, value } of checks) if (!sameBytes(this.get(number, key), value)) return false;
    const added = operations.reduce((sum, { key, value }) => sum + (value === null ? 0 : sizeOf(key, value)), 0);
    if (this.#bytes + added > this.#bytesMax) {
      throw new StoreFullError(`nothing is kept on disk, and in memory at most ${this.#bytesMax} bytes`);
    }
    for (const { key, value } of operations) this.#put(database, key, value);
    return true;
  }

  async close(): Promise<void> {
    this.#names.clear();
    this.#databases.clear();
  }

  #put({ keys, values }: Database, key: Uint8Array, value: Uint8Array | null): void {
    const at = firstFrom(keys, key);
    const isThere = sameBytes(keys[at], key);
    if (isThere) this.#bytes -= sizeOf(key, values[at]);
    if (value === null) {
      if (!isThere) return;
      keys.splice(at, 1);
      values.splice(at, 1);
      return;
    }
    this.#bytes += sizeOf(key, value);
    keys.splice(at, isThere ? 1 : 0, copyOf(key));
    values.splice(at, isThere ? 1 : 0, copyOf(value));
  }

  #database(number: number): Database {
    return this.#databases.get(number) ?? { keys: [], values: [] };
  }
}

const NONE = new Uint8Array(0);

function sizeOf(key: Uint8Array, value: Uint8Array | undefined): number {
  return key.byteLength + (value?.byteLength ?? 0);
}

/** Where the first key is that is not before `key`. */
function firstFrom(keys: readonly Uint8Array[], key: Uint8Array): number {
  let [low, high] = [0, keys.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const found = keys[middle];
    if (found !== undefined && Buffer.compare(found, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
