/** `jackfield start --link`: nodes that are processes of their own talk, and one that cannot be linked does not start. */
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import {
  endJackfields,
  freePort,
  manifest,
  type RunningNode,
  run,
  startNode,
  temporaryFolder,
  writePackage,
} from "../support/jackfield.ts";
import { startNatsServer, stopNatsServers } from "../support/nats-server.ts";
import { pair } from "../support/tls.ts";

afterEach(async () => {
  await endJackfields();
  await stopNatsServers();
});

/** Asks the process of its name on another node, and answers with what that says. */
const HELLO = `import { defineProcess } from "jackfield/process";
export default defineProcess({
  async onRequest(_, { body }, ctx) {
    if (typeof body.ask !== "string") return ctx.respond({ from: ctx.our.node, said: body });
    const answer = await ctx.request(\`\${body.ask}@hello:my-app:me.os\`).body({ hi: 1 }).expectsResponse(5).sendAndAwaitResponse();
    ctx.respond({ by: answer.source.text, ...answer.body });
  },
});
`;

function helloPackage(): string {
  const network = [{ process: "kernel:distro:sys", params: "network" }];
  const processes = [
    { process_name: "hello", file: "hello.js", on_exit: "Restart", public: true, request_capabilities: network },
  ];
  return writePackage({ "manifest.json": manifest({ processes }), "hello.js": HELLO });
}

const startLinked = (name: string, url: string, folder: string): Promise<RunningNode> =>
  startNode({ args: ["--memory", "--node", name, "--link", url, "--package", folder] });

async function refusal(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run("start", "--memory", "--port", "0", "--node", "alice.os", ...args).ended;
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  return stderr.trimEnd();
}

test("two nodes talk, and their processes know nothing of it", async () => {
  const { url } = await startNatsServer();
  const folder = helloPackage();
  const [alice] = await Promise.all([startLinked("alice.os", url, folder), startLinked("bob.os", url, folder)]);
  expect(alice.command.stdout).toContain(
    `  link          ${url} WITHOUT TLS: whoever is on the way reads all of it, without a key: anybody may say to be any node\n`,
  );
  const sent = await run("send", "hello:my-app:me.os", '{"ask":"bob.os"}', "--node-url", alice.url).ended;
  expect(sent).toMatchObject({ code: 0, stderr: "" });
  expect(JSON.parse(sent.stdout)).toEqual({ by: "bob.os@hello:my-app:me.os", from: "bob.os", said: { hi: 1 } });
  expect(await alice.stop()).toMatchObject({ code: 0 });
});

test("a second node of a name is refused, and may come when the first has gone", async () => {
  const { url } = await startNatsServer();
  const folder = helloPackage();
  const first = await startLinked("alice.os", url, folder);
  expect(await refusal("--link", url)).toBe(
    `Cannot link to "${url}" as there is a node "alice.os" on it already: each needs a name of its own (--node); one that was cut off is gone after some 30 s`,
  );
  first.command.kill("SIGKILL");
  await first.command.ended;
  const second = await startLinked("alice.os", url, folder);
  expect(await second.stop()).toMatchObject({ code: 0, stderr: "" });
});

test("a node that takes the port over takes the name when the other has left the link", async () => {
  const { url } = await startNatsServer();
  const folder = helloPackage();
  const port = String(await freePort());
  const shared = ["--reuse-port", "--port", port, "--node", "alice.os", "--link", url, "--package", folder];
  const start = (data: string): Promise<RunningNode> => startNode({ args: ["--data", data, ...shared] });
  const data = temporaryFolder();
  const older = await start(data);
  expect(older.command.stdout).toContain(`  link          ${url} WITHOUT TLS`);
  const newer = await start(data);
  expect(newer.command.stdout).toContain("  link          waits for the other node of this name to stop\n");
  const bob = await startLinked("bob.os", url, folder);
  const asked = async (): Promise<number | null> =>
    (await run("send", "hello:my-app:me.os", '{"ask":"alice.os"}', "--node-url", bob.url).ended).code;
  expect(await asked()).toBe(0);
  expect(await older.stop()).toMatchObject({ code: 0, stderr: "" });
  await newer.command.printed(
    /The other node of this name has left the link\n {2}link {10}nats:\S+ WITHOUT TLS.*\n {2}directory {5}jackfield nodes lists who is there\n/,
  );
  expect(await asked()).toBe(0);
  expect(await newer.stop()).toMatchObject({ code: 0, stderr: "" });
});

