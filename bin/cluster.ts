/**
 * `jackfield cluster init | add-node | remove-node | set-up`: what NATS servers and nodes need to know of each other, as files.
 *
 * 1. Nothing that is there is overwritten: `init` wants a folder that does not exist, and what fails leaves none behind.
 * 2. A server's folder and a node's are whole: each is copied to its machine, and holds no other's secret.
 * 3. Keys and seeds are for their owner alone (0600, folders 0700). The CA's key and the admin's seed stay in the cluster's
 *    folder: it is kept where only who runs the cluster reads it.
 * 4. The servers are run by whoever operates the cluster, not by Jackfield. What they keep for it, cluster-set-up.ts makes.
 */
import { randomBytes } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { KernelError, OptionError, textOf } from "../lib/protocol/index.ts";
import { makeCa, makePair, type Pair } from "./cluster-certificates.ts";
import { type ClusterFacts, inUrl, type ServerPlace, serverConfig, usersConfig } from "./cluster-config.ts";
import { newUserKey } from "./cluster-keys.ts";

export const CLUSTER_OPTIONS: Readonly<Record<string, { readonly value: string; readonly help: string }>> = {
  nodes: { value: "NAME,…", help: "of init: the nodes' names, e.g. alice.os,bob.os,carol.os" },
  servers: { value: "NUMBER", help: "of init: how many NATS servers, 1, 3 or 5; left out: 3" },
  host: { value: "HOST,…", help: "of init: where they run, one for all or one each; left out: 127.0.0.1" },
  ports: { value: "PORT,PORT", help: "of init: first port for nodes and for servers; left out: 4222,6222" },
  out: { value: "FOLDER", help: "where the cluster's files are; left out: cluster" },
  "remove-left": { value: "", help: "of set-up: delete inboxes of nodes that were removed, with what waits in them" },
};

const NODE = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/; // a name that may stand in a subject and be a folder
const HOST = /^[A-Za-z0-9.:-]{1,253}$/;
const SERVERS = [1, 3, 5]; // JetStream wants a majority: an even number bears no more failures than one less
const PORT_MAX = 65_535;
const SECRET_BYTES = 24;
const FACTS = "cluster.json";

/** As `cluster`, and `set-up`, which takes its time. @throws {SetUpError} (rejects) */
export async function clusterCommand(args: readonly string[], folder: string): Promise<string> {
  const { values, positionals } = parse(args);
  if (positionals.length !== 1 || positionals[0] !== "set-up") return cluster(args, folder);
  const { setUpFolder } = await import("./cluster-set-up.ts");
  const target = join(folder, values.out ?? "cluster");
  return await setUpFolder(target, readFacts(target), values["remove-left"] === true);
}

/** @param args what stands behind `cluster` @param folder where --out is looked for @returns what to tell @throws {OptionError} @throws {KernelError} */
export function cluster(args: readonly string[], folder: string): string {
  const { values, positionals } = parse(args);
  const [action, name, ...more] = positionals;
  const target = join(folder, values.out ?? "cluster");
  if (action === "init" && name === undefined) return init(target, readPlan(values), folder);
  if ((action === "add-node" || action === "remove-node") && name !== undefined && more.length === 0)
    return action === "add-node" ? addNode(target, nodeName(name), folder) : removeNode(target, name);
  throw new OptionError(
    `Cannot run jackfield cluster as it must be init --nodes NAME,… or add-node NAME or remove-node NAME or set-up: got ${JSON.stringify(positionals.join(" "))}`,
  );
}

type Values = { readonly [name in "nodes" | "servers" | "host" | "ports" | "out"]?: string } & {
  readonly "remove-left"?: boolean;
};

function parse(args: readonly string[]): { readonly values: Values; readonly positionals: readonly string[] } {
  const options = Object.fromEntries(
    Object.entries(CLUSTER_OPTIONS).map(([name, { value }]) => [
      name,
      { type: value === "" ? ("boolean" as const) : ("string" as const) },
    ]),
  );
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
    return { values: values as Values, positionals };
  } catch (cause) {
    throw new OptionError(
      `Cannot run jackfield cluster as it is not understood: ${textOf(cause)}. See jackfield --help`,
      {
        cause,
      },
    );
  }
}

type Plan = { readonly nodes: readonly string[]; readonly servers: readonly ServerPlace[] };

