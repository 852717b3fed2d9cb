/** What somebody with a shell puts into a drive: links, second names, pipes, devices. Nothing of it leads out, nothing hangs. */
import { execFileSync } from "node:child_process";
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Host } from "../../../lib/protocol/index.ts";
import { HAS_PROC } from "../../../processes/vfs/tree.ts";
import { ioError, OWNER, said, startVfs, tell, type VfsNode } from "../../support/vfs.ts";

const SECRET = "the secret outside";

describe.each([
  ["by /proc/self/fd", true],
  ["by its path", false],
])("a drive reached %s", (_, byProc) => {
  let vfs: VfsNode;
  let owner: Host;
  let drive = "";
  let outside = "";

  beforeEach(async () => {
    vfs = startVfs({ byProc });
    owner = vfs.host(OWNER);
    await tell(owner, "/b:c/d", "CreateDrive");
    await tell(owner, "/b:c/d/folder", "CreateDir");
    drive = join(vfs.folder, "b@c/d");
    outside = mkdtempSync(join(tmpdir(), "jackfield-outside-"));
    writeFileSync(join(outside, "secret"), SECRET);
  });
  afterEach(async () => {
    await vfs.stop();
    rmSync(outside, { recursive: true, force: true });
  });

  /** Every action that could reach through `path`. */
  async function tryAll(path: string): Promise<void> {
    const actions: [object | string, string | null][] = [
      ["Read", null],
      ["ReadToEnd", null],
      ["ReadToString", null],
      [{ ReadAt: { position: 0, length: 10 } }, null],
      [{ ReadExact: { length: 1 } }, null],
      ["OpenRead", null],
      ["Hash", null],
      ["Len", null],
      [{ OpenFile: { create: false } }, null],
      [{ OpenFile: { create: true } }, null],
      ["CreateFile", null],
      ["Write", "overwritten"],
      ["Replace", "overwritten"],
      ["WriteAll", "overwritten"],
      ["Append", "overwritten"],
      [{ WriteAt: { position: 0 } }, "overwritten"],
      [{ SetLen: 0 }, null],
      ["OpenWrite", null],
      [{ CopyFile: { new_path: "/b:c/d/copy" } }, null],
    ];
    for (const [action, blob] of actions) {
      const { body, text } = await said(owner, path, action, blob);
      expect([action, body]).toEqual([action, { Err: { IOError: expect.any(String) } }]);
      expect(text).toBeNull();
    }
    await tell(owner, "/b:c/d/mine", "Write", "mine");
    expect(await tell(owner, "/b:c/d/mine", { CopyFile: { new_path: path } })).toEqual(
      ioError("ELOOP|EMLINK|EINVAL|ENOTDIR"),
    );
    expect(existsSync(join(drive, "copy"))).toBe(false);
  }

  test("a link to a file outside is refused by every action, and may be removed", async () => {
    symlinkSync(join(outside, "secret"), join(drive, "link"));
    await tryAll("/b:c/d/link");
    expect(await tell(owner, "/b:c/d/link", "Metadata")).toMatchObject({ Metadata: { file_type: "Symlink", len: 0 } });
    expect(await tell(owner, "/b:c/d/link", { Rename: { new_path: "/b:c/d/y" } })).toEqual(ioError("ELOOP"));
    expect(await tell(owner, "/b:c/d/link", "RemoveFile")).toBe("Ok");
    expect(readFileSync(join(outside, "secret"), "utf8")).toBe(SECRET);
  });

  test("a link to a folder outside is no part of a path", async () => {
    symlinkSync(outside, join(drive, "link"));
    await tryAll("/b:c/d/link/secret");
    const denied = ioError("ELOOP|ENOTDIR");
    for (const action of ["CreateDir", "CreateDirAll", "RemoveFile", "RemoveDirAll", "Metadata", "SyncAll"])
      expect([action, await tell(owner, "/b:c/d/link/secret", action)]).toEqual([action, denied]);
    for (const action of ["ReadDir", "RemoveDirAll", "RemoveDir", { List: {} }, "CreateDirAll"])
      expect([action, await tell(owner, "/b:c/d/link", action)]).toEqual([action, denied]);
    expect(await tell(owner, "/b:c/d/mine", { Rename: { new_path: "/b:c/d/link/secret" } })).toEqual(denied);
    expect(readFileSync(join(outside, "secret"), "utf8")).toBe(SECRET);
  });

  test("a drive, or a package's folder, that is a link is none", async () => {
    symlinkSync(outside, join(vfs.folder, "b@c/linked"));
    expect(await tell(owner, "/b:c/linked/secret", "Read")).toEqual(ioError("ELOOP"));
    rmSync(join(vfs.folder, "b@c"), { recursive: true });
    mkdirSync(join(outside, "d"));
    writeFileSync(join(outside, "d/x"), SECRET);
    symlinkSync(outside, join(vfs.folder, "b@c"));
    expect(await tell(owner, "/b:c/d/x", "Read")).toEqual(ioError("ELOOP"));
    expect(await tell(owner, "/b:c/e", "CreateDrive")).toEqual(ioError("ELOOP"));
  });

  test("links within the drive are refused too: none is ever made here", async () => {
    await tell(owner, "/b:c/d/x", "Write", "x");
    symlinkSync("x", join(drive, "link"));
    await tryAll("/b:c/d/link");
  });

  test("RemoveDirAll removes links, not where they lead", async () => {
    symlinkSync(outside, join(drive, "folder/link"));
    expect(await tell(owner, "/b:c/d/folder", "RemoveDirAll")).toBe("Ok");
    expect(readFileSync(join(outside, "secret"), "utf8")).toBe(SECRET);
  });

  test("a second name of a file outside is refused", async () => {
    linkSync(join(outside, "secret"), join(drive, "hard"));
    await tryAll("/b:c/d/hard");
    expect(readFileSync(join(outside, "secret"), "utf8")).toBe(SECRET);
  });

  test("a pipe is refused at once, nobody waits for its other end", async () => {
    execFileSync("mkfifo", [join(drive, "pipe")]);
    await tryAll("/b:c/d/pipe");
  });
});

