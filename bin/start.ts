/** Starts a node by its options: state, http-server, homepage, packages, in this order; stops it in reverse. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  HTTP_SERVER_LIMITS,
  type HttpServer,
  type ListenerOptions,
  parseMount,
  startHttpServer,
} from "../http-server/index.ts";
import { createNode, KERNEL_LIMITS, type KernelEvent, type Node, randomPassword } from "../kernel/index.ts";
import { ProcessId } from "../lib/protocol/index.ts";
import { stateProcess } from "../processes/state/state.ts";
import { diskStore, memoryStore } from "../processes/state/store.ts";
import type { StartOptions } from "./options.ts";

const FIRST_PORT = 8080; // contract kinode §5: 8080, or the next free one
const LAST_PORT = 8999;

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const EXAMPLES = [here("../examples/chat"), here("../examples/echo")];

export type Started = {
  readonly node: Node;
  readonly server: HttpServer;
  /** Only when one was made now: it is shown once and stored hashed. */
  readonly newPassword: string | null;
};

/** @throws {OptionError} @throws {ListenError} @throws {PackageError} */
export async function start(options: StartOptions, report: (event: KernelEvent) => void): Promise<Started> {
  const node = createNode({ name: options.node, limits: only(KERNEL_LIMITS, options.limit) });
  node.kernel.events.listen(report);
  const store = options.memory ? memoryStore() : diskStore(join(options.data, options.node));
  node.addSystemProcess({
    id: ProcessId.parse("state:distro:sys"),
    program: stateProcess(store),
    public: true,
    trusted: true,
  });
  const main: ListenerOptions =
    options.port === null
      ? { host: options.host, port: FIRST_PORT, lastPort: LAST_PORT }
      : { host: options.host, port: options.port };
  try {
    const server = await startHttpServer(node, {
      listeners: [main, ...options.mount.map((mount) => parseMount(mount, options.host))],
      transport: options.transport,
      allowedOrigins: options["allow-origin"],
      limits: only(HTTP_SERVER_LIMITS, options.limit),
    });
    await node.addPackage(here("../processes/homepage"));
    for (const folder of options.package.length > 0 ? options.package : EXAMPLES) await node.addPackage(folder);
    const newPassword = options.password === null && !server.hasPassword ? randomPassword() : null;
    const password = options.password ?? newPassword;
    if (password !== null) await server.setPassword(password);
    return { node, server, newPassword };
  } catch (error) {
    await node.stop();
    throw error;
  }
}

function only(
  table: Readonly<Record<string, unknown>>,
  limits: Readonly<Record<string, number>>,
): Record<string, number> {
  return Object.fromEntries(Object.entries(limits).filter(([name]) => name in table));
}
