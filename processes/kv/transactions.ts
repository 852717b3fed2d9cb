/**
 * The open transactions of kv:distro:sys. Nothing of one is seen by others before it is committed.
 *
 * 1. What it sets waits here. What it has read is looked at again when it is committed: where that has changed, nothing is
 *    done, and whoever began it does it again (`Conflict`). So nobody ever waits for a transaction of another.
 * 2. It belongs to the process that began it. Left alone for `transactionMs`, it is as if it had never begun.
 */
import type { Context, Timer } from "jackfield/process";
import { Refusal } from "../database-request.ts";
import { assertCount } from "./actions.ts";
import type { KvLimits } from "./limits.ts";
import type { KvCheck, KvOperation } from "./store.ts";

export class Transactions {
  readonly #ctx: Pick<Context, "after">;
  readonly #limits: KvLimits;
  readonly #open = new Map<number, Transaction>();
  readonly #held: Held = { bytes: 0 };
  #last = 0;

  constructor(ctx: Pick<Context, "after">, limits: KvLimits) {
    this.#ctx = ctx;
    this.#limits = limits;
  }

  /** @param owner text of an address @throws {Refusal} TooManyTransactions */
  begin(owner: string, database: number): number {
    const { transactions: max, transactionsTotal } = this.#limits;
    if (this.#open.size >= transactionsTotal) throw new Refusal({ TooManyTransactions: { max: transactionsTotal } });
    const own = [...this.#open.values()].filter((each) => each.owner === owner).length;
    if (own >= max) throw new Refusal({ TooManyTransactions: { max } });
    const id = ++this.#last;
    this.#open.set(id, new Transaction(owner, database, this.#limits, this.#held));
    this.#touch(id);
    return id;
  }

  /** @throws {Refusal} NoTx: there is none, or it is another's */
  find(id: number, owner: string, database: number): Transaction {
    const found = this.#open.get(id);
    if (found?.owner !== owner || found.database !== database) throw new Refusal({ NoTx: id });
    this.#touch(id);
    return found;
  }

  /** @throws {Refusal} NoTx */
  end(id: number, owner: string, database: number): Transaction {
    const found = this.find(id, owner, database);
    this.#drop(id);
    return found;
  }

  endAllOf(database: number): void {
    for (const [id, each] of this.#open) if (each.database === database) this.#drop(id);
  }

  #touch(id: number): void {
    const transaction = this.#open.get(id);
    transaction?.timer?.cancel();
    if (transaction !== undefined)
      transaction.timer = this.#ctx.after(this.#limits.transactionMs, () => this.#drop(id));
  }

  #drop(id: number): void {
    const transaction = this.#open.get(id);
    transaction?.timer?.cancel();
    transaction?.end();
    this.#open.delete(id);
  }
}

/** What all open ones hold together. */
type Held = { bytes: number };

export class Transaction {
  readonly owner: string;
  readonly database: number;
  /** Transactions only. */
  timer: Timer | undefined;
  readonly #limits: KvLimits;
  readonly #held: Held;
  readonly #checks = new Map<string, KvCheck>();
  readonly #operations = new Map<string, KvOperation>();
  #bytes = 0;

  constructor(owner: string, database: number, limits: KvLimits, held: Held) {
    this.owner = owner;
    this.database = database;
    this.#limits = limits;
    this.#held = held;
  }

  get checks(): readonly KvCheck[] {
    return [...this.#checks.values()];
  }

  get operations(): readonly KvOperation[] {
    return [...this.#operations.values()];
  }

  /** What it has done to `key` itself; undefined: nothing. */
  own(key: Uint8Array): KvOperation | undefined {
    return this.#operations.get(textOf(key));
  }

  /** @throws {Refusal} it has grown too large */
  saw(key: Uint8Array, value: Uint8Array | null): void {
    if (this.#checks.has(textOf(key))) return; // the first look counts: a later one that differs is a conflict
    this.#grow(key, value);
    this.#checks.set(textOf(key), { key, value });
  }

  /** @throws {Refusal} it has grown too large: it is as it was before */
  put(key: Uint8Array, value: Uint8Array | null): void {
    this.#grow(key, value);
    this.#operations.set(textOf(key), { key, value });
  }

  /** Once. */
  end(): void {
    this.#held.bytes -= this.#bytes;
  }

  #grow(key: Uint8Array, value: Uint8Array | null): void {
    assertCount(this.#checks.size + this.#operations.size + 1, this.#limits);
    const more = key.byteLength + (value?.byteLength ?? 0);
    const bytes = this.#bytes + more;
    const { batchBytes: max, transactionBytes } = this.#limits;
    if (bytes > max) throw new Refusal({ BatchTooLarge: { bytes, max } });
    if (this.#held.bytes + more > transactionBytes) throw new Refusal("Overloaded");
    this.#bytes = bytes;
    this.#held.bytes += more;
  }
}

function textOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("latin1");
}
