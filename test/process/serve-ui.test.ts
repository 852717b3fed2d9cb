/** serveUi: which files it binds, and what it refuses. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type Harness, startProcess } from "../../lib/process/harness.ts";
import { defineProcess, mimeType } from "../../lib/process/index.ts";
import { hasHash } from "../../lib/process/serve-ui.ts";

let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "jackfield-ui-"));
  await mkdir(join(folder, "ui/deep"), { recursive: true });
});
afterEach(() => rm(folder, { recursive: true }));

/** A process that serves `name` of the package, and keeps how many files that were. */
function serving(name: string, options: { readonly folder?: string } = { folder }): Promise<Harness> {
  const program = defineProcess({ init: async (ctx) => ctx.setState(await ctx.serveUi(name)) });
  return startProcess(program, options);
}

describe("serveUi()", () => {
  test("binds each file by its path and type, and index.html at / too", async () => {
    await writeFile(join(folder, "ui/index.html"), "<p>");
    await writeFile(join(folder, "ui/deep/app.js"), "1");
    const harness = await serving("ui");
    const files = [...harness.files].map(([path, { mime }]) => [path, mime]);
    expect(files.sort()).toEqual([
      ["/", "text/html; charset=utf-8"],
      ["/deep/app.js", "text/javascript; charset=utf-8"],
      ["/index.html", "text/html; charset=utf-8"],
    ]);
    expect(harness.state).toBe(2);
    expect((await harness.http({ path: "/deep/app.js" })).data).toBe(1);
  });

  test("a process made in memory has no folder", async () => {
    await expect(serving("ui", {})).rejects.toThrow(
      'Cannot serve "ui" as this process was made in memory: load it from a package folder',
    );
  });

  test.each(["..", "../ui", "/etc", "ui/../.."])("%p is outside the package's folder", async (name) => {
    await expect(serving(name)).rejects.toThrow(
      `Cannot serve "${name}" as it is outside the package's folder: move it inside`,
    );
  });

  test("links are not followed: one to a file or a folder is left out, a folder that leads outside is refused", async () => {
    await writeFile(join(folder, "manifest.json"), "{}");
    await writeFile(join(folder, "ui/index.html"), "<p>");
    await symlink(join(folder, "manifest.json"), join(folder, "ui/manifest.json"));
    await symlink(tmpdir(), join(folder, "ui/deep/outside"));
    const harness = await serving("ui");
    expect([...harness.files.keys()].sort()).toEqual(["/", "/index.html"]);
    await symlink(tmpdir(), join(folder, "outside"));
    await expect(serving("outside")).rejects.toThrow(
      'Cannot serve "outside" as it leads outside the package\'s folder: replace the link',
    );
  });

  test("names that begin with a dot are left out, but for .well-known", async () => {
    for (const name of [".git", ".well-known", "deep/.cache"])
      await mkdir(join(folder, "ui", name), { recursive: true });
    for (const name of ["a.js", ".env", ".git/config", "deep/.cache/b.js", ".well-known/c.txt", ".well-known/.d"])
      await writeFile(join(folder, "ui", name), "");
    const harness = await serving("ui");
    expect([...harness.files.keys()].sort()).toEqual(["/.well-known/c.txt", "/a.js"]);
  });

  test("a folder that is not there, and a file, are refused", async () => {
    await writeFile(join(folder, "ui/index.html"), "");
    await expect(serving("nope")).rejects.toThrow(/^Cannot serve "nope" as it is no folder of the package: .*ENOENT/);
    await expect(serving("ui/index.html")).rejects.toThrow(/^Cannot serve "ui\/index.html" as .* ENOTDIR/);
  });

  test("1000 files are served, one more is refused", async () => {
    for (let n = 0; n < 1000; n++) await writeFile(join(folder, `ui/${n}.txt`), "");
    expect((await serving("ui")).state).toBe(1000);
    await writeFile(join(folder, "ui/more.txt"), "");
    await expect(serving("ui")).rejects.toThrow('Cannot serve "ui" as it holds more than 1000 files: got 1001');
  });
});

test.each([
  ["a.HTML", "text/html; charset=utf-8"],
  ["a.b.css", "text/css; charset=utf-8"],
  ["a", "application/octet-stream"],
  ["js", "application/octet-stream"],
  ["a.constructor", "application/octet-stream"],
  ["a.webmanifest", "application/manifest+json"],
  ["a.woff2", "font/woff2"],
  ["a.exe", "application/octet-stream"],
])("the type of %p is %p", (name, type) => {
  expect(mimeType(name)).toBe(type);
});

test.each([
  ["/assets/index-BKx3jd9a.js", true],
  ["/static/js/main.3f2a9c1b.js", true],
  ["/static/js/main.3f2a9c1b.chunk.js", true],
  ["/static/css/main.3f2a9c1b.css.map", true],
  ["/a.d41d8cd98f00b204e9800998ecf8427e.png", true],
  ["/index.html", false],
  ["/my-component.js", false],
  ["/my-Component.js", false],
  ["/jquery.validate.js", false],
  ["/jquery-3.7.1.min.js", false],
  ["/report.20261121.pdf", false],
  ["/3f2a9c1b/index.js", false],
  ["/photo-12345678.jpg", false],
])("hasHash(%p) is %p", (path, hashed) => {
  expect(hasHash(path)).toBe(hashed);
});
