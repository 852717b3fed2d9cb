/** Jackfield as npm installs it: the published files alone, and its dependencies beside it instead of below. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test } from "@jest/globals";
import { build } from "esbuild";
import { askHttp } from "../support/http-client.ts";
import { endJackfields, startNode, temporaryFolder } from "../support/jackfield.ts";

const ROOT = resolve(import.meta.dirname, "../..");

afterEach(endJackfields);

/** A folder with node_modules as `npm install jackfield` leaves it. @returns the folder of jackfield in it */
function install(): string {
  const modules = join(temporaryFolder(), "node_modules");
  const listing = execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
    cwd: ROOT,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [{ files }] = JSON.parse(listing) as [{ files: readonly { readonly path: string }[] }];
  for (const { path } of files) {
    mkdirSync(dirname(join(modules, "jackfield", path)), { recursive: true });
    cpSync(join(ROOT, path), join(modules, "jackfield", path));
  }
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { dependencies: object };
  for (const name of Object.keys(dependencies)) {
    mkdirSync(dirname(join(modules, name)), { recursive: true }); // a scope is a folder
    symlinkSync(join(ROOT, "node_modules", name), join(modules, name), "dir");
  }
  return join(modules, "jackfield");
}

test("it starts, and serves its pages and what they load", async () => {
  const { port } = await startNode({
    command: join(install(), "dist/bin/jackfield.js"),
    args: ["--data", temporaryFolder()],
  });
  const paths = ["/login", "/login/login.js", "/login/login.css", "/login/argon2.js", "/client.js"];
  const answers = await Promise.all(paths.map((path) => askHttp(port, { path })));
  expect(answers.map(({ status }) => status)).toEqual(paths.map(() => 200));
});

test.each(["client", "protocol"])("jackfield/%s goes into a page without anything of Node's", async (name) => {
  const { outputFiles } = await build({
    stdin: { contents: `export * from "jackfield/${name}";`, resolveDir: dirname(install()) },
    bundle: true,
    format: "esm",
    platform: "browser", // a built-in of Node is then an error
    write: false,
    logLevel: "silent",
  });
  expect(outputFiles[0]?.text).toContain("KernelError");
});

describe("later.cjs, which a start does not run", () => {
  /** Asks kv, which a start does not load. */
  async function askKv(port: number): Promise<number> {
    const message = { package_id: "chat:template.os", db: "d", action: "Open" };
    const call = { process: "kv:distro:sys", body: JSON.stringify(message), expects_response: 5 };
    const headers = { "content-type": "application/json" };
    const path = "/rpc:distro:sys/message";
    return (await askHttp(port, { method: "POST", path, headers, body: JSON.stringify(call) })).status;
  }

  test("a node starts and serves its pages without it", async () => {
    const folder = join(install(), "dist/bin");
    rmSync(join(folder, "later.cjs"));
    const { port, stop } = await startNode({ command: join(folder, "jackfield.js"), args: ["--memory"] });
    expect((await askHttp(port, { path: "/login" })).status).toBe(200);
    expect(await stop()).toMatchObject({ code: 0, stderr: "" });
  });

  test("a node that has read it goes on with it when another version is put in its place", async () => {
    const folder = join(install(), "dist/bin");
    const { port, stop } = await startNode({ command: join(folder, "jackfield.js"), args: ["--memory"] });
    const isKept = (): boolean => readdirSync(folder).some((name) => name.startsWith("later.cjs.")); // so it was read
    while (!isKept()) await sleep(20);
    writeFileSync(join(folder, "later.cjs"), "throw new Error('from another world');");
    expect(await askKv(port)).toBe(200);
    expect(await stop()).toMatchObject({ code: 0, stderr: "" });
  });
});

describe("what V8 compiled", () => {
  /** Resolves with it once it is there and `isAsExpected`. */
  async function kept(folder: string, isAsExpected: (bytes: Buffer) => boolean): Promise<Buffer> {
    for (;;) {
      const [file] = readdirSync(folder).filter((name) => name === `core.cjs.${process.version}-${process.arch}`);
      const bytes = file === undefined ? undefined : readFileSync(join(folder, file));
      if (bytes !== undefined && isAsExpected(bytes)) return bytes;
      await sleep(20);
    }
  }

  /** Whether V8 of a new process, by its own flags as those of a start are, does without `bytes`. */
  function isRefused(core: string, bytes: Buffer): boolean {
    const source = `const script = new (require("node:vm").Script)(
      require("node:fs").readFileSync(process.argv[1], "latin1"),
      { filename: process.argv[1], cachedData: require("node:fs").readFileSync(0) });
    process.stdout.write(String(script.cachedDataRejected));`;
    return execFileSync(process.execPath, ["-e", source, core], { input: bytes, encoding: "utf8" }) === "true";
  }

  test("is kept by the first start; the next starts with it; what does not fit is replaced", async () => {
    const folder = join(install(), "dist/bin");
    const start = (): ReturnType<typeof startNode> =>
      startNode({ command: join(folder, "jackfield.js"), args: ["--memory"] });
    const first = await start();
    const whole = await kept(folder, () => true);
    expect(isRefused(join(folder, "core.cjs"), whole)).toBe(false);
    expect(isRefused(join(folder, "core.cjs"), Buffer.from("from another world"))).toBe(true);
    await first.stop();

    const second = await start();
    expect((await askHttp(second.port, { path: "/login" })).status).toBe(200);
    expect(await second.stop()).toMatchObject({ code: 0, stderr: "" });

    const file = join(folder, `core.cjs.${process.version}-${process.arch}`);
    writeFileSync(file, "from another world");
    const third = await start();
    expect((await askHttp(third.port, { path: "/login" })).status).toBe(200);
    await kept(folder, (now) => now.length > 100_000); // bytes: far below what it is, far above what was written
    expect(await third.stop()).toMatchObject({ code: 0, stderr: "" });
  });
});
