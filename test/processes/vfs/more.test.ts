/** vfs:distro:sys, what the contract has not: positions, pages, streams, replacing at once, quotas, the package's own folder. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import { type Host, VirtualClock } from "../../../lib/protocol/index.ts";
import { settle } from "../../support/kernel.ts";
import { until } from "../../support/until.ts";
import { ioError, OTHER, OWNER, said, startVfs, tell, type VfsNode } from "../../support/vfs.ts";
import { zip } from "../../support/zip.ts";

const nodes: VfsNode[] = [];
afterEach(async () => {
  for (const node of nodes.splice(0)) await node.stop();
});

async function start(
  options: Parameters<typeof startVfs>[0] = {},
): Promise<{ vfs: VfsNode; owner: Host; drive: string }> {
  const vfs = startVfs(options);
  nodes.push(vfs);
  const owner = vfs.host(OWNER);
  await tell(owner, "/b:c/d", "CreateDrive");
  return { vfs, owner, drive: join(vfs.folder, "b@c/d") };
}

const reached = (limit: string, max: number): object => ({ Err: { LimitReached: { limit, max } } });

describe("positions", () => {
  test("ReadAt and WriteAt move no cursor, and go beyond the end", async () => {
    const { owner } = await start();
    await tell(owner, "/b:c/d/x", "Write", "abcdef");
    expect(await said(owner, "/b:c/d/x", { ReadAt: { position: 2, length: 3 } })).toMatchObject({ text: "cde" });
    expect(await said(owner, "/b:c/d/x", { ReadAt: { position: 5, length: 30 } })).toMatchObject({ text: "f" });
    expect(await said(owner, "/b:c/d/x", { ReadAt: { position: 50, length: 30 } })).toMatchObject({ text: "" });
    expect(await tell(owner, "/b:c/d/x", { WriteAt: { position: 8 } }, "i")).toBe("Ok");
    expect((await said(owner, "/b:c/d/x", "ReadToEnd")).text).toBe("abcdef\0\0i");
  });

  test("a listing comes in pages, by name", async () => {
    const { owner } = await start({ limits: { listEntries: 2 } });
    for (const name of ["e", "a", "c", "b", "d"]) await tell(owner, `/b:c/d/${name}`, "Write", name);
    const pages: unknown[] = [];
    let after = "";
    for (let more = true; more; ) {
      const { List: page } = (await tell(owner, "/b:c/d", { List: { after } })) as {
        List: { entries: { name: string }[]; more: boolean };
      };
      pages.push(page.entries.map(({ name }) => name).join(""));
      more = page.more;
      after = page.entries.at(-1)?.name ?? "";
    }
    expect(pages).toEqual(["ab", "cd", "e"]);
    expect(await tell(owner, "/b:c/d", { List: { after: "d" } })).toEqual({
      List: { entries: [{ name: "e", file_type: "File", len: 1, modified: expect.any(Number) }], more: false },
    });
  });
});

describe("replacing", () => {
  test("a reader sees the old content or the new one, never a part; nothing is left over", async () => {
    const { owner, vfs } = await start();
    const reader = vfs.host("reader:b:c");
    const [a, b] = ["a".repeat(300_000), "b".repeat(200_000)];
    await tell(owner, "/b:c/d/x", "Replace", a);
    const writes = (async () => {
      for (let i = 0; i < 30; i++)
        await tell(owner, "/b:c/d/x", i % 2 === 0 ? "Replace" : "Write", i % 2 === 0 ? b : a);
    })();
    for (let i = 0; i < 60; i++) expect([a, b]).toContain((await said(reader, "/b:c/d/x", "Read")).text);
    await writes;
    expect(readdirSync(join(vfs.folder, ".tmp"))).toEqual([]);
  });

  test("what a crash left half done is gone at the next start, and was in no drive", async () => {
    const { vfs } = await start();
    writeFileSync(join(vfs.folder, ".tmp/7"), "half");
    await vfs.node.stop();
    const { owner } = await start({ folder: vfs.folder });
    await tell(owner, "/b:c/d", "ReadDir");
    expect(readdirSync(join(vfs.folder, ".tmp"))).toEqual([]);
  });
});

describe("streams", () => {
  const open = async (host: Host, path: string, action: string): Promise<number> => {
    const body = (await tell(host, path, action)) as { Stream?: { stream_id: number } };
    if (body.Stream === undefined) throw new Error(JSON.stringify(body));
    return body.Stream.stream_id;
  };

  test("reading holds the file as it was when it was opened", async () => {
    const { owner } = await start();
    await tell(owner, "/b:c/d/x", "Write", "old content");
    const stream_id = await open(owner, "/b:c/d/x", "OpenRead");
    expect(await said(owner, "/b:c/d/x", { StreamRead: { stream_id, length: 4 } })).toMatchObject({
      body: { StreamRead: { done: false } },
      text: "old ",
    });
    await tell(owner, "/b:c/d/x", "Replace", "new");
    expect(await said(owner, "/b:c/d/x", { StreamRead: { stream_id } })).toMatchObject({
      body: { StreamRead: { done: true } },
      text: "content",
    });
    expect(await tell(owner, "/b:c/d/x", { StreamRead: { stream_id } })).toEqual({ Err: { NoStream: { stream_id } } });
  });

  test("writing shows nothing until it is committed; closed, nothing is left", async () => {
    const { owner, vfs } = await start();
    await tell(owner, "/b:c/d/x", "Write", "old");
    const one = await open(owner, "/b:c/d/x", "OpenWrite");
    const two = await open(owner, "/b:c/d/x", "OpenWrite");
    for (const piece of ["a", "b", "c"]) await tell(owner, "/b:c/d/x", { StreamWrite: { stream_id: one } }, piece);
    await tell(owner, "/b:c/d/x", { StreamWrite: { stream_id: two } }, "never");
    expect((await said(owner, "/b:c/d/x", "Read")).text).toBe("old");
    expect(await tell(owner, "/b:c/d/x", { StreamCommit: { stream_id: one, durable: true } })).toBe("Ok");
    expect((await said(owner, "/b:c/d/x", "Read")).text).toBe("abc");
    expect(await tell(owner, "/b:c/d/x", { StreamClose: { stream_id: two } })).toBe("Ok");
    expect(readdirSync(join(vfs.folder, ".tmp"))).toEqual([]);
    expect(await tell(owner, "/b:c/d", "Usage")).toMatchObject({ Usage: { bytes: 3, entries: 1 } });
  });

  test("are not there for another process, another path, or the other direction", async () => {
    const { owner, vfs } = await start();
    await tell(owner, "/b:c/d/x", "Write", "x");
    const stream_id = await open(owner, "/b:c/d/x", "OpenRead");
    const none = { Err: { NoStream: { stream_id } } };
    expect(await tell(vfs.host("twin:b:c"), "/b:c/d/x", { StreamRead: { stream_id } })).toEqual(none);
    expect(await tell(owner, "/b:c/d/y", { StreamRead: { stream_id } })).toEqual(none);
    expect(await tell(owner, "/b:c/d/x", { StreamWrite: { stream_id } }, "y")).toEqual(none);
  });

  test("one process has limits.streams of them, all limits.streamsTotal; one that is not used is closed", async () => {
    const clock = new VirtualClock();
    const { owner, vfs } = await start({ limits: { streams: 2, streamsTotal: 3 }, nodeOptions: { clock } });
    const twin = vfs.host("twin:b:c");
    await tell(owner, "/b:c/d/x", "Write", "x");
    const first = await open(owner, "/b:c/d/x", "OpenRead");
    await open(owner, "/b:c/d/x", "OpenWrite");
    expect(await tell(owner, "/b:c/d/x", "OpenRead")).toEqual(reached("streams", 2));
    await open(twin, "/b:c/d/x", "OpenRead");
    expect(await tell(twin, "/b:c/d/x", "OpenRead")).toEqual(reached("streamsTotal", 3));
    for (let passed = 0; passed < 130_000; passed += 10) {
      clock.advance(10);
      if (passed % 30_000 === 0) await settle();
    }
    await until(() => readdirSync(join(vfs.folder, ".tmp")).length === 0);
    expect(await tell(owner, "/b:c/d/x", { StreamRead: { stream_id: first } })).toEqual({
      Err: { NoStream: { stream_id: first } },
    });
    await open(twin, "/b:c/d/x", "OpenRead");
  });
});

describe("limits", () => {
  test("driveBytes: at it, and one more, by every way to grow; what is refused has changed nothing", async () => {
    const { owner } = await start({ limits: { driveBytes: 10 } });
    const full = reached("driveBytes", 10);
    expect(await tell(owner, "/b:c/d/x", "Write", "12345")).toBe("Ok");
    expect(await tell(owner, "/b:c/d/y", "Replace", "123456")).toEqual(full);
    expect(await tell(owner, "/b:c/d/x", "Append", "123456")).toEqual(full);
    expect(await tell(owner, "/b:c/d/x", { WriteAt: { position: 10 } }, "1")).toEqual(full);
    expect(await tell(owner, "/b:c/d/x", { WriteAt: { position: 2 ** 53 - 1 } }, "1")).toEqual(full);
    expect(await tell(owner, "/b:c/d/x", { SetLen: 11 })).toEqual(full);
    const { Stream: stream } = (await tell(owner, "/b:c/d/z", "OpenWrite")) as { Stream: { stream_id: number } };
    expect(await tell(owner, "/b:c/d/z", { StreamWrite: { stream_id: stream.stream_id } }, "12345")).toBe("Ok");
    expect(await tell(owner, "/b:c/d/z", { StreamWrite: { stream_id: stream.stream_id } }, "1")).toEqual(full);
    expect(await tell(owner, "/b:c/d/y", "Write", "1")).toEqual(full);
    await tell(owner, "/b:c/d/z", { StreamClose: { stream_id: stream.stream_id } });
    expect(await tell(owner, "/b:c/d/x", { CopyFile: { new_path: "/b:c/d/y" } })).toBe("Ok");
    expect(await tell(owner, "/b:c/d/x", { CopyFile: { new_path: "/b:c/d/z" } })).toEqual(full);
    expect(await tell(owner, "/b:c/d", "Usage")).toEqual({
      Usage: { bytes: 10, max_bytes: 10, entries: 2, max_entries: 100_000 },
    });
    await tell(owner, "/b:c/d/x", "RemoveFile");
    expect(await tell(owner, "/b:c/d/y", "Replace", "1234567890")).toBe("Ok");
  });

  test("driveEntries: files and folders, at it and one more", async () => {
    const { owner } = await start({ limits: { driveEntries: 3 } });
    const full = reached("driveEntries", 3);
    await tell(owner, "/b:c/d/a/b", "CreateDirAll");
    expect(await tell(owner, "/b:c/d/a/x", "Write", "x")).toBe("Ok");
    expect(await tell(owner, "/b:c/d/a/x", "Write", "again")).toBe("Ok");
    expect(await tell(owner, "/b:c/d/y", "Write", "y")).toEqual(full);
    expect(await tell(owner, "/b:c/d/y", { OpenFile: { create: true } })).toEqual(full);
    expect(await tell(owner, "/b:c/d/y", "CreateDir")).toEqual(full);
    expect(await tell(owner, "/b:c/d/y/z", "CreateDirAll")).toEqual(full);
    await tell(owner, "/b:c/d/a", "RemoveDirAll");
    expect(await tell(owner, "/b:c/d/y", "Write", "y")).toBe("Ok");
    expect(await tell(owner, "/b:c/d", "Usage")).toMatchObject({ Usage: { entries: 1, bytes: 1 } });
  });

  test("a stream that cannot be committed counts for nothing", async () => {
    const { owner, vfs } = await start();
    const { Stream: stream } = (await tell(owner, "/b:c/d/x", "OpenWrite")) as { Stream: { stream_id: number } };
    const { stream_id } = stream;
    rmSync(join(vfs.folder, ".tmp"), { recursive: true });
    const commit = { StreamCommit: { stream_id, durable: false } };
    expect(await tell(owner, "/b:c/d/x", commit)).toMatchObject({ Err: { IOError: expect.stringMatching(/^ENOENT/) } });
    expect(await tell(owner, "/b:c/d", "Usage")).toMatchObject({ Usage: { bytes: 0, entries: 0 } });
  });

  test("what the system says and has no word here is told to whoever runs the node", async () => {
    const { owner, vfs, drive } = await start();
    const logs: string[] = [];
    vfs.node.kernel.events.listen((event) => void (event.type === "log" && logs.push(event.text)));
    expect(await tell(owner, "/b:c/d/x", "Read")).toMatchObject({ Err: { IOError: expect.stringMatching(/^ENOENT/) } });
    expect(logs).toEqual([]);
    await tell(owner, "/b:c/d/a/b", "CreateDirAll");
    // A folder into itself: EINVAL.
    expect(await tell(owner, "/b:c/d/a", { Rename: { new_path: "/b:c/d/a/b/c" } })).toEqual({
      Err: { IOError: "EINVAL: the system refuses" },
    });
    expect(logs).toEqual([expect.stringMatching(/^a request failed: .*EINVAL/)]);
    expect(readdirSync(drive)).toEqual(["a"]);
  });

  test("what was there before the start counts", async () => {
    const { vfs, owner: before } = await start();
    await tell(before, "/b:c/d/a/b", "CreateDirAll");
    await tell(before, "/b:c/d/a/b/x", "Replace", "12345");
    await vfs.node.stop();
    const { owner } = await start({ folder: vfs.folder, limits: { driveBytes: 10 } });
    expect(await tell(owner, "/b:c/d", "Usage")).toMatchObject({ Usage: { bytes: 5, entries: 3 } });
    expect(await tell(owner, "/b:c/d/y", "Write", "123456")).toEqual(reached("driveBytes", 10));
  });

  test("drives, cursors, wholeBytes, folderEntries and queuedBytes", async () => {
    const limits = { drives: 2, cursors: 2, wholeBytes: 5, folderEntries: 2, queuedBytes: 20 };
    const { owner } = await start({ limits });
    expect(await tell(owner, "/b:c/e", "CreateDrive")).toBe("Ok");
    expect(await tell(owner, "/b:c/e", "CreateDrive")).toBe("Ok");
    expect(await tell(owner, "/b:c/f", "CreateDrive")).toEqual(reached("drives", 2));
    for (const name of ["x", "y"])
      expect(await tell(owner, `/b:c/d/${name}`, { OpenFile: { create: true } })).toBe("Ok");
    expect(await tell(owner, "/b:c/d", "ReadDir")).toMatchObject({ ReadDir: [{}, {}] });
    expect(await tell(owner, "/b:c/d/z", { OpenFile: { create: true } })).toEqual(reached("cursors", 2));
    expect(await tell(owner, "/b:c/d", "ReadDir")).toEqual(reached("folderEntries", 2));
    await tell(owner, "/b:c/d/x", "CloseFile");
    expect(await tell(owner, "/b:c/d/z", { OpenFile: { create: false } })).toBe("Ok");
    expect(await tell(owner, "/b:c/d/x", "Write", "12345")).toBe("Ok");
    expect(await tell(owner, "/b:c/d/x", "Write", "123456")).toEqual(reached("wholeBytes", 5));
    expect(await tell(owner, "/b:c/d/x", "Append", "6")).toBe("Ok");
    expect(await tell(owner, "/b:c/d/x", "Read")).toEqual(reached("wholeBytes", 5));
    expect(await said(owner, "/b:c/d/x", { ReadAt: { position: 1, length: 9 } })).toMatchObject({ text: "23456" });
    expect(await tell(owner, "/b:c/d/x", "Write", "x".repeat(21))).toEqual(reached("queuedBytes", 20));
  });

  test("queued: requests of one process that wait, at it and one more; others are served", async () => {
    const { owner, vfs } = await start({ limits: { queued: 3 } });
    const twin = vfs.host("twin:b:c");
    const all = Promise.all(["a", "b", "c", "d"].map((name) => tell(owner, `/b:c/d/${name}`, "Write", name)));
    expect(await tell(twin, "/b:c/d/t", "Write", "t")).toBe("Ok");
    expect(await all).toEqual(["Ok", "Ok", "Ok", reached("queued", 3)]);
    expect(await tell(owner, "/b:c/d/d", "Write", "d")).toBe("Ok");
  });

  test("atOnce: more than that wait, and each gets its turn", async () => {
    const { owner, vfs } = await start({ limits: { atOnce: 1 } });
    const hosts = [owner, ...["one", "two", "three"].map((name) => vfs.host(`${name}:b:c`))];
    const writes = hosts.flatMap((host, i) =>
      [0, 1, 2].map((round) => tell(host, `/b:c/d/${i}`, "Write", String(round))),
    );
    expect(await Promise.all(writes)).toEqual(Array(12).fill("Ok"));
    for (const [i, host] of hosts.entries()) expect((await said(host, `/b:c/d/${i}`, "Read")).text).toBe("2");
  });

  test("cursorsTotal: whose were used longest ago go", async () => {
    const { owner, vfs } = await start({ limits: { cursorsTotal: 2 } });
    await tell(owner, "/b:c/d/x", "Write", "abcdef");
    await said(owner, "/b:c/d/x", { ReadExact: { length: 3 } });
    for (const id of ["one:b:c", "two:b:c"]) await said(vfs.host(id), "/b:c/d/x", { ReadExact: { length: 1 } });
    expect((await said(owner, "/b:c/d/x", { ReadExact: { length: 1 } })).text).toBe("a");
  });

  test("one that is none says its bounds", () => {
    expect(() => startVfs({ limits: { driveBytes: -1 } })).toThrow(
      'Cannot set limit "driveBytes" as it must be 0 to 1099511627776 bytes: got -1, leave it out for 1073741824',
    );
  });
});

describe("the drive pkg", () => {
  test("is the package's own folder, to read; what begins with a dot is not there", async () => {
    const folder = mkdtempSync(join(tmpdir(), "jackfield-package-"));
    const manifest = { package: "b", publisher: "c", processes: [{ process_name: "app", file: "app.ts" }] };
    writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest));
    writeFileSync(join(folder, "app.ts"), "export default { start: () => ({ handle: () => undefined }) };");
    mkdirSync(join(folder, ".jackfield"));
    writeFileSync(join(folder, ".jackfield/secret"), "secret");
    symlinkSync("/etc/passwd", join(folder, "passwd"));
    const { vfs, owner } = await start();
    try {
      expect(await tell(owner, "/b:c/pkg/manifest.json", "Read")).toEqual(ioError("ENOENT"));
      await vfs.node.addPackage(folder);
      expect((await said(owner, "/b:c/pkg/manifest.json", "Read")).text).toBe(JSON.stringify(manifest));
      expect(await tell(owner, "/b:c/pkg", "ReadDir")).toEqual({
        ReadDir: [
          { path: "b:c/pkg/app.ts", file_type: "File" },
          { path: "b:c/pkg/manifest.json", file_type: "File" },
          { path: "b:c/pkg/passwd", file_type: "Symlink" },
        ],
      });
      expect(await tell(owner, "/b:c/pkg/passwd", "Read")).toEqual(ioError("ELOOP"));
      expect(await tell(owner, "/b:c/pkg/.jackfield/secret", "Read")).toEqual(ioError("ENOENT"));
      expect(await tell(owner, "/b:c/pkg/.jackfield", "ReadDir")).toEqual(ioError("ENOENT"));
      for (const action of ["Write", "Replace", "WriteAll", "Append", "OpenWrite", "CreateFile", "RemoveFile"])
        expect([action, await tell(owner, "/b:c/pkg/app.ts", action, "x")]).toEqual([action, ioError("EROFS")]);
      for (const action of ["CreateDir", "CreateDirAll", "RemoveDir", "RemoveDirAll", "CreateDrive"])
        expect([action, await tell(owner, "/b:c/pkg", action)]).toEqual([action, ioError("EROFS|EISDIR")]);
      expect(await tell(owner, "/b:c/pkg/app.ts", { Rename: { new_path: "/b:c/pkg/x" } })).toEqual(ioError("EROFS"));
      expect(await tell(owner, "/b:c/pkg/app.ts", { CopyFile: { new_path: "/b:c/d/x" } })).toBe("Ok");
      expect(await tell(vfs.host(OTHER), "/b:c/pkg/app.ts", "Read")).toEqual({ Err: "NoReadCap" });
      expect(readFileSync(join(folder, "app.ts"), "utf8")).toMatch(/^export default/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

test("without a folder everything is kept elsewhere for a while, and gone with the node", async () => {
  const before = readdirSync(tmpdir()).filter((name) => name.startsWith("jackfield-vfs-"));
  const { vfs, owner } = await start({ folder: null });
  await tell(owner, "/b:c/d/x", "Replace", "for a while");
  expect((await said(owner, "/b:c/d/x", "Read")).text).toBe("for a while");
  const made = readdirSync(tmpdir()).filter((name) => name.startsWith("jackfield-vfs-") && !before.includes(name));
  expect(made.length).toBeGreaterThan(0);
  await vfs.node.stop();
  const left = made.filter((name) => existsSync(join(tmpdir(), name, "b@c")));
  expect(left).toEqual([]);
});

test("no action leaves a file or a folder open, done or refused", async () => {
  const { vfs, owner } = await start({ limits: { driveBytes: 100 } });
  const open = (): string[] =>
    readdirSync("/proc/self/fd").flatMap((fd) => {
      try {
        const target = readlinkSync(`/proc/self/fd/${fd}`);
        return target.startsWith(vfs.folder) ? [target] : [];
      } catch {
        return []; // the one that lists them
      }
    });
  await tell(owner, "/b:c/d/a/b", "CreateDirAll");
  await tell(owner, "/b:c/d/a/b/x", "Replace", "x");
  const words = [
    "CreateDrive",
    "CreateDir",
    "CreateDirAll",
    "CreateFile",
    "CloseFile",
    "Write",
    "WriteAll",
    "Append",
    "SyncAll",
  ];
  const more = [
    "Read",
    "ReadDir",
    "ReadToEnd",
    "ReadToString",
    "Metadata",
    "Len",
    "Hash",
    "Usage",
    "Replace",
    "AddZip",
  ];
  const records = [
    { OpenFile: { create: true } },
    { ReadExact: { length: 9 } },
    { Seek: { End: 0 } },
    { Rename: { new_path: "/b:c/d/a/b/y" } },
    { Rename: { new_path: "/b:c/d/none/y" } },
    { CopyFile: { new_path: "/b:c/d/a/z" } },
    { CopyFile: { new_path: "/b:c/d/a/b" } },
    { SetLen: 1000 },
    { ReadAt: { position: 0, length: 9 } },
    { WriteAt: { position: 1000 } },
    { List: {} },
  ];
  for (const path of [
    "/b:c/d",
    "/b:c/d/a",
    "/b:c/d/a/b/x",
    "/b:c/d/none",
    "/b:c/d/none/x",
    "/b:c/d/a/b/x/y",
    "/b:c/no/x",
  ])
    for (const action of [...words, ...more, ...records]) await tell(owner, path, action, "some bytes");
  for (const action of ["RemoveFile", "RemoveDir", "RemoveDirAll"])
    for (const path of ["/b:c/d/none", "/b:c/d/a/b/x", "/b:c/d/a"]) await tell(owner, path, action);
  expect(open()).toEqual([vfs.folder]); // the root of all
});

describe("AddZip", () => {
  test("unpacks files and folders, stored and deflated", async () => {
    const { owner } = await start();
    const archive = zip([
      { name: "a/", content: "" },
      { name: "a/b.txt", content: "deflated ".repeat(100) },
      { name: "c/d/e.txt", content: "stored", stored: true },
      { name: "empty", content: "" },
    ]);
    expect(await tell(owner, "/b:c/d/new", "AddZip", archive)).toBe("Ok");
    expect((await said(owner, "/b:c/d/new/a/b.txt", "Read")).text).toBe("deflated ".repeat(100));
    expect((await said(owner, "/b:c/d/new/c/d/e.txt", "Read")).text).toBe("stored");
    expect((await said(owner, "/b:c/d/new/empty", "Read")).text).toBe("");
  });

  test.each(["../x", "/x", "a/../../x", "a\\..\\x", "a//x", "./x", "", "a\0", "..", "C:\\x\\"])(
    "row 39: an archive with the name %j is refused whole",
    async (name) => {
      const { owner, vfs, drive } = await start();
      const archive = zip([
        { name: "first", content: "x" },
        { name, content: "x" },
      ]);
      expect(await tell(owner, "/b:c/d/new", "AddZip", archive)).toMatchObject({ Err: { ParseError: {} } });
      expect(readdirSync(drive)).toEqual([]);
      expect(readdirSync(vfs.folder).sort()).toEqual([".tmp", "b@c"]);
    },
  );

  test("a link in it is refused, and so is what is larger than it says", async () => {
    const { owner, drive } = await start();
    const link = zip([{ name: "l", content: "/etc/passwd", mode: 0o120777 }]);
    expect(await tell(owner, "/b:c/d", "AddZip", link)).toEqual({ Err: "UnzipError" });
    const bomb = zip([{ name: "b", content: "0".repeat(100_000), says: 10 }]);
    expect(await tell(owner, "/b:c/d", "AddZip", bomb)).toMatchObject({ Err: { ParseError: {} } });
    const cut = zip([{ name: "c", content: "x".repeat(50) }]);
    for (let end = 0; end < cut.byteLength; end++)
      expect(await tell(owner, "/b:c/d", "AddZip", cut.slice(0, end))).toMatchObject({ Err: { ParseError: {} } });
    const twice = zip([
      { name: "a", content: "x" },
      { name: "a/b", content: "x" },
    ]);
    expect(await tell(owner, "/b:c/d", "AddZip", twice)).toMatchObject({ Err: { ParseError: {} } });
    expect(readdirSync(drive)).toEqual([]);
  });

  test("what the drive has no room for is refused whole; what takes the place of a file needs room for the rest only", async () => {
    const { owner, drive } = await start({ limits: { driveBytes: 10, driveEntries: 3 } });
    const of = (...contents: string[]): Uint8Array => zip(contents.map((content, i) => ({ name: String(i), content })));
    expect(await tell(owner, "/b:c/d", "AddZip", of("12345", "678901"))).toEqual(reached("driveBytes", 10));
    expect(await tell(owner, "/b:c/d", "AddZip", of("1", "2", "3", "4"))).toEqual(reached("driveEntries", 3));
    expect(await tell(owner, "/b:c/d/new/a", "AddZip", of("1", "2"))).toEqual(reached("driveEntries", 3));
    expect(readdirSync(drive)).toEqual([]);
    expect(await tell(owner, "/b:c/d", "AddZip", of("12345", "67890"))).toBe("Ok");
    expect(await tell(owner, "/b:c/d", "AddZip", of("abcde", "fghij"))).toBe("Ok");
    expect((await said(owner, "/b:c/d/1", "Read")).text).toBe("fghij");
  });

  test("zipBytes and zipEntries: at them, and one more", async () => {
    const { owner } = await start({ limits: { zipBytes: 10, zipEntries: 2 } });
    const of = (...contents: string[]): Uint8Array => zip(contents.map((content, i) => ({ name: String(i), content })));
    expect(await tell(owner, "/b:c/d", "AddZip", of("12345", "67890"))).toBe("Ok");
    expect(await tell(owner, "/b:c/d", "AddZip", of("12345", "678901"))).toEqual(reached("zipBytes", 10));
    expect(await tell(owner, "/b:c/d", "AddZip", of("1", "2", "3"))).toEqual(reached("zipEntries", 2));
  });
});
