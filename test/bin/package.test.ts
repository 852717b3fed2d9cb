/** `jackfield start --package`: a user's own package, in a folder outside of this repository (see `writePackage`). */
import { rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "@jest/globals";
import { askHttp } from "../support/http-client.ts";
import { endJackfields, freePort, logIn, manifest, run, startNode, writePackage } from "../support/jackfield.ts";
import { destroyAll, RawSocket } from "../support/sockets.ts";

const ECHO = fileURLToPath(new URL("../../dist/examples/echo", import.meta.url));

const HELLO = `
import { defineProcess } from "jackfield/process";

export default defineProcess({
  init: async (ctx) => void (await ctx.bindHttp("/", { authenticated: false })),
  onHttp: (_, request) => request.reply("hello from " + request.raw.bound_path),
});
`;

afterEach(endJackfields);
afterEach(destroyAll);

/** The package `hello:my-app:me.os`, with `files` in place of its own. @returns its folder */
function helloPackage(files: Readonly<Record<string, string>> = {}): string {
  return writePackage({ "manifest.json": manifest(), "hello.js": HELLO, ...files });
}

describe("a package of one's own", () => {
  test("runs in place of the examples", async () => {
    const { command, port } = await startNode({ args: ["--memory", "--package", helloPackage()] });
    const answer = await askHttp(port, { path: "/hello:my-app:me.os" });
    expect(answer).toMatchObject({ status: 200, body: "hello from /hello:my-app:me.os" });
    expect(command.stdout).not.toContain("chat:chat:template.os");
    expect((await askHttp(port, { path: "/chat:chat:template.os" })).status).toBe(404);
  });

  test("has a port of its own with --mount, which is printed: its paths stand at /", async () => {
    const args = ["--memory", "--package", helloPackage(), "--mount", "0=hello:my-app:me.os"];
    const { command, port } = await startNode({ args });
    const [, mounted] = await command.printed(/mounted {7}http:\/\/localhost:(\d+)\/ is hello:my-app:me\.os\n/);
    expect(Number(mounted)).not.toBe(port);
    const answer = await askHttp(Number(mounted));
    expect(answer).toMatchObject({ status: 200, body: "hello from /hello:my-app:me.os" });
  });

  test("is one of several", async () => {
    const args = ["--memory", "--password", "correct horse", "--package", helloPackage(), "--package", ECHO];
    const { port } = await startNode({ args });
    expect((await askHttp(port, { path: "/hello:my-app:me.os" })).status).toBe(200);
    const client = await RawSocket.connect(port);
    await client.upgrade({ path: "/echo:echo:sys/", headers: { cookie: await logIn(port, "correct horse") } });
    client.sendText("hello");
    expect(await client.nextText()).toBe("hello");
  });

  test("has the node's own classes, whichever door they come through", async () => {
    const folder = helloPackage({
      "hello.js": `
        import { Blob, defineProcess } from "jackfield/process";
        import * as protocol from "jackfield/protocol";
        import { startProcess } from "jackfield/process/harness";

        export default defineProcess({
          async init(ctx) {
            let inHarness;
            await startProcess(defineProcess({ init: (inner) => void (inHarness = inner.our) }));
            const addresses = [ctx.our, inHarness].map((address) => address instanceof protocol.Address);
            ctx.log([Blob === protocol.Blob, ...addresses].join(" "));
            await ctx.bindStatic("/blob", Blob.of(new TextEncoder().encode("lent to none"), "text/plain"), { authenticated: false });
          },
        });`,
    });
    const { command, port } = await startNode({ args: ["--memory", "--package", folder] });
    expect(await askHttp(port, { path: "/hello:my-app:me.os/blob" })).toMatchObject({ body: "lent to none" });
    expect(command.stdout).toContain("hello:my-app:me.os: true true true\n");
  });

  test("makes machines with the xstate that it installed", async () => {
    const folder = helloPackage({
      "hello.js": `
        import { fromMachine } from "jackfield/process";
        import { assign, emit, setup } from "xstate";

        const counter = setup({}).createMachine({
          context: { count: 0 },
          on: {
            http: {
              actions: [
                assign({ count: ({ context }) => context.count + 1 }),
                emit(({ context, event }) => ({ type: "reply", request: event.request, value: context.count })),
              ],
            },
          },
        });
        export default fromMachine(counter, { init: async (ctx) => void (await ctx.bindHttp("/", { authenticated: false })) });`,
    });
    symlinkSync(
      fileURLToPath(new URL("../../node_modules/xstate", import.meta.url)),
      join(folder, "node_modules/xstate"),
      "dir",
    );
    const { port } = await startNode({ args: ["--memory", "--package", folder] });
    for (const count of ["1", "2"])
      expect(await askHttp(port, { path: "/hello:my-app:me.os" })).toMatchObject({ body: count });
  });

  test("has ended its init when the ports open: who comes back at once finds it", async () => {
    const port = await freePort();
    const folder = helloPackage({
      "hello.js": `
        import { existsSync } from "node:fs";
        import { defineProcess } from "jackfield/process";

        export default defineProcess({
          init: async (ctx) => {
            ctx.log("starting");
            while (!existsSync(new URL("go", import.meta.url))) await new Promise((resolve) => setTimeout(resolve, 5));
          },
        });`,
    });
    const command = run("start", "--memory", "--port", String(port), "--package", folder);
    await command.printed(/starting/);
    await expect(RawSocket.connect(port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    writeFileSync(join(folder, "go"), "");
    await command.printed(/runs on /);
    await expect(RawSocket.connect(port)).resolves.toBeInstanceOf(RawSocket);
  });

  test("that crashes is told of on stderr, and the node goes on", async () => {
    const crashing = HELLO.replace('request.reply("hello', 'boom("hello');
    const args = ["--memory", "--package", helloPackage({ "hello.js": crashing })];
    const { command, port } = await startNode({ args });
    await askHttp(port, { path: "/hello:my-app:me.os" });
    expect((await askHttp(port, { path: "/login" })).status).toBe(200);
    command.kill("SIGTERM");
    const { code, stderr } = await command.ended;
    expect(code).toBe(0);
    expect(stderr).toMatch(/^hello:my-app:me\.os crashed: ReferenceError: boom is not defined\n {4}at /);
    expect(stderr).toContain("hello:my-app:me.os is restarted");
  });
});

describe("a broken package ends the start with exit code 1 and says why", () => {
  test.each<[string, Readonly<Record<string, string>>, string]>([
    ["its manifest is no JSON", { "manifest.json": "{" }, "manifest.json is no JSON: "],
    [
      "its manifest lacks a name",
      { "manifest.json": manifest({ package: undefined }) },
      'manifest.json "package" must be a text: got undefined',
    ],
    [
      "it has no processes",
      { "manifest.json": manifest({ processes: [] }) },
      'manifest.json "processes" must list at least one process',
    ],
    [
      "its file throws",
      { "hello.js": 'throw new Error("not today");' },
      'process "hello:my-app:me.os" does not load: not today (file:///',
    ],
    [
      "its file does not parse",
      { "hello.js": "export default {" },
      'process "hello:my-app:me.os" does not load: Unexpected end of input: node --check hello.js shows the line\n',
    ],
    [
      "its file exports no process",
      { "hello.js": "export const a = 1;" },
      '"hello.js" has no process as its default export: export default defineProcess({ … })',
    ],
  ])("%s", async (_, files, words) => {
    const args = ["--memory", "--port", "0", "--package", helloPackage(files)];
    const { code, stdout, stderr } = await run("start", ...args).ended;
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain(`Cannot load package "`);
    expect(stderr).toContain(words);
    expect(stderr).not.toMatch(/\n {4}at /); // no stack: it is the package's fault, not the node's
  });

  test("its folder is not there", async () => {
    expect(await run("start", "--memory", "--port", "0", "--package", "/nowhere").ended).toMatchObject({
      code: 1,
      stdout: "",
      stderr: 'Cannot load package "/nowhere" as it has no readable manifest.json\n',
    });
  });

  test("its file is TypeScript alone, which Node runs from 22.18 on and says so before", async () => {
    const folder = writePackage({ "manifest.json": manifest(), "hello.ts": HELLO });
    const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
    if (major > 22 || (major === 22 && minor >= 18)) {
      const { port } = await startNode({ args: ["--memory", "--package", folder] });
      expect((await askHttp(port, { path: "/hello:my-app:me.os" })).status).toBe(200);
      return;
    }
    const { code, stderr } = await run("start", "--memory", "--port", "0", "--package", folder).ended;
    expect(code).toBe(1);
    expect(stderr).toContain(
      `: Node ${process.versions.node} runs no TypeScript; compile it to hello.js, or use Node 22.18 or newer\n`,
    );
  });

  test("jackfield is not installed where it stands", async () => {
    const folder = helloPackage();
    rmSync(join(folder, "node_modules"), { recursive: true });
    const { code, stderr } = await run("start", "--memory", "--port", "0", "--package", folder).ended;
    expect(code).toBe(1);
    expect(stderr).toContain("Cannot find package 'jackfield'");
    expect(stderr).toContain(": npm install jackfield in its folder or in one above it");
  });
});
