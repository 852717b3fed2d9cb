/**
 * Several whole nodes with http-servers, linked by memory or by a real nats-server.
 *
 *   describe.each(WIRES)("over %s", (wires) => {
 *     afterEach(stopCluster);
 *     test("…", async () => {
 *       const { start, net } = await cluster(wires);
 *       const alice = await start("alice.os", "uws");
 */
import type { TransportName } from "../../http-server/index.ts";
import type { AddProcessOptions, Process } from "../../kernel/index.ts";
import { NatsWire } from "../../kernel/link/nats-wire.ts";
import type { Wire } from "../../kernel/link/wire.ts";
import { type Program, systemClock } from "../../lib/protocol/index.ts";
import { startNode, stopNodes } from "./channels.ts";
import { PATIENCE_MS } from "./link-nodes.ts";
import { MemoryClaims } from "./memory-claims.ts";
import { MemoryDirectory } from "./memory-directory.ts";
import { MemoryNet } from "./memory-wires.ts";
import { startNatsServer, stopNatsServers } from "./nats-server.ts";
import type { TestNode, TestNodeOptions } from "./node.ts";

/** For describe.each; each with a transport of its own. */
export const WIRES = [
  ["memory", "uws"],
  ["memory", "ws"],
  ["nats", "uws"],
] as const satisfies readonly (readonly [string, TransportName])[];

export type Cluster = {
  /** What carries, where that is memory. */
  readonly net: MemoryNet;
  readonly directory: MemoryDirectory;
  readonly claims: MemoryClaims;
  start(name: string, transport: TransportName, options?: TestNodeOptions): Promise<TestNode>;
  /** It finds the others, and names of the cluster are held by one. */
  join(on: TestNode): Promise<void>;
};

export async function cluster(wires: "memory" | "nats"): Promise<Cluster> {
  const net = new MemoryNet();
  const url = wires === "nats" ? (await startNatsServer()).url : null;
  const wire = (node: string): Wire =>
    url === null ? net.wire(node) : new NatsWire({ node, servers: [url], patienceMs: PATIENCE_MS });
  const directory = new MemoryDirectory(systemClock);
  const claims = new MemoryClaims();
  const about = () => ({ address: null, version: null });
  return {
    net,
    directory,
    claims,
    join: async ({ node }) => {
      const { name } = node;
      if (url === null) await node.join(directory.of(name), about, claims.of(name));
      else await node.joinByNats({ servers: [url] }, about);
    },
    start: async (name, transport, options = {}) => {
      const { limits, nodeOptions, ...rest } = options;
      const on = await startNode(transport, {
        ...rest,
        limits: { farProbe: 50, messagesPerSecond: 1_000_000, ...limits },
        nodeOptions: { ...nodeOptions, name, limits: { drain: 1_000, linkGrace: 100, ...nodeOptions?.limits } },
      });
      await on.node.link(wire(name));
      return on;
    },
  };
}

/** For afterEach. */
export async function stopCluster(): Promise<void> {
  try {
    await stopNodes();
  } finally {
    await stopNatsServers();
  }
}

export const NETWORK = { process: "kernel:distro:sys", params: "network" };
const SERVER = "http-server:distro:sys";

/** A process that may use the network, takes channels, and is public. */
export function addFar(on: TestNode, id: string, program: Program, options: AddProcessOptions = {}): Process {
  const requestCapabilities = [SERVER, NETWORK];
  return on.add(id, program, {
    requestCapabilities,
    grantCapabilities: [SERVER],
    public: true,
    onExit: "Restart",
    ...options,
  });
}