test("a thread that swaps a folder for a link all the time gets nobody to read or write outside", async () => {
  if (!HAS_PROC) throw new Error("this test needs /proc, as the protection does");
  const vfs = startVfs();
  const owner = vfs.host(OWNER);
  const outside = mkdtempSync(join(tmpdir(), "jackfield-outside-"));
  const drive = join(vfs.folder, "b@c/d");
  await tell(owner, "/b:c/d", "CreateDrive");
  await tell(owner, "/b:c/d/folder/inner", "CreateDirAll");
  await tell(owner, "/b:c/d/folder/inner/file", "Write", "inside");
  mkdirSync(join(outside, "inner"));
  writeFileSync(join(outside, "inner/file"), SECRET);
  const flag = new Int32Array(new SharedArrayBuffer(8)); // end, swaps
  const worker = new Worker(
    `const { renameSync, symlinkSync, unlinkSync } = require("node:fs");
     const { workerData: [folder, outside, flag] } = require("node:worker_threads");
     const state = new Int32Array(flag);
     let swaps = 0;
     while (Atomics.load(state, 0) === 0) {
       renameSync(folder, folder + "-kept");
       symlinkSync(outside, folder);
       unlinkSync(folder);
       renameSync(folder + "-kept", folder);
       Atomics.store(state, 1, ++swaps);
     }`,
    { eval: true, workerData: [join(drive, "folder"), outside, flag.buffer] },
  );
  try {
    const seen = new Map<string, number>();
    for (let round = 0; round < 400; round++) {
      const read = await said(owner, "/b:c/d/folder/inner/file", "Read");
      const key = read.text ?? JSON.stringify(read.body);
      seen.set(key, (seen.get(key) ?? 0) + 1);
      await tell(owner, "/b:c/d/folder/inner/file", "WriteAll", "inside");
      await tell(owner, "/b:c/d/folder/inner/new", "CreateFile");
      await tell(owner, "/b:c/d/folder/inner/file", { Seek: { Start: 0 } });
    }
    expect([...seen.keys()]).not.toContain(SECRET);
    expect(seen.get("inside") ?? 0).toBeGreaterThan(0);
    expect(readFileSync(join(outside, "inner/file"), "utf8")).toBe(SECRET);
    expect(existsSync(join(outside, "inner/new"))).toBe(false);
    expect(flag[1]).toBeGreaterThan(100); // swaps
  } finally {
    Atomics.store(flag, 0, 1);
    await new Promise((resolve) => worker.once("exit", resolve));
    await vfs.stop();
    rmSync(outside, { recursive: true, force: true });
  }
});
