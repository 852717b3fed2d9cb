/** README's three nodes: its commands are run as they stand there, on ports of the test's. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { afterEach, expect, test } from "@jest/globals";
import { endJackfields, temporaryFolder } from "../support/jackfield.ts";
import { freeRange, untilIt } from "../support/nats-cluster.ts";
import { natsServerPath } from "../support/nats-server.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const [, SECTION = ""] = readFileSync(join(ROOT, "README.md"), "utf8").split(/^## Three nodes .*$|^## Where /m);
const TEST_MS = 120_000; // three servers, three nodes

const block = (language: string): string =>
  new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(SECTION)?.[1] ?? "";

const ending = new Set<() => Promise<void>>();
afterEach(async () => {
  for (const end of ending) await end();
  ending.clear();
  await endJackfields();
});

/** Its group ends with the test: the commands leave servers and nodes running. */
function shell(cwd: string, script: string): Promise<string> {
  const PATH = [join(cwd, "bin"), dirname(natsServerPath()), process.env.PATH ?? ""].join(":");
  const child = spawn("bash", ["-c", script], { cwd, env: { PATH, HOME: cwd }, detached: true });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  ending.add(async () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    } catch {
      return; // all of it has ended
    }
    await closed;
  });
  return new Promise((resolve) => child.once("exit", () => resolve(said)));
}

test(
  "three nodes in five commands",
  async () => {
    const cwd = temporaryFolder();
    mkdirSync(join(cwd, "bin"));
    const npx = `#!/bin/sh\nshift\nexec "${process.execPath}" "${join(ROOT, "dist/bin/jackfield.js")}" "$@"\n`;
    writeFileSync(join(cwd, "bin/npx"), npx, { mode: 0o755 });
    mkdirSync(join(cwd, "node_modules"));
    symlinkSync(ROOT, join(cwd, "node_modules/jackfield"), "dir");
    writeFileSync(join(cwd, "package.json"), '{"type":"module"}');
    mkdirSync(join(cwd, "hello"));
    writeFileSync(join(cwd, "hello/hello.js"), block("js"));
    writeFileSync(join(cwd, "hello/manifest.json"), block("json"));

    const [init = "", servers = "", setUp = "", nodes = "", send = "", ...more] = block("sh").trim().split("\n");
    expect(more).toEqual([]);
    const port = await freeRange(6);
    const log = (command: string): string => command.replace(") &", " > log 2>&1) &");
    expect(await shell(cwd, `${init} --ports ${port},${port + 3}`)).toMatch(
      /^Wrote cluster: 3 NATS servers, 3 nodes\./,
    );
    await shell(cwd, log(servers));
    expect(await shell(cwd, setUp)).toMatch(/^Made: bucket dir, kept in 3 servers\.\n/);
    await shell(cwd, log(nodes.replace("jackfield start", "jackfield start --port 0")));
    const said = (name: string): string => {
      const path = join(cwd, `cluster/${name}.os/log`);
      return existsSync(path) ? readFileSync(path, "utf8") : ""; // the shell leaves before what it started has begun
    };
    await untilIt(async () => ["alice", "bob", "carol"].every((name) => said(name).includes("Ctrl-C")));
    const at = `--node-url ${/http:\S+/.exec(said("alice"))?.[0]}`;
    expect(await shell(cwd, send.replace(/ +#.*/, ` ${at}`))).toBe('{"hello":"from bob.os"}\n');
    expect(send).toContain('{"hello":"from bob.os"}');
    await untilIt(async () => {
      const listed = await shell(cwd, `npx jackfield nodes ${at}`);
      return ["alice.os *", "bob.os ", "carol.os "].every((name) => listed.includes(name));
    });
  },
  TEST_MS,
);
