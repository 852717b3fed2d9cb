/**
 * A real nats-server on a free port of loopback, ended with the test. Debian's package has it: `apt-get install nats-server`.
 *
 *   const server = await startNatsServer();
 *   … server.url …
 *   server.kill("SIGSTOP");
 *   afterEach(stopNatsServers);
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { until } from "./until.ts";

const PLACES = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];

export type NatsServer = {
  readonly url: string;
  readonly port: number;
  kill(signal: NodeJS.Signals): void;
  /** Ends it at once; `start` has it again on the same port, with what it had stored. */
  end(): Promise<void>;
  start(): Promise<void>;
};

const running = new Set<{ end(): Promise<void>; folder: string }>();

/** @throws {Error} there is none on this machine */
export function natsServerPath(): string {
  const folder = PLACES.find((place) => place !== "" && existsSync(join(place, "nats-server")));
  if (folder === undefined)
    throw new Error(
      "Cannot test the link as there is no nats-server: apt-get install -y nats-server, or see CONTRIBUTING.md",
    );
  return join(folder, "nats-server");
}

/** E.g. 2.9.10. */
export function natsServerVersion(): string {
  const said = execFileSync(natsServerPath(), ["--version"], { encoding: "utf8" });
  return /v?(\d+\.\d+\.\d+\S*)/.exec(said)?.[1] ?? said;
}

/** @param config a configuration file; left out: it lets anybody in */
export async function startNatsServer(config?: string): Promise<NatsServer> {
  const path = natsServerPath();
  const folder = mkdtempSync(join(tmpdir(), "jackfield-nats-"));
  let child: ChildProcess | null = null;
  let port = -1;
  const start = async (): Promise<void> => {
    const base = ["-a", "127.0.0.1", "-p", String(port), "--ports_file_dir", folder, "-js", "-sd", join(folder, "js")];
    for (const file of readdirSync(folder)) if (file.endsWith(".ports")) rmSync(join(folder, file));
    child = spawn(path, config === undefined ? base : [...base, "-c", config], { stdio: "ignore" });
    const file = (): string | undefined => readdirSync(folder).find((name) => name.endsWith(".ports"));
    await until(() => {
      const name = file();
      return name !== undefined && readFileSync(join(folder, name), "utf8").includes("nats");
    });
    const ports = JSON.parse(readFileSync(join(folder, file() ?? ""), "utf8")) as { readonly nats: readonly string[] };
    port = Number(new URL(ports.nats[0] ?? "").port);
  };
  const end = async (): Promise<void> => {
    const ending = child;
    if (ending === null || ending.exitCode !== null || ending.signalCode !== null) return;
    await new Promise<void>((resolve) => {
      ending.once("exit", () => resolve());
      ending.kill("SIGKILL");
    });
  };
  await start();
  running.add({ end, folder });
  return {
    get url() {
      return `nats://127.0.0.1:${port}`;
    },
    get port() {
      return port;
    },
    kill: (signal) => void child?.kill(signal),
    end,
    start,
  };
}

/** For afterEach. */
export async function stopNatsServers(): Promise<void> {
  for (const server of running) {
    await server.end();
    rmSync(server.folder, { recursive: true, force: true });
  }
  running.clear();
}
