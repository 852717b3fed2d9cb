/** What kv:distro:sys keeps on disk: it outlives the node, and a node that was killed in the middle of anything. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { diskStore } from "../../processes/kv/disk-store.ts";
import { kvProcess } from "../../processes/kv/kv.ts";
import type { KvEntry, KvStore } from "../../processes/kv/store.ts";
import { DatabaseNode, OWNER } from "../support/databases.ts";

const ALL = { low: new Uint8Array(0), high: undefined, reverse: false };

let folder = "";

beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), "jackfield-kv-")), "alice.os", "kv");
});

afterEach(() => rmSync(resolve(folder, "../.."), { recursive: true }));

function textsOf(entries: Iterable<KvEntry>): readonly string[] {
  return [...entries].map(([key, value]) => `${Buffer.from(key)}=${Buffer.from(value)}`);
}

async function stored(store: KvStore, name: string, entries: Readonly<Record<string, string>>): Promise<number> {
  const database = await store.create(name);
  const operations = Object.entries(entries).map(([key, value]) => ({
    key: Buffer.from(key),
    value: Buffer.from(value),
  }));
  await store.commit(database, [], operations);
  return database;
}

describe("kv:distro:sys on disk", () => {
  test("has its databases again after the node was stopped and started, and none that was removed", async () => {
    const first = new DatabaseNode(
      "kv:distro:sys",
      kvProcess(() => diskStore(folder)),
    );
    for (const db of ["d", "e"]) {
      await first.act("Open", { db });
      await first.act({ Set: { key: [1], tx_id: null } }, { db, blob: db });
    }
    await first.act("RemoveDb", { db: "e" });
    await first.stop();
    const second = new DatabaseNode(
      "kv:distro:sys",
      kvProcess(() => diskStore(folder)),
    );
    expect((await second.act({ Get: [1] })).blob?.text()).toBe("d");
    expect(await second.body({ Get: [1] }, { db: "e" })).toHaveProperty("Err.NoDb");
    expect(await second.body("Open", { db: "e" })).toBe("Ok");
    expect(await second.body({ Get: [1] }, { db: "e" })).toEqual({ Err: "KeyNotFound" });
    await second.stop();
  });

  test("goes on after a crash of the process: its store is opened once", async () => {
    let opened = 0;
    const program = kvProcess(() => {
      opened++;
      return diskStore(folder);
    });
    const node = new DatabaseNode("kv:distro:sys", {
      start(host) {
        const instance = program.start(host);
        return {
          ...{ init: () => instance.init?.(), exit: () => instance.exit?.() },
          handle(message) {
            if (message.body === "crash") throw new Error("as asked");
            return instance.handle(message);
          },
        };
      },
    });
    await node.act("Open");
    await node.act({ Set: { key: [1], tx_id: null } }, { blob: "kept" });
    await expect(node.ask(OWNER, "crash")).rejects.toMatchObject({ kind: "Offline" });
    await node.kernel.advance(20); // it is restarted at once: at the next tick
    expect((await node.act({ Get: [1] })).blob?.text()).toBe("kept");
    expect([opened, node.process.incarnation]).toEqual([1, 2]);
    await node.stop();
  });

  test("finishes at its start what a node that ended in the middle of RemoveDb had left", async () => {
    const first = await diskStore(folder);
    const entries = Object.fromEntries(Array.from({ length: 6000 }, (_, n) => [String(n), "x"]));
    const removed = await stored(first, "removed", entries);
    const kept = await stored(first, "kept", { a: "1" });
    const removing = first.remove("removed");
    await first.close(); // as if it had ended there: what was written by now is written
    await removing.catch(() => undefined);
    const second = await diskStore(folder);
    expect(second.find("removed")).toBeUndefined();
    expect(textsOf(second.range(removed, ALL))).toEqual([]);
    expect(textsOf(second.range(kept, ALL))).toEqual(["a=1"]);
    expect(await second.create("next")).toBe(kept + 1);
    await second.close();
  });

  test("loses nothing that was answered, and tears no batch, when it is killed at any moment", async () => {
    const kills = 8;
    const acknowledged = `${folder}.acknowledged`;
    const script = join(resolve(folder, "../.."), "writer.mjs");
    const root = resolve(import.meta.dirname, "../..");
    const lmdb = join(root, "node_modules/lmdb/index.js");
    // The store's own calls in the same order: a child of a test runs JavaScript only.
    writeFileSync(
      script,
      `import { open } from ${JSON.stringify(lmdb)}; import { appendFileSync } from "node:fs";
const lmdb = open({ path: ${JSON.stringify(folder)}, noSubdir: false, encoding: "binary", keyEncoding: "binary" });
const key = (n) => Buffer.from([0, 0, 0, 1, n]);
let at = Number(lmdb.get(key(0)) ?? 0);
for (;;) {
  at++;
  await lmdb.batch(() => { for (let n = 0; n < 20; n++) lmdb.put(key(n), Buffer.from(String(at))); });
  await lmdb.flushed;
  appendFileSync(${JSON.stringify(acknowledged)}, at + "\\n");
}`,
    );
    mkdirSync(resolve(folder, ".."));
    for (let kill = 0; kill < kills; kill++) {
      const before = countOf(acknowledged);
      const child = spawn(process.execPath, [script], { stdio: "ignore" });
      const gone = new Promise((done) => child.on("exit", done));
      while (countOf(acknowledged) < before + 3) await new Promise((done) => setTimeout(done, 1 + Math.random() * 9));
      child.kill("SIGKILL");
      await gone;
      const store = await diskStore(folder);
      const values = new Set([...store.range(1, ALL)].map(([, value]) => String(value)));
      expect([...values]).toHaveLength(1);
      expect(Number([...values][0])).toBeGreaterThanOrEqual(countOf(acknowledged));
      await store.close();
    }
  });
});

function countOf(file: string): number {
  try {
    return Number(readFileSync(file, "utf8").trim().split("\n").at(-1));
  } catch {
    return 0;
  }
}
