/** `jackfield install`, `remove` and `list`: the built command, with a node that runs and without one. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, jest, test } from "@jest/globals";
import { packages } from "../../bin/install.ts";
import { askHttp } from "../support/http-client.ts";
import {
  type Ended,
  endJackfields,
  freePort,
  Jackfield,
  manifest,
  startNode,
  temporaryFolder,
} from "../support/jackfield.ts";

const ID = "my-app:me.os";
const PATH = "/hello:my-app:me.os";

const program = (version: number): string => `
import { defineProcess } from "jackfield/process";
export default defineProcess({
  async init(ctx) {
    await ctx.bindHttp("/", { authenticated: false });
    const runs = ((await ctx.getState()) ?? 0) + 1;
    await ctx.setState(runs);
    return runs;
  },
  onHttp: (runs, request) => request.reply({ version: ${version}, runs }),
});`;

/** A package's folder, nowhere near a jackfield of its own. */
function pack(version: number, files: Readonly<Record<string, string>> = {}): string {
  const folder = temporaryFolder();
  const all = {
    "package.json": JSON.stringify({ name: "my-app", version: `${version}.0.0`, type: "module" }),
    "manifest.json": manifest(),
    "hello.js": program(version),
    ...files,
  };
  for (const [name, text] of Object.entries(all)) {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

function npmPack(folder: string): string {
  execFileSync("npm", ["pack", "--silent", "--pack-destination", folder], { cwd: folder, stdio: "ignore" });
  return join(folder, readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? "");
}

/** A data folder, and the commands on it; no node answers unless `url` says where. */
async function place(): Promise<{ data: string; run(...args: readonly string[]): Promise<Ended> }> {
  const data = temporaryFolder();
  const nowhere = `http://localhost:${await freePort()}`;
  return {
    data,
    run: (...args) => {
      const url = args.includes("--node-url") ? [] : ["--node-url", nowhere];
      return new Jackfield({ args: [...args, "--data", data, ...url] }).ended;
    },
  };
}

const stored = (data: string): readonly string[] =>
  readdirSync(join(data, "localhost/packages")).filter((name) => name !== "node_modules");

jest.setTimeout(120_000); // ms: up to three nodes and some ten commands, one after the other, or npm
afterEach(endJackfields);

describe("without a node that runs", () => {
  test("what is installed runs with the next start, a folder as well as a .tgz", async () => {
    const { data, run } = await place();
    const installed = await run("install", npmPack(pack(1)), "--yes");
    expect(installed).toMatchObject({ code: 0, stderr: "" });
    expect(installed.stdout).toMatch(/\nInstalled my-app:me\.os\. The next start of the node runs it\.\n$/);
    const node = await startNode({ args: ["--data", data] });
    expect(node.command.stdout).toContain(`\n  installed     ${ID}\n`);
    expect((await askHttp(node.port, { path: PATH })).body).toBe('{"version":1,"runs":1}');
    expect((await askHttp(node.port, { path: "/chat:chat:template.os" })).status).toBe(404); // no examples
    await node.stop();
    expect((await run("install", pack(2), "-y")).stdout).toMatch(/ {2}replaces 1\.0\.0; /);
    const next = await startNode({ args: ["--data", data] });
    expect((await askHttp(next.port, { path: PATH })).body).toBe('{"version":2,"runs":2}'); // its state stays
    expect(stored(data)).toEqual(["my-app@me.os~2"]);
  });

  test("list shows them, remove takes them away", async () => {
    const { data, run } = await place();
    expect(await run("list")).toMatchObject({ code: 0, stdout: `none, in ${data}/localhost/packages\n` });
    await run("install", pack(1), "--yes");
    const { stdout } = await run("list");
    expect(stdout).toMatch(
      /^PACKAGE +VERSION +INSTALLED +PROCESSES\nmy-app:me\.os +1\.0\.0 +\d{4}-.* hello:my-app:me\.os\n$/,
    );
    expect(JSON.parse((await run("list", "--json")).stdout)).toMatchObject([
      { id: ID, version: "1.0.0", problem: null },
    ]);
    expect(await run("remove", ID)).toMatchObject({
      code: 0,
      stdout: `Removed ${ID}. A node that runs it goes on until it is stopped.\n`,
    });
    expect(stored(data)).toEqual([".removed-my-app@me.os"]); // for the next start, see below
    expect(await run("remove", ID)).toMatchObject({
      code: 1,
      stderr: `Cannot remove "${ID}" as it is not installed: nothing is installed\n`,
    });
  });
});

describe("with a node that runs", () => {
  test("it changes at once: installed, replaced, removed", async () => {
    const { data, run } = await place();
    const node = await startNode({ args: ["--data", data] });
    const at = ["--node-url", node.url];
    const first = await run("install", pack(1), "--yes", ...at);
    expect(first.stdout).toMatch(/\nInstalled my-app:me\.os\. The running node has changed to it\.\n$/);
    expect((await askHttp(node.port, { path: PATH })).body).toBe('{"version":1,"runs":1}');
    await run("install", pack(2), "--yes", ...at);
    expect((await askHttp(node.port, { path: PATH })).body).toBe('{"version":2,"runs":2}');
    expect(stored(data)).toEqual(["my-app@me.os~2"]);
    expect((await run("remove", ID, ...at)).stdout).toBe(`Removed ${ID}. The running node has ended it.\n`);
    expect((await askHttp(node.port, { path: PATH })).status).toBe(503); // it was there
  });

  test("a version that does not load is said; the one before goes on, and so it stays installed", async () => {
    const { data, run } = await place();
    const node = await startNode({ args: ["--data", data] });
    const at = ["--node-url", node.url];
    await run("install", pack(1), "--yes", ...at);
    const { code, stdout } = await run("install", pack(2, { "hello.js": "const x = ;" }), "--yes", ...at);
    expect(code).toBe(0);
    expect(stdout).toMatch(/The running node could NOT change to it, and goes on as before: .*Unexpected token ';'/);
    expect((await askHttp(node.port, { path: PATH })).body).toBe('{"version":1,"runs":1}');
  });

  test("one with another store, or that was given the package by hand, is left alone", async () => {
    const [{ run }, other] = [await place(), await place()];
    const node = await startNode({ args: ["--data", other.data] });
    expect((await run("install", pack(1), "--yes", "--node-url", node.url)).stdout).toContain(
      `The next start of the node runs it: the one at ${new URL(node.url).origin} keeps its packages in ${other.data}/localhost/packages.\n`,
    );
    await node.stop();
    const given = pack(7);
    mkdirSync(join(given, "node_modules"));
    symlinkSync(join(import.meta.dirname, "../.."), join(given, "node_modules/jackfield"), "dir");
    const byHand = await startNode({ args: ["--data", other.data, "--package", given] });
    expect((await other.run("install", pack(1), "--yes", "--node-url", byHand.url)).stdout).toContain(
      `The running node goes on with ${given}, which it was started with (--package).\n`,
    );
  });
});

describe("what it was given while it ran", () => {
  const OTHER = "localhost@other:other:me.os";
  const given = { issuer: OTHER, params: '{"n":1}' };

  async function held(url: string): Promise<string> {
    return (await new Jackfield({ args: ["caps", "hello:my-app:me.os", "--json", "--node-url", url] }).ended).stdout;
  }

  async function give(url: string): Promise<void> {
    const body = JSON.stringify({ GrantCapabilities: { target: "hello:my-app:me.os", capabilities: [given] } });
    await new Jackfield({ args: ["send", "kernel:distro:sys", body, "--node-url", url] }).ended;
    expect(await held(url)).toContain(OTHER);
  }

  test.each([true, false])("is forgotten when it is removed; the node runs meanwhile: %s", async (isRunning) => {
    const { data, run } = await place();
    await run("install", pack(1), "--yes");
    const first = await startNode({ args: ["--data", data] });
    await give(first.url);
    if (!isRunning) await first.stop();
    expect((await run("remove", ID, ...(isRunning ? ["--node-url", first.url] : []))).code).toBe(0);
    if (isRunning) await first.stop();
    await run("install", pack(2), "--yes");
    const next = await startNode({ args: ["--data", data] });
    expect(await held(next.url)).toContain("http-server:distro:sys");
    expect(await held(next.url)).not.toContain(OTHER);
    await give(next.url);
    await next.stop();
    const last = await startNode({ args: ["--data", data] }); // the removal counts once
    expect(await held(last.url)).toContain(OTHER);
  });

  test("stays when a newer version takes its place", async () => {
    const { data, run } = await place();
    await run("install", pack(1), "--yes");
    const first = await startNode({ args: ["--data", data] });
    await give(first.url);
    await first.stop();
    expect((await run("install", pack(2), "--yes")).stdout).toContain(
      "keeps its state, and what it was given while it ran",
    );
    const next = await startNode({ args: ["--data", data] });
    expect(await held(next.url)).toContain(OTHER);
  });
});

test("a package that the node was given by hand goes on when the installed one of its name is removed", async () => {
  const { data, run } = await place();
  await run("install", pack(1), "--yes");
  const given = pack(7);
  mkdirSync(join(given, "node_modules"));
  symlinkSync(join(import.meta.dirname, "../.."), join(given, "node_modules/jackfield"), "dir");
  const node = await startNode({ args: ["--data", data, "--package", given] });
  expect((await run("remove", ID, "--node-url", node.url)).stdout).toBe(
    `Removed ${ID}. The running node goes on with ${given}, which it was started with (--package).\n`,
  );
  expect((await askHttp(node.port, { path: PATH })).body).toContain('"version":7');
});

test("a store that is called by another name is still the node's own", async () => {
  const { data, run } = await place();
  const node = await startNode({ args: ["--data", data] });
  const alias = join(temporaryFolder(), "alias");
  symlinkSync(data, alias);
  const args = ["install", pack(1), "--yes", "--data", alias, "--node-url", node.url];
  expect((await new Jackfield({ args }).ended).stdout).toContain("The running node has changed to it.");
  expect((await run("remove", ID, "--node-url", node.url)).stdout).toContain("The running node has ended it.");
});

test("two installs at once both succeed", async () => {
  const { data, run } = await place();
  const all = await Promise.all([1, 2, 3].map((version) => run("install", pack(version), "--yes")));
  expect(all).toMatchObject([
    { code: 0, stderr: "" },
    { code: 0, stderr: "" },
    { code: 0, stderr: "" },
  ]);
  expect(stored(data)).toEqual(["my-app@me.os~1", "my-app@me.os~2", "my-app@me.os~3"]);
});

describe("before anything changes", () => {
  const ASKING = manifest({
    processes: [
      {
        process_name: "hello",
        file: "hello.js",
        public: true,
        placement: "worker",
        request_capabilities: [
          "http-server:distro:sys",
          { process: "vfs:distro:sys", params: { kind: "read", drive: "/a:b/c" } },
        ],
        grant_capabilities: ["http-server:distro:sys"],
      },
      { process_name: "more", file: "hello.js" },
    ],
  });

  test("it is shown what a package may do, and what of that is new", async () => {
    const { run } = await place();
    await run("install", pack(1), "--yes");
    const folder = pack(2, { "manifest.json": ASKING });
    const { code, stdout, stderr } = await run("install", folder);
    expect(stdout).toBe(`${ID} 2.0.0, from ${folder}
  replaces 1.0.0; keeps its state, and what it was given while it ran
  process hello:my-app:me.os, worker
    public: every process may message it  NEW
    may message http-server:distro:sys
    may use {"kind":"read","drive":"/a:b/c"} of vfs:distro:sys  NEW
    lets http-server:distro:sys message it
  process more:my-app:me.os, inline  NEW
  Capabilities bound what it does to other processes. Its code itself may do what the node's user may.
`);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: `Cannot install "${ID}" as nobody is here to say yes: read what it asks for above, and say --yes\n`,
    });
    expect((await run("list")).stdout).toContain("1.0.0");
  });

  test("a person is asked; no changes nothing, yes installs", async () => {
    const { data } = await place();
    const printed: string[] = [];
    const output = {
      isTerminal: true,
      hasColours: false,
      width: 80,
      print: (text: string | Uint8Array) => void printed.push(String(text)),
      warn: () => undefined,
    };
    const url = `http://localhost:${await freePort()}`;
    const args = [pack(1), "--data", data, "--node-url", url];
    const asked: string[] = [];
    const answering = (answer: boolean) => (question: string) => {
      asked.push(question);
      return Promise.resolve(answer);
    };
    await expect(packages("install", args, {}, output, answering(false))).rejects.toThrow(
      `Not installed: "${ID}". Nothing was changed`,
    );
    expect(stored(data)).toEqual([]);
    await packages("install", args, {}, output, answering(true));
    expect(asked).toEqual([`Install ${ID}? [y/N] `, `Install ${ID}? [y/N] `]);
    expect(stored(data)).toEqual(["my-app@me.os~1"]);
  });

  test("its code does not run", async () => {
    const { data, run } = await place();
    const traitor = `import { writeFileSync } from "node:fs"; writeFileSync(${JSON.stringify(join(data, "was-here"))}, "");`;
    const scripts = { preinstall: "touch was-here", install: "touch was-here", prepare: "touch was-here" };
    const files = { "hello.js": traitor, "package.json": JSON.stringify({ name: "a", version: "1.0.0", scripts }) };
    expect(await run("install", pack(1, files), "--yes")).toMatchObject({ code: 0 });
    expect(existsSync(join(data, "was-here"))).toBe(false);
    expect(existsSync(join(data, "localhost/packages/my-app@me.os~1/was-here"))).toBe(false);
  });

  test("what it depends on is shown, and brought by npm without running scripts, nor by settings of its own", async () => {
    const { data, run } = await place();
    const folder = pack(1, {
      "hello.js": `import { word } from "vendored";\n${program(1).replace("version: 1", "word")}`,
      "package.json": JSON.stringify({
        name: "my-app",
        version: "1.0.0",
        type: "module",
        dependencies: { vendored: "file:./vendored", jackfield: "*" },
        devDependencies: { "no-such-package-at-all": "1" },
      }),
      "vendored/package.json": JSON.stringify({
        name: "vendored",
        version: "1.0.0",
        type: "module",
        exports: "./word.js",
        scripts: { preinstall: "touch was-here", install: "touch was-here", postinstall: "touch was-here" },
      }),
      "vendored/word.js": 'export const word = "brought";',
    });
    const packed = join(folder, "..", `${Date.now()}.tgz`);
    writeFileSync(join(folder, ".npmrc"), "registry=http://127.0.0.1:1/\nignore-scripts=false\n");
    execFileSync("tar", ["-czf", packed, "-C", folder, "."]);
    const { code, stdout, stderr } = await run("install", packed, "--yes");
    rmSync(packed);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("  needs vendored file:./vendored, which npm brings; none of its scripts runs\n");
    expect(stdout).not.toMatch(/needs (jackfield|no-such)/);
    const installed = join(data, "localhost/packages/my-app@me.os~1");
    expect([existsSync(join(installed, "vendored/was-here")), existsSync(join(installed, ".npmrc"))]).toEqual([
      false,
      false,
    ]);
    const node = await startNode({ args: ["--data", data] });
    expect((await askHttp(node.port, { path: PATH })).body).toBe('{"word":"brought","runs":1}');
  });

  test("what npm cannot bring is said, and nothing is left", async () => {
    const { data, run } = await place();
    const dependencies = { "not-there": "file:./not-there.tgz" };
    const json = JSON.stringify({ name: "my-app", version: "1.0.0", type: "module", dependencies });
    const { code, stderr } = await run("install", pack(1, { "package.json": json }), "--yes");
    expect(code).toBe(1);
    expect(stderr).toMatch(/^Cannot install what the package needs as npm failed: /);
    expect(stored(data)).toEqual([]);
  });

  test.each<[string, Readonly<Record<string, string>>, string | RegExp]>([
    ["no manifest", { "manifest.json": "" }, /^Cannot install "(.+)" as manifest\.json is no JSON: .*\n$/],
    [
      "a file that is not there",
      { "manifest.json": manifest().replace("hello.js", "dist/hello.js") },
      /as process "hello:my-app:me\.os" has no file "dist\/hello\.js" inside the package: build it first, e\.g\. npm run build\n$/,
    ],
    [
      "a file outside",
      { "manifest.json": manifest().replace("hello.js", "../hello.js") },
      /has no file "\.\.\/hello\.js" inside the package/,
    ],
    [
      "the node's own name",
      { "manifest.json": manifest({ package: "distro", publisher: "sys" }) },
      /as distro:sys is the node's own: choose another name\n$/,
    ],
  ])("%s is refused, and nothing is left", async (_, files, words) => {
    const { data, run } = await place();
    const { code, stdout, stderr } = await run("install", pack(1, files), "--yes");
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(words);
    expect(stderr).not.toContain(".new-");
    expect(stored(data)).toEqual([]);
  });

  test("a link out of the folder, a folder that is not there, a file that is no .tgz", async () => {
    const { run } = await place();
    const folder = pack(1);
    symlinkSync("/etc/hostname", join(folder, "hostname"));
    expect(await run("install", folder, "--yes")).toMatchObject({
      code: 1,
      stderr: `Cannot install "${folder}" as "hostname" leads out of it: replace the link\n`,
    });
    expect(await run("install", "/no/such", "--yes")).toMatchObject({
      code: 1,
      stderr: 'Cannot install "/no/such" as there is no such folder or .tgz\n',
    });
    expect((await run("install", join(pack(1), "hello.js"), "--yes")).stderr).toMatch(/as it is no whole \.tgz: /);
  });

  test.each([
    [["install"], "Cannot install as it must be jackfield install FOLDER|TGZ: got 0 arguments\n"],
    [["remove"], "Cannot remove as it must be jackfield remove PACKAGE:PUBLISHER: got 0 arguments\n"],
    [["list", "--yes"], /^Cannot list as the command line is not understood: Unknown option '--yes'/],
  ])("%j is not understood: 2", async (args, words) => {
    const { code, stderr } = await new Jackfield({ args }).ended;
    expect(code).toBe(2);
    expect(stderr).toEqual(typeof words === "string" ? words : expect.stringMatching(words));
  });
});

