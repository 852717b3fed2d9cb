/**
 * Three clustered nats-servers with JetStream, of which any can be cut off from any other, both ways or one.
 *
 *   const apart = await startApart();
 *   apart.ways[0].url          // of the first server, by a gate that can be cut and stalled too
 *   await apart.drop(0, 1);    // what the first sends the second vanishes, and nobody is told
 *   await apart.noticed();     // by now TCP has given these connections up
 *   await apart.mend();
 *   afterEach(stopApart);
 *
 * 1. By network namespaces where the kernel lets us have them: three, with a router between them that drops packets. It
 *    takes no rights but those of a user namespace. Servers are reached by sockets that are files: `kind` "namespaces".
 * 2. Where it does not, as in many containers, by a gate (tcp-gate.ts) on each route that holds back what comes: to the
 *    servers nearly the same, but what is lost is the gate's and not the kernel's to send again: `kind` "gates".
 * 3. JACKFIELD_APART=gates asks for the second. Either way the same tests run.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freeRange } from "./nats-cluster.ts";
import { natsServerPath } from "./nats-server.ts";
import { closeGates, type Gate, openGate } from "./tcp-gate.ts";

const COUNT = 3;
const ALL = [0, 1, 2] as const;
const RETRIES = 3; // of TCP, before it gives a connection up: some 3 s; 5 are some 12 s, 15 a quarter of an hour
const LOOK_MS = 20;
const READY_MS = 40_000; // less than a test may take
const RELAY = fileURLToPath(new URL("./programs/relay.mjs", import.meta.url));

export type Apart = {
  readonly kind: "namespaces" | "gates";
  /** Between a node and its server. */
  readonly ways: readonly Gate[];
  /** Packets of one server to another vanish. */
  drop(from: number, to: number): Promise<void>;
  /** Both ways, from all others. */
  isolate(server: number): Promise<void>;
  /** So much passes to that server in a second, from all others. */
  slow(server: number, kibPerSecond: number): Promise<void>;
  /** What was dropped has been noticed: TCP gave up. */
  noticed(): Promise<void>;
  mend(): Promise<void>;
};

const ending: (() => Promise<void> | void)[] = [];

/** For afterEach. */
export async function stopApart(): Promise<void> {
  await closeGates();
  for (const end of ending.splice(0).reverse()) await end();
}

/** Whether this kernel lets us have namespaces with a network of their own. */
export function hasNamespaces(): boolean {
  if (process.env.JACKFIELD_APART === "gates") return false;
  const script =
    "echo 1 > /proc/sys/net/ipv4/ip_forward && ip link add v0 type veth peer name v1 && ip rule add iif v0 blackhole && tc qdisc add dev v0 root tbf rate 8mbit burst 32kbit latency 1s";
  return spawnSync("unshare", ["-rn", "sh", "-c", script], { stdio: "ignore" }).status === 0;
}

/** @param retries of TCP, before it gives a connection up, where there are namespaces */
export async function startApart({ retries = RETRIES }: { readonly retries?: number } = {}): Promise<Apart> {
  const folder = mkdtempSync(join(tmpdir(), "jackfield-apart-"));
  ending.push(() => rmSync(folder, { recursive: true, force: true }));
  return hasNamespaces() ? await byNamespaces(folder, retries) : await byGates(folder);
}

async function byNamespaces(folder: string, retries: number): Promise<Apart> {
  const router = await holder("unshare", ["-rn"]);
  const inRouter = (script: string): void => void execFileSync("nsenter", [...into(router), "sh", "-ec", script]);
  inRouter("echo 1 > /proc/sys/net/ipv4/ip_forward; ip link set lo up");
  const ways: Gate[] = [];
  const logs: string[] = [];
  for (const i of ALL) {
    const space = await holder("nsenter", [...into(router), "unshare", "-n"]);
    inRouter(`ip link add r${i} type veth peer name eth0 netns ${space}
      ip addr add 10.77.${i}.1/24 dev r${i}; ip link set r${i} up`);
    execFileSync("nsenter", [
      ...into(space),
      "sh",
      "-ec",
      `ip link set lo up; ip addr add 10.77.${i}.2/24 dev eth0; ip link set eth0 up
       ip route add default via 10.77.${i}.1; echo ${retries} > /proc/sys/net/ipv4/tcp_retries2`,
    ]);
    const routes = ALL.filter((other) => other !== i).map((other) => `10.77.${other}.2:6222`);
    logs.push(
      serve(folder, i, { host: "0.0.0.0", port: 4222, clusterPort: 6222, routes }, ["nsenter", ...into(space)]),
    );
    const path = join(folder, `${i}.sock`);
    run("nsenter", [...into(space), process.execPath, RELAY, path, "4222"]);
    await untilHolds(() => existsSync(path));
    ways.push(await openGate(path));
  }
  await untilJoined(logs);
  const dropped = new Set<string>();
  const drop = async (from: number, to: number): Promise<void> => {
    const rule = `iif r${from} to 10.77.${to}.0/24 blackhole`;
    if (dropped.has(rule)) return;
    dropped.add(rule);
    inRouter(`ip rule add ${rule}`);
  };
  return made("namespaces", ways, drop, {
    slow: async (server, kibPerSecond) =>
      inRouter(`tc qdisc add dev r${server} root tbf rate ${kibPerSecond * 8}kbit burst 32kbit latency 10s`),
    noticed: () => Promise.resolve(), // the kernels of both will
    mend: async () => {
      for (const rule of dropped) inRouter(`ip rule del ${rule}`);
      dropped.clear();
      inRouter("for i in 0 1 2; do tc qdisc del dev r$i root 2> /dev/null || true; done");
    },
  });
}

