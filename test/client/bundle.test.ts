/** The file that nodes serve at /client.js: its size, its imports, and that it runs. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

const BUDGET = 6 * 1024; // bytes of gzip: DESIGN §6

let folder = "";
let outfile = "";
let text = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "jackfield-client-"));
  outfile = join(folder, "client.mjs");
  const script = new URL("../../scripts/bundle-client.mjs", import.meta.url).href;
  const { bundleClient } = (await import(script)) as {
    bundleClient(options: { readonly outfile: string }): Promise<void>;
  };
  await bundleClient({ outfile });
  text = await readFile(outfile, "utf8");
});

afterAll(() => rm(folder, { recursive: true }));

describe("bundleClient()", () => {
  test("makes at most 6 kB of gzip", () => {
    expect(gzipSync(text, { level: 9 }).length).toBeLessThanOrEqual(BUDGET);
  });

  test("makes one file without imports, Node built-ins or globals of Node", () => {
    expect(text).not.toMatch(/(^|[;}])import\b|\brequire\(|["'`]node:|\bprocess\.|\bBuffer\b/);
  });

  test("keeps to es2020 and lowers nothing: no private name, and no helper for one", () => {
    expect(text).not.toMatch(/#\w+ *[=(;]|WeakMap|WeakSet/);
  });

  test("exports what index.ts does", async () => {
    const bundled = (await import(pathToFileURL(outfile).href)) as object;
    const source = (await import("../../lib/client/index.ts")) as object;
    expect(Object.keys(bundled).sort()).toEqual(Object.keys(source).sort());
  });
});
