/** kv:distro:sys over the bus, on disk and in memory alike (contract kinode §6; §10 cases 137 to 140). */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { defineProcess } from "../../lib/process/index.ts";
import { packMessage, unpackMessage } from "../../lib/protocol/index.ts";
import { diskStore } from "../../processes/kv/disk-store.ts";
import { kvProcess } from "../../processes/kv/kv.ts";
import { KV_LIMITS, type KvLimits } from "../../processes/kv/limits.ts";
import { memoryStore } from "../../processes/kv/memory-store.ts";
import { CHESS, DatabaseNode, OTHER, OWNER } from "../support/databases.ts";
import { ask, Gate, settle, tell } from "../support/kernel.ts";

const KV = "kv:distro:sys";
const READ = { kind: "read", db_key: [CHESS, "d"] };
const WRITE = { kind: "write", db_key: [CHESS, "d"] };

type Range = Readonly<Record<string, unknown>>;
type Pair = readonly [Uint8Array, Uint8Array | null];

const key = (text: string): readonly number[] => [...Buffer.from(text)];
const set = (name: string, txId: number | null = null): unknown => ({ Set: { key: key(name), tx_id: txId } });
const remove = (name: string): unknown => ({ Delete: { key: key(name), tx_id: null } });
const get = (name: string): unknown => ({ Get: key(name) });
const pair = (name: string, value: string | null): Pair => [
  Buffer.from(name),
  value === null ? null : Buffer.from(value),
];

