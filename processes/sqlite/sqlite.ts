/**
 * sqlite:distro:sys: SQL databases, each of one package and of a name (contract kinode §6). README.md has its actions.
 *
 * Needs   nothing. Not public: who uses it asks for `sqlite:distro:sys` in its manifest.
 * State   a file per database, `<folder>/<publisher>/<package>/<name>.db`: durable when an action is answered.
 *
 * 1. Each request is carried out whole, on this process's thread: SQLite here has no other. So it is placed in a worker
 *    (bin/system-processes.ts): it uses nothing of the thread it is loaded in, and its folder is `host.folder`.
 * 2. Rights are looked at first; then statements for what they may do at all (statement.ts); then SQLite itself refuses
 *    to write in a query (database.ts).
 */
import { type Context, defineProcess, type Message, type Program } from "jackfield/process";
import {
  type Access,
  answer,
  assertAllowed,
  type DatabaseRequest,
  Refusal,
  readDatabaseRequest,
  readTxId,
} from "../database-request.ts";
import { Databases } from "./databases.ts";
import { SQLITE_LIMITS, type SqliteLimits } from "./limits.ts";
import { checkQuery, checkWrite } from "./statement.ts";
import { readParameters, type SqlParameters, writeRow } from "./values.ts";

type Answer = { readonly body: unknown; readonly blob?: string };

const OK: Answer = { body: "Ok" };

const NEEDS: Readonly<Record<string, Access>> = {
  Open: "own",
  RemoveDb: "own",
  Query: "read",
  Write: "write",
  BeginTx: "write",
  Commit: "write",
  Rollback: "write",
};

export type SqliteOptions = {
  /** Where the databases are; null: in memory. Default: the folder that the process is registered with. */
  readonly folder?: string | null;
  readonly limits?: Partial<SqliteLimits>;
  /** Milliseconds, for the time a statement takes. Default: the node's clock. */
  readonly now?: () => number;
};

export function sqliteProcess(options: SqliteOptions = {}): Program {
  const limits = { ...SQLITE_LIMITS, ...options.limits };
  let open: Databases | undefined; // of the incarnation before: its connections must be closed before others are opened
  return defineProcess<Sqlite>({
    init(ctx) {
      const folder = options.folder === undefined ? ctx.host.folder : options.folder;
      const next = new Databases(folder, ctx, limits, options.now ?? (() => ctx.now()), open);
      open = next;
      return new Sqlite(ctx, next, limits);
    },
    onRequest: (sqlite, message) => sqlite.handle(message),
    onExit(sqlite) {
      sqlite.close();
      open = undefined;
    },
  });
}

const program: Program = sqliteProcess();
export default program;

class Sqlite {
  readonly #ctx: Context<Sqlite>;
  readonly #databases: Databases;
  readonly #limits: SqliteLimits;
  #lastTx = 0;

  constructor(ctx: Context<Sqlite>, databases: Databases, limits: SqliteLimits) {
    this.#ctx = ctx;
    this.#databases = databases;
    this.#limits = limits;
  }

  async handle(message: Message): Promise<void> {
    let doing: Promise<Answer>;
    try {
      const request = readDatabaseRequest(message.body, { Query: "statement" });
      const needs = Object.hasOwn(NEEDS, request.action) ? NEEDS[request.action] : undefined;
      if (needs === undefined) throw new Refusal("MalformedRequest");
      await assertAllowed(this.#ctx, message, request, needs);
      // What it returns it has read.
      if (request.action === "Write" && checkWrite(this.#statementOf(request.given.statement)).returns)
        await assertAllowed(this.#ctx, message, request, "read");
      doing = this.#do(message, request);
    } catch (thrown) {
      doing = Promise.reject(thrown);
    }
    const answered = doing.then(
      ({ body, blob }) => answer(this.#ctx, message, body, blob),
      (thrown) => answer(this.#ctx, message, { Err: this.#errorOf(thrown) }),
    );
    answered.catch(() => undefined); // this incarnation has ended meanwhile; nobody waits for who waits its turn
  }

  close(): void {
    this.#databases.closeAll();
  }

  /** Does all of it before it first waits, unless a transaction is open there. */
  async #do(message: Message, request: DatabaseRequest): Promise<Answer> {
    const { action, given } = request;
    if (action === "Open") {
      this.#databases.make(request);
      return OK;
    }
    if (action === "RemoveDb") {
      this.#databases.remove(request);
      return OK;
    }
    const owner = message.source.text;
    const txId = readTxId(given.tx_id);
    const desk = this.#databases.desk(request);
    switch (action) {
      case "Query": {
        const sql = this.#statementOf(given.statement);
        checkQuery(sql);
        const parameters = this.#parametersOf(message);
        return { body: "Read", blob: await desk.serve(owner, txId, () => desk.database.query(sql, parameters)) };
      }
      case "Write": {
        const sql = this.#statementOf(given.statement);
        const statement = checkWrite(sql);
        const parameters = this.#parametersOf(message);
        const done = await desk.serve(owner, txId, () => desk.database.write(sql, parameters, statement));
        const told = writeRow({ changes: done.changes, last_insert_rowid: done.lastInsertRowid });
        return { body: "Ok", blob: `${told.slice(0, -1)},"rows":${done.rows}}` };
      }
      case "BeginTx": {
        const id = ++this.#lastTx;
        await desk.begin(owner, id);
        return { body: { BeginTx: { tx_id: id } } };
      }
      default:
        if (txId === null) throw new Refusal("MalformedRequest");
        desk.end(owner, txId, action === "Commit" ? "commit" : "rollback");
        return OK;
    }
  }

  #statementOf(value: unknown): string {
    const { statementBytes: max } = this.#limits;
    if (typeof value !== "string") throw new Refusal("MalformedRequest");
    const bytes = Buffer.byteLength(value);
    if (bytes > max) throw new Refusal({ StatementTooLong: { bytes, max } });
    return value;
  }

  #parametersOf({ blob }: Message): SqlParameters {
    if (blob === null) return [];
    const { parameterBytes: max } = this.#limits;
    if (blob.byteLength > max) throw new Refusal({ ParametersTooLarge: { bytes: blob.byteLength, max } });
    return readParameters(blob.text());
  }

  #errorOf(thrown: unknown): unknown {
    if (thrown instanceof Refusal) return thrown.error;
    const text = thrown instanceof Error ? thrown.message : String(thrown);
    this.#ctx.log(`a database failed: ${text}`);
    return { IOError: text };
  }
}
