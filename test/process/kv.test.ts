/** ctx.kv, as a process uses it on a node. */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type Context, defineProcess, KvError, type KvKey } from "../../lib/process/index.ts";
import { Blob } from "../../lib/protocol/index.ts";
import { kvProcess } from "../../processes/kv/kv.ts";
import { KV_LIMITS } from "../../processes/kv/limits.ts";
import { memoryStore } from "../../processes/kv/memory-store.ts";
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

describe("ctx.kv", () => {
  let node: DatabaseNode;

  beforeEach(() => {
    node = new DatabaseNode(
      "kv:distro:sys",
      kvProcess(async () => memoryStore(1_000_000), { ...KV_LIMITS, pageEntries: 3 }),
    );
    for (const id of ["worker:chess:me.os", "worker:other:me.os"]) node.add(id, worker, { public: true });
  });

  afterEach(() => node.stop());

  /** @returns what it comes to */
  async function run<Result>(doing: (ctx: Context) => Promise<Result>, as = "worker:chess:me.os"): Promise<Result> {
    let outcome: Promise<Result> | undefined;
    work.push((ctx) => {
      outcome = doing(ctx);
      return outcome.catch(() => undefined);
    });
    await ask(node.host("asker:asker:me.os"), as, "go");
    return await (outcome as Promise<Result>);
  }

  test("sets, gets and deletes values of any kind that MessagePack carries", async () => {
    const seen = await run(async (ctx) => {
      const db = await ctx.kv.open("d");
      const values = [null, "text", 1.5, [1, [2]], { a: Uint8Array.of(1) }, 2n ** 60n];
      for (const [at, value] of values.entries()) await db.set(`k${at}`, value);
      const got = [];
      for (const at of values.keys()) got.push(await db.get(`k${at}`));
      await db.delete("k0");
      return [...got, await db.get("k0"), await db.get("never")];
    });
    expect(seen).toEqual([null, "text", 1.5, [1, [2]], { a: Buffer.of(1) }, 2n ** 60n, undefined, undefined]);
  });

  test("entries() and keys() walk through all pages, in the order of keys", async () => {
    const seen = await run(async (ctx) => {
      const db = await ctx.kv.open<readonly [string, number], number>("d");
      for (const n of [10, 9, -1, 100, 2, 0.5, 33]) await db.set(["n", n], n);
      await db.set(["o", 1], 0);
      const all: unknown[][] = [];
      const walks = [
        { prefix: ["n"] },
        { prefix: ["n"], reverse: true, limit: 4 },
        { start: ["n", 2], end: ["n", 33] },
      ] as const;
      for (const range of walks) {
        const values: unknown[] = [];
        for await (const [key, value] of db.entries(range)) values.push(key[1] === value ? value : "wrong");
        all.push(values);
      }
      const keys: KvKey[] = [];
      for await (const key of db.keys({ limit: 2 })) keys.push(key);
      return [...all, keys];
    });
    expect(seen).toEqual([
      [-1, 0.5, 2, 9, 10, 33, 100],
      [100, 33, 10, 9],
      [2, 9, 10],
      [
        ["n", -1],
        ["n", 0.5],
      ],
    ]);
  });

  test("batch() does all or nothing, compareAndSet() says whether it did", async () => {
    const seen = await run(async (ctx) => {
      const db = await ctx.kv.open<string, { n: number }>("d");
      await db.batch().set("a", { n: 1 }).set("b", { n: 2 }).delete("never").commit();
      const conflict = await thrownBy(() => db.batch().check("a", { n: 9 }).delete("b").commit());
      const sets = [
        await db.compareAndSet("a", { n: 1 }, { n: 3 }),
        await db.compareAndSet("a", { n: 1 }, { n: 4 }),
        await db.compareAndSet("c", undefined, { n: 5 }),
        await db.compareAndSet("c", undefined, { n: 6 }),
      ];
      return [conflict, sets, await db.get("a"), await db.get("b"), await db.get("c")];
    });
    const text =
      'Cannot use database "chess:me.os/d" as kv:distro:sys says Conflict: what it rests on was changed meanwhile, do it again';
    expect(seen).toEqual([
      new KvError({ kind: "Conflict", facts: null }, "chess:me.os/d"),
      [true, false, true, false],
      { n: 3 },
      { n: 2 },
      { n: 5 },
    ]);
    expect(seen[0]).toMatchObject({ kind: "Conflict", code: "Conflict", message: text });
  });

  test("transaction() is run again when what it read was changed, and leaves nothing when it throws", async () => {
    const seen = await run(async (ctx) => {
      const db = await ctx.kv.open<string, number>("d");
      await db.set("count", 1);
      let runs = 0;
      const result = await db.transaction(async (tx) => {
        const count = (await tx.get("count")) ?? 0;
        if (++runs === 1) await db.set("count", 10); // somebody else
        await tx.set("count", count + 1);
        return `was ${count}`;
      });
      const thrown = await thrownBy(() =>
        db.transaction(async (tx) => {
          await tx.delete("count");
          throw new Error("changed my mind");
        }),
      );
      return [result, runs, await db.get("count"), String(thrown)];
    });
    expect(seen).toEqual(["was 10", 2, 11, "Error: changed my mind"]);
    expect(await node.body("BeginTx")).toEqual({ BeginTx: { tx_id: 4 } }); // 1, 2: run twice; 3: thrown
  });

  test("a transaction that meets a change ten times over gives up", async () => {
    const seen = await run(async (ctx) => {
      const db = await ctx.kv.open<string, number>("d");
      let runs = 0;
      const thrown = await thrownBy(() =>
        db.transaction(async (tx) => {
          await tx.get("count");
          await db.set("count", ++runs);
        }),
      );
      return [(thrown as KvError).kind, runs];
    });
    expect(seen).toEqual(["Conflict", 10]);
  });

  test("another package's database takes a capability; remove() takes it all away", async () => {
    await run(async (ctx) => (await ctx.kv.open("d")).set("a", 1));
    const read = node.capability({ kind: "read", db_key: [{ package_name: "chess", publisher_node: "me.os" }, "d"] });
    const foreign = (ctx: Context): Promise<unknown> =>
      ctx.kv.open("d", { package: "chess:me.os" }).then((db) => db.get("a"));
    expect(await thrownBy(() => run(foreign, "worker:other:me.os"))).toMatchObject({ kind: "NoReadCap" });
    node.grant("worker:other:me.os", {
      kind: "read",
      db_key: [{ package_name: "chess", publisher_node: "me.os" }, "d"],
    });
    expect(await run(foreign, "worker:other:me.os")).toBe(1);
    expect(read.issuer).toBe("alice.os@kv:distro:sys");
    await run((ctx) => ctx.kv.remove("d"));
    await run((ctx) => ctx.kv.remove("d")); // there is none: nothing to do
    expect(await thrownBy(() => run(foreign, "worker:other:me.os"))).toMatchObject({
      kind: "NoDb",
      facts: [{ package_name: "chess", publisher_node: "me.os" }, "d"],
    });
  });

  test("openRaw() reads and writes bytes, e.g. of a program of another language", async () => {
    await node.act("Open");
    await node.act({ Set: { key: [1, 2], tx_id: null } }, { blob: "theirs" });
    const seen = await run(async (ctx) => {
      const db = await ctx.kv.openRaw("d");
      await db.set(Uint8Array.of(1, 3), Blob.of("ours").bytes());
      const keys: Uint8Array[] = [];
      for await (const key of db.keys({ prefix: Uint8Array.of(1) })) keys.push(key);
      const wrong = await thrownBy(() => db.keys({ prefix: "1" }).next());
      return [keys, await db.get(Uint8Array.of(1, 2)), String(wrong)];
    });
    expect(seen).toEqual([
      [Uint8Array.of(1, 2), Uint8Array.of(1, 3)],
      new Uint8Array(Buffer.from("theirs")),
      "OptionError: Cannot use a prefix of type string as this database was opened raw: give bytes",
    ]);
    expect((await node.act({ Get: [1, 3] })).blob?.text()).toBe("ours");
  });

  test("undefined is refused as a value, what was not asked for in the manifest as a whole", async () => {
    const thrown = await run(async (ctx) => thrownBy(async () => (await ctx.kv.open("d")).set("a", undefined)));
    const text = "Cannot set a key to undefined as that is what a missing key has: delete() it";
    expect(thrown).toMatchObject({ code: "invalid_option", message: text });
    node.kernel.add("worker:third:me.os", worker, { public: true });
    expect(await thrownBy(() => run((ctx) => ctx.kv.open("d"), "worker:third:me.os"))).toMatchObject({
      kind: "Denied",
    });
  });
});