describe.each(["on disk", "in memory"])("kv:distro:sys %s", (where) => {
  let folder = "";
  const nodes: DatabaseNode[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "jackfield-kv-"));
  });

  afterEach(async () => {
    for (const node of nodes.splice(0)) await node.stop();
    rmSync(folder, { recursive: true });
  });

  function start(limits: Partial<KvLimits> = {}): DatabaseNode {
    const all = { ...KV_LIMITS, ...limits };
    const store = where === "on disk" ? () => diskStore(folder) : async () => memoryStore(all.memoryBytes);
    const node = new DatabaseNode(KV, kvProcess(store, all));
    nodes.push(node);
    return node;
  }

  async function opened(limits: Partial<KvLimits> = {}): Promise<DatabaseNode> {
    const node = start(limits);
    expect(await node.body("Open")).toBe("Ok");
    return node;
  }

  async function textAt(node: DatabaseNode, name: string, as = OWNER): Promise<unknown> {
    const { body, blob } = await node.act(get(name), { as });
    return blob === null ? body : blob.text();
  }

  /** The texts of keys and values, and the cursor. */
  async function page(node: DatabaseNode, range: Range): Promise<readonly [unknown, unknown]> {
    const { body, blob } = await node.act({ Iterate: range });
    const entries = unpackMessage(blob?.bytes() ?? Buffer.of(0x90)) as readonly (Buffer | readonly Buffer[])[];
    const { cursor } = (body as { Iterate: { cursor: readonly number[] | null } }).Iterate;
    return [
      entries.map((entry) => (Array.isArray(entry) ? entry.join("=") : String(entry))),
      cursor && Buffer.from(cursor).toString(),
    ];
  }

  async function filled(limits: Partial<KvLimits> = {}): Promise<DatabaseNode> {
    const node = await opened(limits);
    for (const name of ["b", "a", "c1", "c2", "d"]) await node.act(set(name), { blob: name.toUpperCase() });
    return node;
  }

  test("case 137: Open, Set and Get give back what was set", async () => {
    const node = await opened();
    expect(await node.body({ Set: { key: [1], tx_id: null } }, { blob: "one" })).toBe("Ok");
    const { body, blob } = await node.act({ Get: [1] });
    expect(body).toEqual({ Get: [1] });
    expect(blob?.text()).toBe("one");
  });

  test("case 138: Get of a missing key is KeyNotFound, also of one that was deleted", async () => {
    const node = await opened();
    expect(await node.body({ Get: [1] })).toEqual({ Err: "KeyNotFound" });
    await node.act(set("a"), { blob: "1" });
    expect(await node.body(remove("a"))).toBe("Ok");
    expect(await node.body(get("a"))).toEqual({ Err: "KeyNotFound" });
    expect(await node.body(remove("a"))).toBe("Ok");
  });

  test("case 139: another package gets MismatchingPackageId on Open, NoReadCap on Get, NoWriteCap on Set", async () => {
    const node = await filled();
    expect(await node.body("Open", { as: OTHER })).toEqual({ Err: "MismatchingPackageId" });
    expect(await node.body("RemoveDb", { as: OTHER })).toEqual({ Err: "MismatchingPackageId" });
    expect(await node.body(get("a"), { as: OTHER })).toEqual({ Err: "NoReadCap" });
    expect(await node.body({ Iterate: {} }, { as: OTHER })).toEqual({ Err: "NoReadCap" });
    for (const action of [set("a"), remove("a"), "Batch", "BeginTx", { Commit: { tx_id: 1 } }]) {
      expect(await node.body(action, { as: OTHER, blob: "x" })).toEqual({ Err: "NoWriteCap" });
    }
    expect(await textAt(node, "a")).toBe("A");
  });

  test("case 140: what a transaction sets is seen by others when it is committed, and not before", async () => {
    const node = await opened();
    expect(await node.body("BeginTx")).toEqual({ BeginTx: { tx_id: 1 } });
    await node.act(set("a", 1), { blob: "1" });
    await node.act(set("b", 1), { blob: "2" });
    expect(await node.body(get("a"))).toEqual({ Err: "KeyNotFound" });
    expect((await node.act({ Get: { key: key("a"), tx_id: 1 } })).blob?.text()).toBe("1");
    expect(await node.body({ Commit: { tx_id: 1 } })).toBe("Ok");
    expect([await textAt(node, "a"), await textAt(node, "b")]).toEqual(["1", "2"]);
    expect(await node.body({ Commit: { tx_id: 1 } })).toEqual({ Err: { NoTx: 1 } });
  });

  test("a transaction that is rolled back has done nothing, and is another's to nobody", async () => {
    const node = await opened();
    await node.act("BeginTx");
    await node.act(set("a", 1), { blob: "1" });
    const [sibling] = ["second:chess:me.os"];
    expect(await node.body({ Commit: { tx_id: 1 } }, { as: sibling })).toEqual({ Err: { NoTx: 1 } });
    expect(await node.body({ Rollback: { tx_id: 1 } })).toBe("Ok");
    expect(await node.body(get("a"))).toEqual({ Err: "KeyNotFound" });
    expect(await node.body(set("a", 1), { blob: "1" })).toEqual({ Err: { NoTx: 1 } });
  });

  test("a transaction whose reads were changed meanwhile is a Conflict, and does nothing", async () => {
    const node = await filled();
    await node.act("BeginTx");
    await node.act({ Get: { key: key("a"), tx_id: 1 } });
    await node.act({ Get: { key: key("missing"), tx_id: 1 } });
    await node.act(set("b", 1), { blob: "changed" });
    await node.act(set("missing"), { blob: "there now" });
    expect(await node.body({ Commit: { tx_id: 1 } })).toEqual({ Err: "Conflict" });
    expect(await textAt(node, "b")).toBe("B");
    await node.act("BeginTx");
    await node.act({ Get: { key: key("a"), tx_id: 2 } });
    await node.act(set("c1"), { blob: "not read by it" });
    expect(await node.body({ Commit: { tx_id: 2 } })).toBe("Ok");
  });

  test("a transaction left alone for 30 s is over; one in use is not", async () => {
    const node = await opened();
    await node.act("BeginTx");
    await node.kernel.advance(29_990);
    await node.act(set("a", 1), { blob: "1" });
    await node.kernel.advance(29_990);
    expect(await node.body(set("a", 1), { blob: "2" })).toBe("Ok");
    await node.kernel.advance(30_010);
    expect(await node.body({ Commit: { tx_id: 1 } })).toEqual({ Err: { NoTx: 1 } });
  });

  test("databases of one name, of two packages, and of two names, share nothing", async () => {
    const node = await filled();
    const other = (action: unknown, blob?: string): Promise<unknown> =>
      node
        .ask(
          OTHER,
          { package_id: { package_name: "other", publisher_node: "me.os" }, db: "d", action },
          blob === undefined ? {} : { blob },
        )
        .then(({ body }) => body);
    expect(await other("Open")).toBe("Ok");
    expect(await other(get("a"))).toEqual({ Err: "KeyNotFound" });
    await other(set("z"), "theirs");
    await node.act("Open", { db: "e" });
    expect(await node.body(get("a"), { db: "e" })).toEqual({ Err: "KeyNotFound" });
    expect((await page(node, {}))[0]).toEqual(["a=A", "b=B", "c1=C1", "c2=C2", "d=D"]);
  });

  test("a database that was not opened is NoDb, before Open and after RemoveDb; opened again it is empty", async () => {
    const node = start();
    const noDb = { Err: { NoDb: [CHESS, "d"] } };
    expect(await node.body(get("a"))).toEqual(noDb);
    await node.act("Open");
    await node.act(set("a"), { blob: "1" });
    await node.act("BeginTx");
    expect(await node.body("RemoveDb")).toBe("Ok");
    expect(await node.body(get("a"))).toEqual(noDb);
    expect(await node.body("RemoveDb")).toEqual(noDb);
    await node.act("Open");
    expect(await node.body(get("a"))).toEqual({ Err: "KeyNotFound" });
    expect(await node.body({ Commit: { tx_id: 1 } })).toEqual({ Err: { NoTx: 1 } });
  });

  test("what is asked without waiting is done in the order asked", async () => {
    const node = await opened();
    const answers = await Promise.all([
      node.act(set("a"), { blob: "1" }),
      node.act(get("a")),
      node.act(set("a"), { blob: "2" }),
      node.act(get("a")),
      node.act(remove("a")),
      node.act(get("a")),
      node.act("RemoveDb"),
      node.act("Open"),
      node.act(get("a")),
    ]);
    expect(answers.map(({ body, blob }) => blob?.text() ?? body)).toEqual([
      "Ok",
      "1",
      "Ok",
      "2",
      "Ok",
      { Err: "KeyNotFound" },
      "Ok",
      "Ok",
      { Err: "KeyNotFound" },
    ]);
  });

  test("Iterate goes through keys in their order, by start, end, prefix, reverse and limit", async () => {
    const node = await filled();
    expect(await page(node, {})).toEqual([["a=A", "b=B", "c1=C1", "c2=C2", "d=D"], null]);
    expect(await page(node, { reverse: true })).toEqual([["d=D", "c2=C2", "c1=C1", "b=B", "a=A"], null]);
    expect(await page(node, { start: key("b"), end: key("c2") })).toEqual([["b=B", "c1=C1"], null]);
    expect(await page(node, { start: key("b"), end: key("c2"), reverse: true })).toEqual([["c1=C1", "b=B"], null]);
    expect(await page(node, { prefix: key("c") })).toEqual([["c1=C1", "c2=C2"], null]);
    expect(await page(node, { prefix: key("c"), start: key("c2"), keys_only: true })).toEqual([["c2"], null]);
    expect(await page(node, { prefix: [255] })).toEqual([[], null]);
    expect(await page(node, { start: key("d"), end: key("a") })).toEqual([[], null]);
    expect(await page(node, { limit: 2 })).toEqual([["a=A", "b=B"], "b"]);
    expect(await page(node, { limit: 2, after: key("b") })).toEqual([["c1=C1", "c2=C2"], "c2"]);
    expect(await page(node, { limit: 2, reverse: true })).toEqual([["d=D", "c2=C2"], "c2"]);
    expect(await page(node, { limit: 9, reverse: true, after: key("c2") })).toEqual([["c1=C1", "b=B", "a=A"], null]);
  });

  test("a page ends at its bytes, and an entry larger than that comes alone", async () => {
    const node = await opened({ pageBytes: 10 });
    for (const [name, value] of [
      ["a", "12345"],
      ["b", "123"],
      ["c", "a value of more than ten bytes"],
      ["d", "4"],
    ] as const)
      await node.act(set(name), { blob: value });
    expect(await page(node, {})).toEqual([["a=12345", "b=123"], "b"]);
    expect(await page(node, { after: key("b") })).toEqual([["c=a value of more than ten bytes"], "c"]);
    expect(await page(node, { after: key("c") })).toEqual([["d=4"], null]);
  });

  test("Batch does all, or nothing where a check does not hold", async () => {
    const node = await filled();
    const batch = (operations: readonly Pair[], checks: readonly Pair[] = []): Promise<unknown> =>
      node.body("Batch", { blob: packMessage({ operations, checks }) });
    expect(await batch([pair("a", null), pair("e", "E"), pair("e", "later")])).toBe("Ok");
    expect((await page(node, {}))[0]).toEqual(["b=B", "c1=C1", "c2=C2", "d=D", "e=later"]);
    expect(await batch([pair("b", "x")], [pair("c1", "C1"), pair("d", "other")])).toEqual({ Err: "Conflict" });
    expect(await batch([pair("b", "x")], [pair("e", null)])).toEqual({ Err: "Conflict" });
    expect(await textAt(node, "b")).toBe("B");
    expect(await batch([pair("b", "x")], [pair("c1", "C1"), pair("none", null)])).toBe("Ok");
    expect(await textAt(node, "b")).toBe("x");
  });

  test("a capability of one kind for one database lets another package do just that", async () => {
    const node = await filled();
    await node.act("Open", { db: "e" });
    node.grant(OTHER, READ);
    expect(await textAt(node, "a", OTHER)).toBe("A");
    expect(await node.body(set("a"), { as: OTHER, blob: "x" })).toEqual({ Err: "NoWriteCap" });
    expect(await node.body(get("a"), { as: OTHER, db: "e" })).toEqual({ Err: "NoReadCap" });
    node.grant(OTHER, WRITE);
    expect(await node.body(set("a"), { as: OTHER, blob: "x" })).toBe("Ok");
    expect(await node.body("RemoveDb", { as: OTHER })).toEqual({ Err: "MismatchingPackageId" });
  });

  test("who may write only learns nothing by checks", async () => {
    const node = await filled();
    node.grant(OTHER, WRITE);
    const batch = (checks: readonly Pair[]): Promise<unknown> =>
      node.body("Batch", { as: OTHER, blob: packMessage({ operations: [pair("b", "x")], checks }) });
    expect(await batch([pair("a", "A")])).toEqual({ Err: "NoReadCap" });
    expect(await batch([pair("a", "other")])).toEqual({ Err: "NoReadCap" });
    expect(await batch([])).toBe("Ok");
    node.grant(OTHER, READ);
    expect(await batch([pair("a", "other")])).toEqual({ Err: "Conflict" });
    expect(await batch([pair("a", "A")])).toBe("Ok");
  });

  test("what is attached counts alone: an owner who attaches a narrow capability has no more than that", async () => {
    const node = await filled();
    const read = node.grant(OWNER, READ);
    const capabilities = [read];
    expect(await node.body(get("a"), { capabilities })).toEqual({ Get: key("a") });
    expect(await node.body(set("a"), { capabilities, blob: "x" })).toEqual({ Err: "NoWriteCap" });
    expect(await node.body("Open", { capabilities })).toEqual({ Err: "MismatchingPackageId" });
  });

  test("a deputy with every right, asked by a client that may only read, writes nothing for it", async () => {
    const node = await filled();
    const deputy = defineProcess({
      async onRequest(_, message, ctx) {
        const db = await ctx.kv.open<string, string>("d", { package: "chess:me.os", onBehalfOf: message });
        const told = await db.set("a", "overwritten").then(() => "done", String);
        const seen = await db.get("a").then(() => "read", String);
        ctx.respond([told, seen]);
      },
    });
    node.add("deputy:chess:me.os", deputy, { public: true }); // of the owner's own package
    const client = node.host(OTHER);
    const noWrite = `KvError: Cannot use database "chess:me.os/d" as kv:distro:sys says NoWriteCap: it takes a capability of kind "write" for this database`;
    const noRead = noWrite.replace("NoWriteCap", "NoReadCap").replace('"write"', '"read"');
    expect((await ask(client, "deputy:chess:me.os", 1)).body).toEqual([noWrite, noRead]);
    const capabilities = [node.grant(OTHER, READ)];
    expect((await ask(client, "deputy:chess:me.os", 1, { capabilities })).body).toEqual([noWrite, "read"]);
    expect((await page(node, {}))[0]).toEqual(["a=A", "b=B", "c1=C1", "c2=C2", "d=D"]);
  });

  test("a key of 1,974 bytes is taken, one of 1,975 is KeyTooLong; a value may have its limit and no more", async () => {
    const node = await opened({ valueBytes: 10 });
    const long = Array.from({ length: 1974 }, () => 7);
    expect(await node.body({ Set: { key: long, tx_id: null } }, { blob: "0123456789" })).toBe("Ok");
    expect((await node.act({ Get: long })).blob?.text()).toBe("0123456789");
    const tooLong = { Err: { KeyTooLong: { bytes: 1975, max: 1974 } } };
    expect(await node.body({ Set: { key: [...long, 7], tx_id: null } }, { blob: "x" })).toEqual(tooLong);
    expect(await node.body({ Get: [...long, 7] })).toEqual(tooLong);
    const tooLarge = { Err: { ValueTooLarge: { bytes: 11, max: 10 } } };
    expect(await node.body(set("a"), { blob: "0123456789a" })).toEqual(tooLarge);
    expect(await node.body("Batch", { blob: packMessage({ operations: [pair("a", "0123456789a")] }) })).toEqual(
      tooLarge,
    );
    expect(await node.body(set(""), { blob: "" })).toBe("Ok");
    expect((await node.act(get(""))).blob?.bytes()).toHaveLength(0);
  });

  test("limits of databases, names, batches and transactions are told with their number", async () => {
    const node = await opened({ databases: 2, nameLength: 5, batchOperations: 2, batchBytes: 60, transactions: 1 });
    expect(await node.body("Open", { db: "second" })).toEqual({ Err: { NameTooLong: { length: 6, max: 5 } } });
    expect(await node.body("Open", { db: "e" })).toBe("Ok");
    expect(await node.body("Open", { db: "f" })).toEqual({ Err: { TooManyDatabases: { max: 2 } } });
    expect(await node.body("Open", { db: "e" })).toBe("Ok");
    const three = packMessage({ operations: ["a", "b", "c"].map((name) => pair(name, "")) });
    expect(await node.body("Batch", { blob: three })).toEqual({ Err: { BatchTooLong: { operations: 3, max: 2 } } });
    const large = packMessage({ operations: [pair("a", "x".repeat(60))] });
    const bytes = large.byteLength;
    expect(await node.body("Batch", { blob: large })).toEqual({ Err: { BatchTooLarge: { bytes, max: 60 } } });
    await node.act("BeginTx");
    expect(await node.body("BeginTx")).toEqual({ Err: { TooManyTransactions: { max: 1 } } });
    await node.act(set("a", 1), { blob: "x".repeat(50) });
    expect(await node.body(set("b", 1), { blob: "x".repeat(10) })).toEqual({
      Err: { BatchTooLarge: { bytes: 62, max: 60 } },
    });
    await node.act(set("b", 1), { blob: "1" });
    expect(await node.body(set("c", 1), { blob: "1" })).toEqual({ Err: { BatchTooLong: { operations: 3, max: 2 } } });
    expect(await node.body({ Commit: { tx_id: 1 } })).toBe("Ok");
    expect((await page(node, { keys_only: true }))[0]).toEqual(["a", "b"]);
  });

  test("transactions of all processes together hold transactionBytes, and are transactionsTotal", async () => {
    const node = await opened({ transactionBytes: 20, transactionsTotal: 2 });
    node.grant(OTHER, WRITE);
    await node.act("BeginTx");
    await node.act("BeginTx", { as: OTHER });
    expect(await node.body("BeginTx")).toEqual({ Err: { TooManyTransactions: { max: 2 } } });
    expect(await node.body(set("a", 1), { blob: "x".repeat(10) })).toBe("Ok");
    expect(await node.body(set("a", 2), { blob: "x".repeat(10), as: OTHER })).toEqual({ Err: "Overloaded" });
    expect(await node.body({ Rollback: { tx_id: 1 } })).toBe("Ok");
    expect(await node.body(set("a", 2), { blob: "x".repeat(10), as: OTHER })).toBe("Ok");
    node.kernel.clock.advance(KV_LIMITS.transactionMs + 100); // left alone, it holds nothing any more
    await settle();
    await node.act("BeginTx");
    expect(await node.body(set("a", 3), { blob: "x".repeat(19) })).toBe("Ok");
  });

  test("a name that is half a surrogate pair is malformed: on the disk all of these are one", async () => {
    const node = start();
    for (const db of ["\ud800", "a\udfff", ""]) {
      expect(await node.body("Open", { db })).toEqual({ Err: "MalformedRequest" });
    }
    expect(await node.body("Open", { db: "\u{1f600}" })).toBe("Ok");
  });

  test.each([
    [null],
    ["Open"],
    [{ package_id: CHESS, db: "d" }],
    [{ package_id: CHESS, db: "", action: "Open" }],
    [{ package_id: { package_name: "chess", publisher_node: "../up" }, db: "d", action: "Open" }],
    [{ package_id: CHESS, db: "d", action: "Shout" }],
    [{ package_id: CHESS, db: "d", action: "toString" }],
    [{ package_id: CHESS, db: "d", action: { Get: [256] } }],
    [{ package_id: CHESS, db: "d", action: { Get: "text" } }],
    [{ package_id: CHESS, db: "d", action: { Get: [1], Set: [1] } }],
    [{ package_id: CHESS, db: "d", action: { Set: { key: [1], tx_id: null } } }],
    [{ package_id: CHESS, db: "d", action: { Get: { key: [1], tx_id: 1.5 } } }],
    [{ package_id: CHESS, db: "d", action: { Iterate: { limit: 0 } } }],
    [{ package_id: CHESS, db: "d", action: { Iterate: { reverse: 1 } } }],
    [{ package_id: CHESS, db: "d", action: { Commit: {} } }],
    [{ package_id: CHESS, db: "d", action: "Batch" }],
  ])("%j is MalformedRequest", async (body) => {
    const node = await opened();
    expect((await node.ask(OWNER, body)).body).toEqual({ Err: "MalformedRequest" });
  });

  test("bytes changed by who sent or got them are not changed in the database", async () => {
    const node = await opened();
    const bytes = Buffer.from("as sent");
    const sent = node.act(set("a"), { blob: bytes });
    await sent;
    bytes.fill(0);
    const { blob } = await node.act(get("a"));
    expect(blob?.text()).toBe("as sent");
    blob?.bytes().fill(0);
    expect(await textAt(node, "a")).toBe("as sent");
  });

  test("what waits for no answer is done all the same", async () => {
    const node = await opened();
    const host = node.host(OWNER);
    tell(host, KV, { package_id: CHESS, db: "d", action: set("a") }, { blob: "told" });
    tell(host, KV, "nonsense");
    await settle();
    expect(await textAt(node, "a")).toBe("told");
    expect(node.kernel.events.filter(({ type }) => type === "process-crashed")).toEqual([]);
  });
});