function readPlan({ nodes = "", servers = "3", host = "127.0.0.1", ports = "4222,6222" }: Values): Plan {
  const names = nodes.split(",").map(nodeName);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw wrong("nodes", "have each name once", twice);
  const count = Number(servers);
  if (!SERVERS.includes(count)) throw wrong("servers", "be 1, 3 or 5", servers);
  const hosts = host.split(",");
  if (!(hosts.length === 1 || hosts.length === count) || !hosts.every((each) => HOST.test(each)))
    throw wrong("host", `be one host name or address, or ${count}, commas between`, host);
  const [port = 0, clusterPort = 0, ...more] = ports.split(",").map(Number);
  const isPort = (first: number): boolean => Number.isInteger(first) && first > 0 && first + count - 1 <= PORT_MAX;
  if (!isPort(port) || !isPort(clusterPort) || more.length > 0) throw wrong("ports", "be two, 1 to 65535", ports);
  if (Math.abs(port - clusterPort) < count) throw wrong("ports", `be ${count} or more apart`, ports);
  const places = Array.from({ length: count }, (_, index) => {
    const own = hosts[index] ?? hosts[0] ?? "";
    const step = hosts.length === 1 ? index : 0; // all on one machine
    return { name: `server-${index + 1}`, host: own, port: port + step, clusterPort: clusterPort + step };
  });
  return { nodes: names, servers: places };
}

function nodeName(name: string): string {
  if (NODE.test(name) && name !== "localhost" && name !== "admin" && !/^server-\d+$/.test(name)) return name;
  throw wrong(
    "nodes",
    "be names of lower-case letters, digits and inner . -, and not localhost, admin or server-N",
    name,
  );
}

function wrong(option: string, rule: string, value: string): OptionError {
  return new OptionError(`Cannot use --${option} as it must ${rule}: got ${JSON.stringify(value)}`);
}

function init(target: string, { nodes, servers }: Plan, shownFrom: string): string {
  if (existsSync(target)) throw notWritten(target, "it is there already: give --out another folder, or add-node to it");
  const facts: ClusterFacts = { version: 1, servers, nodes: {}, admin: "", sys: "" };
  try {
    mkdirSync(target, { mode: 0o700 });
    makeCa(caOf(target));
    const users = Object.fromEntries(nodes.map((node) => [node, writeNode(target, facts, node)]));
    mkdirSync(join(target, "admin"), { mode: 0o700 });
    const [admin, sys] = [newUserKey(), newUserKey()];
    writeSecret(join(target, "admin/store.seed"), `${admin.seed}\n`);
    writeSecret(join(target, "admin/sys.seed"), `${sys.seed}\n`);
    writePair(target, "admin", "node", "admin", []);
    const whole: ClusterFacts = { ...facts, nodes: users, admin: admin.user, sys: sys.user };
    const secret = randomBytes(SECRET_BYTES).toString("hex");
    for (const place of servers) {
      mkdirSync(join(target, place.name), { mode: 0o700 });
      writePair(target, place.name, "server", place.name, [place.host]);
      writeSecret(join(target, place.name, "nats.conf"), serverConfig(place, servers, secret));
    }
    writeFacts(target, whole);
  } catch (cause) {
    rmSync(target, { recursive: true, force: true });
    if (cause instanceof KernelError) throw cause;
    throw notWritten(target, `it cannot be written: ${textOf(cause)}`, cause);
  }
  const shown = relative(shownFrom, target) || ".";
  const runs = servers.map(({ name, host }) => `  on ${host}:  cd ${join(shown, name)} && nats-server -c nats.conf`);
  const starts = nodes.map((node) => `  cd ${join(shown, node)} && jackfield start`);
  const out = shown === "cluster" ? "" : ` --out ${shown}`;
  return `Wrote ${shown}: ${servers.length} NATS servers, ${nodes.length} nodes. It holds secrets: copy each folder to its machine only.

The servers (nats-server 2.14.3, 2.12.12 or later of these; older ones have published holes):
${runs.join("\n")}

Then, once, what nodes may not make themselves:
  jackfield cluster set-up${out}

The nodes, with any options of start:
${starts.join("\n")}

Another node later:  jackfield cluster add-node NAME${out}
`;
}

