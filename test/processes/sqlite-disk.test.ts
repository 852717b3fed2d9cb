/** What sqlite:distro:sys keeps on disk: it outlives the node, and a node that was killed in the middle of anything. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { SqliteDatabase } from "../../processes/sqlite/database.ts";
import { SQLITE_LIMITS } from "../../processes/sqlite/limits.ts";
import { sqliteProcess } from "../../processes/sqlite/sqlite.ts";
import { DatabaseNode } from "../support/databases.ts";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "jackfield-sqlite-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

const open = (file: string): SqliteDatabase => new SqliteDatabase(file, SQLITE_LIMITS, () => 0);
const write = (statement: string): unknown => ({ Write: { statement, tx_id: null } });

describe("sqlite:distro:sys on disk", () => {
  test("has its databases again after the node was stopped and started; stopped, each is one file", async () => {
    const first = new DatabaseNode("sqlite:distro:sys", sqliteProcess({ folder }));
    await first.act("Open");
    await first.act(write("CREATE TABLE t (a)"));
    await first.act(write("INSERT INTO t VALUES ('kept')"));
    await first.stop();
    expect(readdirSync(join(folder, "me.os/chess"))).toEqual(["d.db"]);
    expect([...readFileSync(join(folder, "me.os/chess/d.db")).subarray(18, 20)]).toEqual([2, 2]); // in WAL mode: ADR 0022
    const second = new DatabaseNode("sqlite:distro:sys", sqliteProcess({ folder }));
    expect((await second.act({ Query: "SELECT a FROM t" })).blob?.json()).toEqual([{ a: "kept" }]);
    await second.stop();
  });

  test("closes the database used longest ago when more are used than may be open, and none in a transaction", async () => {
    const limits = { openDatabases: 2 };
    const node = new DatabaseNode("sqlite:distro:sys", sqliteProcess({ folder, limits }));
    const lock = (db: string): boolean => existsSync(join(folder, `me.os/chess/${db}.db.lock`)); // there while it is open
    for (const db of ["a", "b", "c"]) {
      await node.act("Open", { db });
      await node.act(write("CREATE TABLE t (a)"), { db });
    }
    expect([lock("a"), lock("b"), lock("c")]).toEqual([false, true, true]);
    await node.act("BeginTx", { db: "b" });
    await node.act(write("INSERT INTO t VALUES (1)"), { db: "a" });
    expect([lock("a"), lock("b"), lock("c")]).toEqual([true, true, false]);
    await node.act("BeginTx", { db: "a" });
    expect(await node.body(write("INSERT INTO t VALUES (1)"), { db: "c" })).toEqual({ Err: "Overloaded" });
    expect(await node.body({ Commit: { tx_id: 1 } }, { db: "b" })).toBe("Ok");
    expect(await node.body(write("INSERT INTO t VALUES (1)"), { db: "c" })).toBe("Ok");
    await node.stop();
  });

  test("tells of a file that is no database, and of what was left unfinished takes none for one", async () => {
    const chess = join(folder, "me.os/chess");
    mkdirSync(chess, { recursive: true });
    writeFileSync(join(chess, "d.db"), "this is no database at all, but long enough to be looked at as one".repeat(20));
    writeFileSync(join(chess, "e.db.new"), "half of one");
    const node = new DatabaseNode("sqlite:distro:sys", sqliteProcess({ folder }));
    expect(await node.body("Open")).toBe("Ok"); // there is one of that name
    expect(await node.body({ Query: "SELECT 1" })).toEqual({ Err: { IOError: "file is not a database" } });
    expect(await node.body({ Query: "SELECT 1" }, { db: "e" })).toHaveProperty("Err.NoDb");
    expect(await node.body("Open", { db: "e" })).toBe("Ok");
    expect(await node.body(write("CREATE TABLE t (a)"), { db: "e" })).toBe("Ok");
    await node.stop();
  });

  test("loses nothing that was answered, and tears no transaction, when it is killed at any moment", async () => {
    const kills = 8;
    const file = join(folder, "d.db");
    const acknowledged = join(folder, "acknowledged");
    const script = join(folder, "writer.mjs");
    const driver = resolve(import.meta.dirname, "../../node_modules/node-sqlite3-wasm/dist/node-sqlite3-wasm.js");
    open(file).close();
    // database.ts's own calls in the same order: a child of a test runs JavaScript only. A small cache, so that SQLite
    // writes in the middle of a transaction too.
    writeFileSync(
      script,
      `import sqlite from ${JSON.stringify(driver)}; import { appendFileSync, rmSync } from "node:fs";
rmSync(${JSON.stringify(file)} + ".lock", { recursive: true, force: true });
const db = new sqlite.Database(${JSON.stringify(file)});
db.exec("PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=10");
db.exec("CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, batch, filling)");
let at = db.get("SELECT coalesce(max(batch), 0) AS m FROM t").m;
for (;;) {
  at++;
  db.exec("BEGIN IMMEDIATE");
  for (let n = 0; n < 30; n++) db.run("INSERT INTO t (batch, filling) VALUES (?, randomblob(2000))", [at]);
  db.exec("DELETE FROM t WHERE batch < " + (at - 5));
  db.exec("COMMIT");
  appendFileSync(${JSON.stringify(acknowledged)}, at + "\\n");
}`,
    );
    for (let kill = 0; kill < kills; kill++) {
      const before = countOf(acknowledged);
      const child = spawn(process.execPath, [script], { stdio: "ignore" });
      const gone = new Promise((done) => child.on("exit", done));
      while (countOf(acknowledged) < before + 3) await new Promise((done) => setTimeout(done, 1 + Math.random() * 9));
      child.kill("SIGKILL");
      await gone;
      const database = open(file);
      const ask = (sql: string): unknown => JSON.parse(database.query(sql, []));
      expect(ask("SELECT * FROM pragma_integrity_check")).toEqual([{ integrity_check: "ok" }]);
      expect(ask("SELECT batch FROM t GROUP BY batch HAVING count(*) <> 30")).toEqual([]);
      const [{ last }] = ask("SELECT max(batch) AS last FROM t") as [{ last: number }];
      expect(last).toBeGreaterThanOrEqual(countOf(acknowledged));
      database.close();
    }
  });
});

function countOf(file: string): number {
  return existsSync(file) ? Number(readFileSync(file, "utf8").trim().split("\n").at(-1)) : 0;
}
