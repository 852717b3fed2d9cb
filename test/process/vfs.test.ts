/** ctx.vfs: files as a process uses them, against vfs:distro:sys. */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type Context, defineProcess, VfsError } from "../../lib/process/index.ts";
import { ProcessId } from "../../lib/protocol/index.ts";
import { thrownBy } from "../support/kernel.ts";
import { startVfs, VFS_ID, type VfsNode, vfsCap } from "../support/vfs.ts";

let vfs: VfsNode;

beforeEach(() => {
  vfs = startVfs();
});
afterEach(() => vfs.stop());

/** The calls of a process that may message the vfs. */
async function ctxOf(id: string): Promise<Context> {
  return await new Promise((resolve) => {
    const program = defineProcess({ init: (ctx) => resolve(ctx as Context) });
    vfs.node.addProcess(ProcessId.parse(id), program, { requestCapabilities: [VFS_ID] });
  });
}

async function all<Value>(values: AsyncIterable<Value>): Promise<Value[]> {
  const found: Value[] = [];
  for await (const value of values) found.push(value);
  return found;
}

describe("a drive", () => {
  test("is made with its first use; files, folders, stat, list, rename, copy, remove", async () => {
    const { vfs: files } = await ctxOf("app:b:c");
    const notes = files.drive("notes");
    expect(await thrownBy(() => notes.writeFile("2026/plan.txt", "x"))).toMatchObject({ code: "ENOENT" });
    await notes.writeFile("2026/plan.txt", "the plan", { folders: true });
    await notes.writeFile("2026/other.txt", Uint8Array.of(1, 2), { durable: false });
    expect((await notes.readFile("2026/plan.txt")).text()).toBe("the plan");
    expect(await notes.stat("2026/plan.txt")).toMatchObject({ file_type: "File", len: 8 });
    expect((await all(notes.list("2026"))).map(({ name }) => name)).toEqual(["other.txt", "plan.txt"]);
    expect((await all(notes.list())).map(({ name }) => name)).toEqual(["2026"]);
    await notes.rename("2026/plan.txt", "plan.txt");
    await notes.copy("plan.txt", "copy.txt");
    await files.drive("second").writeFile("y", "y");
    await notes.copy("plan.txt", "/b:c/second/x");
    expect((await files.drive("second").readFile("x")).text()).toBe("the plan");
    expect(await notes.exists("2026/plan.txt")).toBe(false);
    expect(await notes.exists("plan.txt/x")).toBe(false);
    expect(await notes.hash("copy.txt")).toEqual(await notes.hash("plan.txt"));
    await notes.remove("copy.txt");
    await notes.remove("2026", { all: true });
    await notes.makeFolder("a/b");
    expect(await thrownBy(() => notes.removeFolder("a"))).toMatchObject({ code: "ENOTEMPTY" });
    await notes.removeFolder("a/b");
    await notes.sync("plan.txt");
    expect(await notes.usage()).toMatchObject({ bytes: 8, entries: 2 });
  });

  test("a handle reads and writes where it is told, also after its process began again", async () => {
    const { vfs: files } = await ctxOf("app:b:c");
    const file = await files.drive("d").open("log", { create: true });
    await file.append("one ");
    await file.append("two");
    await file.writeAt(0, "ONE");
    expect(new TextDecoder().decode(await file.readAt(0, 100))).toBe("ONE two");
    await file.truncate(3);
    await file.sync();
    expect(await file.size()).toBe(3);
    await file.close();
    const { vfs: twin } = await ctxOf("twin:b:c");
    const again = await twin.drive("d").open("log");
    expect(new TextDecoder().decode(await again.readAt(1, 1))).toBe("N");
    expect(await thrownBy(() => twin.drive("d").open("none"))).toMatchObject({ code: "ENOENT" });
  });

  test("streams: there and back, an early end, a source that throws", async () => {
    const { vfs: files } = await ctxOf("app:b:c");
    const drive = files.drive("d");
    const pieces = Array.from({ length: 20 }, (_, i) => new Uint8Array(100_000).fill(i));
    expect(await drive.writeStream("large", pieces)).toBe(2_000_000);
    const read = Buffer.concat(await all(drive.readStream("large")));
    expect(read.equals(Buffer.concat(pieces))).toBe(true);
    for await (const piece of drive.readStream("large")) {
      expect(piece.byteLength).toBeGreaterThan(0);
      break;
    }
    const broken = async function* (): AsyncGenerator<string> {
      yield "half";
      throw new Error("the source broke");
    };
    await expect(drive.writeStream("large", broken())).rejects.toThrow("the source broke");
    expect((await drive.stat("large")).len).toBe(2_000_000);
    expect(await drive.usage()).toMatchObject({ bytes: 2_000_000, entries: 1 });
    for (let i = 0; i < 20; i++) for await (const _ of drive.readStream("large")) break; // none is left open: limits.streams is 16
    await drive.writeStream("empty", []);
    expect(await all(drive.readStream("empty"))).toEqual([]);
  });

  test("an error has the contract's word, the system's, and says what to do", async () => {
    const { vfs: files } = await ctxOf("app:b:c");
    const error = await thrownBy(() => files.drive("d").readFile("none"));
    expect(error).toBeInstanceOf(VfsError);
    expect(error).toMatchObject({ kind: "IOError", code: "ENOENT", path: "/b:c/d/none" });
    expect((error as Error).message).toBe(
      'Cannot use "/b:c/d/none" as vfs:distro:sys refuses: IOError ENOENT: there is no such file or folder',
    );
    expect(await thrownBy(() => files.drive("d").readFile("../x"))).toMatchObject({
      kind: "MalformedRequest",
      message:
        'Cannot use "/b:c/d/../x" as vfs:distro:sys refuses: MalformedRequest, that is no path: write "folder/file", without . and ..',
    });
    expect(await thrownBy(() => files.drive("/x:y/d").readFile("x"))).toMatchObject({
      kind: "NoReadCap",
      code: "NoReadCap",
    });
    expect(await thrownBy(() => files.drive("/x:y/d").writeFile("x", ""))).toMatchObject({ kind: "NoWriteCap" });
  });
});

describe("on behalf of another", () => {
  test("a deputy reaches what came with the request it handles, and nothing of its own", async () => {
    const secret = (await ctxOf("safe:b:c")).vfs.drive("secret");
    await secret.writeFile("x", "the deputy's own");
    const open = (await ctxOf("safe2:b:c")).vfs.drive("open");
    await open.writeFile("x", "for the client");
    const deputy = defineProcess({
      async onRequest(_, message, ctx) {
        const path = String(message.body);
        try {
          const drive = ctx.vfs.drive(path, { onBehalfOf: message });
          ctx.respond((await drive.readFile("x")).text(), { to: message });
        } catch (error) {
          ctx.respond((error as VfsError).kind, { to: message });
        }
      },
    });
    vfs.node.addProcess(ProcessId.parse("deputy:b:c"), deputy, { requestCapabilities: [VFS_ID], public: true });
    const cap = vfsCap({ kind: "read", drive: "/b:c/open" });
    const client = await ctxOf("client:x:y");
    vfs.node.kernel.registry.get(ProcessId.parse("client:x:y"))?.capabilities.add(cap);
    const ask = async (path: string, capabilities = [cap]): Promise<unknown> =>
      (await client.request("deputy:b:c").body(path).capabilities(capabilities).sendAndAwaitResponse()).body;
    expect(await ask("/b:c/secret")).toBe("NoReadCap");
    expect(await ask("/b:c/open", [])).toBe("NoReadCap");
    expect(await ask("/b:c/open")).toBe("for the client");
  });
});
