/**
 * ctx.sqlite: SQL databases, kept by sqlite:distro:sys.
 *
 *   const db = await ctx.sqlite.open("shop");
 *   await db.run("CREATE TABLE IF NOT EXISTS items (id INTEGER PRIMARY KEY, name TEXT, price REAL)");
 *   await db.run("INSERT INTO items (name, price) VALUES (?, ?)", ["tea", 3.5]);
 *   const items = await db.query<{ name: string; price: number }>("SELECT name, price FROM items WHERE price < ?", [5]);
 *
 * 1. A database is of this process's package: all of its processes share it. Of another package, with its capability.
 * 2. What was awaited is durable. Values stay what they are: text is text, bytes are bytes; integers beyond 2^53 are bigint.
 * 3. All of this throws SqliteError; SendError when sqlite:distro:sys may not be messaged, or does not answer.
 */
import { Blob, type Host, KernelError, OptionError, ProcessId } from "../protocol/index.ts";
import { fromBase64, toBase64 } from "./base64.ts";
import { DATABASE_HINTS, DatabaseCalls, type DatabaseFault, type DatabaseOptions, partOf } from "./database-calls.ts";

const SQLITE = new ProcessId("sqlite", "distro", "sys");

/**
 * What sqlite:distro:sys refused. Nothing was changed.
 * @property kind `SqliteError` (its text says what SQLite said), `NoDb`, `NoTx`, `NoReadCap`, `NoWriteCap`, `Busy`,
 * `NotAReadKeyword`, `TooManyRows` and others: processes/sqlite/README.md has them all
 */
export class SqliteError extends KernelError {
  override readonly name = "SqliteError";
  readonly kind: string;
  readonly facts: unknown;

  constructor({ kind, facts }: DatabaseFault, what: string) {
    const told = facts === null ? "" : ` ${typeof facts === "string" ? facts : JSON.stringify(facts)}`;
    super(kind, `Cannot use database "${what}" as sqlite:distro:sys says ${kind}${told}${HINT[kind] ?? ""}`);
    this.kind = kind;
    this.facts = facts;
  }
}

const HINT: Readonly<Record<string, string>> = {
  ...DATABASE_HINTS,
  NotAReadKeyword: ": query() takes SELECT, VALUES, WITH and EXPLAIN, run() what writes",
  NotAWriteKeyword:
    ": run() takes INSERT, REPLACE, UPDATE, DELETE, WITH, CREATE, ALTER, DROP, REINDEX and ANALYZE, transaction() begins and ends one",
  MoreThanOneStatement: ": give one at a time",
  Busy: ": another transaction is open; within transaction(), use what it hands to your function",
  TooManyRows: ": add LIMIT, or ask for fewer",
  TooMuchData: ": ask for fewer rows, or keep large ones in files",
  TookTooLong: ": add an index, or LIMIT",
  Forbidden: ": it tells of the connection, not of your tables",
};

export type SqlValue = null | string | number | bigint | boolean | Uint8Array;

/** In the order of `?`, or by name: `{ ":id": 1 }`. */
export type SqlParameters = readonly SqlValue[] | Readonly<Record<string, SqlValue>>;

/** What a column has in a row: true and false come back as 1 and 0. */
export type SqlResult = null | string | number | bigint | Uint8Array;

export type SqlRow = Readonly<Record<string, SqlResult>>;

/** @property changes rows inserted, changed or deleted @property rows what RETURNING returned */
export type SqlDone<Row = SqlRow> = {
  readonly changes: number;
  readonly lastInsertRowid: number | bigint;
  readonly rows: readonly Row[];
};

export class SqliteCalls {
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
  }

  /** Makes it when it is not there and of this process's own package. @throws {SqliteError} */
  async open(name: string, options: DatabaseOptions = {}): Promise<SqlDatabase> {
    const calls = this.#calls(name, options);
    if (calls.isOwn) await calls.ask("Open");
    return new SqlDatabase(calls);
  }

  /** With all that is in it; nothing happens when there is none. @throws {SqliteError} */
  async remove(name: string): Promise<void> {
    try {
      await this.#calls(name, {}).ask("RemoveDb");
    } catch (thrown) {
      if (!(thrown instanceof SqliteError) || thrown.kind !== "NoDb") throw thrown;
    }
  }

  #calls(name: string, options: DatabaseOptions): DatabaseCalls {
    return new DatabaseCalls(this.#host, SQLITE, name, options, (fault, what) => new SqliteError(fault, what));
  }
}

