/** The system processes as a node has them: each is loaded when it is asked, and keeps what it keeps where it is told. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { noDataFolder, openDataFolder } from "../../bin/data-folder.ts";
import { systemProcesses } from "../../bin/system-processes.ts";
import { createNode, type Node } from "../../kernel/index.ts";
import { defineProcess } from "../../lib/process/index.ts";
import { ProcessId } from "../../lib/protocol/index.ts";
import { ask } from "../support/kernel.ts";
import { Recorder } from "../support/recorder.ts";

const SHOP = "shop:shop:me.os";

const shop = defineProcess({
  async onRequest(_, __, ctx) {
    const kv = await ctx.kv.open<string, number>("visits");
    const visits = ((await kv.get("all")) ?? 0) + 1;
    await kv.set("all", visits);
    const sql = await ctx.sqlite.open("items");
    await sql.run("CREATE TABLE IF NOT EXISTS items (name TEXT)");
    await sql.run("INSERT INTO items VALUES (?)", [`item ${visits}`]);
    await ctx.timers.sleep(10);
    ctx.respond([visits, (await sql.query("SELECT name FROM items")).map(({ name }) => name)]);
  },
});

describe("the node's own processes", () => {
  let folder = "";
  let node: Node | undefined;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "jackfield-system-"));
  });

  afterEach(async () => {
    await node?.stop();
    rmSync(folder, { recursive: true });
  });

  /** What the shop answers on a new node. */
  async function visit(memory: boolean): Promise<unknown> {
    await node?.stop();
    node = createNode({ name: "alice.os" });
    const data = memory ? noDataFolder() : await openDataFolder({ data: folder, node: "alice.os", handOver: null });
    node.afterStop(() => data.release());
    for (const process of systemProcesses(data)) node.addSystemProcess(process);
    const requestCapabilities = ["kv:distro:sys", "sqlite:distro:sys"];
    node.addProcess(ProcessId.parse(SHOP), shop, { public: true, requestCapabilities });
    const visitor = new Recorder();
    node.addProcess(ProcessId.parse("visitor:visitor:me.os"), visitor.program);
    return (await ask(visitor.host, SHOP, "hello")).body;
  }

  test("keep on disk what they are given, below the node's name", async () => {
    expect(await visit(false)).toEqual([1, ["item 1"]]);
    expect(await visit(false)).toEqual([2, ["item 1", "item 2"]]);
    expect(readdirSync(join(folder, "alice.os")).sort()).toEqual(["format.json", "kv", "lock", "sqlite", "state"]);
    expect(existsSync(join(folder, "alice.os/sqlite/me.os/shop/items.db"))).toBe(true);
  });

  test("with --memory do the same, and leave nothing", async () => {
    expect(await visit(true)).toEqual([1, ["item 1"]]);
    expect(await visit(true)).toEqual([1, ["item 1"]]);
    expect(readdirSync(folder)).toEqual([]);
  });
});