function addNode(target: string, node: string, shownFrom: string): string {
  const facts = readFacts(target);
  if (facts.nodes[node] !== undefined || existsSync(join(target, node)))
    throw notWritten(join(target, node), "it is there already: choose another name, or remove-node it first");
  try {
    const users = writeNode(target, facts, node);
    writeFacts(target, { ...facts, nodes: { ...facts.nodes, [node]: users } });
  } catch (cause) {
    rmSync(join(target, node), { recursive: true, force: true });
    if (existsSync(target)) writeFacts(target, facts);
    if (cause instanceof KernelError) throw cause;
    throw notWritten(join(target, node), `it cannot be written: ${textOf(cause)}`, cause);
  }
  return `Added ${node}.\n${reloading(facts)}Then jackfield cluster set-up makes its inbox. With any options of start:\n  cd ${relative(shownFrom, join(target, node))} && jackfield start\n`;
}

function removeNode(target: string, node: string): string {
  const facts = readFacts(target);
  const { [node]: gone, ...nodes } = facts.nodes;
  if (gone === undefined)
    throw notWritten(join(target, node), `the cluster has no such node: it has ${Object.keys(nodes).join(", ")}`);
  writeFacts(target, { ...facts, nodes });
  rmSync(join(target, node), { recursive: true, force: true });
  return `Removed ${node}: the servers cut it off and let it in no more, once they have read that.\n${reloading(facts)}What waits for it in its inbox stays until jackfield cluster set-up --remove-left.\n`;
}

function reloading({ servers }: ClusterFacts): string {
  const names = servers.map(({ name }) => `${name}/users.conf`).join(", ");
  return `Copy ${names} to the servers, and send each nats-server a SIGHUP: the others stay connected.\n`;
}

/** A node's folder: `cd` there, and `jackfield start` is that node. */
function writeNode(target: string, { servers }: ClusterFacts, node: string): { bus: string; store: string } {
  const folder = join(target, node);
  mkdirSync(folder, { mode: 0o700 });
  const [bus, store] = [newUserKey(), newUserKey()];
  writeSecret(join(folder, "bus.seed"), `${bus.seed}\n`);
  writeSecret(join(folder, "store.seed"), `${store.seed}\n`);
  writePair(target, node, "node", node, []);
  const config = {
    node,
    link: servers.map(({ host, port }) => `nats://${inUrl(host)}:${port}`),
    "link-seed": "bus.seed",
    "link-store-seed": "store.seed",
    "link-ca": "ca.pem",
    "link-cert": "node.pem",
    "link-key": "node.key",
  };
  writeFileSync(join(folder, "jackfield.config.json"), `${JSON.stringify(config, null, 2)}\n`);
  return { bus: bus.user, store: store.user };
}

function caOf(target: string): Pair {
  return { cert: join(target, "ca.pem"), key: join(target, "ca.key") };
}

function writePair(target: string, folder: string, file: string, name: string, hosts: readonly string[]): void {
  const ca = caOf(target);
  const pair = { cert: join(target, folder, `${file}.pem`), key: join(target, folder, `${file}.key`) };
  makePair(ca, pair, name, hosts);
  copyFileSync(ca.cert, join(target, folder, "ca.pem"));
}

function writeSecret(file: string, text: string): void {
  writeFileSync(file, text, { mode: 0o600, flag: "wx" });
}

/** First what servers read, last what this command goes by: cut in between, it can be run again. */
function writeFacts(target: string, facts: ClusterFacts): void {
  for (const { name } of facts.servers) replace(join(target, name, "users.conf"), usersConfig(facts));
  replace(join(target, FACTS), `${JSON.stringify(facts, null, 2)}\n`);
}

/** Whoever reads it finds the old one or the new one, whole. */
function replace(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

function readFacts(target: string): ClusterFacts {
  let facts: unknown;
  try {
    facts = JSON.parse(readFileSync(join(target, FACTS), "utf8"));
  } catch (cause) {
    throw notWritten(target, `there is no cluster: ${textOf(cause)}, name its folder with --out`, cause);
  }
  if ((facts as ClusterFacts).version !== 1)
    throw notWritten(target, `its ${FACTS} must be of version 1: run the Jackfield that wrote it`);
  return facts as ClusterFacts;
}

function notWritten(target: string, rule: string, cause?: unknown): KernelError {
  return new KernelError("not_created", `Cannot write "${target}" as ${rule}`, cause === undefined ? {} : { cause });
}
