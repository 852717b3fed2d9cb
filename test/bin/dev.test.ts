/** `jackfield dev`: the built command, on packages that change while it runs. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import { readDevArgs } from "../../bin/dev.ts";
import { askHttp } from "../support/http-client.ts";
import {
  type Ended,
  endJackfields,
  Jackfield,
  logIn,
  manifest,
  startNode,
  temporaryFolder,
  writePackage,
} from "../support/jackfield.ts";
import { destroyAll, RawSocket } from "../support/sockets.ts";

const HELLO = "hello:my-app:me.os";
const PASSWORD = "correct horse";

/** Says on each channel which version runs, and how often it has begun. */
const PROGRAM = `
import { defineProcess } from "jackfield/process";
import { version } from "./version.js";
export default defineProcess({
  async init(ctx) {
    await ctx.serveUi("ui", { authenticated: false });
    await ctx.bindWs("/ws");
    const runs = ((await ctx.getState()) ?? 0) + 1;
    await ctx.setState(runs);
    return runs;
  },
  onOpen: (runs, { channelId }, ctx) => ctx.push(channelId, { version, runs }),
  onPush: (runs, { channelId }, blob, ctx) => ctx.push(channelId, { version, said: blob.text() }),
});`;

const FILES = {
  "manifest.json": manifest(),
  "hello.js": PROGRAM,
  "version.js": "export const version = 1;",
  "ui/index.html": "<!doctype html><title>hello</title>",
};

type Running = {
  readonly folder: string;
  readonly command: Jackfield;
  readonly port: number;
  readonly cookie: string;
  stop(): Promise<Ended>;
};

/** `jackfield dev` on a package of these files. */
async function dev(files: Readonly<Record<string, string>> = FILES, args: readonly string[] = []): Promise<Running> {
  const folder = writePackage(files);
  const command = new Jackfield({
    args: ["dev", folder, "--port", "0", "--memory", "--password", PASSWORD, ...args],
  });
  const [, port] = await command.printed(/runs on http:\/\/localhost:(\d+)\/\n[\s\S]*Ctrl-C\n/);
  const stop = (): Promise<Ended> => {
    command.kill("SIGINT");
    return command.ended;
  };
  return { folder, command, port: Number(port), cookie: await logIn(Number(port), PASSWORD), stop };
}

async function open({ port, cookie }: Running, path = `/${HELLO}/ws`): Promise<RawSocket> {
  const socket = await RawSocket.connect(port);
  await socket.upgrade({ path, headers: { cookie } });
  return socket;
}

const nextJson = async (socket: RawSocket): Promise<unknown> => JSON.parse(await socket.nextText());

/** As editors do that never leave half a file: beside it, then in its place. */
function writeByRename(folder: string, name: string, text: string): void {
  writeFileSync(join(folder, `${name}~`), text);
  renameSync(join(folder, `${name}~`), join(folder, name));
}

afterEach(endJackfields);
afterEach(destroyAll);

describe("a change", () => {
  test("of an imported file runs: the process has its state, and its channel is the same and open", async () => {
    const node = await dev();
    const channel = await open(node);
    expect(await nextJson(channel)).toEqual({ version: 1, runs: 1 });
    writeFileSync(join(node.folder, "version.js"), "export const version = 2;");
    expect(await nextJson(channel)).toEqual({ version: 2, runs: 2 });
    writeByRename(node.folder, "version.js", "export const version = 3;");
    expect(await nextJson(channel)).toEqual({ version: 3, runs: 3 });
    channel.sendText("still here");
    expect(await nextJson(channel)).toEqual({ version: 3, said: "still here" });
  });

  test("of its page is served, and pages are told", async () => {
    const node = await dev();
    const page = await open(node, "/dev:dev:sys/live");
    const first = (await nextJson(page)) as { version: string };
    expect(first).toEqual({ package: "my-app:me.os", version: expect.any(String), problem: null });
    writeFileSync(join(node.folder, "ui/index.html"), "<!doctype html><title>anew</title>");
    const second = (await nextJson(page)) as { version: string };
    expect(second.version).not.toBe(first.version);
    expect((await askHttp(node.port, { path: `/${HELLO}/` })).body).toContain("<title>anew</title>");
  });

  test("of the manifest counts: a process comes, another goes, capabilities are others", async () => {
    const node = await dev();
    const ps = async (): Promise<Record<string, unknown>> => {
      const args = ["ps", "--json", "--node-url", `http://localhost:${node.port}`];
      return JSON.parse((await new Jackfield({ args }).ended).stdout) as Record<string, unknown>;
    };
    const http = ["http-server:distro:sys"];
    const entry = { on_exit: "Restart", request_capabilities: http, grant_capabilities: http };
    const second = { process_name: "second", file: "second.js", ...entry, request_capabilities: [] };
    writeFileSync(join(node.folder, "second.js"), "export default { start: () => ({ handle() {} }) };");
    const both = [{ process_name: "hello", file: "hello.js", ...entry }, second];
    writeFileSync(join(node.folder, "manifest.json"), manifest({ processes: both }));
    await node.command.printed(/my-app runs anew/);
    expect(Object.keys(await ps())).toEqual(expect.arrayContaining([HELLO, "second:my-app:me.os"]));
    node.command.stdout = "";
    const withMore = { ...second, request_capabilities: [...http, "timer:distro:sys"] };
    writeFileSync(join(node.folder, "manifest.json"), manifest({ processes: [withMore] }));
    await node.command.printed(/my-app runs anew/);
    const after = await ps();
    expect(after).not.toHaveProperty([HELLO]);
    expect(after).toHaveProperty(
      ["second:my-app:me.os", "capabilities"],
      [...http, "timer:distro:sys"].map((id) => ({ issuer: `localhost@${id}`, params: '"messaging"' })),
    );
  });
});

