/**
 * A cluster as `jackfield cluster init` writes it, and its servers run as it says: TLS, nkeys, permissions.
 *
 *   const cluster = await startCluster(["alice.os", "bob.os"]);
 *   await node.linkByNats(cluster.options("alice.os"));
 *   afterEach(stopClusters);
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cluster } from "../../bin/cluster.ts";
import type { NatsOptions } from "../../kernel/index.ts";
import { natsServerPath } from "./nats-server.ts";

export type TestCluster = {
  readonly folder: string;
  readonly servers: readonly ChildProcess[];
  readonly urls: readonly string[];
  /** @param account whose seed: BUS carries frames, STORE has JetStream */
  options(node: string, account?: "bus" | "store"): NatsOptions;
  /** `jackfield cluster …` on it. */
  command(...args: readonly string[]): string;
  /** The servers read their users again. */
  reload(): void;
};

const WAIT_MAX_S = 40; // less than a test may take

const folders = new Set<string>();
const children = new Set<ChildProcess>();
const logs = new WeakMap<ChildProcess, string>();

/** @param count of servers */
export async function startCluster(nodes: readonly string[], count = 1): Promise<TestCluster> {
  const folder = mkdtempSync(join(tmpdir(), "jackfield-cluster-"));
  folders.add(folder);
  const base = await freeRange(2 * count);
  const command = (...args: readonly string[]): string => cluster(args, folder);
  command("init", "--nodes", nodes.join(","), "--servers", String(count), "--ports", `${base},${base + count}`);
  const root = join(folder, "cluster");
  const servers = Array.from({ length: count }, (_, index) => runServer(join(root, `server-${index + 1}`)));
  const ports = Array.from({ length: count }, (_, index) => base + index);
  for (const server of servers) {
    await said(server, (log) => log.includes("Server is ready"));
    await said(server, (log) => routesIn(log) >= count - 1); // before, a node of another server is absent
  }
  const urls = ports.map((port) => `nats://127.0.0.1:${port}`);
  return {
    folder: root,
    servers,
    urls,
    command,
    options: (node, account = "bus") => ({
      node,
      servers: urls,
      seed: readFileSync(join(root, node, `${account}.seed`), "utf8").trim(),
      tls: { ca: join(root, node, "ca.pem"), cert: join(root, node, "node.pem"), key: join(root, node, "node.key") },
    }),
    reload: () => {
      for (const server of servers) server.kill("SIGHUP");
    },
  };
}

/** For afterEach. */
export async function stopClusters(): Promise<void> {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    await new Promise<void>((resolve) => {
      child.once("exit", () => resolve());
      child.kill("SIGKILL");
    });
  }
  children.clear();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  folders.clear();
}

function runServer(cwd: string): ChildProcess {
  const child = spawn(natsServerPath(), ["-c", "nats.conf"], { cwd, stdio: ["ignore", "ignore", "pipe"] });
  children.add(child);
  logs.set(child, "");
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    logs.set(child, `${logs.get(child)}${text}`);
    child.emit("said");
  });
  return child;
}

/** @throws {Error} it has not within WAIT_MAX_S, or has ended */
function said(child: ChildProcess, what: (log: string) => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (error?: Error): void => {
      clearTimeout(timer);
      child.off("said", look).off("exit", gone);
      if (error === undefined) resolve();
      else reject(error);
    };
    const look = (): void => void (what(logs.get(child) ?? "") && end());
    const gone = (): void => end(new Error(`a server ended: ${logs.get(child)}`));
    const timer = setTimeout(
      () => end(new Error(`waited ${WAIT_MAX_S} s for ${what}: ${logs.get(child)}`)),
      WAIT_MAX_S * 1_000,
    );
    child.on("said", look).once("exit", gone);
    look();
  });
}

function routesIn(log: string): number {
  return log.split("Route connection created").length - log.split("Router connection closed").length;
}

/** For what nobody tells of. @throws {Error} it does not within `seconds` */
export async function untilIt(holds: () => boolean | Promise<boolean>, seconds = WAIT_MAX_S): Promise<void> {
  for (const last = Date.now() + seconds * 1_000; !(await holds()); ) {
    if (Date.now() > last) throw new Error(`tried ${seconds} s for ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** So many ports on end, below those that the system gives to who asks for any. */
export async function freeRange(count: number): Promise<number> {
  for (;;) {
    const base = 15_000 + Math.floor(Math.random() * 15_000);
    const all = await Promise.all(Array.from({ length: count }, (_, index) => isFree(base + index)));
    if (all.every(Boolean)) return base;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
