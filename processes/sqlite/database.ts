/**
 * One database, open: the only door to node-sqlite3-wasm (docs/adr/0022).
 *
 * 1. On disk it is in WAL mode with an exclusive lock, and nothing else: this build's locks are folders, so that with a
 *    rollback journal it takes its own lock for another's and never rolls back what a killed node left.
 * 2. The lock that such a node left is taken away: only one node at a time has a data folder, and only this file opens one.
 * 3. It is made under another name, and named when it is whole: before that it has no WAL to recover from.
 * 4. A query runs with query_only: SQLite refuses to write, whatever the statement is.
 */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import sqlite from "node-sqlite3-wasm";
import { Refusal } from "../database-request.ts";
import type { SqliteLimits } from "./limits.ts";
import type { Statement } from "./statement.ts";
import { type SqlParameters, type SqlValue, writeRow } from "./values.ts";

type Driver = InstanceType<typeof sqlite.Database>;

export type Written = {
  readonly changes: number;
  readonly lastInsertRowid: number | bigint;
  /** Of RETURNING, as a JSON array. */
  readonly rows: string;
};

/** What files a database may have. */
const SIDES = ["", "-wal", "-shm", "-journal", ".lock"];

export class SqliteDatabase {
  readonly #driver: Driver;
  readonly #limits: SqliteLimits;
  readonly #now: () => number;
  #queryOnly = false;

  /** @param file null: in memory; otherwise it is made when it is not there @param now milliseconds */
  constructor(file: string | null, limits: SqliteLimits, now: () => number) {
    this.#limits = limits;
    this.#now = now;
    if (file !== null && !existsSync(file)) make(file);
    this.#driver = file === null ? new sqlite.Database() : openFile(file);
    const pageSize = Number(this.#single("PRAGMA page_size").page_size);
    const bytes = file === null ? limits.memoryDatabaseBytes : limits.databaseBytes;
    this.#driver.exec(`PRAGMA max_page_count=${Math.floor(bytes / pageSize)}`);
  }

  /** @returns the rows, as a JSON array @throws {Refusal} */
  query(sql: string, parameters: SqlParameters): string {
    this.#setQueryOnly(true);
    return this.#run(sql, parameters);
  }

  /** @throws {Refusal} nothing was changed */
  write(sql: string, parameters: SqlParameters, { returns, changes }: Statement): Written {
    this.#setQueryOnly(false);
    const before = this.#counts();
    // Where rows come back, what is written is written before the first of them: it must be undone when they are too many.
    if (returns) this.#do("SAVEPOINT jackfield");
    let rows: string;
    try {
      rows = this.#run(sql, parameters);
      if (returns) this.#do("RELEASE jackfield");
    } catch (thrown) {
      if (returns && this.#driver.inTransaction) this.#driver.exec("ROLLBACK TO jackfield; RELEASE jackfield");
      throw thrown;
    }
    const after = this.#counts();
    const isChanged = changes && after.total !== before.total; // what `changes` has is otherwise that of a statement before
    return { changes: isChanged ? Number(after.changes) : 0, lastInsertRowid: after.rowid as number | bigint, rows };
  }

  begin(): void {
    this.#setQueryOnly(false);
    this.#do("BEGIN IMMEDIATE");
  }

  /** @throws {Refusal} nothing of it was done */
  commit(): void {
    this.#setQueryOnly(false);
    try {
      this.#do("COMMIT");
    } catch (thrown) {
      this.rollback(); // e.g. a deferred foreign key, or a full disk: it would stay open
      throw thrown;
    }
  }

  rollback(): void {
    if (this.#driver.inTransaction) this.#do("ROLLBACK"); // SQLite has done so itself after some errors
  }

  get inTransaction(): boolean {
    return this.#driver.inTransaction;
  }

  close(): void {
    if (!this.#driver.isOpen) return;
    this.rollback();
    this.#driver.close();
  }

  #run(sql: string, parameters: SqlParameters): string {
    const { rows: most, rowBytes, statementMs } = this.#limits;
    const end = this.#now() + statementMs;
    const rows: string[] = [];
    let bytes = 2;
    try {
      const statement = this.#driver.prepare(sql);
      try {
        for (const row of statement.iterate(parameters as SqlValue[])) {
          const text = writeRow(row as Readonly<Record<string, SqlValue>>);
          bytes += text.length + 1;
          if (rows.length === most) throw new Refusal({ TooManyRows: { max: most } });
          if (bytes > rowBytes) throw new Refusal({ TooMuchData: { max: rowBytes } });
          if (this.#now() > end) throw new Refusal({ TookTooLong: { ms: statementMs } });
          rows.push(text);
        }
      } finally {
        finalize(statement);
      }
    } catch (thrown) {
      throw refusalOf(thrown);
    }
    return `[${rows.join(",")}]`;
  }

  #do(sql: string): void {
    try {
      this.#driver.exec(sql);
    } catch (thrown) {
      throw refusalOf(thrown);
    }
  }

  #setQueryOnly(isOn: boolean): void {
    if (this.#queryOnly === isOn) return;
    this.#driver.exec(`PRAGMA query_only=${isOn ? 1 : 0}`);
    this.#queryOnly = isOn;
  }

  #counts(): Readonly<Record<string, unknown>> {
    return this.#single("SELECT total_changes() AS total, changes() AS changes, last_insert_rowid() AS rowid");
  }

  #single(sql: string): Readonly<Record<string, unknown>> {
    return this.#driver.get(sql) ?? {};
  }
}

/** It is gone for good. Nobody may have it open. */
export function removeDatabase(file: string): void {
  for (const side of SIDES) rmSync(file + side, { recursive: true, force: true });
}

function openFile(file: string): Driver {
  rmSync(`${file}.lock`, { recursive: true, force: true }); // rule 2
  const driver = new sqlite.Database(file, { fileMustExist: true });
  try {
    driver.exec("PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL"); // in this order
    driver.exec("PRAGMA journal_size_limit=8388608"); // bytes the WAL keeps after a checkpoint: a large transaction made it grow
    const mode = driver.get("PRAGMA journal_mode")?.journal_mode;
    if (mode !== "wal") throw new Error(`it cannot be opened in WAL mode: it is in ${String(mode)} mode`);
    return driver;
  } catch (thrown) {
    driver.close();
    throw thrown;
  }
}

function make(file: string): void {
  const unfinished = `${file}.new`;
  mkdirSync(dirname(file), { recursive: true });
  removeDatabase(unfinished);
  closeSync(openSync(unfinished, "wx"));
  openFile(unfinished).close(); // which writes what is in the WAL into it
  renameSync(unfinished, file);
  const folder = openSync(dirname(file), "r");
  try {
    fsyncSync(folder); // or the name may be lost with the power
  } finally {
    closeSync(folder);
  }
}

function finalize(statement: { finalize(): void }): void {
  try {
    statement.finalize();
  } catch {
    // it tells the error of the statement again, which has been thrown
  }
}

function refusalOf(thrown: unknown): unknown {
  return thrown instanceof sqlite.SQLite3Error ? new Refusal({ SqliteError: thrown.message }) : thrown;
}