test("a package that is called otherwise is another one: the one before ends", async () => {
  const node = await dev();
  writeFileSync(join(node.folder, "manifest.json"), manifest({ publisher: "you.os" }));
  await node.command.printed(/my-app runs anew/);
  const statuses = [`/${HELLO}/`, "/hello:my-app:you.os/"].map(
    async (path) => (await askHttp(node.port, { path })).status,
  );
  expect(await Promise.all(statuses)).toEqual([503, 200]);
});

describe("what is wrong", () => {
  test.each([
    ["a syntax error", "hello.js", `${PROGRAM}\nconst x = ;`, /Unexpected token ';'/],
    ["a throw in init", "version.js", "export const version = 2; throw new Error('on import');", /on import/],
    [
      "an init that throws",
      "hello.js",
      PROGRAM.replace("async init(ctx) {", "async init(ctx) { throw new Error('in init');"),
      /in init/,
    ],
    ["a manifest that is none", "manifest.json", "{", /manifest\.json is no JSON/],
  ])("%s is said in the terminal and to the page; the version before goes on", async (_, name, text, words) => {
    const node = await dev();
    const [channel, page] = [await open(node), await open(node, "/dev:dev:sys/live")];
    expect(await nextJson(channel)).toEqual({ version: 1, runs: 1 });
    const { version } = (await nextJson(page)) as { version: string };
    const before = readFileSync(join(node.folder, name), "utf8");
    writeFileSync(join(node.folder, name), text);
    const told = (await nextJson(page)) as { version: string; problem: string };
    expect(told).toMatchObject({ version, problem: expect.stringMatching(words) });
    expect(told.problem).not.toContain(".jackfield-dev");
    expect(node.command.stderr).toMatch(words);
    expect(node.command.stderr).toContain("The version before goes on.\n");
    channel.sendText("there?");
    for (;;) {
      const heard = (await nextJson(channel)) as { version: number; said?: string };
      expect(heard.version).toBe(1);
      if (heard.said === "there?") break; // before it: an init that threw was one more run
    }
    writeFileSync(join(node.folder, name), before);
    expect(await nextJson(page)).toMatchObject({ version: expect.not.stringMatching(version), problem: null });
  });

  test("from the beginning: the node runs, and the package once it is mended", async () => {
    const node = await dev({ ...FILES, "hello.js": "const x = ;" });
    expect(node.command.stdout).toMatch(/does not run yet: see above\n/);
    expect((await askHttp(node.port, { path: `/${HELLO}/` })).status).toBe(404);
    const page = await open(node, "/dev:dev:sys/live");
    expect(await nextJson(page)).toMatchObject({ problem: expect.stringContaining("Unexpected token ';'") });
    writeFileSync(join(node.folder, "hello.js"), PROGRAM);
    expect(await nextJson(page)).toMatchObject({ problem: null });
    expect((await askHttp(node.port, { path: `/${HELLO}/` })).status).toBe(200);
  });

  test("is said in no detail to who is neither here nor logged in", async () => {
    const node = await dev({ ...FILES, "hello.js": "const x = ;" }, ["--trust-proxy", "loopback"]);
    const page = await RawSocket.connect(node.port);
    await page.upgrade({ path: "/dev:dev:sys/live", headers: { "x-forwarded-for": "203.0.113.9" } });
    expect(await nextJson(page)).toMatchObject({ problem: "It does not run: see the terminal, or log in" });
  });
});

