/**
 * kv:distro:sys: key-value databases, each of one package and of a name (contract kinode §6). README.md has its actions.
 *
 * Needs   nothing. Not public: who uses it asks for `kv:distro:sys` in its manifest.
 * State   the databases, in a store of its own (store.ts): durable when an action is answered.
 *
 * 1. Each database does what it is asked in the order in which it is asked (line.ts).
 * 2. Rights are looked at before the next message is, so that no message overtakes another meanwhile.
 */
import { type Context, defineProcess, type Message, type Program } from "jackfield/process";
import { packMessage } from "jackfield/protocol";
import {
  answer,
  assertAllowed,
  type DatabaseRequest,
  Refusal,
  readDatabaseRequest,
  readTxId,
} from "../database-request.ts";
import { BARE, type Batch, checkValue, NEEDS, type Page, readBatch, readKey, readPage, txIdOf } from "./actions.ts";
import { KV_LIMITS, type KvLimits } from "./limits.ts";
import { Line } from "./line.ts";
import { copyOf, type KvCheck, type KvOperation, type KvStore, StoreFullError } from "./store.ts";
import { Transactions } from "./transactions.ts";

/** What is answered; alone, a body without a blob. */
type Answer = { readonly body: unknown; readonly blob?: Uint8Array };

const OK: Answer = { body: "Ok" };
const NO_BATCH: Batch = { checks: [], operations: [] };

/** @param open called once: lmdb must not open a folder twice in one process, so incarnations share what it gives */
export function kvProcess(open: () => Promise<KvStore>, limits: KvLimits = KV_LIMITS): Program {
  let store: Promise<KvStore> | undefined;
  return defineProcess<Kv>({
    async init(ctx) {
      store ??= open();
      try {
        return new Kv(ctx, await store, limits);
      } catch (thrown) {
        store = undefined;
        throw thrown;
      }
    },
    onRequest: (kv, message) => kv.handle(message),
    async onExit(kv) {
      await kv.rest();
      const closing = store;
      store = undefined;
      await (await closing)?.close();
    },
  });
}

/** @property waiting how many wait for it to be over, and have not gone on */
type Change = { readonly over: Promise<void>; waiting: number };

class Kv {
  readonly #ctx: Context<Kv>;
  readonly #store: KvStore;
  readonly #limits: KvLimits;
  readonly #lines = new Map<number, Line>();
  readonly #transactions: Transactions;
  readonly #changing = new Map<string, Change>(); // by name: databases that are being made, or taken away
  readonly #doing = new Set<Promise<void>>();
  #bytes = 0; // of the blobs of what is in #doing

  constructor(ctx: Context<Kv>, store: KvStore, limits: KvLimits) {
    this.#ctx = ctx;
    this.#store = store;
    this.#limits = limits;
    this.#transactions = new Transactions(ctx, limits);
  }

