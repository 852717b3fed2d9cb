/** vfs:distro:sys over the bus: the contract's actions, answers and errors (kinode §6, case 142). */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { derivedFrom, type Host, ProcessId } from "../../../lib/protocol/index.ts";
import { Recorder } from "../../support/recorder.ts";
import { askVfs, grant, ioError, OTHER, OWNER, said, startVfs, tell, type VfsNode, vfsCap } from "../../support/vfs.ts";

let vfs: VfsNode;
let owner: Host;

beforeEach(async () => {
  vfs = startVfs();
  owner = vfs.host(OWNER);
  expect(await tell(owner, "/b:c/d", "CreateDrive")).toBe("Ok");
});
afterEach(() => vfs.stop());

describe("the contract's actions", () => {
  test("case 142: a path that leads out of its drive is MalformedRequest", async () => {
    expect(await tell(owner, "/b:c/pkg/../../x", "Read")).toEqual({ Err: "MalformedRequest" });
    for (const path of [
      "/b:c/d/../x",
      "/b:c/d/./x",
      "/b:c/d//x",
      "/b:c/d/",
      "/b:c/d/a\\b",
      "/b:c/d/a\0b",
      "/b:c",
      "",
      "x",
      7,
    ])
      expect(await tell(owner, path as string, "Write", "x")).toEqual({ Err: "MalformedRequest" });
    expect(readdirSync(join(vfs.folder, "b@c/d"))).toEqual([]);
  });

  test("what is no action, or has no blob where it needs one, is said", async () => {
    for (const action of [
      "Fly",
      null,
      {},
      { Seek: 3 },
      { SetLen: -1 },
      { ReadExact: { length: 1.5 } },
      { OpenFile: {} },
    ])
      expect(await tell(owner, "/b:c/d/x", action as string)).toEqual({ Err: "MalformedRequest" });
    for (const action of ["Write", "WriteAll", "Append", "AddZip", "Replace", { WriteAt: { position: 0 } }])
      expect(await tell(owner, "/b:c/d/x", action)).toEqual({ Err: "NoBlob" });
  });

  test("Write and Read are whole files, with and without the first slash", async () => {
    expect(await tell(owner, "/b:c/d/x", "Write", "one two")).toBe("Ok");
    expect(await tell(owner, "b:c/d/x", "Write", "three")).toBe("Ok");
    expect(await said(owner, "b:c/d/x", "Read")).toMatchObject({ body: "Read", text: "three" });
    expect(await tell(owner, "/b:c/d/none", "Read")).toEqual(ioError("ENOENT"));
    expect(await tell(owner, "/b:c/none/x", "Write", "x")).toEqual(ioError("ENOENT"));
  });

  test("a cursor: OpenFile, WriteAll, Seek, ReadExact, ReadToEnd, ReadToString, CloseFile", async () => {
    const x = "/b:c/d/x";
    expect(await tell(owner, x, { OpenFile: { create: false } })).toEqual(ioError("ENOENT"));
    expect(await tell(owner, x, { OpenFile: { create: true } })).toBe("Ok");
    expect(await tell(owner, x, "WriteAll", "hello ")).toBe("Ok");
    expect(await tell(owner, x, "WriteAll", "world")).toBe("Ok");
    expect(await said(owner, x, "ReadToEnd")).toMatchObject({ body: "Read", text: "" });
    expect(await tell(owner, x, { Seek: { Start: 4 } })).toEqual({ SeekFrom: { new_offset: 4 } });
    expect(await said(owner, x, { ReadExact: { length: 3 } })).toMatchObject({ body: "Read", text: "o w" });
    expect(await tell(owner, x, { Seek: { Current: -2 } })).toEqual({ SeekFrom: { new_offset: 5 } });
    expect(await tell(owner, x, "ReadToString")).toEqual({ ReadToString: " world" });
    expect(await tell(owner, x, { Seek: { End: -1 } })).toEqual({ SeekFrom: { new_offset: 10 } });
    expect(await tell(owner, x, { ReadExact: { length: 3 } })).toEqual(ioError("EOF"));
    expect(await said(owner, x, { ReadExact: { length: 1 } })).toMatchObject({ text: "d" });
    expect(await tell(owner, x, { Seek: { Start: 0 } })).toEqual({ SeekFrom: { new_offset: 0 } });
    expect(await tell(owner, x, { Seek: { Current: -1 } })).toEqual(ioError("EINVAL"));
    expect(await tell(owner, x, "CloseFile")).toBe("Ok");
    expect(await said(owner, x, "ReadToEnd")).toMatchObject({ text: "hello world" });
  });

  test("each process has a cursor of its own in a file", async () => {
    const twin = vfs.host("twin:b:c");
    await tell(owner, "/b:c/d/x", "Write", "abcdef");
    expect((await said(owner, "/b:c/d/x", { ReadExact: { length: 2 } })).text).toBe("ab");
    expect((await said(twin, "/b:c/d/x", { ReadExact: { length: 3 } })).text).toBe("abc");
    expect((await said(owner, "/b:c/d/x", { ReadExact: { length: 2 } })).text).toBe("cd");
  });

  test("ReadToString of what is no UTF-8 is said, and the cursor stays", async () => {
    await tell(owner, "/b:c/d/x", "Write", Uint8Array.of(65, 0xff));
    expect(await tell(owner, "/b:c/d/x", "ReadToString")).toEqual(ioError("EILSEQ"));
    expect((await said(owner, "/b:c/d/x", { ReadExact: { length: 1 } })).text).toBe("A");
  });

  test("Append, SetLen, Len, Hash and SyncAll", async () => {
    const x = "/b:c/d/x";
    expect(await tell(owner, x, "Append", "a")).toEqual(ioError("ENOENT"));
    await tell(owner, x, "CreateFile");
    await tell(owner, x, "Append", "abc");
    await tell(owner, x, "Append", "def");
    expect(await tell(owner, x, "Len")).toEqual({ Len: 6 });
    expect(await tell(owner, x, { SetLen: 2 })).toBe("Ok");
    expect(await tell(owner, x, { SetLen: 4 })).toBe("Ok");
    expect(await said(owner, x, "Read")).toMatchObject({ bytes: Uint8Array.of(97, 98, 0, 0) });
    expect(await tell(owner, x, "Hash")).toEqual({
      Hash: [
        ...createHash("sha256")
          .update(Uint8Array.of(97, 98, 0, 0))
          .digest(),
      ],
    });
    expect(await tell(owner, x, "SyncAll")).toBe("Ok");
    expect(await tell(owner, "/b:c/d", "SyncAll")).toBe("Ok");
    await tell(owner, x, "CreateFile");
    expect(await tell(owner, x, "Len")).toEqual({ Len: 0 });
  });

  test("folders: CreateDir, CreateDirAll, ReadDir, Metadata, RemoveDir, RemoveDirAll", async () => {
    expect(await tell(owner, "/b:c/d/a/b", "CreateDir")).toEqual(ioError("ENOENT"));
    expect(await tell(owner, "/b:c/d/a/b/c", "CreateDirAll")).toBe("Ok");
    expect(await tell(owner, "/b:c/d/a/b", "CreateDirAll")).toBe("Ok");
    expect(await tell(owner, "/b:c/d/a", "CreateDir")).toEqual(ioError("EEXIST"));
    await tell(owner, "/b:c/d/a/x", "Write", "1234");
    expect(await tell(owner, "/b:c/d/a", "ReadDir")).toEqual({
      ReadDir: [
        { path: "b:c/d/a/b", file_type: "Directory" },
        { path: "b:c/d/a/x", file_type: "File" },
      ],
    });
    expect(await tell(owner, "/b:c/d/a/x", "Metadata")).toEqual({
      Metadata: { file_type: "File", len: 4, modified: expect.any(Number) },
    });
    expect(await tell(owner, "/b:c/d", "Metadata")).toMatchObject({ Metadata: { file_type: "Directory" } });
    expect(await tell(owner, "/b:c/d/a/x", "ReadDir")).toEqual(ioError("EINVAL|ENOTDIR"));
    expect(await tell(owner, "/b:c/d/a/x", "CreateDirAll")).toEqual(ioError("ENOTDIR"));
    expect(await tell(owner, "/b:c/d/a", "Read")).toEqual(ioError("EISDIR"));
    expect(await tell(owner, "/b:c/d/a", "RemoveFile")).toEqual(ioError("EISDIR"));
    expect(await tell(owner, "/b:c/d/a", "RemoveDir")).toEqual(ioError("ENOTEMPTY"));
    expect(await tell(owner, "/b:c/d/a/b/c", "RemoveDir")).toBe("Ok");
    expect(await tell(owner, "/b:c/d/a", "RemoveDirAll")).toBe("Ok");
    expect(await tell(owner, "/b:c/d", "ReadDir")).toEqual({ ReadDir: [] });
    expect(await tell(owner, "/b:c/d", "RemoveDirAll")).toBe("Ok");
    expect(await tell(owner, "/b:c/d", "ReadDir")).toEqual(ioError("ENOENT"));
  });

  test("Rename, CopyFile and RemoveFile", async () => {
    await tell(owner, "/b:c/d/x", "Write", "x");
    await tell(owner, "/b:c/d/y", "Write", "y");
    expect(await tell(owner, "/b:c/d/x", { Rename: { new_path: "/b:c/d/y" } })).toBe("Ok");
    expect((await said(owner, "/b:c/d/y", "Read")).text).toBe("x");
    expect(await tell(owner, "/b:c/d/x", { Rename: { new_path: "/b:c/d/z" } })).toEqual(ioError("ENOENT"));
    await tell(owner, "/b:c/e", "CreateDrive");
    expect(await tell(owner, "/b:c/d/y", { Rename: { new_path: "/b:c/e/y" } })).toEqual(ioError("EXDEV"));
    expect(await tell(owner, "/b:c/d/y", { CopyFile: { new_path: "/b:c/e/y" } })).toBe("Ok");
    expect((await said(owner, "/b:c/e/y", "Read")).text).toBe("x");
    expect(await tell(owner, "/b:c/d/y", { CopyFile: { new_path: "/b:c/../y" } })).toEqual({ Err: "MalformedRequest" });
    expect(await tell(owner, "/b:c/d/y", "RemoveFile")).toBe("Ok");
    expect(await tell(owner, "/b:c/d/y", "RemoveFile")).toEqual(ioError("ENOENT"));
  });

  test("a file that asks for nothing back is written all the same, and requests of one process keep their order", async () => {
    const requests = Array.from({ length: 50 }, (_, i) => tell(owner, "/b:c/d/x", "Write", String(i)));
    await Promise.all(requests);
    expect((await said(owner, "/b:c/d/x", "Read")).text).toBe("49");
  });

  test("no answer names a path of the machine", async () => {
    const answers = [
      await tell(owner, "/b:c/none/x", "Read"),
      await tell(owner, "/b:c/d/none/x", "Write", "x"),
      await tell(owner, "/b:c/d/none", "RemoveDirAll"),
    ];
    for (const answer of answers) expect(JSON.stringify(answer)).not.toContain(vfs.folder);
  });
});