describe("a build", () => {
  const BUILD = `import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
const text = readFileSync("src/version.txt", "utf8");
if (text.includes("bad")) { console.error("version.txt is bad"); process.exit(1); }
mkdirSync("dist", { recursive: true });
writeFileSync("dist/version.js", "export const version = " + text + ";");
writeFileSync("dist/hello.js", readFileSync("src/hello.js"));`;
  const BUILT = {
    "manifest.json": manifest({
      processes: [
        {
          process_name: "hello",
          file: "dist/hello.js",
          on_exit: "Restart",
          request_capabilities: ["http-server:distro:sys"],
          grant_capabilities: ["http-server:distro:sys"],
        },
      ],
    }),
    "package.json": '{"type":"module","scripts":{"build":"node build.mjs"}}',
    "build.mjs": BUILD,
    "src/hello.js": PROGRAM,
    "src/version.txt": "1",
    "ui/index.html": "",
  };

  test("runs first and with each change of a source; where it fails, the version before goes on", async () => {
    const node = await dev(BUILT);
    const [channel, page] = [await open(node), await open(node, "/dev:dev:sys/live")];
    expect(await nextJson(channel)).toEqual({ version: 1, runs: 1 });
    await nextJson(page);
    writeFileSync(join(node.folder, "src/version.txt"), "bad");
    expect(await nextJson(page)).toMatchObject({ problem: "version.txt is bad" });
    writeFileSync(join(node.folder, "src/version.txt"), "2");
    expect(await nextJson(channel)).toEqual({ version: 2, runs: 2 }); // once: what was built is not taken for a change
    channel.sendText("still here");
    expect(await nextJson(channel)).toEqual({ version: 2, said: "still here" });
  });

  test("--build names another command, or none", async () => {
    const node = await dev({ ...BUILT, "dist/hello.js": PROGRAM, "dist/version.js": "export const version = 9;" }, [
      "--build",
      "",
    ]);
    expect(await nextJson(await open(node))).toEqual({ version: 9, runs: 1 });
  });
});

test("several packages at once: a change of one leaves the other alone", async () => {
  const other = writePackage({
    ...FILES,
    "manifest.json": manifest({ package: "other" }),
  });
  const node = await dev(FILES, [other]);
  const [one, two] = [await open(node), await open(node, "/hello:other:me.os/ws")];
  expect([await nextJson(one), await nextJson(two)]).toEqual([
    { version: 1, runs: 1 },
    { version: 1, runs: 1 },
  ]);
  writeFileSync(join(other, "version.js"), "export const version = 2;");
  expect(await nextJson(two)).toEqual({ version: 2, runs: 2 });
  one.sendText("as before");
  expect(await nextJson(one)).toEqual({ version: 1, said: "as before" });
});

test("pages get the script that loads them anew in dev, and only there", async () => {
  const node = await dev();
  const page = await askHttp(node.port, { path: `/${HELLO}/` });
  expect(page.body).toBe(`${FILES["ui/index.html"]}\n<script src="/dev:dev:sys/live.js"></script>\n`);
  expect(await askHttp(node.port, { path: "/dev:dev:sys/live.js" })).toMatchObject({
    status: 200,
    headers: { "content-type": "text/javascript; charset=utf-8" },
  });
  const started = await startNode({ args: ["--memory", "--package", node.folder] });
  expect((await askHttp(started.port, { path: `/${HELLO}/` })).body).toBe(FILES["ui/index.html"]);
  expect((await askHttp(started.port, { path: "/dev:dev:sys/live.js" })).status).toBe(404);
});

test("its copies are in a folder that git does not see, at most two, and gone in the end", async () => {
  const node = await dev();
  const channel = await open(node);
  for (const version of [1, 2, 3, 4]) {
    expect(await nextJson(channel)).toMatchObject({ version });
    writeFileSync(join(node.folder, "version.js"), `export const version = ${version + 1};`);
  }
  await nextJson(channel);
  await node.command.printed(/(runs anew[\s\S]*){4}/);
  const own = join(node.folder, ".jackfield-dev");
  expect(readFileSync(join(own, ".gitignore"), "utf8")).toBe("*\n");
  const [run = ""] = readdirSync(own).filter((name) => name !== ".gitignore");
  expect(readdirSync(join(own, run)).length).toBeLessThanOrEqual(2);
  expect(await node.stop()).toMatchObject({ code: 0 });
  expect(existsSync(own)).toBe(false);
});

test("what a run left that was cut down is removed by the next", async () => {
  const node = await dev();
  node.command.kill("SIGKILL");
  await node.command.ended;
  const own = join(node.folder, ".jackfield-dev");
  const [left = ""] = readdirSync(own).filter((name) => name !== ".gitignore");
  const next = new Jackfield({ args: ["dev", node.folder, "--port", "0", "--memory"] });
  await next.printed(/Ctrl-C\n/);
  expect(existsSync(join(own, left))).toBe(false);
});

test("it takes folders, --build and the options of start", () => {
  const args = ["a", "--port", "9090", "--build", "make it", "b", "--memory", "--limit=mailbox=5"];
  expect(readDevArgs(args)).toEqual({
    folders: ["a", "b"],
    build: "make it",
    rest: ["--port", "9090", "--memory", "--limit=mailbox=5"],
  });
  expect(readDevArgs(["--build=x"])).toEqual({ folders: [], build: "x", rest: [] });
  expect(() => readDevArgs(["--bild", "x"])).toThrow(
    /^Cannot start as the command line is not understood: .*Unknown option '--bild'/,
  );
});

test("a folder with too much in it is refused with a way out", async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "many"));
  for (let file = 0; file <= 5000; file++) writeFileSync(join(folder, "many", String(file)), "");
  const { code, stderr } = await new Jackfield({ args: ["dev", folder, "--port", "0", "--memory"] }).ended;
  expect(code).toBe(1);
  expect(stderr).toBe(
    `Cannot take "${folder}" for a package as it holds more than 5000 files besides node_modules: put the package in a folder of its own\n`,
  );
  rmSync(folder, { recursive: true });
});