describe("a start", () => {
  test("runs the version that is installed while it begins", async () => {
    const { data, run } = await place();
    await run("install", pack(1), "--yes");
    const store = join(data, "localhost/packages");
    const meanwhile = `import { cpSync } from "node:fs";
      cpSync(${JSON.stringify(`${store}/my-app@me.os~1`)}, ${JSON.stringify(`${store}/my-app@me.os~2`)}, { recursive: true });
      export default { start: () => ({ handle: () => undefined }) };`;
    const other = pack(7, { "hello.js": meanwhile, "manifest.json": manifest({ package: "other" }) });
    const node = await startNode({ args: ["--data", data, "--package", other] });
    expect(node.command.stdout).toContain(`\n  installed     ${ID}\n`);
    expect(stored(data)).toEqual(["my-app@me.os~2"]);
  });

  test("goes on without a damaged package, and names it", async () => {
    const { data, run } = await place();
    await run("install", pack(1), "--yes");
    await run("install", pack(1, { "manifest.json": manifest({ package: "other" }) }), "--yes");
    writeFileSync(join(data, "localhost/packages/my-app@me.os~1/hello.js"), "const x = ;");
    const node = await startNode({ args: ["--data", data] });
    expect(node.command.stderr).toMatch(
      /^NOT STARTED: the installed package my-app:me\.os\. Cannot load package .* Mend it, or jackfield remove my-app:me\.os\n$/,
    );
    expect((await askHttp(node.port, { path: "/hello:other:me.os" })).status).toBe(200);
    writeFileSync(join(data, "localhost/packages/my-app@me.os~1/manifest.json"), "");
    expect((await run("list")).stdout).toMatch(/\nmy-app:me\.os .* DAMAGED: .*manifest\.json is no JSON/);
  });

  test("prefers what --package gives, and says so", async () => {
    const { data, run } = await place();
    await run("install", pack(1), "--yes");
    const given = pack(7);
    mkdirSync(join(given, "node_modules"));
    symlinkSync(join(import.meta.dirname, "../.."), join(given, "node_modules/jackfield"), "dir");
    const node = await startNode({ args: ["--data", data, "--package", given] });
    expect((await askHttp(node.port, { path: PATH })).body).toBe('{"version":7,"runs":1}');
    expect(node.command.stderr).toMatch(
      /^NOT STARTED: the installed package my-app:me\.os\. .* is loaded already from /,
    );
  });

  test("with --memory has none of them", async () => {
    const { data, run } = await place();
    await run("install", pack(1), "--yes");
    const node = await startNode({ args: ["--data", data, "--memory"] });
    expect((await askHttp(node.port, { path: PATH })).status).toBe(404);
  });

  test("removes what a cut-down install and older versions left", async () => {
    const { data, run } = await place();
    await run("install", pack(1), "--yes");
    await run("install", pack(2), "--yes");
    mkdirSync(join(data, "localhost/packages/.new-0-left"));
    expect(stored(data)).toEqual([".new-0-left", "my-app@me.os~1", "my-app@me.os~2"]);
    await startNode({ args: ["--data", data] });
    expect(stored(data)).toEqual(["my-app@me.os~2"]);
  });
});

