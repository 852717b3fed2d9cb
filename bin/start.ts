/** Starts a node by its options: data folder, state, http-server, homepage, packages, link, ports, in this order; stops it in reverse. */
import { fileURLToPath } from "node:url";
import {
  HTTP_SERVER_LIMITS,
  type HttpServer,
  type ListenerOptions,
  parseMount,
  startHttpServer,
  type TlsFiles,
} from "../http-server/index.ts";
import { createNode, KERNEL_LIMITS, type KernelEvent, type Node, type Process } from "../kernel/index.ts";
import { OptionError, ProcessId, textOf } from "../lib/protocol/index.ts";
import type { StateOptions } from "../processes/state/state.ts";
import type { StateStore } from "../processes/state/store.ts";
import { capabilityStore } from "./capability-store.ts";
import { crashStore } from "./crash-store.ts";
import { type DataFolder, noDataFolder, openDataFolder } from "./data-folder.ts";
import type { StartOptions } from "./options.ts";
import { PackageStore } from "./package-store.ts";
import { PACKAGES, packagesProgram } from "./packages-process.ts";
import { addServices, listenServices, type RunningService } from "./services.ts";
import { openState, systemProcesses } from "./system-processes.ts";

const FIRST_PORT = 8080; // contract kinode §5: 8080, or the next free one
const LAST_PORT = 8999;
const INIT_MAX = 5000; // ms: long enough to read a large front end from a slow disk
const TURNS = 20; // of the event loop: most inits have ended by then, and a timer takes 1 ms at least

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const EXAMPLES = [here("../examples/chat"), here("../examples/echo")]; // each costs a start some ms: the others are a --package away

export type Started = {
  readonly node: Node;
  readonly server: HttpServer;
  /** Logs in once, and leads to the choice of a password; only when there is none yet. */
  readonly oneTimeLogin: string | null;
  /** Installed packages that run, by `package:publisher`. */
  readonly installed: readonly string[];
  /** Installed packages that the node goes on without, ports that it could not have, and settings that nobody has, each as a sentence. */
  readonly skipped: readonly string[];
  readonly services: readonly RunningService[];
  /** How it is linked to other nodes, as a sentence. */
  readonly link: string | null;
  /** Which directory of nodes it has, or why none, as a sentence; null: it is alone. */
  readonly directory: string | null;
  /** Both, once the node that it takes over from has left the link; null: it waits for none. Rejects: it has none. */
  readonly linking: Promise<Pick<Started, "link" | "directory">> | null;
};

/** What runs beside, or in place of, what the options name. */
export type StartParts = {
  /** Adds the packages, in place of those of the options. */
  readonly packages?: (node: Node) => Promise<void>;
  /** See HttpServerOptions. */
  readonly pageScript?: string;
};

/** @throws {OptionError} @throws {DataFolderError} @throws {ListenError} @throws {TlsError} @throws {PackageError} @throws {LinkError} */
export async function start(
  options: StartOptions,
  report: (event: KernelEvent) => void,
  parts: StartParts = {},
): Promise<Started> {
  const handOver = options["reuse-port"] ? options.port : null;
  const data = options.memory
    ? noDataFolder()
    : await openDataFolder({ data: options.data, node: options.node, handOver });
  let node: Node;
  let state: StateStore;
  try {
    state = openState(data);
    const limits = only(KERNEL_LIMITS, options.limit);
    const crashes = crashStore(data.path("crashes"), options.limit.crashReports ?? KERNEL_LIMITS.crashReports.value);
    node = createNode({
      name: options.node,
      limits,
      settings: options.settings,
      capabilityStore: capabilityStore(state),
      durableStore: state,
      ...(crashes === undefined ? {} : { crashStore: crashes }),
    });
  } catch (error) {
    await data.release();
    throw error;
  }
  node.afterStop(() => data.release());
  node.kernel.events.listen(report);
  const { kernel } = node;
  const kept: StateOptions = {
    along: (process, metadata) => kernel.durable.along(process, metadata),
    elsewhere: (id) => kernel.cluster?.keptOf(id),
  };
  for (const process of systemProcesses(data, state, kept)) grantRpc(node, node.addSystemProcess(process));
  const main: ListenerOptions =
    options.port === null
      ? { host: options.host, port: FIRST_PORT, lastPort: LAST_PORT }
      : { host: options.host, port: options.port };
  try {
    const listeners = [main, ...options.mount.map((mount) => parseMount(mount, options.host))];
    const server = await startHttpServer(node, {
      listeners: [],
      transport: options.transport,
      allowedOrigins: options["allow-origin"],
      localRpc: !options["no-local-rpc"],
      allowedHosts: options["allow-host"],
      trustProxy: options["trust-proxy"],
      limits: only(HTTP_SERVER_LIMITS, options.limit),
      ...tlsOf(options),
      reusePort: options["reuse-port"],
      ...(parts.pageScript === undefined ? {} : { pageScript: parts.pageScript }),
    });
    if (options.link.length > 0) node.awaitJoin(); // or singletons would start before others are asked whether they have them
    await node.addPackage(here("../processes/homepage"));
    const added: Added = { installed: [], skipped: [] };
    await forgetRemoved(node, installedStore(data));
    if (parts.packages !== undefined) await parts.packages(node);
    else {
      const store = installedStore(data);
      const isBare = options.package.length === 0 && (store?.list() ?? []).length === 0;
      const given = isBare ? EXAMPLES : options.package;
      for (const folder of given) await node.addPackage(folder);
      if (store !== null) await addInstalled(node, store, added);
    }
    await addServices(node, options);
    await initsEnded(node);
    await node.kernel.durable.resume();
    for (const { mount } of listeners) assertMountable(node, mount);
    const linked = options.link.length === 0 ? null : await linkOf(node, options);
    // Only now: a client that comes back the moment the port opens would be told, for good, that its process is not there.
    for (const listener of listeners) await server.listen(listener);
    const { services, skipped } = await listenServices(server, options);
    added.skipped.push(...skipped, ...unusedSettings(node, options));
    if (options["redirect-http"] !== null) await server.redirect(options.host, options["redirect-http"]);
    if (options.password !== null) await server.setPassword(options.password);
    const join = async (): Promise<string> =>
      await (await import("./link.ts")).joinDirectory(node, options, server.ports[0] ?? 0);
    const link = linked?.link ?? null;
    const linking = linked?.later?.then(async (link) => ({ link, directory: await join() })) ?? null;
    const directory = link === null || linking !== null ? null : await join();
    const oneTimeLogin = server.hasPassword ? null : server.oneTimeLogin();
    return { node, server, oneTimeLogin, services, link, directory, linking, ...added };
  } catch (error) {
    await node.stop();
    throw error;
  }
}

