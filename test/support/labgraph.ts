/**
 * LabGraph's process on a node with a port of its own, a process whose streams a test declares, and a plain client.
 *
 *   const lab = await startLabgraph(transport);
 *   const out = await lab.source.streams.output("a.b");
 *   const client = await LabClient.connect(lab.port);
 *   client.send(start("X", "a.b"));
 *   expect(await client.next()).toEqual(started(0, "X"));
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "@jest/globals";
import { WebSocket } from "ws";
import type { TransportName } from "../../http-server/index.ts";
import { lazyProgram } from "../../kernel/index.ts";
import { Envelope, ProcessId, type Settings, toAddress } from "../../lib/protocol/index.ts";
import labgraph from "../../processes/labgraph/labgraph.ts";
import { streamsProcess } from "../../processes/streams/streams.ts";
import { startNode, until } from "./channels.ts";
import { withMounted } from "./http-node.ts";
import type { TestNode, TestNodeOptions } from "./node.ts";
import { Streamer } from "./streamer.ts";

export const LABGRAPH = "labgraph:labgraph:sys";
export const SOURCE = "source:device:me.os";

export type Lab = {
  readonly on: TestNode;
  /** Its own, where its paths stand at `/`. */
  readonly port: number;
  readonly source: Streamer;
  /** Another process with streams. */
  addSource(id: string, onInit?: Streamer["onInit"]): Streamer;
  /** Makes `id` crash, or exit: one that a test added. */
  poke(id: string, body: "crash" | "exit"): void;
};

export type LabOptions = TestNodeOptions & { readonly settings?: Settings };

/** Stop it by `stopNodes` of channels.ts. */
export async function startLabgraph(
  transport: TransportName,
  { settings = {}, ...options }: LabOptions = {},
): Promise<Lab> {
  const on = await startNode(transport, { listeners: withMounted(LABGRAPH), ...options });
  const registry = streamsProcess();
  const program = lazyProgram(async () => registry);
  on.node.addSystemProcess({ id: ProcessId.parse("streams:distro:sys"), program, public: true, trusted: true });
  const addSource = (id: string, onInit?: Streamer["onInit"]): Streamer => {
    const streamer = new Streamer();
    if (onInit !== undefined) streamer.onInit = onInit;
    on.add(id, streamer.program, { onExit: "Restart" });
    return streamer;
  };
  const source = addSource(SOURCE);
  addLabgraph(on, settings);
  await until(() => on.server.bindings.matchWs(`/${LABGRAPH}/x`) !== undefined); // bound last
  return {
    on,
    port: on.server.ports[1] ?? 0,
    source,
    addSource,
    poke: (id, body) => {
      const address = toAddress(id, on.node.name);
      on.node.kernel.registry.get(ProcessId.parse(id))?.post(new Envelope("request", address, address, body, null));
    },
  };
}

/** As the package's manifest has it, but from its source. */
function addLabgraph({ node: { kernel } }: TestNode, settings: Settings): void {
  const process = kernel.register({
    id: ProcessId.parse(LABGRAPH),
    program: labgraph,
    folder: join(import.meta.dirname, "../../processes/labgraph"),
    onExit: "Restart",
    public: false,
    settings,
  });
  const { request_capabilities: asked, grant_capabilities: granted } = MANIFEST;
  for (const cap of kernel.asked(asked)) process.capabilities.equip(cap);
  kernel.grantOwn(process, granted);
  process.run();
}

const [MANIFEST] = (
  JSON.parse(readFileSync(join(import.meta.dirname, "../../processes/labgraph/manifest.json"), "utf8")) as {
    processes: [{ request_capabilities: string[]; grant_capabilities: string[] }];
  }
).processes;

const clients = new Set<LabClient>();

/** For afterEach. */
export function cutClients(): void {
  for (const client of clients) client.cut();
  clients.clear();
}

/** A client that answers pings, as all do; what it gets waits until it is read. */
export class LabClient {
  /** Resolves when the connection is over. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  readonly #socket: WebSocket;
  readonly #texts: string[] = [];
  #wake: () => void = () => undefined;
  #isOver = false;

  static async connect(port: number, path = "/", options: WebSocket.ClientOptions = {}): Promise<LabClient> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, options);
    const client = new LabClient(socket); // listens before anything can come
    await new Promise<void>((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", reject);
    });
    return client;
  }

  constructor(socket: WebSocket) {
    this.#socket = socket;
    clients.add(this);
    socket.on("error", () => undefined); // the close that follows says it
    socket.on("message", (data, isBinary) => {
      this.#texts.push(isBinary ? "a binary frame" : String(data));
      this.#wake();
    });
    this.closed = new Promise((resolve) => {
      socket.once("close", (code, reason) => {
        this.#isOver = true;
        this.#wake();
        resolve({ code, reason: reason.toString() });
      });
    });
  }

  send(message: unknown): void {
    const isRaw = typeof message === "string" || message instanceof Uint8Array;
    this.#socket.send(isRaw ? message : JSON.stringify(message));
  }

  /** @throws {Error} the connection ended first */
  async nextText(): Promise<string> {
    for (;;) {
      const text = this.#texts.shift();
      if (text !== undefined) return text;
      if (this.#isOver) throw new Error("the server closed the connection before the next text");
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async next(): Promise<unknown> {
    return JSON.parse(await this.nextText());
  }

  /** Nothing has come before this: a question that any server answers, and its answer. */
  async expectNothing(): Promise<unknown> {
    this.send(end("nothing before this", "?"));
    return await this.next();
  }

  close(code?: number): void {
    this.#socket.close(code);
  }

  cut(): void {
    this.#socket.terminate();
  }
}

/** A start request. */
export function start(streamId: string, name: string, requestId: unknown = 0, appId?: string): unknown {
  const app = appId === undefined ? {} : { app_id: appId };
  return {
    api_version: "0.1",
    api_request: { request_id: requestId, start_stream_request: { stream_id: streamId, [name]: {}, ...app } },
  };
}

export function end(streamId: string, requestId: unknown = 0): unknown {
  return {
    api_version: "0.1",
    api_request: { request_id: requestId, end_stream_request: { stream_id: streamId } },
  };
}

/** Samples of a client. */
export function input(streamId: string, name: string, samples: readonly unknown[], num = 1): unknown {
  return { api_version: "0.1", stream_batch: { stream_id: streamId, [name]: { samples, batch_num: num } } };
}

/** The event that answers a start. */
export function started(requestId: unknown, streamId: string): unknown {
  return {
    api_version: "0.1",
    api_event: { request_id: requestId, start_stream_event: { stream_id: streamId } },
  };
}

export function ended(requestId: unknown, streamId: string): unknown {
  return { api_version: "0.1", api_event: { request_id: requestId, end_stream_event: { stream_id: streamId } } };
}

/** An error of `code`, with any sentence. @param requestId undefined: it has none */
export function failed(code: string, requestId?: unknown, desc: unknown = expect.any(String)): unknown {
  const error = { error_event: { error_code: code, desc } };
  return {
    api_version: "0.1",
    api_event: requestId === undefined ? error : { request_id: requestId, ...error },
  };
}

/** A batch with one sample. */
export function batch(streamId: string, name: string, num: number, data: unknown): unknown {
  const sample = { data, produced_timestamp_s: expect.any(Number), timestamp_s: expect.any(Number) };
  return { api_version: "0.1", stream_batch: { stream_id: streamId, [name]: { samples: [sample], batch_num: num } } };
}
