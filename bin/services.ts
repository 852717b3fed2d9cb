/**
 * The systems that a node can serve to clients of their own: each a package that ships with it, on a port of its own.
 *
 * 1. One whose option gives it no port is not loaded: it costs a start nothing.
 * 2. On IPv4's loopback it is on IPv6's too, where there is one: their clients say `localhost`, which may be either.
 * 3. One whose port is taken is reached by its path on the main port all the same; the node says so, and goes on.
 */
import { fileURLToPath } from "node:url";
import { type HttpServer, ListenError } from "../http-server/index.ts";
import type { Node } from "../kernel/index.ts";
import { ProcessId } from "../lib/protocol/index.ts";
import type { StartOptions } from "./options.ts";

export type ServiceName = "labgraph" | "soundlab" | "hanami";

/** @property port where it listens */
export type RunningService = { readonly name: ServiceName; readonly label: string; readonly port: number };

const LABELS: Readonly<Record<ServiceName, string>> = {
  labgraph: "LabGraph: streams",
  soundlab: "Soundlab: metrics, latency, events",
  hanami: "Hanami: data sets and clusters",
};

const NAMES = Object.keys(LABELS) as ServiceName[];

/** Loads those that are asked for; they bind their paths in their init. @throws {PackageError} */
export async function addServices(node: Node, options: StartOptions): Promise<void> {
  for (const name of NAMES) {
    if (options[name] === null) continue;
    await node.addPackage(fileURLToPath(new URL(`../processes/${name}`, import.meta.url)));
  }
}

/** Opens their ports. @throws {ListenError} other than that the port cannot be had */
export async function listenServices(
  server: HttpServer,
  options: StartOptions,
): Promise<{ readonly services: readonly RunningService[]; readonly skipped: readonly string[] }> {
  const services: RunningService[] = [];
  const skipped: string[] = [];
  for (const name of NAMES) {
    const port = options[name];
    if (port === null) continue;
    const mount = ProcessId.parse(`${name}:${name}:sys`);
    try {
      await server.listen({ host: options.host, port, mount });
      const taken = server.ports.at(-1) ?? port;
      services.push({ name, label: LABELS[name], port: taken });
      if (options.host === "127.0.0.1") await server.listen({ host: "::1", port: taken, mount }).catch(ignoreNoPort);
    } catch (error) {
      if (!(error instanceof ListenError)) throw error;
      skipped.push(
        `${LABELS[name]} has no port of its own. ${error.message}. Its page is there all the same; --${name} PORT gives it another port, --${name} off leaves it out`,
      );
    }
  }
  return { services, skipped };
}

/** A machine without IPv6, or where somebody else has that port there. */
function ignoreNoPort(error: unknown): void {
  if (!(error instanceof ListenError)) throw error;
}
