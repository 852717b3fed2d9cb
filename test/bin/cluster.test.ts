/** `jackfield cluster`: what it writes runs, as it says, with real servers and nodes that are processes of their own. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import { cluster } from "../../bin/cluster.ts";
import { createNode, type Node } from "../../kernel/index.ts";
import { NatsWire } from "../../kernel/link/nats-wire.ts";
import { OptionError } from "../../lib/protocol/index.ts";
import {
  endJackfields,
  Jackfield,
  manifest,
  run,
  startNode,
  temporaryFolder,
  writePackage,
} from "../support/jackfield.ts";
import { startCluster, stopClusters, untilIt } from "../support/nats-cluster.ts";

const nodes: Node[] = [];
afterEach(async () => {
  for (const node of nodes.splice(0)) await node.stop();
  await endJackfields();
  await stopClusters();
});

const INIT = ["init", "--nodes", "alice.os,bob.os", "--servers", "1"];

const HELLO = `import { defineProcess } from "jackfield/process";
export default defineProcess({
  async onRequest(_, { body }, ctx) {
    if (typeof body.ask !== "string") return ctx.respond({ from: ctx.our.node });
    const answer = await ctx.request(\`\${body.ask}@hello:my-app:me.os\`).body({}).expectsResponse(5).sendAndAwaitResponse();
    ctx.respond(answer.body);
  },
});
`;

function refusal(args: readonly string[], folder = temporaryFolder()): Error {
  try {
    cluster(args, folder);
  } catch (thrown) {
    return thrown as Error;
  }
  throw new Error(`taken: ${args.join(" ")}`);
}

describe("jackfield cluster init", () => {
  test("three servers and three nodes: cd and start is all, and each talks to each", async () => {
    const names = ["alice.os", "bob.os", "carol.os"];
    const { folder } = await startCluster(names, 3);
    const network = [{ process: "kernel:distro:sys", params: "network" }];
    const hello = { process_name: "hello", file: "hello.js", on_exit: "Restart", public: true };
    const processes = [{ ...hello, request_capabilities: network }];
    const code = writePackage({ "manifest.json": manifest({ processes }), "hello.js": HELLO });
    const args = ["--memory", "--package", code];
    const running = await Promise.all(names.map((name) => startNode({ args, cwd: join(folder, name) })));
    for (const { command, url } of running) {
      expect(command.stdout).toMatch(/ {2}link {10}nats:\/\/\S+, nats:\/\/\S+, nats:\/\/\S+ over TLS, with its key\n/);
      for (const name of names.filter((each) => !command.stdout.includes(`"${each}"`))) {
        const asked = run("send", "hello:my-app:me.os", JSON.stringify({ ask: name }), "--node-url", url);
        expect(await asked.ended).toMatchObject({ code: 0, stdout: `{"from":"${name}"}\n`, stderr: "" });
      }
    }
  });

  test("says what to run, and keeps secrets for their owner", async () => {
    const cwd = temporaryFolder();
    const { code, stdout } = await new Jackfield({ args: ["cluster", ...INIT, "--out", "mine"], cwd }).ended;
    expect(code).toBe(0);
    expect(stdout).toContain("  on 127.0.0.1:  cd mine/server-1 && nats-server -c nats.conf\n");
    expect(stdout).toContain("  cd mine/alice.os && jackfield start\n  cd mine/bob.os && jackfield start\n");
    const files = readdirSync(join(cwd, "mine"), { recursive: true, encoding: "utf8" });
    const secret = files.filter((file) => /\.(key|seed|conf)$|cluster\.json$/.test(file));
    expect(secret).toHaveLength(14);
    for (const file of secret) expect([file, statSync(join(cwd, "mine", file)).mode & 0o777]).toEqual([file, 0o600]);
    const open = files.filter((file) => !secret.includes(file) && statSync(join(cwd, "mine", file)).isFile());
    for (const file of open)
      expect(readFileSync(join(cwd, "mine", file), "utf8")).not.toMatch(/PRIVATE|\bSU[A-Z2-7]{56}/);
  });

  test("never overwrites", () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "cluster"));
    const { message } = refusal(INIT, folder);
    expect(message).toBe(
      `Cannot write "${join(folder, "cluster")}" as it is there already: give --out another folder, or add-node to it`,
    );
    expect(readdirSync(join(folder, "cluster"))).toEqual([]);
  });

  test("without openssl says what to install, and leaves nothing", async () => {
    const cwd = temporaryFolder();
    const { code, stderr } = await new Jackfield({ args: ["cluster", ...INIT], cwd, env: { PATH: cwd } }).ended;
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr:
        "Cannot make a cluster's certificates as there is no openssl command on this machine: install it (apt-get install openssl), nothing else can make them\n",
    });
    expect(readdirSync(cwd)).toEqual([]);
  });

  test("an openssl that fails is quoted, and nothing is left", async () => {
    const [cwd, bin] = [temporaryFolder(), temporaryFolder()];
    writeFileSync(join(bin, "openssl"), "#!/bin/sh\necho no such curve >&2\nexit 1\n", { mode: 0o755 });
    const { stderr } = await new Jackfield({ args: ["cluster", ...INIT], cwd, env: { PATH: `${bin}:/bin` } }).ended;
    expect(stderr).toMatch(/^Cannot make a cluster's certificates as openssl refuses: .*no such curve/s);
    expect(readdirSync(cwd)).toEqual([]);
  });

  const NAMES = "be names of lower-case letters, digits and inner . -, and not localhost, admin or server-N";
  test.each<[readonly string[], string]>([
    [["init"], `Cannot use --nodes as it must ${NAMES}: got ""`],
    [["init", "--nodes", "a_b"], `Cannot use --nodes as it must ${NAMES}: got "a_b"`],
    [["init", "--nodes", "../a"], `Cannot use --nodes as it must ${NAMES}: got "../a"`],
    [["init", "--nodes", "server-1"], `Cannot use --nodes as it must ${NAMES}: got "server-1"`],
    [["init", "--nodes", "a,b,a"], 'Cannot use --nodes as it must have each name once: got "a"'],
    [["init", "--nodes", "a", "--servers", "2"], 'Cannot use --servers as it must be 1, 3 or 5: got "2"'],
    [
      ["init", "--nodes", "a", "--host", "x,y"],
      'Cannot use --host as it must be one host name or address, or 3, commas between: got "x,y"',
    ],
    [
      ["init", "--nodes", "a", "--host", 'x"'],
      'Cannot use --host as it must be one host name or address, or 3, commas between: got "x\\""',
    ],
    [["init", "--nodes", "a", "--ports", "1"], 'Cannot use --ports as it must be two, 1 to 65535: got "1"'],
    [["init", "--nodes", "a", "--ports", "65534,1"], 'Cannot use --ports as it must be two, 1 to 65535: got "65534,1"'],
    [["init", "--nodes", "a", "--ports", "10,12"], 'Cannot use --ports as it must be 3 or more apart: got "10,12"'],
    [
      ["start"],
      'Cannot run jackfield cluster as it must be init --nodes NAME,… or add-node NAME or remove-node NAME or set-up: got "start"',
    ],
  ])("%j is refused", (args, words) => {
    const error = refusal(args);
    expect(error).toBeInstanceOf(OptionError);
    expect(error.message).toBe(words);
  });
});

describe("jackfield cluster add-node and remove-node", () => {
  test("a node joins and leaves while the servers run, and the others stay linked", async () => {
    const { command, reload, options } = await startCluster(["alice.os"]);
    const alice = createNode({ name: "alice.os" });
    nodes.push(alice);
    const link = await alice.linkByNats(options("alice.os"));
    expect(command("add-node", "bob.os")).toContain("Added bob.os.\nCopy server-1/users.conf");
    reload();
    const bob = createNode({ name: "bob.os" });
    nodes.push(bob);
    const isIn = (): Promise<boolean> =>
      bob.linkByNats(options("bob.os")).then(
        () => true,
        () => false,
      );
    await untilIt(isIn);
    expect(bob.kernel.link?.isUp).toBe(true);
    const credentials = options("bob.os");
    expect(command("remove-node", "bob.os")).toContain("Removed bob.os: ");
    reload();
    await untilIt(async () => bob.kernel.link?.isUp === false);
    await bob.stop();
    const again = createNode({ name: "bob.os" });
    nodes.push(again);
    await expect(again.link(new NatsWire({ ...credentials, tls: { ...options("alice.os").tls } }))).rejects.toThrow(
      "as none of its servers lets it in: Authorization Violation",
    );
    expect(link.isUp).toBe(true);
  });

  test("what is there, or is not, is refused by name", () => {
    const folder = temporaryFolder();
    cluster(INIT, folder);
    const at = (name: string): string => join(folder, "cluster", name);
    expect(refusal(["add-node", "bob.os"], folder).message).toBe(
      `Cannot write "${at("bob.os")}" as it is there already: choose another name, or remove-node it first`,
    );
    expect(refusal(["remove-node", "eve.os"], folder).message).toBe(
      `Cannot write "${at("eve.os")}" as the cluster has no such node: it has alice.os, bob.os`,
    );
    expect(refusal(["add-node", "bob.os", "--out", "none"], folder).message).toMatch(
      /^Cannot write ".*none" as there is no cluster: .*ENOENT.*, name its folder with --out$/,
    );
    writeFileSync(at("cluster.json"), '{"version":2}');
    expect(refusal(["add-node", "eve.os"], folder).message).toBe(
      `Cannot write "${join(folder, "cluster")}" as its cluster.json must be of version 1: run the Jackfield that wrote it`,
    );
  });
});
