/**
 * nginx and Caddy as child processes, each with the example of docs/proxies as its configuration: on loopback, with
 * files in a folder of their own.
 *
 * Only what a test cannot have is replaced: names, ports, certificates. A line that is looked for and not there is an
 * error, so that the example cannot drift away from what is tested.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import tls from "node:tls";
import { fileURLToPath } from "node:url";
import { RawSocket } from "../support/sockets.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const CERT = here("../support/tls/one.crt");
const KEY = here("../support/tls/one.key");
const TRIES = 5; // a port that was free a moment ago may be taken

export type ProxyName = "nginx" | "caddy";

type Ports = { readonly node: number; readonly https: number; readonly http: number };

/** How one is run. @property files by name, in the folder it runs in */
type Recipe = { readonly files: Readonly<Record<string, string>>; readonly args: readonly string[] };

export type RunningProxy = {
  readonly port: number;
  /** Of its plain HTTP server. */
  readonly httpPort: number;
  stop(): Promise<void>;
};

/** Whether the program is on this machine. */
export function isHere(name: ProxyName): boolean {
  return spawnSync(name, name === "nginx" ? ["-v"] : ["version"]).status === 0;
}

/** @param node the port of the node behind it @throws {Error} it did not start: with what it wrote */
export async function startProxy(name: ProxyName, node: number): Promise<RunningProxy> {
  const folder = mkdtempSync(join(tmpdir(), `jackfield-${name}-`));
  chmodSync(folder, 0o755); // nginx gives its workers another user
  let wrote = "";
  for (let tries = 0; tries < TRIES; tries++) {
    const ports = { node, https: await freePort(), http: await freePort() };
    const { files, args } = RECIPES[name](ports, folder);
    for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
    const env = { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
    const child = spawn(name, args, { cwd: folder, env, stdio: ["ignore", "ignore", "pipe"] });
    child.stderr.on("data", (chunk: Buffer) => {
      wrote += chunk.toString();
    });
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    if (await listens(ports.https, child)) {
      return {
        port: ports.https,
        httpPort: ports.http,
        stop: async () => {
          child.kill("SIGTERM"); // at once: open WebSockets are cut
          await ended;
          rmSync(folder, { recursive: true });
        },
      };
    }
  }
  rmSync(folder, { recursive: true });
  throw new Error(`${name} did not start: ${wrote}`);
}

const RECIPES: Readonly<Record<ProxyName, (ports: Ports, folder: string) => Recipe>> = {
  nginx: (ports, folder) => ({
    files: {
      "jackfield.conf": replaced(example("nginx.conf"), [
        ["server 127.0.0.1:8080;", `server 127.0.0.1:${ports.node};`],
        ["listen 80;", `listen 127.0.0.1:${ports.http};`],
        ["listen 443 ssl;", `listen 127.0.0.1:${ports.https} ssl;`],
        ["server_name node.example *.node.example;", "server_name localhost *.localhost;"],
        ["server_name node.example *.node.example;", "server_name localhost *.localhost;"],
        ["/etc/ssl/node.example.crt", CERT],
        ["/etc/ssl/node.example.key", KEY],
      ]),
      "nginx.conf": `
        daemon off;
        worker_processes 1;
        pid ${folder}/nginx.pid;
        events { worker_connections 128; }
        http {
          access_log off;
          ${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => `${kind}_temp_path ${folder}/${kind};`).join("\n")}
          include ${folder}/jackfield.conf;
        }`,
    },
    args: ["-e", "stderr", "-p", folder, "-c", join(folder, "nginx.conf")],
  }),
  caddy: (ports) => ({
    files: {
      Caddyfile: replaced(example("Caddyfile"), [
        [
          "\nnode.example {",
          `\n{\n\tadmin off\n\tauto_https disable_redirects\n\thttp_port ${ports.http}\n}\n\nhttps://localhost:${ports.https}, https://*.localhost:${ports.https} {\n\tbind 127.0.0.1\n\ttls ${CERT} ${KEY}`,
        ],
        ["127.0.0.1:8080", `127.0.0.1:${ports.node}`],
      ]),
    },
    args: ["run", "--config", "Caddyfile", "--adapter", "caddyfile"],
  }),
};

function example(file: string): string {
  return readFileSync(here(`../../docs/proxies/${file}`), "utf8");
}

/** Each in turn, at its first place. @throws {Error} the example has no such line any more */
function replaced(text: string, swaps: readonly (readonly [from: string, to: string])[]): string {
  return swaps.reduce((changed, [from, to]) => {
    if (!changed.includes(from)) throw new Error(`the example has no ${JSON.stringify(from)}: change the test with it`);
    return changed.replace(from, to);
  }, text);
}

/** A TLS connection to the proxy. @param from this machine's address that the client has */
export function connectFrom(from: string, port: number): Promise<RawSocket> {
  return new Promise((resolve, reject) => {
    const plain = net.connect({ host: "127.0.0.1", port, localAddress: from });
    plain.once("error", reject);
    plain.once("connect", () => {
      const socket = tls.connect({ socket: plain, servername: "localhost", ca: readFileSync(CERT) });
      socket.once("error", reject);
      socket.once("secureConnect", () => {
        socket.off("error", reject);
        resolve(new RawSocket(socket));
      });
    });
  });
}

async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** @returns false: it has ended */
async function listens(port: number, child: ChildProcess): Promise<boolean> {
  while (child.exitCode === null && child.signalCode === null) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = net.connect({ host: "127.0.0.1", port });
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
      socket.once("close", () => socket.destroy());
      socket.once("connect", () => socket.destroy());
    });
    if (isOpen) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
}
