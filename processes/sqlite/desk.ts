/**
 * Whose turn it is at one database: it has one connection, so while a transaction is open, others wait for its end.
 *
 * 1. What is done is done at once and whole; nothing is ever under way.
 * 2. Who waits is served in the order of asking; for `waitMs`, then it is told so (`Busy`).
 * 3. A transaction ends by itself when nothing was done in it for `transactionMs`, and `transactionMaxMs` after it began.
 */
import type { Context, Timer } from "jackfield/process";
import { Refusal } from "../database-request.ts";
import type { SqliteDatabase } from "./database.ts";
import type { SqliteLimits } from "./limits.ts";

type Transaction = { readonly id: number; readonly owner: string; readonly end: number; timer: Timer };

type Waiter = { readonly run: () => void; readonly refuse: (why: Refusal) => void; readonly timer: Timer };

export class Desk {
  readonly database: SqliteDatabase;
  readonly #ctx: Pick<Context, "after" | "now">;
  readonly #limits: SqliteLimits;
  #waiting: Waiter[] = [];
  #transaction: Transaction | null = null;

  constructor(database: SqliteDatabase, ctx: Pick<Context, "after" | "now">, limits: SqliteLimits) {
    this.database = database;
    this.#ctx = ctx;
    this.#limits = limits;
  }

  /** Nobody would miss the connection. */
  get isIdle(): boolean {
    return this.#transaction === null && this.#waiting.length === 0;
  }

  /**
   * @param owner text of the address of who asks @param txId the transaction it is for; null: none
   * @throws {Refusal} (rejects) NoTx, Busy, Overloaded, and what `work` throws
   */
  serve<Result>(owner: string, txId: number | null, work: () => Result): Promise<Result> {
    if (txId === null) return this.#inTurn(work);
    return settled(() => {
      this.#find(owner, txId);
      try {
        return work();
      } finally {
        this.#used(txId);
      }
    });
  }

  /** @param id of nobody else's @returns once it has begun */
  begin(owner: string, id: number): Promise<void> {
    return this.#inTurn(() => {
      this.database.begin();
      const end = this.#ctx.now() + this.#limits.transactionMaxMs;
      this.#transaction = { id, owner, end, timer: this.#timer(id, end) };
    });
  }

  /** @throws {Refusal} NoTx; of a commit, what SQLite says: then it is rolled back */
  end(owner: string, txId: number, how: "commit" | "rollback"): void {
    this.#find(owner, txId);
    try {
      this.database[how]();
    } finally {
      this.#over();
    }
  }

  /** The database is taken away: everything ends here. */
  close(why: Refusal): void {
    this.#transaction?.timer.cancel();
    this.#transaction = null;
    for (const { refuse, timer } of this.#waiting.splice(0)) {
      timer.cancel();
      refuse(why);
    }
    this.database.close();
  }

  #inTurn<Result>(work: () => Result): Promise<Result> {
    if (this.#transaction === null) return settled(work); // then nobody waits either
    const { waiting: max, waitMs } = this.#limits;
    if (this.#waiting.length >= max) return Promise.reject(new Refusal("Overloaded"));
    return new Promise((resolve, reject) => {
      const timer = this.#ctx.after(waitMs, () => {
        this.#waiting = this.#waiting.filter((each) => each !== waiter);
        reject(new Refusal({ Busy: { ms: waitMs } }));
      });
      const run = (): void => void settled(work).then(resolve, reject);
      const waiter: Waiter = { run, refuse: reject, timer };
      this.#waiting.push(waiter);
    });
  }

  #find(owner: string, txId: number): void {
    const { id, owner: whose } = this.#transaction ?? {};
    if (id !== txId || whose !== owner) throw new Refusal({ NoTx: txId });
  }

  /** Also after an error: SQLite may have rolled it back, as INSERT OR ROLLBACK tells it to. */
  #used(txId: number): void {
    const transaction = this.#transaction;
    if (transaction?.id !== txId) return;
    transaction.timer.cancel();
    if (this.database.inTransaction) transaction.timer = this.#timer(txId, transaction.end);
    else this.#over();
  }

  #timer(id: number, end: number): Timer {
    const ms = Math.max(0, Math.min(this.#limits.transactionMs, end - this.#ctx.now()));
    return this.#ctx.after(ms, () => {
      if (this.#transaction?.id !== id) return;
      this.database.rollback();
      this.#over();
    });
  }

  #over(): void {
    this.#transaction?.timer.cancel();
    this.#transaction = null;
    while (this.#transaction === null) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      next.timer.cancel();
      next.run(); // it may begin a transaction
    }
  }
}

/** Does it now. @returns what came of it */
function settled<Result>(work: () => Result): Promise<Result> {
  try {
    return Promise.resolve(work());
  } catch (thrown) {
    return Promise.reject(thrown);
  }
}
