/**
 * ctx.kv: databases of keys and values, kept by kv:distro:sys.
 *
 *   const games = await ctx.kv.open<[string, number], Game>("games");
 *   await games.set(["chess", 1], game);
 *   for await (const [key, game] of games.entries({ prefix: ["chess"] })) …
 *
 * 1. A database is of this process's package: all of its processes share it. Of another package, with its capability.
 * 2. What was awaited is durable. Values are what MessagePack carries; keys are in order (kv-keys.ts).
 * 3. All of this throws KvError; SendError when kv:distro:sys may not be messaged, or does not answer.
 */
import { Blob, type Host, KernelError, OptionError, ProcessId, packMessage, unpackMessage } from "../protocol/index.ts";
import { DATABASE_HINTS, DatabaseCalls, type DatabaseFault, type DatabaseOptions, partOf } from "./database-calls.ts";
import { decodeKey, encodeKey, encodePrefix, type KvKey } from "./kv-keys.ts";

const KV = new ProcessId("kv", "distro", "sys");
const ATTEMPTS = 10; // of a transaction: with each, somebody else's has succeeded

/**
 * What kv:distro:sys refused. Nothing was changed.
 * @property kind `NoDb`, `NoTx`, `NoReadCap`, `NoWriteCap`, `MismatchingPackageId`, `KeyTooLong`, `ValueTooLarge`,
 * `Conflict`, `StoreFull` and others: processes/kv/README.md has them all
 */
export class KvError extends KernelError {
  override readonly name = "KvError";
  readonly kind: string;
  readonly facts: unknown;

  constructor({ kind, facts }: DatabaseFault, what: string) {
    const told = facts === null ? "" : ` ${JSON.stringify(facts)}`;
    super(kind, `Cannot use database "${what}" as kv:distro:sys says ${kind}${told}${HINT[kind] ?? ""}`);
    this.kind = kind;
    this.facts = facts;
  }
}

const HINT: Readonly<Record<string, string>> = {
  ...DATABASE_HINTS,
  Conflict: ": what it rests on was changed meanwhile, do it again",
  KeyTooLong: ": hash long keys, or keep them in the value",
  ValueTooLarge: ": keep it in several, or in a file",
};

/** Which keys; left out: all. */
export type KvRange<Key> = {
  /** Keys that begin so: texts with this text, lists with these elements. */
  readonly prefix?: KvKey;
  /** From this one on. */
  readonly start?: Key;
  /** Up to but not including this one. */
  readonly end?: Key;
  readonly reverse?: boolean;
  /** At most so many. */
  readonly limit?: number;
};

type Codec<Key, Value> = {
  readonly key: (key: Key) => Uint8Array;
  readonly prefix: (prefix: KvKey) => Uint8Array;
  readonly toKey: (bytes: Uint8Array) => Key;
  readonly value: (value: Value) => Uint8Array;
  readonly toValue: (bytes: Uint8Array) => Value;
};

export class KvCalls {
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
  }

  /** Makes it when it is not there and of this process's own package. @throws {KvError} */
  open<Key extends KvKey = string, Value = unknown>(
    name: string,
    options: DatabaseOptions = {},
  ): Promise<KvDatabase<Key, Value>> {
    return this.#open(name, options, valuesCodec<Key, Value>());
  }

  /** Keys and values as bytes: for what processes in other languages write. @throws {KvError} */
  openRaw(name: string, options: DatabaseOptions = {}): Promise<KvDatabase<Uint8Array, Uint8Array>> {
    return this.#open(name, options, RAW);
  }

  /** With all that is in it; nothing happens when there is none. @throws {KvError} */
  async remove(name: string): Promise<void> {
    try {
      await this.#calls(name, {}).ask("RemoveDb");
    } catch (thrown) {
      if (!(thrown instanceof KvError) || thrown.kind !== "NoDb") throw thrown;
    }
  }

  async #open<Key, Value>(
    name: string,
    options: DatabaseOptions,
    codec: Codec<Key, Value>,
  ): Promise<KvDatabase<Key, Value>> {
    const calls = this.#calls(name, options);
    if (calls.isOwn) await calls.ask("Open");
    return new KvDatabase(calls, codec);
  }

  #calls(name: string, options: DatabaseOptions): DatabaseCalls {
    return new DatabaseCalls(this.#host, KV, name, options, (fault, what) => new KvError(fault, what));
  }
}