test("in memory nothing goes in beyond the limit, and what is taken away makes room", async () => {
  const node = new DatabaseNode(
    KV,
    kvProcess(async () => memoryStore(20)),
  );
  await node.act("Open");
  expect(await node.body(set("a"), { blob: "x".repeat(15) })).toBe("Ok");
  const full = { Err: { StoreFull: "nothing is kept on disk, and in memory at most 20 bytes" } };
  expect(await node.body(set("b"), { blob: "12345" })).toEqual(full);
  await node.act(remove("a"));
  expect(await node.body(set("b"), { blob: "12345" })).toBe("Ok");
  await node.act("RemoveDb");
  await node.act("Open");
  expect(await node.body(set("c"), { blob: "x".repeat(19) })).toBe("Ok");
  await node.stop();
});

test("more than a database can have in hand and in line is Overloaded; another database goes on", async () => {
  const gate = new Gate();
  const store = memoryStore(1000);
  const commit = store.commit.bind(store);
  store.commit = async (database, ...what) => {
    if (database === 1) await gate.passed;
    return await commit(database, ...what);
  };
  const node = new DatabaseNode(
    KV,
    kvProcess(async () => store, { ...KV_LIMITS, waiting: 2 }),
  );
  for (const db of ["d", "e"]) await node.act("Open", { db });
  const waiting = ["a", "b"].map((name) => node.body(set(name), { blob: "x" }));
  await settle();
  expect(await node.body(set("c"), { blob: "x" })).toEqual({ Err: "Overloaded" });
  expect(await node.body(set("c"), { blob: "x", db: "e" })).toBe("Ok");
  gate.open();
  expect(await Promise.all(waiting)).toEqual(["Ok", "Ok"]);
  expect(await node.body(set("c"), { blob: "x" })).toBe("Ok");
  await node.stop();
});

