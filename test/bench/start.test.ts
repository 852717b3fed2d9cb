/** bench/start: what it reads off texts and folders. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { bytesBelow, packagesIn } from "../../bench/installed.ts";
import { nanoseconds, statusOf } from "../../bench/load/start-figures.ts";

describe("processor time", () => {
  test("is the first number of each thread, added up", () => {
    expect(nanoseconds(["1500000 70 3\n", "250000 0 1\n"])).toBe(1_750_000);
  });

  test("is 0 without threads", () => {
    expect(nanoseconds([])).toBe(0);
  });
});

describe("the status of an answer", () => {
  test.each([
    ["HTTP/1.1 200 OK\r\nuWebSockets: 20\r\n", 200],
    ["HTTP/1.1 503 Service Unavailable\r\n", 503],
  ])("%j is %i", (head, status) => {
    expect(statusOf(head)).toBe(status);
  });

  test.each(["", "HTTP/2 200", "SSH-2.0-OpenSSH"])("%j has none", (head) => {
    expect(() => statusOf(head)).toThrow(/^Cannot read a status as an answer starts with HTTP\/1\.1: got /);
  });
});

describe("what is installed", () => {
  test("counts packages as npm wrote them down, nested ones too", () => {
    const packages = { "node_modules/lmdb": {}, "node_modules/lmdb/node_modules/msgpackr": {}, "node_modules/ws": {} };
    expect(packagesIn(JSON.stringify({ name: "ours", lockfileVersion: 3, packages }))).toBe(3);
  });

  test("counts the bytes of files at any depth; a link counts nothing", async () => {
    const folder = await mkdtemp(join(tmpdir(), "jackfield-test-"));
    try {
      await mkdir(join(folder, "deep/er"), { recursive: true });
      await writeFile(join(folder, "a"), "12345");
      await writeFile(join(folder, "deep/er/b"), "123");
      await symlink(join(folder, "a"), join(folder, "link"));
      expect(await bytesBelow(folder)).toBe(8);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