  async handle(message: Message): Promise<void> {
    let bytes = 0;
    let doing: Promise<Answer>;
    try {
      const request = readDatabaseRequest(message.body, BARE);
      const needs = Object.hasOwn(NEEDS, request.action) ? NEEDS[request.action] : undefined;
      if (needs === undefined) throw new Refusal("MalformedRequest");
      await assertAllowed(this.#ctx, message, request, needs);
      const batch = request.action === "Batch" ? readBatch(message.blob?.bytes(), this.#limits) : NO_BATCH;
      // Whether a check holds tells what is there.
      if (batch.checks.length > 0) await assertAllowed(this.#ctx, message, request, "read");
      bytes = this.#room(message.blob?.byteLength ?? 0);
      message.blob?.keep(); // it is looked at after this handler has returned
      doing = this.#do(message, request, batch);
    } catch (thrown) {
      doing = Promise.reject(thrown);
    }
    const done = doing
      .then(
        ({ body, blob }) => answer(this.#ctx, message, body, blob),
        (thrown) => answer(this.#ctx, message, { Err: this.#errorOf(thrown) }),
      )
      .catch(() => undefined) // this incarnation has ended meanwhile
      .finally(() => {
        this.#doing.delete(done);
        this.#bytes -= bytes;
      });
    this.#bytes += bytes;
    this.#doing.add(done); // not awaited: what follows need not wait for the disk
  }

  /** @returns `bytes` @throws {Refusal} there is no room for so many more */
  #room(bytes: number): number {
    if (bytes > 0 && this.#bytes + bytes > this.#limits.waitingBytes) throw new Refusal("Overloaded");
    return bytes;
  }

  /** Resolves when all is done that was asked for so far. */
  async rest(): Promise<void> {
    await Promise.all(this.#doing);
  }

  /** Enters the line of its database before it first waits, but for one that is being made or taken away. */
  async #do(message: Message, request: DatabaseRequest, batch: Batch): Promise<Answer> {
    const name = nameOf(request);
    // Whoever comes meanwhile waits here too, and goes on in the same order; the first of them may change it again.
    let change = this.#changing.get(name);
    let passed: Change | undefined;
    while (change !== undefined && change !== passed) {
      change.waiting++;
      await change.over;
      change.waiting--; // not in a function of its own: between its end and what follows another would go ahead
      this.#forget(name, change);
      passed = change; // it may still be there, for others who wait for it
      change = this.#changing.get(name);
    }
    if (request.action === "Open") return this.#open(name, request);
    const database = this.#store.find(name);
    if (database === undefined) throw new Refusal({ NoDb: [request.packageId, request.db] });
    const line = this.#lineOf(database);
    if (line.length >= this.#limits.waiting) throw new Refusal("Overloaded");
    switch (request.action) {
      case "RemoveDb":
        return this.#remove(name, database, line);
      case "Get":
        return this.#get(message, request, database, line);
      case "Iterate": {
        const page = readPage(request, this.#limits);
        return line.read(() => this.#page(database, page));
      }
      case "Set":
        if (message.blob === null) throw new Refusal("MalformedRequest");
        return this.#put(message, request, database, line, checkValue(message.blob.bytes(), this.#limits));
      case "Delete":
        return this.#put(message, request, database, line, null);
      case "BeginTx":
        return { body: { BeginTx: { tx_id: this.#transactions.begin(message.source.text, database) } } };
      case "Rollback":
        this.#transactions.end(txIdOf(request), message.source.text, database);
        return OK;
      case "Commit": {
        const { checks, operations } = this.#transactions.end(txIdOf(request), message.source.text, database);
        return this.#commit(database, line, checks, operations);
      }
      default:
        return this.#commit(database, line, batch.checks, batch.operations);
    }
  }

  async #open(name: string, { owner, db }: DatabaseRequest): Promise<Answer> {
    if (this.#store.find(name) !== undefined) return OK;
    const { databases: max, nameLength } = this.#limits;
    if (db.length > nameLength) throw new Refusal({ NameTooLong: { length: db.length, max: nameLength } });
    if (this.#store.count(`${owner}/`) >= max) throw new Refusal({ TooManyDatabases: { max } });
    await this.#change(name, this.#store.create(name));
    return OK;
  }

  async #remove(name: string, database: number, line: Line): Promise<Answer> {
    this.#transactions.endAllOf(database);
    const removal = line.read(() => this.#store.remove(name)).then((done) => done); // after what is in hand there
    await this.#change(name, removal);
    this.#lines.delete(database);
    return OK;
  }

  async #change<Result>(name: string, change: Promise<Result>): Promise<void> {
    const over = change.then(
      () => undefined,
      () => undefined, // who asked for it hears
    );
    const changing: Change = { over, waiting: 0 };
    this.#changing.set(name, changing);
    void over.then(() => this.#forget(name, changing));
    await change;
  }

  /** Once it is over and those who waited go on: whoever came before they do would be ahead of them. */
  #forget(name: string, change: Change): void {
    if (change.waiting === 0 && this.#changing.get(name) === change) this.#changing.delete(name);
  }

  #get(message: Message, { given }: DatabaseRequest, database: number, line: Line): Promise<Answer> {
    const key = readKey(given.key, this.#limits);
    const txId = readTxId(given.tx_id);
    const transaction = txId === null ? null : this.#transactions.find(txId, message.source.text, database);
    return line.read(() => {
      const own = transaction?.own(key);
      const value = own === undefined ? (this.#store.get(database, key) ?? null) : own.value;
      if (own === undefined) transaction?.saw(key, value);
      if (value === null) throw new Refusal("KeyNotFound");
      return { body: { Get: [...key] }, blob: value };
    });
  }

  async #put(
    message: Message,
    { given }: DatabaseRequest,
    database: number,
    line: Line,
    value: Uint8Array | null,
  ): Promise<Answer> {
    const key = readKey(given.key, this.#limits);
    const txId = readTxId(given.tx_id);
    if (txId === null) return this.#commit(database, line, [], [{ key, value }]);
    this.#transactions.find(txId, message.source.text, database).put(key, value && copyOf(value));
    return OK;
  }

  async #commit(
    database: number,
    line: Line,
    checks: readonly KvCheck[],
    operations: readonly KvOperation[],
  ): Promise<Answer> {
    const isDone = await line.write(() => this.#store.commit(database, checks, operations));
    if (!isDone) throw new Refusal("Conflict");
    return OK;
  }

  #page(database: number, { range, limit, keysOnly }: Page): Answer {
    const entries: unknown[] = [];
    let [bytes, cursor]: [number, Uint8Array | null] = [0, null];
    let last: Uint8Array | null = null;
    for (const [key, value] of this.#store.range(database, range)) {
      const size = key.byteLength + (keysOnly ? 0 : value.byteLength);
      if (entries.length === limit || (entries.length > 0 && bytes + size > this.#limits.pageBytes)) {
        cursor = last;
        break;
      }
      entries.push(keysOnly ? key : [key, value]);
      bytes += size;
      last = key;
    }
    return { body: { Iterate: { cursor: cursor && [...cursor] } }, blob: packMessage(entries) };
  }

  #lineOf(database: number): Line {
    const known = this.#lines.get(database);
    if (known !== undefined) return known;
    const line = new Line();
    this.#lines.set(database, line);
    return line;
  }

  #errorOf(thrown: unknown): unknown {
    if (thrown instanceof Refusal) return thrown.error;
    const text = thrown instanceof Error ? thrown.message : String(thrown);
    if (thrown instanceof StoreFullError) return { StoreFull: text };
    this.#ctx.log(`the store failed: ${text}`);
    return { IOError: text };
  }
}

function nameOf({ owner, db }: DatabaseRequest): string {
  return `${owner}/${db}`; // neither part of the owner has a slash in it
}