describe("what is shown is what is granted", () => {
  const shown = async (fields: Readonly<Record<string, unknown>>): Promise<string> => {
    const { run } = await place();
    const processes = [{ process_name: "hello", file: "hello.js", ...fields }];
    const { stdout } = await run("install", pack(1, { "manifest.json": manifest({ processes }) }));
    return stdout.split("\n").slice(3, -2).join("\n");
  };

  test("under today's names, however it is written, and who may message the kernel rules the node", async () => {
    const derived = { derived: { from: "messaging", only: null, by: "a@b:c:d" } };
    expect(
      await shown({
        request_capabilities: [
          "our@kernel:sys:nectar",
          { process: "vfs:distro:sys", params: "messaging" },
          { process: "packages:distro:sys", params: derived },
          { process: "vfs:sys:nectar", params: { root: true } },
          { process: "a:b:c", params: "\u202egpj\u2028" },
        ],
        grant_capabilities: [
          { process: "a:b:c", params: "messaging" },
          { process: "a:b:c", params: [1] },
        ],
      }),
    ).toBe(`    may message kernel:distro:sys, THE WHOLE NODE: it starts and ends processes, and gives any of them any capability
    may message vfs:distro:sys
    may message packages:distro:sys, THE WHOLE NODE: it decides what code runs
    may use {"root":true} of vfs:distro:sys
    may use "\\u202egpj\\u2028" of a:b:c
    lets a:b:c message it
    lets a:b:c use [1] of it`);
  });
});

