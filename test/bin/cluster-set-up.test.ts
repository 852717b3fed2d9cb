/** `jackfield cluster set-up`: what nodes may not make, made in real servers, once and again. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import { jetstream } from "@nats-io/jetstream";
import { connect, nkeyAuthenticator } from "@nats-io/transport-node";
import { newUserKey } from "../../bin/cluster-keys.ts";
import { setUpCluster } from "../../kernel/index.ts";
import { losesAcknowledged } from "../../kernel/link/nats-set-up.ts";
import { endJackfields, freePort, Jackfield, run, startNode, temporaryFolder } from "../support/jackfield.ts";
import { startCluster, stopClusters, type TestCluster, untilIt } from "../support/nats-cluster.ts";
import { natsServerVersion, startNatsServer, stopNatsServers } from "../support/nats-server.ts";

const LONG_MS = 120_000; // three servers, three nodes, and seven more processes

afterEach(async () => {
  await endJackfields();
  await stopClusters();
  await stopNatsServers();
});

/** What is said of three servers that are as old as Debian 12's. */
const LOSING = losesAcknowledged(natsServerVersion())
  ? `Servers of nats-server ${natsServerVersion()} may lose what they acknowledged when one of them is killed: run 2.10.19 or later before people rely on it (docs/cluster.md, What NATS 2.9 loses).\n`
  : "";

type Ended = { readonly code: number; readonly stdout: string; readonly stderr: string };

async function setUp(cluster: TestCluster, ...args: readonly string[]): Promise<Ended> {
  const cwd = join(cluster.folder, "..");
  const { code, stdout, stderr } = await new Jackfield({ args: ["cluster", "set-up", ...args], cwd }).ended;
  return { code: Number(code), stdout, stderr };
}

describe("jackfield cluster set-up", () => {
  test(
    "three servers, three nodes: each finds the others; again it changes nothing, and a node added later is set up too",
    async () => {
      const names = ["alice.os", "bob.os", "carol.os"];
      const cluster = await startCluster(names, 3);
      const made = ["bucket dir", "bucket claims", "bucket kept", ...names.map((name) => `inbox of ${name}`)];
      expect(await setUp(cluster)).toEqual({
        code: 0,
        stdout: made.map((what) => `Made: ${what}, kept in 3 servers.\n`).join("") + LOSING,
        stderr: "",
      });
      const start = (name: string): ReturnType<typeof startNode> =>
        startNode({ args: ["--memory"], cwd: join(cluster.folder, name) });
      const [alice] = await Promise.all(names.map(start));
      expect(alice?.command.stdout).toContain("  directory     jackfield nodes lists who is there\n");
      const listed = async (): Promise<readonly string[]> => {
        const { stdout } = await run("nodes", "--json", "--node-url", alice?.url ?? "").ended;
        return (JSON.parse(stdout) as readonly { readonly node: string }[]).map(({ node }) => node);
      };
      await untilIt(async () => (await listed()).length === 3);
      expect(await listed()).toEqual(names);

      expect(await setUp(cluster)).toEqual({ code: 0, stdout: `All was there.\n${LOSING}`, stderr: "" });

      expect(cluster.command("add-node", "dave.os")).toContain("Then jackfield cluster set-up makes its inbox.");
      cluster.reload();
      expect((await setUp(cluster)).stdout).toBe(`Made: inbox of dave.os, kept in 3 servers.\n${LOSING}`);
      const dave = await start("dave.os");
      expect(dave.command.stdout).toContain("  directory     jackfield nodes lists who is there\n");
      await untilIt(async () => (await listed()).length === 4);
    },
    LONG_MS,
  );

  test("right after the servers were started, it waits for them and their leader", async () => {
    const cluster = await startCluster(["alice.os"], 3);
    const [first, ...others] = cluster.servers;
    for (const server of others) server.kill("SIGSTOP");
    const setting = setUp(cluster);
    await new Promise((resolve) => setTimeout(resolve, 500)); // it tries meanwhile
    for (const server of others) server.kill("SIGCONT");
    expect(await setting).toMatchObject({ code: 0, stderr: "" });
    expect(first?.exitCode).toBeNull();
  });

  test("what a removed node leaves is named, and deleted only when asked", async () => {
    const cluster = await startCluster(["alice.os", "bob.os"]);
    await setUp(cluster);
    const { servers, seed = "", tls } = cluster.options("alice.os", "store");
    const nc = await connect({
      servers: [...servers],
      inboxPrefix: "_INBOX_alice_os",
      authenticator: nkeyAuthenticator(new TextEncoder().encode(seed)),
      tls: {
        caFile: tls?.ca ?? "",
        certFile: tls?.cert ?? "",
        keyFile: tls?.key ?? "",
        checkServerIdentity: () => undefined,
      } as Record<string, unknown>,
    });
    await jetstream(nc).publish("d.bob_os.alice_os", "an order");
    await nc.close();
    expect(cluster.command("remove-node", "bob.os")).toContain("stays until jackfield cluster set-up --remove-left.\n");
    cluster.reload();
    const left = "IN_bob_os, of a node that the cluster does not have, with 1 messages.\n";
    expect((await setUp(cluster)).stdout).toBe(
      `All was there.\nLeft over: ${left}To delete what is left over: jackfield cluster set-up --remove-left\n`,
    );
    expect((await setUp(cluster, "--remove-left")).stdout).toBe(`All was there.\nDeleted: ${left}`);
    expect((await setUp(cluster)).stdout).toBe("All was there.\n");
  });
});