async function byGates(folder: string): Promise<Apart> {
  const base = await freeRange(2 * COUNT);
  const gates = new Map<string, Gate>(); // by who dials and who is dialled: the later one dials
  const logs: string[] = [];
  for (const i of ALL) {
    const routes: string[] = [];
    for (const other of ALL.filter((each) => each < i)) {
      const gate = await openGate(base + COUNT + other);
      gates.set(`${i} ${other}`, gate);
      routes.push(new URL(gate.url).host);
    }
    if (routes.length === 0) routes.push("127.0.0.1:9"); // JetStream wants one
    const place = {
      host: "127.0.0.1",
      port: base + i,
      clusterPort: base + COUNT + i,
      routes,
      advertise: "127.0.0.1:9",
    };
    logs.push(serve(folder, i, place, []));
  }
  const ways = await Promise.all(ALL.map((i) => openGate(base + i)));
  await untilJoined(logs);
  const stalled = new Set<Gate>();
  const drop = async (from: number, to: number): Promise<void> => {
    const gate = gates.get(`${Math.max(from, to)} ${Math.min(from, to)}`);
    if (gate === undefined) return;
    gate.stall(from > to ? "there" : "back");
    stalled.add(gate);
  };
  return made("gates", ways, drop, {
    slow: async (server, kibPerSecond) => {
      for (const [pair, gate] of gates) if (pair.split(" ").includes(String(server))) gate.slow(kibPerSecond);
    },
    noticed: async () => {
      for (const gate of stalled) gate.cut();
    },
    mend: async () => {
      for (const gate of gates.values()) gate.mend();
      stalled.clear();
    },
  });
}

function made(
  kind: Apart["kind"],
  ways: readonly Gate[],
  drop: Apart["drop"],
  rest: Pick<Apart, "slow" | "noticed" | "mend">,
): Apart {
  const isolate = async (server: number): Promise<void> => {
    for (const other of ALL) {
      if (other === server) continue;
      await drop(server, other);
      await drop(other, server);
    }
  };
  return { kind, ways, drop, isolate, ...rest };
}

type Place = {
  readonly host: string;
  readonly port: number;
  readonly clusterPort: number;
  readonly routes: readonly string[];
  /** Where no other finds it: all go by a gate. */
  readonly advertise?: string;
};

/** @returns its log */
function serve(folder: string, index: number, place: Place, before: readonly string[]): string {
  const { host, port, clusterPort, routes, advertise } = place;
  const config = join(folder, `${index}.conf`);
  const log = join(folder, `${index}.log`);
  const urls = routes.map((route) => `"nats://${route}"`).join(", ");
  writeFileSync(
    config,
    `server_name: s${index}
host: ${host}
port: ${port}
ping_interval: "2s"
ping_max: 2
write_deadline: "2s"
jetstream { store_dir: "${join(folder, `js${index}`)}", max_mem: 64MB, max_file: 256MB }
cluster {
  name: apart
  host: ${host}
  port: ${clusterPort}
  no_advertise: true
  ${advertise === undefined ? "" : `advertise: "${advertise}"`}
  routes: [${urls}]
}
`,
  );
  writeFileSync(log, "");
  const [command = natsServerPath(), ...args] = [...before, natsServerPath(), "-c", config, "-l", log];
  run(command, args);
  return log;
}

async function untilJoined(logs: readonly string[]): Promise<void> {
  await untilHolds(() => logs.every((log) => readFileSync(log, "utf8").includes("Route connection created")));
}

const into = (pid: number): readonly string[] => ["-t", String(pid), "-U", "-n", "--preserve-credentials"];

/** A process that does nothing but have namespaces. @returns its id */
async function holder(command: string, args: readonly string[]): Promise<number> {
  const child = run(command, [...args, "sh", "-c", "echo ready; exec cat"]);
  await new Promise<void>((resolve, reject) => {
    child.stdout?.once("data", () => resolve());
    child.once("exit", () => reject(new Error(`${command} ended`)));
  });
  return child.pid ?? 0;
}

function run(command: string, args: readonly string[]): ChildProcess {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "ignore"] });
  ending.push(
    () =>
      new Promise<void>((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null) return resolve();
        child.once("exit", () => resolve());
        child.kill("SIGKILL");
      }),
  );
  return child;
}

async function untilHolds(holds: () => boolean): Promise<void> {
  for (const last = Date.now() + READY_MS; !holds(); ) {
    if (Date.now() > last) throw new Error(`waited ${READY_MS} ms for ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
