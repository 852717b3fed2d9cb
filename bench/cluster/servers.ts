/**
 * Real nats-servers on loopback, each of which can be killed, paused and had again on the same port.
 *
 *   const servers = await startServers(3);      // one cluster; of 1, a server alone; { jetStream: true }: a directory too
 *   servers.urls
 *   await servers.kill(0); await servers.start(0); await servers.pause(1); servers.resume(1);
 *   await servers.end();
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { KernelError } from "../../lib/protocol/index.ts";

const PLACES = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];
const READY_MS = 30_000; // to take connections: it takes 15 to 40 ms (contracts/cluster.md §11), on a busy machine seconds
const POLL_MS = 10;
const LAME_DUCK = ['lame_duck_duration: "30s"', 'lame_duck_grace_period: "2s"']; // the least it takes; left out, 2 min and 10 s

export class NoServerError extends KernelError {
  override readonly name = "NoServerError";
}

type Server = { readonly port: number; readonly config: string; child: ChildProcess | null };

export class Servers {
  readonly #path: string;
  readonly #folder: string;
  readonly #servers: readonly Server[];

  constructor(path: string, folder: string, servers: readonly Server[]) {
    this.#path = path;
    this.#folder = folder;
    this.#servers = servers;
  }

  get urls(): readonly string[] {
    return this.#servers.map(({ port }) => `nats://127.0.0.1:${port}`);
  }

  get size(): number {
    return this.#servers.length;
  }

  port(index: number): number {
    return this.#of(index).port;
  }

  /** @throws {NoServerError} (rejects) it does not come up */
  async start(index: number): Promise<void> {
    const server = this.#of(index);
    const child = spawn(this.#path, ["-c", server.config], { stdio: "ignore" });
    server.child = child;
    const last = Date.now() + READY_MS;
    while ((await known(server.port)) === 0) {
      if (Date.now() > last || child.exitCode !== null)
        throw new NoServerError("no_server", `Cannot start "nats-server" as it takes no connection on ${server.port}`);
      await sleep(POLL_MS);
    }
  }

  /** Resolves once each has a route to all others: it takes clients before that. @throws {NoServerError} (rejects) one has not */
  async joined(): Promise<void> {
    const last = Date.now() + READY_MS;
    for (const { port } of this.#servers)
      while ((await known(port)) < this.size) {
        if (Date.now() > last)
          throw new NoServerError(
            "no_server",
            `Cannot start "nats-server" as the one on ${port} has no route to all others`,
          );
        await sleep(POLL_MS);
      }
  }

  /** Resolves once it is gone. @param signal SIGUSR2: lame duck, which tells its clients and gives them LAME_DUCK to leave */
  async kill(index: number, signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const { child } = this.#of(index);
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    await new Promise<void>((resolve) => {
      child.once("exit", () => resolve());
      child.kill(signal);
    });
  }

  /** Resolves once it has stopped: the signal returns before that, and it may answer meanwhile. */
  async pause(index: number): Promise<void> {
    const { child } = this.#of(index);
    if (child?.kill("SIGSTOP") !== true) return;
    while (child.exitCode === null && child.signalCode === null && !isStopped(child.pid)) await sleep(POLL_MS);
  }

  resume(index: number): void {
    this.#of(index).child?.kill("SIGCONT");
  }

  async end(): Promise<void> {
    for (const index of this.#servers.keys()) await this.kill(index);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #of(index: number): Server {
    const server = this.#servers[index];
    if (server === undefined) throw new Error(`there is no server ${index}`);
    return server;
  }
}

/** @throws {NoServerError} (rejects) there is none on this machine, or it does not come up */
export async function startServers(
  count: number,
  { jetStream = false }: { readonly jetStream?: boolean } = {},
): Promise<Servers> {
  const place = PLACES.find((each) => each !== "" && existsSync(join(each, "nats-server")));
  if (place === undefined)
    throw new NoServerError(
      "no_server",
      'Cannot start "nats-server" as it is not installed: apt-get install -y nats-server, or see CONTRIBUTING.md',
    );
  const folder = mkdtempSync(join(tmpdir(), "jackfield-servers-"));
  const ports = await freePorts(2 * count);
  const routes = ports.slice(count).map((port) => `"nats://127.0.0.1:${port}"`);
  const all = ports.slice(0, count).map((port, i): Server => {
    const config = join(folder, `n${i}.conf`);
    const cluster = `cluster { name: k, host: 127.0.0.1, port: ${ports[count + i]}, routes: [${routes.join(", ")}] }`;
    const store = `jetstream { store_dir: ${JSON.stringify(join(folder, `js${i}`))}, max_file: 1GB }`;
    const lines = [
      `server_name: n${i}`,
      "host: 127.0.0.1",
      `port: ${port}`,
      ...(count > 1 ? [cluster] : []),
      ...LAME_DUCK,
    ];
    if (jetStream) lines.push(store);
    writeFileSync(config, `${lines.join("\n")}\n`);
    return { port, config, child: null };
  });
  const servers = new Servers(join(place, "nats-server"), folder, all);
  try {
    for (const index of all.keys()) await servers.start(index);
    await servers.joined();
  } catch (error) {
    await servers.end();
    throw error;
  }
  return servers;
}

/** All its threads. Where there is no /proc, as on macOS, nobody can tell. */
function isStopped(pid: number | undefined): boolean {
  const tasks = `/proc/${pid}/task`;
  if (!existsSync(tasks)) return true;
  try {
    return readdirSync(tasks).every((task) => stateOf(readFileSync(join(tasks, task, "stat"), "utf8")) === "T");
  } catch {
    return false; // one has just ended
  }
}

/** What follows the program's name, which is in brackets and may have anything in it. */
function stateOf(stat: string): string | undefined {
  return stat[stat.lastIndexOf(")") + 2];
}

/** How many servers that on `port` knows of, itself included, by the INFO that it greets with; 0: it takes no connection. */
async function known(port: number): Promise<number> {
  return await new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1").setEncoding("utf8");
    let said = "";
    socket.on("data", (text: string) => {
      said += text;
      const [, info] = /^INFO (.*)\r\n/.exec(said) ?? [];
      if (info === undefined) return;
      socket.destroy();
      const { connect_urls = [] } = JSON.parse(info) as { readonly connect_urls?: readonly string[] };
      resolve(Math.max(1, connect_urls.length)); // one alone names none
    });
    socket.once("error", () => {}); // "close" follows
    socket.once("close", () => resolve(0));
  });
}

export async function freePorts(count: number): Promise<readonly number[]> {
  const held = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return server;
    }),
  );
  const ports = held.map((server) => {
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  });
  await Promise.all(held.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))));
  return ports;
}
