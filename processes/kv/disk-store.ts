/**
 * The databases on disk, in one lmdb environment.
 *
 * 1. A key is the four bytes of its database's number and the key itself. Not lmdb's own named databases: of those it
 *    wants to know beforehand how many there will be, and each transaction pays for every one that is open.
 * 2. Number 0 is the catalog: "n" and a name → its number; "d" and a number → a database that is being taken away,
 *    which a node that ended meanwhile finishes at its next start; "last" → the highest number given.
 * 3. lmdb resolves a write when it is committed; only `flushed` covers the loss of power (contracts/hazards.md §2).
 */
import { type Key, openLmdb, type RangeOptions, type RootDatabase, written } from "../lmdb.ts";
import { type KvCheck, type KvEntry, type KvOperation, type KvRange, type KvStore, sameBytes } from "./store.ts";

const PREFIX = 4; // bytes
const PURGE = 5000; // entries taken away in one transaction: it holds up the writes of all databases
const LAST = catalogKey("last");

/** @param folder is made when it is not there */
export async function diskStore(folder: string): Promise<KvStore> {
  const store = new DiskStore(folder);
  await store.finishRemovals();
  return store;
}

class DiskStore implements KvStore {
  readonly #lmdb: RootDatabase<Buffer, Buffer>;
  readonly #names = new Map<string, number>();
  readonly #creating = new Set<string>(); // names that are on their way to the disk
  #last = 0;
  #isClosed = false;
  #writing: Promise<unknown> = Promise.resolve();

  constructor(folder: string) {
    this.#lmdb = openLmdb(folder);
    this.#last = numberIn(this.#lmdb.get(LAST));
    for (const { key, value } of this.#catalog("n")) this.#names.set(key, numberIn(value));
  }

  find(name: string): number | undefined {
    return this.#names.get(name);
  }

  count(prefix: string): number {
    return [...this.#names.keys(), ...this.#creating].filter((name) => name.startsWith(prefix)).length;
  }

  /** It is there when it is on the disk: else its number would be another's after the next start. */
  async create(name: string): Promise<number> {
    const database = ++this.#last; // not given again, whatever comes of it
    this.#creating.add(name);
    try {
      await this.#durably([
        { key: catalogKey(`n${name}`), value: numberBytes(database) },
        { key: LAST, value: numberBytes(database) },
      ]);
    } finally {
      this.#creating.delete(name);
    }
    this.#names.set(name, database);
    return database;
  }

  async remove(name: string): Promise<void> {
    const database = this.#names.get(name);
    if (database === undefined) return;
    await this.#durably([
      { key: catalogKey(`n${name}`), value: null },
      { key: catalogKey(`d${database}`), value: numberBytes(database) },
    ]);
    this.#names.delete(name); // only now: one that the disk did not let go of is still there
    await this.#purge(database);
  }

  async finishRemovals(): Promise<void> {
    for (const { value } of [...this.#catalog("d")]) await this.#purge(numberIn(value));
  }

  get(database: number, key: Uint8Array): Uint8Array | undefined {
    return this.#lmdb.get(inDatabase(database, key));
  }

  *range(database: number, { low, high, reverse }: KvRange): Generator<KvEntry> {
    const first = inDatabase(database, low);
    const end = high === undefined ? numberBytes(database + 1) : inDatabase(database, high);
    const options: RangeOptions = reverse
      ? { start: end, exclusiveStart: true, end: first, inclusiveEnd: true, reverse }
      : { start: first, end };
    for (const { key, value } of this.#lmdb.getRange(options)) yield [key.subarray(PREFIX), value];
  }

  async commit(database: number, checks: readonly KvCheck[], operations: readonly KvOperation[]): Promise<boolean> {
    const full = operations.map(({ key, value }) => ({ key: inDatabase(database, key), value }));
    if (checks.length === 0) {
      await this.#durably(full);
      return true;
    }
    return await this.#flushed(
      this.#lmdb.transaction(() => {
        if (!checks.every(({ key, value }) => sameBytes(this.get(database, key), value))) return false;
        this.#write(full);
        return true;
      }),
    );
  }

  /** A removal in the middle of it goes on at the next start. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#writing.catch(() => undefined); // who waits for it hears what went wrong
    await this.#lmdb.close(); // nothing may be read afterwards: lmdb would throw in a timer of its own
  }

  async #durably(operations: readonly KvOperation[]): Promise<void> {
    await this.#flushed(this.#lmdb.batch(() => this.#write(operations)));
  }

  #flushed<Result>(write: Promise<Result>): Promise<Result> {
    const flushed = written(write).then(async (result) => {
      await this.#lmdb.flushed;
      return result;
    });
    this.#writing = Promise.allSettled([this.#writing, flushed]).then(() => undefined); // or each would hold those before
    return flushed;
  }

  #write(operations: readonly KvOperation[]): void {
    for (const { key, value } of operations) {
      if (value === null) void this.#lmdb.remove(key as Buffer);
      else void this.#lmdb.put(key as Buffer, value as Buffer);
    }
  }

  async #purge(database: number): Promise<void> {
    while (!this.#isClosed) {
      const options: RangeOptions = { start: numberBytes(database), end: numberBytes(database + 1), limit: PURGE };
      const keys = [...this.#lmdb.getKeys(options)];
      if (keys.length === 0) return this.#durably([{ key: catalogKey(`d${database}`), value: null }]);
      await this.#durably(keys.map((key) => ({ key, value: null })));
    }
  }

  *#catalog(kind: "n" | "d"): Generator<{ readonly key: string; readonly value: Buffer }> {
    const start = catalogKey(kind);
    const end = catalogKey(String.fromCharCode(kind.charCodeAt(0) + 1));
    for (const { key, value } of this.#lmdb.getRange({ start: start as Key, end: end as Key })) {
      yield { key: key.subarray(PREFIX + 1).toString(), value };
    }
  }
}

function catalogKey(text: string): Buffer {
  return inDatabase(0, Buffer.from(text));
}

function inDatabase(database: number, key: Uint8Array): Buffer {
  return Buffer.concat([numberBytes(database), key]);
}

/** Big end first, so that the databases lie one after the other. */
function numberBytes(number: number): Buffer {
  const bytes = Buffer.alloc(PREFIX);
  bytes.writeUInt32BE(number);
  return bytes;
}

function numberIn(bytes: Buffer | undefined): number {
  return bytes === undefined ? 0 : bytes.readUInt32BE();
}
