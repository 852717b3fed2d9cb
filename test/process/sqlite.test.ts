/** ctx.sqlite, as a process uses it on a node. */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type Context, defineProcess, type SqlValue } from "../../lib/process/index.ts";
import { sqliteProcess } from "../../processes/sqlite/sqlite.ts";
import { DatabaseNode } from "../support/databases.ts";
import { ask, thrownBy } from "../support/kernel.ts";

type Work = (ctx: Context) => Promise<unknown>;

/** Does what it is handed by the test. */
const work: Work[] = [];
const worker = defineProcess({
  async onRequest(_, __, ctx) {
    await (work.shift() as Work)(ctx as Context);
    ctx.respond("done");
  },
});

describe("ctx.sqlite", () => {
  let node: DatabaseNode;

  beforeEach(() => {
    node = new DatabaseNode("sqlite:distro:sys", sqliteProcess({ folder: null }));
    for (const id of ["worker:chess:me.os", "worker:other:me.os"]) node.add(id, worker, { public: true });
  });

  afterEach(() => node.stop());

  async function run<Result>(doing: (ctx: Context) => Promise<Result>, as = "worker:chess:me.os"): Promise<Result> {
    let outcome: Promise<Result> | undefined;
    work.push((ctx) => {
      outcome = doing(ctx);
      return outcome.catch(() => undefined);
    });
    await ask(node.host("asker:asker:me.os"), as, "go");
    return await (outcome as Promise<Result>);
  }

  test("values come back as they went in: text as text, bytes as bytes, large integers as bigint", async () => {
    const values: readonly SqlValue[] = [
      null,
      "text",
      "dGVzdA==",
      5,
      1.5,
      2n ** 60n,
      2n ** 53n,
      -7n,
      new Uint8Array(70_000).fill(9),
      Infinity,
      true,
    ];
    const seen = await run(async (ctx) => {
      const db = await ctx.sqlite.open("d");
      await db.run("CREATE TABLE t (a ANY)");
      for (const value of values) await db.run("INSERT INTO t VALUES (?)", [value]);
      return (await db.query<{ a: unknown }>("SELECT a FROM t ORDER BY rowid")).map(({ a }) => a);
    });
    expect(seen).toEqual([
      null,
      "text",
      "dGVzdA==",
      5,
      1.5,
      2n ** 60n,
      2n ** 53n,
      -7,
      new Uint8Array(70_000).fill(9),
      Infinity,
      1,
    ]);
  });

  test("a column may have any name, also one that marks values", async () => {
    const seen = await run(async (ctx) => {
      const db = await ctx.sqlite.open("d");
      return await db.query(`SELECT '5' AS "$int", x'01' AS "$blob"`);
    });
    expect(seen.map((row) => Object.entries(row))).toEqual([
      [
        ["$int", "5"],

        ["$blob", Uint8Array.of(1)],
      ],
    ]);
  });

  test("run() tells what it did; query() takes parameters by name", async () => {
    const seen = await run(async (ctx) => {
      const db = await ctx.sqlite.open("d");
      await db.run("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)");
      const done = await db.run<{ a: string }>("INSERT INTO t (a) VALUES (?), (?) RETURNING a", ["x", "y"]);
      return [done, await db.query("SELECT id FROM t WHERE a = :a", { ":a": "y" }), await db.run("DELETE FROM t")];
    });
    expect(seen).toEqual([
      { changes: 2, lastInsertRowid: 2, rows: [{ a: "x" }, { a: "y" }] },
      [{ id: 2 }],
      { changes: 2, lastInsertRowid: 2, rows: [] },
    ]);
  });

  test("transaction() commits what its function did, and nothing when that throws", async () => {
    const seen = await run(async (ctx) => {
      const db = await ctx.sqlite.open("d");
      await db.run("CREATE TABLE t (a)");
      const count = await db.transaction(async (tx) => {
        await tx.run("INSERT INTO t VALUES (1)");
        return (await tx.query("SELECT a FROM t")).length;
      });
      const thrown = await thrownBy(() =>
        db.transaction(async (tx) => {
          await tx.run("INSERT INTO t VALUES (2)");
          throw new Error("changed my mind");
        }),
      );
      return [count, String(thrown), await db.query("SELECT a FROM t")];
    });
    expect(seen).toEqual([1, "Error: changed my mind", [{ a: 1 }]]);
  });

  test.each<[string, string, (ctx: Context) => Promise<unknown>]>([
    [
      "SqliteError",
      'Cannot use database "chess:me.os/d" as sqlite:distro:sys says SqliteError no such table: t',
      async (ctx) => (await ctx.sqlite.open("d")).query("SELECT a FROM t"),
    ],
    [
      "NotAReadKeyword",
      'Cannot use database "chess:me.os/d" as sqlite:distro:sys says NotAReadKeyword: query() takes SELECT, VALUES, WITH and EXPLAIN, run() what writes',
      async (ctx) => (await ctx.sqlite.open("d")).query("DELETE FROM t"),
    ],
    [
      "NoReadCap",
      'Cannot use database "other:me.os/d" as sqlite:distro:sys says NoReadCap: it takes a capability of kind "read" for this database',
      async (ctx) => (await ctx.sqlite.open("d", { package: "other:me.os" })).query("SELECT 1"),
    ],
  ])("%s: %s", async (_, message, doing) => {
    expect(await thrownBy(() => run(doing))).toMatchObject({ name: "SqliteError", message });
  });

  test.each<[unknown, string]>([
    [Number.NaN, "NaN"],
    [undefined, "undefined"],
    [{ a: 1 }, "object"],
  ])("the parameter %p is refused before it is sent", async (value, got) => {
    const thrown = await run((ctx) =>
      thrownBy(async () => (await ctx.sqlite.open("d")).query("SELECT ?", [value as SqlValue])),
    );
    const message = `Cannot use parameter 1 as it must be null, text, a number, a bigint, true, false or bytes: got ${got}, write objects as JSON text`;
    expect(thrown).toMatchObject({ code: "invalid_option", message });
  });

  test("another package's database takes a capability; remove() takes it all away", async () => {
    await run(async (ctx) => (await ctx.sqlite.open("d")).run("CREATE TABLE t (a)"));
    const foreign = (ctx: Context): Promise<unknown> =>
      ctx.sqlite.open("d", { package: "chess:me.os" }).then((db) => db.query("SELECT a FROM t"));
    expect(await thrownBy(() => run(foreign, "worker:other:me.os"))).toMatchObject({ kind: "NoReadCap" });
    node.grant("worker:other:me.os", {
      kind: "read",
      db_key: [{ package_name: "chess", publisher_node: "me.os" }, "d"],
    });
    expect(await run(foreign, "worker:other:me.os")).toEqual([]);
    await run((ctx) => ctx.sqlite.remove("d"));
    await run((ctx) => ctx.sqlite.remove("d")); // there is none: nothing to do
    expect(await thrownBy(() => run(foreign, "worker:other:me.os"))).toMatchObject({ kind: "NoDb" });
  });
});
