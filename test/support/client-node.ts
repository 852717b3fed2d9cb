/** A node with http-client:distro:sys, processes that may ask it, and a server on this machine that they may reach. */
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import { createNode, type Node, type NodeOptions } from "../../kernel/index.ts";
import {
  Blob,
  type Capability,
  capability,
  Envelope,
  type Host,
  ProcessId,
  type Program,
  toAddress,
} from "../../lib/protocol/index.ts";
import { type HttpClientOptions, httpClientProcess } from "../../processes/http-client/http-client.ts";
import { Recorder } from "./recorder.ts";

export const HTTP_CLIENT_ID = "http-client:distro:sys";

export type ClientNode = {
  readonly node: Node;
  /** A process that may message the http-client, and that it may message. */
  recorder(id: string, grants?: boolean): Recorder;
  add(id: string, program: Program): void;
  grant(id: string, params: unknown): void;
};

export function startClient(
  options: HttpClientOptions & { readonly nodeOptions?: Partial<NodeOptions> } = {},
): ClientNode {
  const { nodeOptions, ...given } = options;
  const node = createNode({ name: "alice.os", ...nodeOptions });
  node.addSystemProcess({ id: ProcessId.parse(HTTP_CLIENT_ID), program: httpClientProcess(given) });
  const rights = { requestCapabilities: [HTTP_CLIENT_ID] };
  return {
    node,
    recorder(id, grants = true) {
      const recorder = new Recorder();
      const grantCapabilities = grants ? [HTTP_CLIENT_ID] : [];
      node.addProcess(ProcessId.parse(id), recorder.program, { ...rights, grantCapabilities });
      return recorder;
    },
    add: (id, program) => void node.addProcess(ProcessId.parse(id), program, { ...rights, onExit: "Restart" }),
    grant: (id, params) => node.kernel.registry.get(ProcessId.parse(id))?.capabilities.add(clientCap(params)),
  };
}

export function clientCap(params: unknown): Capability {
  return capability(toAddress(HTTP_CLIENT_ID, "alice.os"), JSON.stringify(params));
}

export async function askClient(
  host: Host | undefined,
  body: unknown,
  blob: Uint8Array | string | null = null,
  capabilities: readonly Capability[] = [],
  seconds = 20,
): Promise<{ readonly body: unknown; readonly text: string | null; readonly mime: string | null }> {
  if (host === undefined) throw new Error("the process has not started");
  const target = toAddress(HTTP_CLIENT_ID, "alice.os");
  const request = new Envelope("request", host.our, target, body, blob === null ? null : Blob.of(blob));
  request.expectsResponse = seconds;
  request.capabilities = capabilities;
  const answer = await host.call(request);
  return { body: answer.body, text: answer.blob?.text() ?? null, mime: answer.blob?.mime ?? null };
}

export type TestServer = {
  readonly port: number;
  /** `127.0.0.1:port` */
  readonly host: string;
  /** Requests that reached it: `GET /path`. */
  readonly seen: string[];
  readonly sockets: WebSocket[];
  close(): Promise<void>;
};

export async function startServer(
  answer: RequestListener,
  onSocket: (socket: WebSocket, request: IncomingMessage) => void = () => undefined,
): Promise<TestServer> {
  const seen: string[] = [];
  const sockets: WebSocket[] = [];
  const server: Server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    answer(request, response);
  });
  const upgrades = new WebSocketServer({ server, maxPayload: 64 * 1024 * 1024 });
  upgrades.on("connection", (socket, request) => {
    seen.push(`socket ${request.url}`);
    sockets.push(socket);
    onSocket(socket, request);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    host: `127.0.0.1:${port}`,
    seen,
    sockets,
    close: async () => {
      for (const socket of sockets) socket.terminate();
      upgrades.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
