/** `jackfield start`: what it prints is so, what it keeps comes back, and an option holds wherever it was given. */
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import { askHttp } from "../support/http-client.ts";
import { endJackfields, logIn, type RunOptions, run, startNode, temporaryFolder } from "../support/jackfield.ts";

/** On a line of its own, so that a terminal makes it a link. */
const LINK = /\n {4}(http:\/\/localhost:\d+\/login\?token=([\w-]{32}))\n/;

afterEach(endJackfields);

/** The status that a login with `password` is answered with. */
async function login(port: number, password: string): Promise<number> {
  return await post(port, { password });
}

async function post(port: number, body: unknown): Promise<number> {
  return (await askHttp(port, { method: "POST", path: "/login", body: JSON.stringify(body) })).status;
}

/** The token of the link that was printed. */
function tokenIn(stdout: string): string {
  const [, , token] = LINK.exec(stdout) ?? [];
  if (token === undefined) throw new Error(`no link was printed: ${stdout}`);
  return token;
}

describe("what a start prints", () => {
  test("is the address, how to log in, the chat, the transport, where state is, and how to stop", async () => {
    const { command, port } = await startNode({
      args: ["--memory", "--password", "correct horse", "--transport", "ws"],
    });
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
    const { port } = await startNode({ args: ["--memory", "--password", "correct horse"] });
    const page = await askHttp(port, { headers: { accept: "text/html" } });
    expect(page.body).toContain("<title>Log in to localhost</title>");
    const start = await askHttp(port, { headers: { cookie: await logIn(port, "correct horse") } });
    expect(start.status).toBe(200);
    expect(start.body).toContain("<title>Jackfield</title>");
  });

  test("is a link that logs in once, when there is no password; no password does", async () => {
    const { command, port, url } = await startNode({ args: ["--memory"] });
    expect(command.stdout.split("\n").slice(0, 6)).toEqual([
      `Jackfield node "localhost" runs on ${url}`,
      "",
      "  Open this link to log in and choose a password. It works once, within 60 minutes:",
      "",
      `    ${url}login?token=${tokenIn(command.stdout)}`,
      "",
    ]);
    expect(await login(port, "another")).toBe(401);
    expect(await post(port, { token: tokenIn(command.stdout) })).toBe(200);
    expect(await post(port, { token: tokenIn(command.stdout) })).toBe(401);
  });

  test("is another link at each node", async () => {
    const nodes = await Promise.all([startNode({ args: ["--memory"] }), startNode({ args: ["--memory"] })]);
    const [one, two] = nodes.map(({ command }) => tokenIn(command.stdout));
    expect(one).not.toBe(two);
  });

  test("names the host for a browser on this machine, also where every address is listened on", async () => {
    const { url } = await startNode({ args: ["--memory", "--host", "0.0.0.0"] });
    expect(url).toMatch(/^http:\/\/localhost:\d+\/$/);
  });
});

describe("a second start with the same --data", () => {
  test("prints another link while no password is set, and none once there is one", async () => {
    const args = ["--data", temporaryFolder()];
    const first = await startNode({ args });
    const token = tokenIn(first.command.stdout);
    await first.stop();
    const second = await startNode({ args });
    expect(await post(second.port, { token })).toBe(401);
    const answer = await askHttp(second.port, {
      method: "POST",
      path: "/login",
      body: JSON.stringify({ token: tokenIn(second.command.stdout) }),
    });
    const cookie = answer.setCookies.map((set) => set.slice(0, set.indexOf(";"))).join("; ");
    const body = JSON.stringify({ password: "correct horse" });
    const chosen = await askHttp(second.port, { method: "POST", path: "/password", headers: { cookie }, body });
    expect(chosen.status).toBe(200);
    await second.stop();
    const third = await startNode({ args });
    expect(third.command.stdout).toContain("  log in with   your password\n");
    expect(third.command.stdout).not.toMatch(LINK);
    expect(await login(third.port, "correct horse")).toBe(200);
  });

  test("keeps who is logged in, with the same --password again too", async () => {
    const args = ["--data", temporaryFolder(), "--password", "correct horse"];
    const first = await startNode({ args });
    const cookie = await logIn(first.port, "correct horse");
    await first.stop();
    const { port } = await startNode({ args });
    expect((await askHttp(port, { path: "/sessions", headers: { cookie } })).status).toBe(200);
  });

  test("takes a new password when one is given: the old one is out", async () => {
    const args = ["--data", temporaryFolder()];
    const first = await startNode({ args: [...args, "--password", "the old one"] });
    await first.stop();
    const { port } = await startNode({ args: [...args, "--password", "the new one"] });
    expect(await login(port, "the new one")).toBe(200);
    expect(await login(port, "the old one")).toBe(401);
  });

  test("and another --node is another node: it has no password yet", async () => {
    const args = ["--data", temporaryFolder()];
    const first = await startNode({ args: [...args, "--password", "correct horse"] });
    await first.stop();
    const other = await startNode({ args: [...args, "--node", "bob.os"] });
    expect(other.command.stdout).toMatch(LINK);
  });

  test("refuses a password that is too short, and says how long it must be", async () => {
    const { code, stderr } = await run("start", "--memory", "--port", "0", "--password", "short").ended;
    expect(code).toBe(2);
    expect(stderr).toContain(
      "Cannot set the password as it must have at least limits.passwordLength, 8 characters: got 5, take a longer one",
    );
  });
});

describe.each(["auto", "ws"])("with --transport %s", (transport) => {
  test("a head may have 16 KiB, of cookies that other ports of the host have set say, and no more", async () => {
    const { port } = await startNode({ args: ["--memory", "--transport", transport] });
    const statusOf = async (bytes: number): Promise<number> =>
      (await askHttp(port, { path: "/login", headers: { cookie: `a=${"b".repeat(bytes)}` } })).status;
    expect(await statusOf(16_000)).toBe(200);
    expect(await statusOf(16_400)).toBe(431);
  });
});

describe("what a start writes", () => {
  test("is nothing with --memory", async () => {
    const cwd = temporaryFolder();
    const node = await startNode({ cwd, args: ["--memory"] });
    await post(node.port, { token: tokenIn(node.command.stdout) });
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
      ".jackfield/alice.os/format.json",
      ".jackfield/alice.os/lock",
      ".jackfield/alice.os/state",
      ".jackfield/alice.os/state/data.mdb",
      ".jackfield/alice.os/state/lock.mdb",
      "kept",
      "kept/localhost",
      "kept/localhost/format.json",
      "kept/localhost/lock",
      "kept/localhost/state",
      "kept/localhost/state/data.mdb",
      "kept/localhost/state/lock.mdb",
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
