/**
 * Durable messages while nodes and servers are killed with -9: three nodes as people start them, on three servers that run what
 * `jackfield cluster init` and `set-up` made. What was kept has one effect in what the receiver keeps, in order.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "@jest/globals";
import { setUpCluster } from "../../kernel/index.ts";
import { askHttp } from "../support/http-client.ts";
import { endJackfields, type RunningNode, startNode, temporaryFolder, writePackage } from "../support/jackfield.ts";
import { startCluster, stopClusters, type TestCluster, untilIt } from "../support/nats-cluster.ts";
import { natsServerPath } from "../support/nats-server.ts";

const TEST_MS = 180_000;
const SENDERS = ["alice.os", "carol.os"] as const;
const RECEIVER = "bob.os";

/** `sends`: one after the other, each with a number that rises, and a line to `kept` for each that was. `takes` keeps all. */
const PROGRAM = `
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { defineProcess } from "jackfield/process";

const sends = defineProcess({
  init(ctx) {
    const file = (name) => join(ctx.host.folder, name);
    const first = Number(readFileSync(file("first"), "utf8"));
    ctx.after(500, async () => {
      for (let n = first; ; n++) {
        const isSent = await ctx.request("${RECEIVER}@takes:chat:template.os").body(n).durable().then(() => true, () => false);
        if (isSent) appendFileSync(file("kept"), n + "\\n");
        if (readFileSync(file("first"), "utf8") === "stop") return writeFileSync(file("ended"), "");
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    });
  },
});
export default sends;
`;

const TAKES = `
import { defineProcess } from "jackfield/process";

export default defineProcess({
  async init(ctx) {
    await ctx.bindHttp("/", { authenticated: false });
    return (await ctx.getState()) ?? {};
  },
  onHttp(seen, request) {
    request.reply(seen);
  },
  async onRequest(seen, { body, source, durable }, ctx) {
    if (durable === null) throw new Error("no durable message");
    const next = { ...seen, [source.node]: [...(seen[source.node] ?? []), body] };
    await ctx.setState(next);
    return next;
  },
});
`;

const servers = new Set<ChildProcess>();
afterEach(async () => {
  await endJackfields();
  for (const server of servers) server.kill("SIGKILL");
  servers.clear();
  await stopClusters();
}, TEST_MS);

type Place = {
  readonly name: string;
  readonly folder: string;
  readonly data: string;
  lives: number;
  node: RunningNode | null;
};

function place(name: string): Place {
  const capabilities = [
    "http-server:distro:sys",
    "state:distro:sys",
    { process: "kernel:distro:sys", params: "network" },
  ];
  const common = {
    on_exit: "Restart",
    request_capabilities: capabilities,
    grant_capabilities: ["http-server:distro:sys"],
  };
  const processes = [
    { process_name: "takes", file: "takes.js", ...common },
    ...(name === RECEIVER ? [] : [{ process_name: "sends", file: "sends.js", ...common }]),
  ];
  const folder = writePackage({
    "sends.js": PROGRAM,
    "takes.js": TAKES,
    "manifest.json": JSON.stringify({ package: "chat", publisher: "template.os", processes }),
  });
  appendFileSync(join(folder, "kept"), "");
  return { name, folder, data: temporaryFolder(), lives: 0, node: null };
}

async function run(cluster: TestCluster, at: Place): Promise<void> {
  at.lives++;
  writeFileSync(join(at.folder, "first"), String(at.lives * 1_000_000));
  const file = (name: string): string => join(cluster.folder, at.name, name);
  const link = [
    "--link",
    cluster.urls.join(","),
    "--link-seed",
    file("bus.seed"),
    "--link-store-seed",
    file("store.seed"),
  ];
  const tls = ["--link-ca", file("ca.pem"), "--link-cert", file("node.pem"), "--link-key", file("node.key")];
  const args = ["--node", at.name, "--data", at.data, "--package", at.folder, ...link, ...tls];
  for (const last = Date.now() + 60_000; ; ) {
    try {
      at.node = await startNode({ args });
      return;
    } catch (error) {
      if (Date.now() > last) throw error; // its name is taken until the servers have noticed that it was killed
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  }
}

const kept = ({ folder }: Place): readonly number[] =>
  readFileSync(join(folder, "kept"), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map(Number);

type Seen = Readonly<Record<string, readonly number[]>>;

async function seenBy({ node }: Place): Promise<Seen> {
  const { body } = await askHttp(node?.port ?? 0, { path: "/takes:chat:template.os/" });
  return JSON.parse(String(body)) as Seen;
}

function restart(cluster: TestCluster, index: number): ChildProcess {
  const cwd = join(cluster.folder, `server-${index + 1}`);
  const server = spawn(natsServerPath(), ["-c", "nats.conf", "-l", "log"], { cwd, stdio: "ignore" });
  servers.add(server);
  return server;
}

test(
  "kill -9 of a sender, the receiver, a server, all servers, and both nodes: 0 lost, 0 twice, in order",
  async () => {
    const names = [...SENDERS, RECEIVER];
    const cluster = await startCluster(names, 3);
    const admin = (name: string): string => join(cluster.folder, "admin", name);
    await setUpCluster({
      servers: cluster.urls,
      seed: readFileSync(admin("store.seed"), "utf8").trim(),
      tls: { ca: admin("ca.pem"), cert: admin("node.pem"), key: admin("node.key") },
      nodes: names,
      removeLeft: false,
    });
    const [alice, carol, bob] = [place("alice.os"), place("carol.os"), place(RECEIVER)];
    await Promise.all([alice, carol, bob].map((at) => run(cluster, at)));
    const running = [...cluster.servers];
    const killNode = async (at: Place, waitMs: number): Promise<void> => {
      at.node?.command.kill("SIGKILL");
      await at.node?.command.ended;
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      await run(cluster, at);
    };
    const killServers = async (which: readonly number[], downMs: number): Promise<void> => {
      for (const index of which) running[index]?.kill("SIGKILL");
      await new Promise((resolve) => setTimeout(resolve, downMs));
      for (const index of which) running[index] = restart(cluster, index);
    };
    const more = async (count: number): Promise<void> => {
      const asked = [alice, carol].map((at) => ({ at, length: kept(at).length + count }));
      await untilIt(() => asked.every(({ at, length }) => kept(at).length >= length), 60);
    };
    await more(50);
    await killNode(bob, 0);
    await more(50);
    await killNode(alice, 0);
    await more(50);
    await killServers([1], 300);
    await more(50);
    await Promise.all([killNode(bob, 500), killNode(carol, 100)]);
    await more(50);
    await killServers([0, 1, 2], 500);
    await more(50);
    await killNode(bob, 0);
    await more(20);
    for (const { folder } of [alice, carol]) writeFileSync(join(folder, "first"), "stop");
    await untilIt(() => [alice, carol].every(({ folder }) => existsSync(join(folder, "ended"))), 60);
    let seen: Seen = {};
    await untilIt(async () => {
      seen = await seenBy(bob);
      return [alice, carol].every((at) => (kept(at).at(-1) ?? 0) <= (seen[at.name]?.at(-1) ?? -1));
    }, 60);
    for (const at of [alice, carol]) {
      const numbers = seen[at.name] ?? [];
      expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b)); // none twice, in order
      const missing = kept(at).filter((n) => !numbers.includes(n));
      expect(missing).toEqual([]); // none lost
      expect(kept(at).length).toBeGreaterThan(250);
    }
  },
  TEST_MS,
);