/** What can be done with keys and values, in a database and in a transaction. */
class KvAccess<Key, Value> {
  readonly #calls: DatabaseCalls;
  readonly #codec: Codec<Key, Value>;
  readonly #txId: number | null;

  constructor(calls: DatabaseCalls, codec: Codec<Key, Value>, txId: number | null) {
    this.#calls = calls;
    this.#codec = codec;
    this.#txId = txId;
  }

  /** @returns undefined: there is no such key */
  async get(key: Key): Promise<Value | undefined> {
    const plain = [...this.#codec.key(key)];
    try {
      const action = this.#txId === null ? { Get: plain } : { Get: { key: plain, tx_id: this.#txId } };
      const { blob } = await this.#calls.ask(action);
      return this.#codec.toValue(blob?.bytes() ?? new Uint8Array(0));
    } catch (thrown) {
      if (thrown instanceof KvError && thrown.kind === "KeyNotFound") return undefined;
      throw thrown;
    }
  }

  /** @throws {OptionError} undefined is no value */
  async set(key: Key, value: Value): Promise<void> {
    const action = { Set: { key: [...this.#codec.key(key)], tx_id: this.#txId } };
    await this.#calls.ask(action, this.#codec.value(value));
  }

  /** Nothing happens when there is no such key. */
  async delete(key: Key): Promise<void> {
    await this.#calls.ask({ Delete: { key: [...this.#codec.key(key)], tx_id: this.#txId } });
  }
}

/** What it sets is seen by others, all at once, when its function has returned. */
export type KvTransaction<Key, Value> = Pick<KvAccess<Key, Value>, "get" | "set" | "delete">;

export class KvDatabase<Key, Value> extends KvAccess<Key, Value> {
  readonly #calls: DatabaseCalls;
  readonly #codec: Codec<Key, Value>;

  /** Call `ctx.kv.open`. */
  constructor(calls: DatabaseCalls, codec: Codec<Key, Value>) {
    super(calls, codec, null);
    this.#calls = calls;
    this.#codec = codec;
  }

  /** In the order of keys, page by page: what is changed meanwhile may be in it or not. */
  async *entries(range: KvRange<Key> = {}): AsyncGenerator<readonly [Key, Value]> {
    const { toKey, toValue } = this.#codec;
    for await (const entry of this.#walk(range, false)) {
      const [key, value] = entry as readonly [Uint8Array, Uint8Array];
      yield [toKey(key), toValue(value)];
    }
  }

  async *keys(range: KvRange<Key> = {}): AsyncGenerator<Key> {
    for await (const key of this.#walk(range, true)) yield this.#codec.toKey(key as Uint8Array);
  }

  /** Several changes, all or none: `await db.batch().set(a, 1).delete(b).commit()`. */
  batch(): KvBatch<Key, Value> {
    return new KvBatch(this.#calls, this.#codec);
  }

  /** Sets it where its value is `expected`; undefined: where it has none. @returns whether it did */
  async compareAndSet(key: Key, expected: Value | undefined, value: Value): Promise<boolean> {
    try {
      await this.batch().check(key, expected).set(key, value).commit();
      return true;
    } catch (thrown) {
      if (thrown instanceof KvError && thrown.kind === "Conflict") return false;
      throw thrown;
    }
  }

  /**
   * Runs `work`, and commits what it did: all of it, or nothing when it throws. When what it read was changed meanwhile, it
   * is run again, so it must do nothing else that counts. @throws what `work` throws @throws {KvError} Conflict, ten times over
   */
  async transaction<Result>(work: (tx: KvTransaction<Key, Value>) => Promise<Result> | Result): Promise<Result> {
    for (let attempt = 1; ; attempt++) {
      const txId = partOf((await this.#calls.ask("BeginTx")).body, "BeginTx").tx_id as number;
      let result: Result;
      try {
        result = await work(new KvAccess(this.#calls, this.#codec, txId));
      } catch (thrown) {
        await this.#calls.ask({ Rollback: { tx_id: txId } }).catch(() => undefined); // it ends by itself, later
        throw thrown;
      }
      try {
        await this.#calls.ask({ Commit: { tx_id: txId } });
        return result;
      } catch (thrown) {
        if (!(thrown instanceof KvError) || thrown.kind !== "Conflict" || attempt === ATTEMPTS) throw thrown;
      }
    }
  }

  async *#walk({ prefix, start, end, reverse, limit }: KvRange<Key>, keysOnly: boolean): AsyncGenerator<unknown> {
    const { key, prefix: prefixOf } = this.#codec;
    let left = limit ?? Number.POSITIVE_INFINITY;
    const range = {
      ...(prefix === undefined ? {} : { prefix: [...prefixOf(prefix)] }),
      ...(start === undefined ? {} : { start: [...key(start)] }),
      ...(end === undefined ? {} : { end: [...key(end)] }),
      reverse: reverse ?? false,
      keys_only: keysOnly,
    };
    for (let after: unknown = null; left > 0; ) {
      const most = Number.isFinite(left) ? { limit: left } : {};
      const { body, blob } = await this.#calls.ask({ Iterate: { ...range, ...most, after } });
      const entries = unpackMessage(blob?.bytes() ?? NOTHING) as readonly unknown[];
      yield* entries;
      left -= entries.length;
      after = partOf(body, "Iterate").cursor ?? null;
      if (after === null) return;
    }
  }
}

export class KvBatch<Key, Value> {
  readonly #calls: DatabaseCalls;
  readonly #codec: Codec<Key, Value>;
  readonly #operations: [key: Uint8Array, value: Uint8Array | null][] = [];
  readonly #checks: [key: Uint8Array, value: Uint8Array | null][] = [];

  /** Call `batch()`. */
  constructor(calls: DatabaseCalls, codec: Codec<Key, Value>) {
    this.#calls = calls;
    this.#codec = codec;
  }

  set(key: Key, value: Value): this {
    this.#operations.push([this.#codec.key(key), this.#codec.value(value)]);
    return this;
  }

  delete(key: Key): this {
    this.#operations.push([this.#codec.key(key), null]);
    return this;
  }

  /** Nothing of it is done where `key` has another value than `expected`; undefined: where it has any. */
  check(key: Key, expected: Value | undefined): this {
    this.#checks.push([this.#codec.key(key), expected === undefined ? null : this.#codec.value(expected)]);
    return this;
  }

  /** @throws {KvError} Conflict: a check did not hold */
  async commit(): Promise<void> {
    await this.#calls.ask("Batch", Blob.of(packMessage({ operations: this.#operations, checks: this.#checks })));
  }
}

const NOTHING = Uint8Array.of(0x90); // MessagePack: no entries

const RAW: Codec<Uint8Array, Uint8Array> = {
  key: (key) => key,
  prefix: (prefix) => {
    if (prefix instanceof Uint8Array) return prefix;
    throw new OptionError(`Cannot use a prefix of type ${typeof prefix} as this database was opened raw: give bytes`);
  },
  toKey: (bytes) => new Uint8Array(bytes),
  value: (value) => value,
  toValue: (bytes) => new Uint8Array(bytes),
};

function valuesCodec<Key extends KvKey, Value>(): Codec<Key, Value> {
  return {
    key: encodeKey,
    prefix: encodePrefix,
    toKey: (bytes) => decodeKey(bytes) as Key, // what was put in: its author knows
    value: (value) => {
      if (value !== undefined) return packMessage(value);
      throw new OptionError("Cannot set a key to undefined as that is what a missing key has: delete() it");
    },
    toValue: (bytes) => unpackMessage(bytes) as Value,
  };
}