/** Statements, in a database and in a transaction. */
class SqlAccess {
  readonly #calls: DatabaseCalls;
  readonly #txId: number | null;

  constructor(calls: DatabaseCalls, txId: number | null) {
    this.#calls = calls;
    this.#txId = txId;
  }

  /** What a statement that writes nothing finds. @throws {SqliteError} @throws {OptionError} a parameter that is no SqlValue */
  async query<Row extends object = SqlRow>(sql: string, parameters: SqlParameters = []): Promise<Row[]> {
    const action = { Query: { statement: sql, tx_id: this.#txId } };
    const { blob } = await this.#calls.ask(action, asJson(parameters));
    return ((blob?.json() ?? []) as readonly JsonRow[]).map(readRow) as Row[];
  }

  /** Runs a statement that writes. @throws {SqliteError} @throws {OptionError} a parameter that is no SqlValue */
  async run<Row extends object = SqlRow>(sql: string, parameters: SqlParameters = []): Promise<SqlDone<Row>> {
    const action = { Write: { statement: sql, tx_id: this.#txId } };
    const { blob } = await this.#calls.ask(action, asJson(parameters));
    const { changes, last_insert_rowid: rowid, rows } = (blob?.json() ?? NOTHING_DONE) as Written;
    return { changes, lastInsertRowid: fromJson(rowid) as number | bigint, rows: rows.map(readRow) as Row[] };
  }
}

/** Sees what it has done itself; others see it, all at once, when its function has returned. */
export type SqlTransaction = Pick<SqlAccess, "query" | "run">;

export class SqlDatabase extends SqlAccess {
  readonly #calls: DatabaseCalls;

  /** Call `ctx.sqlite.open`. */
  constructor(calls: DatabaseCalls) {
    super(calls, null);
    this.#calls = calls;
  }

  /**
   * Runs `work`, and commits what it did: all of it, or nothing when it throws. Others wait meanwhile: be quick, and use
   * `tx` for every statement in it. @throws what `work` throws @throws {SqliteError}
   */
  async transaction<Result>(work: (tx: SqlTransaction) => Promise<Result> | Result): Promise<Result> {
    const txId = partOf((await this.#calls.ask("BeginTx")).body, "BeginTx").tx_id as number;
    let result: Result;
    try {
      result = await work(new SqlAccess(this.#calls, txId));
    } catch (thrown) {
      await this.#calls.ask({ Rollback: { tx_id: txId } }).catch(() => undefined); // it ends by itself, later
      throw thrown;
    }
    await this.#calls.ask({ Commit: { tx_id: txId } });
    return result;
  }
}

function asJson(parameters: SqlParameters): Blob {
  const values = Array.isArray(parameters)
    ? (parameters as readonly SqlValue[]).map((value, at) => toJson(value, `parameter ${at + 1}`))
    : Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, toJson(value, `parameter ${name}`)]));
  return Blob.json(values);
}

function toJson(value: SqlValue, which: string): unknown {
  if (typeof value === "bigint") return { $int: value.toString() };
  if (value instanceof Uint8Array) return { $blob: toBase64(value) };
  if (value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY) return { $float: String(value) };
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number" && !Number.isNaN(value)) return value;
  throw new OptionError(
    `Cannot use ${which} as it must be null, text, a number, a bigint, true, false or bytes: got ${Number.isNaN(value) ? "NaN" : typeof value}, write objects as JSON text`,
  );
}

type Written = { readonly changes: number; readonly last_insert_rowid: unknown; readonly rows: readonly JsonRow[] };
const NOTHING_DONE: Written = { changes: 0, last_insert_rowid: 0, rows: [] };
type JsonRow = Readonly<Record<string, unknown>>;

function readRow(row: JsonRow): SqlRow {
  return Object.fromEntries(Object.entries(row).map(([column, value]) => [column, fromJson(value)]));
}

/** What SQLite has and JSON has not is an object of one key (processes/sqlite/values.ts). */
function fromJson(value: unknown): SqlResult {
  if (typeof value !== "object" || value === null) return value as SqlResult;
  const { $int: int, $blob: bytes, $float: float } = value as Readonly<Record<string, string>>;
  if (int !== undefined) return BigInt(int);
  return bytes === undefined ? Number(float) : fromBase64(bytes);
}