/** `later`: it takes over from a node of its name, which has the link until it stops (docs/operations.md). */
type Linked = { readonly link: string; readonly later: Promise<string> | null };

/** @throws {LinkError} (rejects) */
async function linkOf(node: Node, options: StartOptions): Promise<Linked> {
  const { linkNode } = await import("./link.ts");
  if (!options["reuse-port"]) return { link: await linkNode(node, options), later: null };
  let waits = (_: Linked): void => undefined;
  const waiting = new Promise<Linked>((resolve) => {
    waits = resolve;
  });
  const link = "waits for the other node of this name to stop";
  const linking = linkNode(node, options, () => waits({ link, later: linking }));
  void linking.catch(() => undefined); // whoever waits for it tells; when the start fails nobody does
  return await Promise.race([waiting, linking.then((link) => ({ link, later: null }))]);
}

/** RPC sends as the http-server, and is root (http-server/rpc.ts): so it reaches this machine by http-client, too. */
function grantRpc(node: Node, process: Process): void {
  if (process.address.id.text !== "http-client:distro:sys") return;
  node.kernel.grantOwn(process, [{ process: "http-server:distro:sys", params: { local: true } }]);
}

function installedStore(data: DataFolder): PackageStore | null {
  const folder = data.path("packages");
  return folder === null ? null : new PackageStore(folder);
}

/** What was removed while no node ran that could be told. */
async function forgetRemoved(node: Node, store: PackageStore | null): Promise<void> {
  const ids = store?.removed() ?? [];
  for (const id of ids) node.kernel.forgetPackage(id);
  if (ids.length > 0) await node.kernel.capabilityRecords.flushed();
  for (const id of ids) store?.forgotten(id);
}

type Added = { readonly installed: string[]; readonly skipped: string[] };

/** What was installed. One that is damaged holds up nobody: it is named. */
async function addInstalled(node: Node, store: PackageStore, added: Added): Promise<void> {
  node.addSystemProcess({ id: ProcessId.parse(PACKAGES), program: packagesProgram(node, store) });
  store.tidy();
  const all = store.list(); // only now: what was tidied away is not loaded
  if (all.length === 0) return;
  store.link();
  for (const { id, folder } of all) {
    try {
      await node.addPackage(folder);
      added.installed.push(id);
    } catch (error) {
      added.skipped.push(
        `NOT STARTED: the installed package ${id}. ${textOf(error)}. Mend it, or jackfield remove ${id}`,
      );
    }
  }
}

function tlsOf({ "tls-cert": cert, "tls-key": key }: StartOptions): { readonly tls?: TlsFiles } {
  return cert === null || key === null ? {} : { tls: { cert, key } }; // options.ts has seen to it that it is both or none
}

/** @throws {OptionError} its port would answer 404 for ever */
function assertMountable(node: Node, mount: ProcessId | undefined): void {
  if (mount === undefined || node.kernel.registry.get(mount) !== undefined) return;
  const known = node.kernel.registry.all().map((process) => process.address.id.text);
  throw new OptionError(`Cannot mount "${mount.text}" as no package has that process: known are ${known.join(", ")}`);
}

/** A wrong name says nothing otherwise: what should guard a process would be left out. Later ones may still want theirs. */
function unusedSettings(node: Node, { settings }: StartOptions): readonly string[] {
  const known = node.kernel.registry.all().map((process) => process.address.id.text);
  return Object.keys(settings)
    .filter((id) => !known.includes(id))
    .map((id) => `NOT USED: the settings of "${id}", as no process of that name runs: known are ${known.join(", ")}`);
}

/** Processes bind their paths in their init. One that takes longer than INIT_MAX holds nobody up. */
async function initsEnded(node: Node): Promise<void> {
  const end = node.kernel.clock.monotonic() + INIT_MAX;
  const isStarting = (): boolean => node.kernel.registry.all().some((process) => process.state === "starting");
  for (let turn = 0; isStarting() && node.kernel.clock.monotonic() < end; turn += 1)
    await new Promise((resolve) => (turn < TURNS ? setImmediate(resolve) : setTimeout(resolve, 1)));
}

function only(
  table: Readonly<Record<string, unknown>>,
  limits: Readonly<Record<string, number>>,
): Record<string, number> {
  return Object.fromEntries(Object.entries(limits).filter(([name]) => name in table));
}