describe("a node that cannot be linked does not start", () => {
  const nobody = async (): Promise<string> => `nats://127.0.0.1:${await freePort()}`;

  test("nobody listens there", async () => {
    const url = await nobody();
    expect(await refusal("--link", url, "--limit", "linkStart=300")).toBe(
      `Cannot link to "${url}" as none of its servers lets it in: connection refused, tried for 300 ms: limits.linkStart`,
    );
  });

  test("its name may not stand in a subject", async () => {
    const { url } = await startNatsServer();
    expect(await refusal("--link", url, "--node", "alice_os")).toBe(
      `Cannot link to "${url}" as a linked node's name must be of lower-case letters, digits, dots and hyphens, 253 at most: got "alice_os", give it another with --node`,
    );
  });

  test.each<[string, (file: string) => readonly string[], string]>([
    [
      "a seed that is not there",
      (file) => ["--link-seed", `${file}.none`],
      '--link-seed "FILE.none" is missing or not readable: ENOENT',
    ],
    [
      "a seed that others may read",
      (file) => ["--link-seed", file],
      'others may use the seed in "FILE": its mode is 644, chmod 600 it',
    ],
    ["a CA that is no certificate", (file) => ["--link-ca", file], '--link-ca "FILE" must hold a certificate, PEM: '],
    [
      "a certificate that is none",
      (file) => ["--link-cert", file, "--link-key", file],
      '--link-cert "FILE" must hold a certificate, PEM: ',
    ],
    [
      "a key that is none",
      (file) => ["--link-cert", pair("one").cert, "--link-key", file],
      '--link-key "FILE" must hold a private key, PEM without a passphrase: ',
    ],
    [
      "a key of another certificate",
      () => ["--link-cert", pair("one").cert, "--link-key", pair("two").key],
      `"${pair("two").key}" is not the key of the certificate "${pair("one").cert}": give the two of one pair`,
    ],
  ])("%s", async (_, args, words) => {
    const file = join(temporaryFolder(), "file");
    writeFileSync(file, "hello");
    chmodSync(file, 0o644);
    const url = "nats://127.0.0.1:1";
    expect(await refusal("--link", url, ...args(file))).toMatch(
      `Cannot link to "${url}" as ${words.replace("FILE", file)}`,
    );
  });

  test("a seed that is none", async () => {
    const file = join(temporaryFolder(), "seed");
    writeFileSync(file, "SUNOSEED", { mode: 0o600 });
    expect(await refusal("--link", "nats://127.0.0.1:1", "--link-seed", file)).toBe(
      `Cannot link to "nats://127.0.0.1:1" as "${file}" must hold a user's nkey seed, SU and 56 letters: jackfield cluster init has it`,
    );
  });
});

test("nothing of NATS is loaded by a node without --link", async () => {
  const folder = temporaryFolder();
  const trace = join(folder, "trace.cjs");
  const out = join(folder, "loaded");
  writeFileSync(
    trace,
    `process.on("exit", () => require("node:fs").writeFileSync(process.env.OUT, Object.keys(require("node:module")._cache).join("\\n")));`,
  );
  const loaded = async (...args: readonly string[]): Promise<readonly string[]> => {
    const env = { NODE_OPTIONS: `--require ${trace}`, OUT: out };
    const node = await startNode({ args: ["--memory", ...args], env });
    await node.stop();
    return readFileSync(out, "utf8").split("\n");
  };
  const isOfNats = (file: string): boolean => file.includes("/@nats-io/");
  expect((await loaded()).filter(isOfNats)).toEqual([]);
  const { url } = await startNatsServer();
  expect((await loaded("--node", "alice.os", "--link", url)).filter(isOfNats)).not.toEqual([]); // it would be seen
});