test("more bytes than all databases together may have in hand are Overloaded, until some are on the disk", async () => {
  const gate = new Gate();
  const store = memoryStore(1000);
  const commit = store.commit.bind(store);
  store.commit = async (...what) => {
    await gate.passed;
    return await commit(...what);
  };
  const node = new DatabaseNode(
    KV,
    kvProcess(async () => store, { ...KV_LIMITS, waitingBytes: 20 }),
  );
  for (const db of ["d", "e"]) await node.act("Open", { db });
  const waiting = ["d", "e"].map((db) => node.body(set("a"), { db, blob: "x".repeat(10) }));
  await settle();
  expect(await node.body(set("b"), { blob: "x" })).toEqual({ Err: "Overloaded" });
  gate.open();
  expect(await Promise.all(waiting)).toEqual(["Ok", "Ok"]);
  expect(await node.body(set("b"), { blob: "x".repeat(20) })).toBe("Ok");
  await node.stop();
});

test("what is asked while a database is made waits for it; one that cannot be made is not there", async () => {
  const store = memoryStore(1000);
  const create = store.create.bind(store);
  let refuses = true;
  store.create = async (name) => {
    await new Promise((resolve) => setImmediate(resolve));
    if (refuses) throw new Error("no space left on device");
    return await create(name);
  };
  const node = new DatabaseNode(
    KV,
    kvProcess(async () => store),
  );
  const asked = (): Promise<unknown> =>
    Promise.all([node.body("Open"), node.body("Open"), node.body(set("a"), { blob: "x" })]);
  const error = { Err: { IOError: "no space left on device" } };
  expect(await asked()).toEqual([error, error, { Err: { NoDb: [CHESS, "d"] } }]);
  refuses = false;
  expect(await asked()).toEqual(["Ok", "Ok", "Ok"]);
  await node.stop();
});