test.each([
  ["2.9.10", true],
  ["2.9.99", true],
  ["2.10.18", true],
  ["2.10.19", false],
  ["2.10.27", false],
  ["2.11.0-RC.1", false],
  ["3.0.0", false],
  ["1.4.1", true],
  ["dev", false],
])("servers of %s lose what they acknowledged: %p", (version, loses) => {
  expect(losesAcknowledged(version)).toBe(loses);
});

describe("jackfield cluster set-up says what is wrong", () => {
  const options = { nodes: ["alice.os"], removeLeft: false };

  test("no server is there", async () => {
    const url = `nats://127.0.0.1:${await freePort()}`;
    await expect(setUpCluster({ ...options, servers: [url], patienceMs: 300 })).rejects.toThrow(
      `Cannot set up "${url}" as none of its servers answers: connection refused; tried for 300 ms, start them first`,
    );
  });

  test("the servers are of another cluster", async () => {
    const cluster = await startCluster(["alice.os"]);
    writeFileSync(join(cluster.folder, "admin/store.seed"), `${newUserKey().seed}\n`);
    const { code, stderr } = await setUp(cluster);
    expect(code).toBe(1);
    expect(stderr).toBe(
      `Cannot set up "${cluster.urls[0]}" as none of its servers lets the administrator in: Authorization Violation; is it the cluster that this folder is of, and runs each server with the users.conf beside it?\n`,
    );
  });

  test("the administrator's seed is elsewhere", async () => {
    const cluster = await startCluster(["alice.os"]);
    rmSync(join(cluster.folder, "admin/store.seed"));
    expect((await setUp(cluster)).stderr).toMatch(
      /^Cannot set up ".+" as the administrator's seed is missing or not readable: ENOENT.+, run it where the cluster's folder is whole\n$/,
    );
  });

  test("there is no cluster", async () => {
    const { code, stderr } = await new Jackfield({ args: ["cluster", "set-up"], cwd: temporaryFolder() }).ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^Cannot write ".+" as there is no cluster: .+, name its folder with --out\n$/);
  });

  test("JetStream is off", async () => {
    const file = join(temporaryFolder(), "nats.conf");
    writeFileSync(file, "accounts { BUS { users: [ { user: a, password: b } ] } }\nno_auth_user: a\n");
    const { url } = await startNatsServer(file);
    await expect(setUpCluster({ ...options, servers: [url], patienceMs: 300 })).rejects.toThrow(
      `Cannot set up "${url}" as JetStream is off there: have jetstream { } in each nats.conf, and jetstream: enabled in the account STORE`,
    );
  });

  test("there is no room", async () => {
    const file = join(temporaryFolder(), "nats.conf");
    writeFileSync(file, "jetstream { max_file: 100MB }\n");
    const { url } = await startNatsServer(file);
    await expect(setUpCluster({ ...options, servers: [url] })).rejects.toThrow(
      /^Cannot set up ".+" as there is no room set aside for it: raise max_file under jetstream in each nats\.conf, and start the servers again one after the other: ./,
    );
  });

  test("most of its servers are gone", async () => {
    const cluster = await startCluster(["alice.os"], 3);
    for (const server of cluster.servers.slice(1)) server.kill("SIGKILL");
    const seed = readFileSync(join(cluster.folder, "admin/store.seed"), "utf8").trim();
    const admin = join(cluster.folder, "admin");
    const tls = { ca: join(admin, "ca.pem"), cert: join(admin, "node.pem"), key: join(admin, "node.key") };
    await expect(setUpCluster({ ...options, servers: cluster.urls, seed, tls, patienceMs: 500 })).rejects.toThrow(
      /^Cannot set up ".+" as JetStream refuses: .+; tried for 500 ms, are all servers running, and do they reach each other\?$/,
    );
  });
});
