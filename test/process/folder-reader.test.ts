/** A folder is read the same on the spot and by Node's threads. */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { FolderReader } from "../../lib/process/folder-reader.ts";
import { temporaryFolder } from "../support/jackfield.ts";

test.each([
  ["on the spot", 60_000],
  ["by the threads", 0],
])("%s: files of all folders, no links, and what is not there rejects", async (_, atOnce) => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "inside"));
  writeFileSync(join(folder, "a.txt"), "a");
  writeFileSync(join(folder, "inside/b.txt"), "b");
  symlinkSync(join(folder, "a.txt"), join(folder, "link.txt"));
  const reader = new FolderReader(atOnce);
  const files = await reader.filesIn(folder);
  expect([...files].sort()).toEqual([join(folder, "a.txt"), join(folder, "inside/b.txt")]);
  expect(await Promise.all(files.map(async (file) => String(await reader.readFile(file))))).toEqual(
    files.map((file) => (file.endsWith("a.txt") ? "a" : "b")),
  );
  expect(await reader.realpath(join(folder, "link.txt"))).toBe(await reader.realpath(join(folder, "a.txt")));
  await expect(reader.readFile(join(folder, "none"))).rejects.toThrow("ENOENT");
  await expect(reader.filesIn(join(folder, "none"))).rejects.toThrow("ENOENT");
  await expect(reader.realpath(join(folder, "none"))).rejects.toThrow("ENOENT");
});