describe("who may", () => {
  const other = "/b:c/d/x";

  test("another package needs the drive's capability for each kind, and gets no more by it", async () => {
    const host = vfs.host(OTHER);
    await tell(owner, other, "Write", "mine");
    expect(await tell(host, other, "Read")).toEqual({ Err: "NoReadCap" });
    expect(await tell(host, other, "Write", "theirs")).toEqual({ Err: "NoWriteCap" });
    grant(vfs, OTHER, { kind: "read", drive: "/b:c/d" });
    expect((await said(host, other, "Read")).text).toBe("mine");
    expect(await tell(host, other, "Write", "theirs")).toEqual({ Err: "NoWriteCap" });
    expect(await tell(host, other, { OpenFile: { create: true } })).toEqual({ Err: "NoWriteCap" });
    expect(await tell(host, "/b:c/e/x", "Read")).toEqual({ Err: "NoReadCap" });
    grant(vfs, OTHER, { kind: "write", drive: "/b:c/d" });
    expect(await tell(host, other, "Write", "theirs")).toBe("Ok");
    expect(await tell(host, "/b:c/e", "CreateDrive")).toEqual({ Err: "NoWriteCap" });
  });

  test("a copy out of another's drive needs both, a rename to another's name neither by itself", async () => {
    const host = vfs.host(OTHER);
    await tell(host, "/x:y/own", "CreateDrive");
    await tell(owner, other, "Write", "mine");
    expect(await tell(host, other, { CopyFile: { new_path: "/x:y/own/x" } })).toEqual({ Err: "NoReadCap" });
    grant(vfs, OTHER, { kind: "read", drive: "/b:c/d" });
    expect(await tell(host, other, { CopyFile: { new_path: "/x:y/own/x" } })).toBe("Ok");
    expect(await tell(host, "/x:y/own/x", { CopyFile: { new_path: other } })).toEqual({ Err: "NoWriteCap" });
    expect(await tell(host, "/x:y/own/x", { Rename: { new_path: other } })).toEqual({ Err: "NoWriteCap" });
  });

  test("a derived capability reaches the folder it is restricted to, not one that begins like it", async () => {
    const host = vfs.host(OTHER);
    for (const folder of ["a", "ab"]) {
      await tell(owner, `/b:c/d/${folder}`, "CreateDir");
      await tell(owner, `/b:c/d/${folder}/x`, "Write", folder);
    }
    const narrow = derivedFrom(vfsCap({ kind: "read", drive: "/b:c/d" }), { path: "/b:c/d/a" }, owner.our.text);
    vfs.node.kernel.registry.get(host.our.id)?.capabilities.add(narrow);
    expect((await said(host, "/b:c/d/a/x", "Read")).text).toBe("a");
    expect(await tell(host, "/b:c/d/a", "ReadDir")).toMatchObject({ ReadDir: [{}] });
    for (const path of ["/b:c/d/ab/x", "/b:c/d", "/b:c/d/x"])
      expect(await tell(host, path, "Read")).toEqual({ Err: "NoReadCap" });
    expect(await tell(host, "/b:c/d/a/x", "Write", "x")).toEqual({ Err: "NoWriteCap" });
  });

  test("root reaches every drive, and the list of packages", async () => {
    const host = vfs.host(OTHER);
    expect(await tell(host, "/", "ReadDir")).toEqual({ Err: "NoReadCap" });
    grant(vfs, OTHER, { root: true });
    expect(await tell(host, "/", "ReadDir")).toEqual({ ReadDir: [{ path: "b:c", file_type: "Directory" }] });
    expect(await tell(host, other, "Write", "root")).toBe("Ok");
  });

  test("who makes a drive is handed its capabilities", async () => {
    const { capabilities } = await askVfs(owner, { path: "/b:c/d", action: "CreateDrive" });
    expect(capabilities).toEqual([
      vfsCap({ kind: "read", drive: "/b:c/d" }),
      vfsCap({ kind: "write", drive: "/b:c/d" }),
    ]);
  });

  test("a deputy that attaches its client's capability reaches what the client may, and nothing of its own", async () => {
    const deputy = vfs.host("deputy:b:c"); // of the owner's package: it may everything there
    await tell(owner, "/b:c/e", "CreateDrive");
    await tell(owner, other, "Write", "for the client");
    await tell(owner, "/b:c/e/x", "Write", "for the package alone");
    grant(vfs, "deputy:b:c", { root: true });
    const clients = vfsCap({ kind: "read", drive: "/b:c/d" });
    deputy.capabilities.save([clients]);
    grant(vfs, "deputy:b:c", { kind: "read", drive: "/b:c/d" }); // as it came with the client's request
    expect((await said(deputy, other, "Read", null, [clients])).text).toBe("for the client");
    expect(await said(deputy, "/b:c/e/x", "Read", null, [clients])).toMatchObject({ body: { Err: "NoReadCap" } });
    expect(await said(deputy, other, "Write", "x", [clients])).toMatchObject({ body: { Err: "NoWriteCap" } });
    const onBehalf = { issuer: deputy.our.text, params: '"on-behalf"' };
    expect(await said(deputy, other, "Read", null, [onBehalf])).toMatchObject({ body: { Err: "NoReadCap" } });
    expect((await said(deputy, "/b:c/e/x", "Read")).text).toBe("for the package alone");
  });

  test("a process that was not granted to message it is not heard", async () => {
    const recorder = new Recorder();
    vfs.node.addProcess(ProcessId.parse("stranger:x:y"), recorder.program);
    await expect(tell(recorder.host as Host, "/x:y/own", "CreateDrive")).rejects.toMatchObject({ kind: "Denied" });
  });
});

test("files are there after the node was stopped and started", async () => {
  await tell(owner, "/b:c/d/x", "Replace", "kept");
  await vfs.node.stop();
  const again = startVfs({ folder: vfs.folder });
  try {
    expect((await said(again.host(OWNER), "/b:c/d/x", "Read")).text).toBe("kept");
  } finally {
    await again.stop();
  }
  expect(readFileSync(join(vfs.folder, "b@c/d/x"), "utf8")).toBe("kept");
});
