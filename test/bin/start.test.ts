/** `jackfield start`: what it prints is so, what it keeps comes back, and an option holds wherever it was given. */
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import { askHttp } from "../support/http-client.ts";
import { endJackfields, logIn, type RunOptions, startNode, temporaryFolder } from "../support/jackfield.ts";

const MADE = /log in with {3}([a-z0-9]{4}(?:-[a-z0-9]{4}){3})\n/; // four times four letters, to be typed by hand

afterEach(endJackfields);

/** The status that a login with `password` is answered with. */
async function login(port: number, password: string): Promise<number> {
  const body = JSON.stringify({ password });
  return (await askHttp(port, { method: "POST", path: "/login", body })).status;
}

function madePassword(stdout: string): string {
  const [, password] = MADE.exec(stdout) ?? [];
  if (password === undefined) throw new Error(`no password was made: ${stdout}`);
  return password;
}

describe("what a start prints", () => {
  test("is the address, the password, the chat, the transport, where state is, and how to stop", async () => {
    const { command, port } = await startNode({ args: ["--memory", "--password", "secret", "--transport", "ws"] });
    expect(command.stdout.split("\n")).toEqual([
      `Jackfield node "localhost" runs on http://localhost:${port}/`,
      "  log in with   the password you gave",
      `  chat          http://localhost:${port}/chat:chat:template.os/`,
      expect.stringMatching(/^ {2}transport {5}ws\b/),
      "  state         in memory: gone when the node stops",
      "  stop          Ctrl-C",
      "",
    ]);
    expect(command.stderr).toBe("");
  });

  test("is an address that the login page stands at, and pages once one is in", async () => {
    const { port } = await startNode({ args: ["--memory", "--password", "secret"] });
    const page = await askHttp(port, { headers: { accept: "text/html" } });
    expect(page.body).toContain("<title>Log in to localhost</title>");
    const start = await askHttp(port, { headers: { cookie: await logIn(port, "secret") } });
    expect(start.status).toBe(200);
    expect(start.body).toContain("<title>Jackfield</title>");
  });

  test("is a password that logs in, when none was given; another one does not", async () => {
    const { command, port } = await startNode({ args: ["--memory"] });
    expect(await login(port, madePassword(command.stdout))).toBe(200);
    expect(await login(port, "another")).toBe(401);
  });

  test("is another password at each node", async () => {
    const nodes = await Promise.all([startNode({ args: ["--memory"] }), startNode({ args: ["--memory"] })]);
    const [one, two] = nodes.map(({ command }) => madePassword(command.stdout));
    expect(one).not.toBe(two);
  });

  test("names the host for a browser on this machine, also where every address is listened on", async () => {
    const { url } = await startNode({ args: ["--memory", "--host", "0.0.0.0"] });
    expect(url).toMatch(/^http:\/\/localhost:\d+\/$/);
  });
});

describe("a second start with the same --data", () => {
  test("keeps the password that was made, says so, and does not show it again", async () => {
    const args = ["--data", temporaryFolder()];
    const first = await startNode({ args });
    const password = madePassword(first.command.stdout);
    await first.stop();
    const { command, port } = await startNode({ args });
    expect(command.stdout).toContain("  log in with   the same password as before (a new one: --password TEXT)\n");
    expect(command.stdout).not.toContain(password);
    expect(await login(port, password)).toBe(200);
  });

  test("takes a new password when one is given: the old one is out", async () => {
    const args = ["--data", temporaryFolder()];
    const first = await startNode({ args: [...args, "--password", "old"] });
    await first.stop();
    const { port } = await startNode({ args: [...args, "--password", "new"] });
    expect(await login(port, "new")).toBe(200);
    expect(await login(port, "old")).toBe(401);
  });

  test("and another --node is another node: it makes a password of its own", async () => {
    const args = ["--data", temporaryFolder()];
    const first = await startNode({ args });
    await first.stop();
    const other = await startNode({ args: [...args, "--node", "bob.os"] });
    expect(madePassword(other.command.stdout)).not.toBe(madePassword(first.command.stdout));
  });
});

describe("what a start writes", () => {
  test("is nothing with --memory", async () => {
    const cwd = temporaryFolder();
    const node = await startNode({ cwd, args: ["--memory"] });
    await login(node.port, madePassword(node.command.stdout));
    await node.stop();
    expect(readdirSync(cwd)).toEqual([]);
  });

  test("is a folder per node below .jackfield, and nothing else, unless --data names another", async () => {
    const cwd = temporaryFolder();
    await (await startNode({ cwd, args: ["--node", "alice.os"] })).stop();
    await (await startNode({ cwd, args: ["--data", "kept"] })).stop();
    const entries = readdirSync(cwd, { recursive: true }).map(String).sort();
    expect(entries).toEqual([
      ".jackfield",
      ".jackfield/alice.os",
      ".jackfield/alice.os/data.mdb",
      ".jackfield/alice.os/lock.mdb",
      "kept",
      "kept/localhost",
      "kept/localhost/data.mdb",
      "kept/localhost/lock.mdb",
    ]);
  });
});

describe("an option holds", () => {
  const FLAG = { args: ["--node", "flag"] };
  const ENV = { env: { JACKFIELD_NODE: "env" } };
  const FILE = (): RunOptions => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, "jackfield.config.json"), JSON.stringify({ node: "file" }));
    return { cwd };
  };

  test.each<[string, () => RunOptions, string]>([
    ["the flag, before the environment", () => ({ ...FLAG, ...ENV }), "flag"],
    ["the flag, before the config file", () => ({ ...FLAG, ...FILE() }), "flag"],
    ["the environment, before the config file", () => ({ ...ENV, ...FILE() }), "env"],
    ["the flag, before the default", () => FLAG, "flag"],
    ["the environment, before the default", () => ENV, "env"],
    ["the config file in the current folder, before the default", () => FILE(), "file"],
    ["the default, when nothing else is given", () => ({}), "localhost"],
  ])("from %s", async (_, where, name) => {
    const options = where();
    const { command } = await startNode({ ...options, args: ["--memory", ...(options.args ?? [])] });
    expect(command.stdout).toMatch(`Jackfield node "${name}" runs on `);
  });
});
