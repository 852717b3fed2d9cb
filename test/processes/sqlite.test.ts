/** sqlite:distro:sys over the bus, on disk and in memory alike (contract kinode §6, §9 row 38; §10 case 141). */
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { defineProcess } from "../../lib/process/index.ts";
import type { SqliteLimits } from "../../processes/sqlite/limits.ts";
import { sqliteProcess } from "../../processes/sqlite/sqlite.ts";
import { CHESS, DatabaseNode, OTHER, OWNER } from "../support/databases.ts";
import { ask, settle } from "../support/kernel.ts";

const SQLITE = "sqlite:distro:sys";
const READ = { kind: "read", db_key: [CHESS, "d"] };
const WRITE = { kind: "write", db_key: [CHESS, "d"] };
const SIBLING = "second:chess:me.os";

type Options = { readonly as?: string; readonly db?: string; readonly tx?: number };

describe.each(["on disk", "in memory"])("sqlite:distro:sys %s", (where) => {
  let folder = "";
  let node: DatabaseNode;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "jackfield-sqlite-"));
  });

  afterEach(async () => {
    await node.stop();
    rmSync(folder, { recursive: true });
  });

  async function opened(limits: Partial<SqliteLimits> = {}, now?: () => number): Promise<void> {
    const program = sqliteProcess({ folder: where === "on disk" ? folder : null, limits, ...(now && { now }) });
    node = new DatabaseNode(SQLITE, program);
    expect(await node.body("Open")).toBe("Ok");
  }

  /** With a table t of a number and a text. */
  async function filled(limits: Partial<SqliteLimits> = {}, now?: () => number): Promise<void> {
    await opened(limits, now);
    await write("CREATE TABLE t (id INTEGER PRIMARY KEY, a ANY)");
    for (const a of ["one", "two", "three"]) await write("INSERT INTO t (a) VALUES (?)", [a]);
  }

  /** @returns the rows, or the body where it is an error */
  async function query(sql: string, parameters?: unknown, { tx, ...options }: Options = {}): Promise<unknown> {
    const action = tx === undefined ? { Query: sql } : { Query: { statement: sql, tx_id: tx } };
    const blob = parameters === undefined ? {} : { blob: JSON.stringify(parameters) };
    const { body, blob: rows } = await node.act(action, { ...blob, ...options });
    if (rows === null) return body;
    expect(body).toBe("Read");
    return rows.json();
  }

  /** @returns what was done, or the body where it is an error */
  async function write(sql: string, parameters?: unknown, { tx, ...options }: Options = {}): Promise<unknown> {
    const action = { Write: { statement: sql, tx_id: tx ?? null } };
    const blob = parameters === undefined ? {} : { blob: JSON.stringify(parameters) };
    const { body, blob: done } = await node.act(action, { ...blob, ...options });
    return done === null ? body : done.json();
  }

  const all = (options: Options = {}): Promise<unknown> =>
    query("SELECT group_concat(a) AS a FROM t", [], options).then((rows) => (rows as { a: unknown }[])[0]?.a ?? rows);

  test("a table is made, filled, asked and changed", async () => {
    await filled();
    expect(await query("SELECT id, a FROM t WHERE id >= ? ORDER BY id DESC", [2])).toEqual([
      { id: 3, a: "three" },
      { id: 2, a: "two" },
    ]);
    expect(await query("SELECT a FROM t WHERE id = :id", { ":id": 1 })).toEqual([{ a: "one" }]);
    expect(await write("UPDATE t SET a = a || '!' WHERE id > 1")).toEqual({
      changes: 2,
      last_insert_rowid: 3,
      rows: [],
    });
    expect(await write("DELETE FROM t WHERE id = 9")).toMatchObject({ changes: 0 });
    expect(await write("CREATE INDEX i ON t (a)")).toMatchObject({ changes: 0 });
    expect(await write("INSERT INTO t (a) VALUES ('four') RETURNING id, a")).toEqual({
      changes: 1,
      last_insert_rowid: 4,
      rows: [{ id: 4, a: "four" }],
    });
    expect(await all()).toBe("one,two!,three!,four");
  });

  test("case 141: a text parameter stays text, also when it is valid base64", async () => {
    await filled();
    await write("DELETE FROM t");
    for (const a of ["test", "dGVzdA==", "", '{"$blob":"dGVzdA=="}']) await write("INSERT INTO t (a) VALUES (?)", [a]);
    expect(await query("SELECT a, typeof(a) AS type FROM t ORDER BY id")).toEqual([
      { a: "test", type: "text" },
      { a: "dGVzdA==", type: "text" },
      { a: "", type: "text" },
      { a: '{"$blob":"dGVzdA=="}', type: "text" },
    ]);
  });

  test.each<[unknown, string, unknown?]>([
    [null, "null"],
    [true, "integer", 1],
    [7, "integer"],
    [2 ** 53 - 1, "integer"],
    [1.5, "real"],
    [{ $int: "9007199254740993" }, "integer"],
    [{ $int: "-9223372036854775808" }, "integer"],
    [{ $int: "12" }, "integer", 12],
    [{ $blob: "AAECAw==" }, "blob"],
    [{ $blob: "" }, "blob"],
    [{ $float: "-Infinity" }, "real"],
    ["äöü 🎲 'quoted'", "text"],
  ])("the parameter %j is stored as %s, and comes back", async (value, type, back = value) => {
    await filled();
    await write("INSERT INTO t (id, a) VALUES (9, ?)", [value]);
    expect(await query("SELECT a, typeof(a) AS type FROM t WHERE id = 9")).toEqual([{ a: back, type }]);
  });

  const NONE_OF =
    'is none of null, true, false, number, text, {"$blob": base64}, {"$int": digits within 64 bits}, {"$float": "Infinity" or "-Infinity"}';
  test.each<[unknown, string]>([
    [[[1]], `number 1 ${NONE_OF}`],
    [[1, { $blob: "no base64!" }], `number 2 ${NONE_OF}`],
    [[{ $int: "9223372036854775808" }], `number 1 ${NONE_OF}`],
    [[{ $int: 5 }], `number 1 ${NONE_OF}`],
    [{ ":a": { b: 1 } }, `:a ${NONE_OF}`],
    [["a\0b"], 'number 1 is text with a zero character in it: send it as {"$blob": base64}'],
    [["\ud800"], "number 1 is text that is no Unicode"],
    ["text", "they are neither an array nor an object"],
  ])("the parameters %j are InvalidParameters", async (parameters, text) => {
    await filled();
    const refused = { Err: { InvalidParameters: text } };
    expect(await query("SELECT ?", parameters)).toEqual(refused);
    expect(await write("INSERT INTO t (a) VALUES (?)", parameters)).toEqual(refused);
    expect(await all()).toBe("one,two,three");
  });

  test("parameters that are no JSON, too many, or of no name are told", async () => {
    await filled();
    const { body } = await node.act({ Query: "SELECT 1" }, { blob: "[1" });
    expect(body).toEqual({ Err: { InvalidParameters: "they are no JSON: write an array, or an object by name" } });
    expect(await query("SELECT ?", [1, 2])).toEqual({ Err: { SqliteError: "column index out of range" } });
    expect(await query("SELECT :a", { ":b": 1 })).toEqual({ Err: { SqliteError: 'Unknown binding parameter: ":b"' } });
  });

  describe("a query", () => {
    test.each([
      "INSERT INTO t (a) VALUES (1)",
      "/* SELECT */ DELETE FROM t",
      "-- SELECT\nDROP TABLE t",
      "PRAGMA query_only = 0",
      "PRAGMA user_version = 5",
      "EXPLAIN PRAGMA query_only = 0",
      "EXPLAIN QUERY PLAN PRAGMA query_only = 0",
      "EXPLAIN EXPLAIN SELECT 1",
      "ATTACH '/tmp/jackfield-attached.db' AS other",
      "VACUUM INTO '/tmp/jackfield-vacuum.db'",
      "BEGIN",
      "COMMIT",
      "ROLLBACK",
      "SAVEPOINT s",
      "\uFEFFPRAGMA query_only = 0",
      ";;PRAGMA query_only = 0",
      "[SELECT] 1",
      "'SELECT'",
      "",
      "-- nothing",
    ])("%j is NotAReadKeyword", async (sql) => {
      await filled();
      expect(await query(sql)).toEqual({ Err: "NotAReadKeyword" });
      expect(await all()).toBe("one,two,three");
    });

    test.each([
      "WITH x AS (SELECT 1) INSERT INTO t (a) SELECT * FROM x",
      "WITH x AS (SELECT 1) DELETE FROM t",
      "WITH x AS (SELECT 1) UPDATE t SET a = 1 RETURNING a",
    ])("%j begins as a query and is refused by SQLite", async (sql) => {
      await filled();
      expect(await query(sql)).toEqual({ Err: { SqliteError: "attempt to write a readonly database" } });
      await write("INSERT INTO t (a) VALUES ('four')"); // afterwards it may write again
      expect(await query(sql)).toEqual({ Err: { SqliteError: "attempt to write a readonly database" } });
      expect(await all()).toBe("one,two,three,four");
    });

    test.each([
      ["pragma_database_list", "SELECT * FROM pragma_database_list"],
      ["PRAGMA_query_only", "SELECT * FROM PRAGMA_query_only"],
      ["pragma_database_list", "SELECT * FROM 'pragma_database_list'"],
      ["pragma_database_list", 'SELECT * FROM "pragma_database_list"'],
      ["pragma_database_list", "SELECT * FROM [pragma_database_list]"],
      ["pragma_database_list", "SELECT * FROM `pragma_database_list`"],
      ["pragma_database_list", "SELECT * FROM/**/\uFEFFpragma_database_list"],
      ["pragma_database_list", "SELECT * FROM main.pragma_database_list"],
      ["pragma_database_list", "SELECT (1.)FROM(pragma_database_list)"],
      ["pragma_database_list", "SELECT ?1FROM pragma_database_list"],
      ["__proto__", 'SELECT 1 AS "__proto__"'],
      ["pragma_optimize", "WITH x AS (SELECT * FROM pragma_optimize) SELECT * FROM x"],
    ])("of %s is Forbidden: %s", async (name, sql) => {
      await filled();
      expect(await query(sql)).toEqual({ Err: { Forbidden: name } });
      expect(await write(`CREATE VIEW v AS ${sql}`)).toEqual({ Err: { Forbidden: name } });
    });

    test.each([
      "CREATE TEMP TABLE x (a)",
      "create temporary view x AS SELECT 1",
      "/**/ CREATE TEMP TRIGGER x AFTER INSERT ON t BEGIN DELETE FROM t; END",
      "CREATE TABLE temp.x (a)",
      'CREATE TABLE IF NOT EXISTS "Temp" . x (a)',
      "CREATE UNIQUE INDEX [temp].x ON t (a)",
      "CREATE VIRTUAL TABLE `temp`.x USING fts5(a)",
      "CREATE VIEW 'temp'.x AS SELECT 1",
    ])("of what is the connection's, not the database's, is Forbidden: %s", async (sql) => {
      await filled();
      expect(await write(sql)).toEqual({ Err: { Forbidden: "TEMP" } });
    });

    test("of a table that is called temp is taken", async () => {
      await filled();
      await write("CREATE TABLE temp (a)");
      await write("CREATE VIEW v AS SELECT temp.a FROM temp");
      await write("INSERT INTO temp VALUES (5)");
      expect(await query("SELECT a FROM v")).toEqual([{ a: 5 }]);
    });

    test.each(["SELECT load_extension('x')", "SELECT sqlite_attach('x', 'y', '')", "SELECT readfile('/etc/passwd')"])(
      "%s: there is no such function",
      async (sql) => {
        await filled();
        expect(await query(sql)).toEqual({ Err: { SqliteError: expect.stringMatching(/^no such function: /) } });
      },
    );

    test("may ask what tables there are, how it would be run, and for the version of the tables", async () => {
      await filled();
      expect(await query("SELECT name FROM pragma_table_info('t')")).toEqual([{ name: "id" }, { name: "a" }]);
      expect(await query("EXPLAIN QUERY PLAN SELECT a FROM t")).toMatchObject([{ detail: "SCAN t" }]);
      expect(await query("EXPLAIN DELETE FROM t")).toEqual(
        expect.arrayContaining([expect.objectContaining({ addr: 0 })]),
      );
      expect(await write("PRAGMA user_version = 7")).toMatchObject({ changes: 0 });
      expect(await query("PRAGMA user_version")).toEqual([{ user_version: 7 }]);
      expect(await query("VALUES (1), (2)")).toEqual([{ column1: 1 }, { column1: 2 }]);
      expect(await query("SELECT 'pragma_x' || ';' AS [a;b] -- ; c\n ;;")).toEqual({ Err: { Forbidden: "pragma_x" } });
      expect(await query("SELECT ';' AS [a;b] -- ; c\n ;;")).toEqual([{ "a;b": ";" }]);
    });
  });

  test.each([
    "SELECT 1",
    "PRAGMA journal_mode = DELETE",
    "PRAGMA user_version = 1; DROP TABLE t",
    "PRAGMA user_version(5)",
    "PRAGMA writable_schema = 1",
    "EXPLAIN INSERT INTO t VALUES (1)",
    "ATTACH '/tmp/jackfield-attached.db' AS other",
    "DETACH other",
    "VACUUM",
    "VACUUM INTO '/tmp/jackfield-vacuum.db'",
    "BEGIN",
    "END",
    "RELEASE jackfield",
  ])("to write, %j is NotAWriteKeyword", async (sql) => {
    await filled();
    expect(await write(sql)).toEqual({ Err: "NotAWriteKeyword" });
    expect([existsSync("/tmp/jackfield-attached.db"), existsSync("/tmp/jackfield-vacuum.db")]).toEqual([false, false]);
  });

  test("one statement at a time: the second is not left out without a word; a trigger has its own", async () => {
    await filled();
    const trigger =
      "CREATE TRIGGER more AFTER INSERT ON t BEGIN UPDATE t SET a = CASE a WHEN 1 THEN 2 ELSE a END; DELETE FROM t WHERE id = 1; END";
    const two = { Err: "MoreThanOneStatement" };
    expect(await query("SELECT 1; DROP TABLE t")).toEqual(two);
    expect(await write("DELETE FROM t; DELETE FROM t")).toEqual(two);
    expect(await write(`${trigger}; DROP TABLE t`)).toEqual(two);
    expect(await write(`${trigger} ;`)).toMatchObject({ changes: 0 });
    await write("INSERT INTO t (a) VALUES (1)");
    expect(await all()).toBe("two,three,2");
    expect(await query("SELECT '\0'")).toEqual({ Err: { SqliteError: "a statement may not have a zero byte in it" } });
  });

  test("what SQLite refuses is told in its words, and nothing is done", async () => {
    await filled();
    expect(await query("SELECT b FROM t")).toEqual({ Err: { SqliteError: "no such column: b" } });
    expect(await write("INSERT INTO t (id, a) VALUES (4, 'four'), (1, 'again')")).toEqual({
      Err: { SqliteError: "UNIQUE constraint failed: t.id" },
    });
    expect(await all()).toBe("one,two,three");
  });

  test("a transaction sees what it has done; others wait, and see it when it is committed", async () => {
    await filled();
    expect(await node.body("BeginTx")).toEqual({ BeginTx: { tx_id: 1 } });
    await write("DELETE FROM t WHERE id > 1", [], { tx: 1 });
    expect(await all({ tx: 1 })).toBe("one");
    const seen: unknown[] = [];
    const others = Promise.all([all(), write("INSERT INTO t (a) VALUES ('four')"), all({ as: SIBLING })]);
    void others.then(() => seen.push("done"));
    await settle();
    expect(seen).toEqual([]);
    expect(await node.body({ Commit: { tx_id: 1 } })).toBe("Ok");
    expect(await others).toEqual(["one", expect.objectContaining({ changes: 1 }), "one,four"]);
    expect(await node.body({ Commit: { tx_id: 1 } })).toEqual({ Err: { NoTx: 1 } });
  });

  test("a transaction that is rolled back has done nothing, and is another's to nobody; two take turns", async () => {
    await filled();
    await node.act("BeginTx");
    const second = node.body("BeginTx", { as: SIBLING });
    await write("DELETE FROM t", [], { tx: 1 });
    for (const action of [{ Commit: { tx_id: 1 } }, { Rollback: { tx_id: 1 } }]) {
      expect(await node.body(action, { as: SIBLING })).toEqual({ Err: { NoTx: 1 } });
    }
    expect(await query("SELECT 1", [], { as: SIBLING, tx: 1 })).toEqual({ Err: { NoTx: 1 } });
    expect(await node.body({ Rollback: { tx_id: 1 } })).toBe("Ok");
    expect(await second).toEqual({ BeginTx: { tx_id: 2 } });
    await write("INSERT INTO t (a) VALUES ('four')", [], { tx: 2, as: SIBLING });
    expect(await node.body({ Commit: { tx_id: 2 } }, { as: SIBLING })).toBe("Ok");
    expect(await all()).toBe("one,two,three,four");
  });

  test("a transaction that SQLite ends itself, or cannot commit, is over", async () => {
    await filled();
    await node.act("BeginTx");
    await write("DELETE FROM t WHERE id = 2", [], { tx: 1 });
    const failed = await write("INSERT OR ROLLBACK INTO t (id) VALUES (1)", [], { tx: 1 });
    expect(failed).toEqual({ Err: { SqliteError: "UNIQUE constraint failed: t.id" } });
    expect(await write("DELETE FROM t", [], { tx: 1 })).toEqual({ Err: { NoTx: 1 } });
    expect(await all()).toBe("one,two,three");
    await write("CREATE TABLE child (of INTEGER REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED)");
    await node.act("BeginTx");
    await write("INSERT INTO child VALUES (99)", [], { tx: 2 });
    const foreign = { Err: { SqliteError: "FOREIGN KEY constraint failed" } };
    expect(await node.body({ Commit: { tx_id: 2 } })).toEqual(foreign);
    expect(await query("SELECT * FROM child")).toEqual([]);
    expect(await write("INSERT INTO child VALUES (99)")).toEqual(foreign);
  });

  test("a transaction left alone for 5 s, or open for a minute, is rolled back, and others go on", async () => {
    await filled();
    await node.act("BeginTx");
    await write("DELETE FROM t", [], { tx: 1 });
    await node.kernel.advance(2000);
    const waiting = all();
    await node.kernel.advance(3020);
    expect(await waiting).toBe("one,two,three");
    expect(await query("SELECT 1", [], { tx: 1 })).toEqual({ Err: { NoTx: 1 } });
    await node.act("BeginTx");
    for (let second = 0; second < 56; second += 4) {
      await node.kernel.advance(4000);
      expect(await query("SELECT 1 AS a", [], { tx: 2 })).toEqual([{ a: 1 }]);
    }
    await node.kernel.advance(4020);
    expect(await query("SELECT 1", [], { tx: 2 })).toEqual({ Err: { NoTx: 2 } });
  });

  test("who waits 4 s for another's transaction is told Busy; more than the limit do not wait", async () => {
    await filled({ waiting: 1 });
    await node.act("BeginTx");
    const waiting = all();
    await settle();
    expect(await all()).toEqual({ Err: "Overloaded" });
    await node.kernel.advance(3000);
    await query("SELECT 1", [], { tx: 1 });
    await node.kernel.advance(1020);
    expect(await waiting).toEqual({ Err: { Busy: { ms: 4000 } } });
  });

  test("rows, bytes and time of an answer have limits; a write whose RETURNING is too much is not done", async () => {
    let time = 0;
    await filled({ rows: 2, rowBytes: 60, statementMs: 100 }, () => time++);
    expect(await query("SELECT id FROM t LIMIT 2")).toEqual([{ id: 1 }, { id: 2 }]);
    expect(await query("SELECT id FROM t")).toEqual({ Err: { TooManyRows: { max: 2 } } });
    expect(await query("SELECT printf('%.60c', 'x') AS a")).toEqual({ Err: { TooMuchData: { max: 60 } } });
    const many = { Err: { TooManyRows: { max: 2 } } };
    expect(await write("UPDATE t SET a = 'changed' RETURNING id")).toEqual(many);
    await node.act("BeginTx");
    await write("INSERT INTO t (a) VALUES ('four')", [], { tx: 1 });
    expect(await write("DELETE FROM t RETURNING id", [], { tx: 1 })).toEqual(many);
    expect(await node.body({ Commit: { tx_id: 1 } })).toBe("Ok");
    expect(await all()).toBe("one,two,three,four");
  });

  test("a statement that goes on giving rows for too long is ended", async () => {
    let time = 0;
    await opened({ statementMs: 100 }, () => time++);
    const endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
    expect(await query(endless)).toEqual({ Err: { TookTooLong: { ms: 100 } } });
    expect(await query("SELECT 1 AS a")).toEqual([{ a: 1 }]);
  });

  test("a statement, its parameters, a database and its name have limits, told with their number", async () => {
    await filled({
      statementBytes: 100,
      parameterBytes: 20,
      nameLength: 5,
      databases: 2,
      databaseBytes: 40_000,
      memoryDatabaseBytes: 40_000,
    });
    const long = `SELECT ${"1".repeat(94)}`;
    expect(await query(long)).toEqual({ Err: { StatementTooLong: { bytes: 101, max: 100 } } });
    expect(await query("SELECT ?", ["x".repeat(17)])).toEqual({ Err: { ParametersTooLarge: { bytes: 21, max: 20 } } });
    expect(await node.body("Open", { db: "second" })).toEqual({ Err: { NameTooLong: { length: 6, max: 5 } } });
    expect(await node.body("Open", { db: "e" })).toBe("Ok");
    expect(await node.body("Open", { db: "f" })).toEqual({ Err: { TooManyDatabases: { max: 2 } } });
    expect(await node.body("Open", { db: "e" })).toBe("Ok");
    const full = { Err: { SqliteError: "database or disk is full" } };
    expect(await write("INSERT INTO t (a) VALUES (zeroblob(40000))")).toEqual(full);
    expect(await all()).toBe("one,two,three");
  });

  test("databases of other names and packages are others; RemoveDb takes one away and ends what waits there", async () => {
    await filled();
    for (const db of ["D", "d.", "../d", "a/b"]) expect(await node.body("Open", { db })).toBe("Ok");
    expect(await query("SELECT * FROM t", [], { db: "D" })).toEqual({ Err: { SqliteError: "no such table: t" } });
    await node.act("BeginTx");
    const waiting = all();
    await settle();
    const noDb = { Err: { NoDb: [CHESS, "d"] } };
    expect(await node.body("RemoveDb")).toBe("Ok");
    expect(await waiting).toEqual(noDb);
    expect(await all()).toEqual(noDb);
    expect(await node.body("RemoveDb")).toEqual(noDb);
    expect(await node.body({ Commit: { tx_id: 1 } })).toEqual(noDb);
    expect(await node.body("Open")).toBe("Ok");
    expect(await query("SELECT * FROM t")).toEqual({ Err: { SqliteError: "no such table: t" } });
    const files = where === "on disk" ? readdirSync(folder, { recursive: true }).map(String) : [];
    expect(files.filter((file) => file.endsWith(".db")).sort()).toEqual(
      where === "on disk"
        ? ["%2e%2e%2fd.db", "%44.db", "a%2fb.db", "d%2e.db", "d.db"].map((file) => join("me.os", "chess", file))
        : [],
    );
  });

  test("another package needs a capability for each kind, and never opens or removes", async () => {
    await filled();
    const as = OTHER;
    expect(await node.body("Open", { as })).toEqual({ Err: "MismatchingPackageId" });
    expect(await all({ as })).toEqual({ Err: "NoReadCap" });
    expect(await write("DELETE FROM t", [], { as })).toEqual({ Err: "NoWriteCap" });
    expect(await node.body("BeginTx", { as })).toEqual({ Err: "NoWriteCap" });
    node.grant(OTHER, READ);
    expect(await all({ as })).toBe("one,two,three");
    expect(await query("WITH x AS (SELECT 1) DELETE FROM t", [], { as })).toHaveProperty("Err.SqliteError");
    expect(await write("DELETE FROM t", [], { as })).toEqual({ Err: "NoWriteCap" });
    node.grant(OTHER, WRITE);
    expect(await write("DELETE FROM t WHERE id = 1", [], { as })).toMatchObject({ changes: 1 });
    expect(await node.body("RemoveDb", { as })).toEqual({ Err: "MismatchingPackageId" });
  });

  test("who may write only gets no rows by writing", async () => {
    await filled();
    node.grant(OTHER, WRITE);
    const as = OTHER;
    for (const sql of ["UPDATE t SET a = a RETURNING a", "WITH x AS (SELECT a FROM t) SELECT * FROM x"]) {
      expect(await write(sql, [], { as })).toEqual({ Err: "NoReadCap" });
    }
    expect(await write("UPDATE t SET a = 'new' WHERE id = 1", [], { as })).toMatchObject({ changes: 1, rows: [] });
    node.grant(OTHER, READ);
    expect(await write("DELETE FROM t WHERE id = 1 RETURNING a", [], { as })).toMatchObject({ rows: [{ a: "new" }] });
  });

  test("a deputy with every right, asked by a client that may only read, writes nothing for it", async () => {
    await filled();
    const deputy = defineProcess({
      async onRequest(_, message, ctx) {
        const db = await ctx.sqlite.open("d", { package: "chess:me.os", onBehalfOf: message });
        const told = await db.run("DELETE FROM t").then(
          () => "done",
          ({ kind }) => kind,
        );
        const seen = await db.query("SELECT count(*) AS n FROM t").then(
          () => "read",
          ({ kind }) => kind,
        );
        ctx.respond([told, seen]);
      },
    });
    node.add("deputy:chess:me.os", deputy, { public: true }); // of the owner's own package
    const client = node.host(OTHER);
    expect((await ask(client, "deputy:chess:me.os", 1)).body).toEqual(["NoWriteCap", "NoReadCap"]);
    const capabilities = [node.grant(OTHER, READ)];
    expect((await ask(client, "deputy:chess:me.os", 1, { capabilities })).body).toEqual(["NoWriteCap", "read"]);
    expect(await all()).toBe("one,two,three");
  });

  test.each([
    [null],
    [{ package_id: CHESS, db: "d", action: "Shout" }],
    [{ package_id: CHESS, db: "d", action: { Query: 5 } }],
    [{ package_id: CHESS, db: "d", action: { Write: "DELETE FROM t" } }],
    [{ package_id: CHESS, db: "d", action: { Write: { statement: "DELETE FROM t", tx_id: "1" } } }],
    [{ package_id: CHESS, db: "d", action: { Commit: {} } }],
  ])("%j is MalformedRequest", async (body) => {
    await opened();
    expect((await node.ask(OWNER, body)).body).toEqual({ Err: "MalformedRequest" });
  });

  test("after a crash of the process what was answered is there, and an open transaction is not", async () => {
    const program = sqliteProcess({ folder: where === "on disk" ? folder : null });
    node = new DatabaseNode(SQLITE, {
      start(host) {
        const instance = program.start(host);
        return {
          init: () => instance.init?.(),
          exit: () => instance.exit?.(),
          handle(message) {
            if (message.body === "crash") throw new Error("as asked");
            return instance.handle(message);
          },
        };
      },
    });
    await node.act("Open");
    await write("CREATE TABLE t (a)");
    await write("INSERT INTO t VALUES ('one')");
    await node.act("BeginTx");
    await write("INSERT INTO t VALUES ('two')", [], { tx: 1 });
    await expect(node.ask(OWNER, "crash")).rejects.toMatchObject({ kind: "Offline" });
    await node.kernel.advance(20); // it is restarted at once: at the next tick
    expect(await all()).toBe("one");
    await write("INSERT INTO t VALUES ('three')");
    expect(await all()).toBe("one,three");
  });
});