describe("refused in a sentence", () => {
  const process = { process_name: "hello", file: "hello.js" };
  const packed = (fields: Readonly<Record<string, unknown>>): string => pack(1, { "manifest.json": manifest(fields) });

  test.each<[string, Readonly<Record<string, unknown>>, string]>([
    [
      "the start page's name",
      { package: "homepage", publisher: "sys" },
      '"homepage:sys" as "homepage:sys" is the node\'s own',
    ],
    [
      "an older name of the http-server",
      { package: "sys", publisher: "nectar", processes: [{ ...process, process_name: "http_server" }] },
      '"http_server:sys:nectar" is the node\'s own',
    ],
    ["a name that is no folder's", { package: "a".repeat(300) }, "more than 200 letters"],
    ["a process twice", { processes: [process, process] }, '"hello:my-app:me.os" is there twice'],
    [
      "a public that is a text",
      { processes: [{ ...process, public: "yes" }] },
      '"hello:my-app:me.os" public must be true or false: got "yes"',
    ],
  ])("%s", async (_what, fields, rule) => {
    const { data, run } = await place();
    const { code, stderr } = await run("install", packed(fields), "--yes");
    expect(stderr).toContain(rule);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(code).toBe(1);
    expect(stored(data)).toEqual([]);
  });

  test("a device, and a store that cannot be written", async () => {
    const { run, data } = await place();
    expect(await run("install", "/dev/zero", "--yes")).toMatchObject({
      code: 1,
      stderr: 'Cannot install "/dev/zero" as it is no folder, nor a file of at most 256 MiB\n',
    });
    const folder = pack(1);
    rmSync(join(data, "localhost"), { recursive: true, force: true });
    writeFileSync(join(data, "localhost"), "");
    const { code, stderr } = await run("install", folder, "--yes");
    expect(stderr).toMatch(/^Cannot install ".*" as the system refuses it: ENOTDIR: .*\n$/);
    expect(code).toBe(1);
  });
});
