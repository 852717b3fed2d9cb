/**
 * A node whose HTTP is asked about: either transport, a signing secret the test knows, a state store that outlives it.
 *
 *   const alice = await startHttpNode({ transport });
 *   const p = alice.add(P);
 *   await p.ask(bind("/m"));
 *   p.onMessage = reply(200, {}, "hello");
 *   expect((await alice.ask({ path: `/${P}/m` })).body).toBe("hello");
 */
import { type ListenerOptions, startHttpServer } from "../../http-server/index.ts";
import { type Claims, signToken } from "../../http-server/jwt.ts";
import type { StoredSession } from "../../http-server/sessions.ts";
import { createNode, type KernelEvent, type Node, type Process } from "../../kernel/index.ts";
import {
  Address,
  Blob,
  Envelope,
  type HttpRequest,
  ProcessId,
  packMessage,
  VirtualClock,
} from "../../lib/protocol/index.ts";
import { stateProcess } from "../../processes/state/state.ts";
import type { StateStore } from "../../processes/state/store.ts";
import { type Answer, askHttp, type Question } from "./http-client.ts";
import type { TestNode, TestNodeOptions } from "./node.ts";
import { type Recorded, Recorder } from "./recorder.ts";

export const HTTP_SERVER: ProcessId = ProcessId.parse("http-server:distro:sys");
/** The node's, unless `values` is given: what the tests sign with. */
export const SECRET: Uint8Array = new TextEncoder().encode("a secret of thirty-two bytes, yes");
/** The one that `forge` claims to be of. */
export const FORGED_SESSION: StoredSession = {
  id: "a",
  subdomain: null,
  created: Math.floor(Date.now() / 1000),
  seen: Math.floor(Date.now() / 1000),
  address: "192.0.2.1",
  agent: "forge",
  generation: 0,
  issued: Math.floor(Date.now() / 1000),
};
/** For describe.each. */
export const TRANSPORTS = ["uws", "ws"] as const;

export type HttpNode = Omit<TestNode, "add" | "stop"> & {
  /** What the http-server reported as defects. */
  readonly faults: unknown[];
  /** What state:distro:sys keeps; hand it to another node to restart this one. */
  readonly values: Map<string, Uint8Array>;
  /** Runs a recorder under `id`, allowed to message the http-server and the other way round. */
  add(id: string): Recorder;
  /** @throws {Error} there is none of that name */
  process(id: string): Process;
  /** One request to the main port, or to `port`. */
  ask(question?: Question & { readonly port?: number }): Promise<Answer>;
  stop(): Promise<void>;
};

export type HttpNodeOptions = TestNodeOptions & { readonly values?: Map<string, Uint8Array> };

const running = new Set<HttpNode>();

/** Stops every node of the test: for afterEach. */
export async function stopHttpNodes(): Promise<void> {
  for (const node of running) await node.stop();
}

export async function startHttpNode(options: HttpNodeOptions = {}): Promise<HttpNode> {
  const { nodeOptions, values = withSecret(SECRET), ...serverOptions } = options;
  const node = createNode({ name: "alice.os", ...nodeOptions });
  const faults: unknown[] = [];
  node.kernel.events.listen((event: KernelEvent) => {
    if (event.type === "fault") faults.push(event.error);
  });
  const program = stateProcess(mapStore(values));
  node.addSystemProcess({ id: ProcessId.parse("state:distro:sys"), program, public: true, trusted: true });
  const server = await startHttpServer(node, serverOptions);
  const token = server.issueToken("session");
  const started: HttpNode = {
    node,
    server,
    port: server.port,
    url: `http://127.0.0.1:${server.port}`,
    token,
    cookie: `jackfield-auth_${node.name}=${token}`,
    faults,
    values,
    add: (id) => {
      const recorder = new Recorder();
      const allowed = [HTTP_SERVER.text];
      const capabilities = { requestCapabilities: allowed, grantCapabilities: allowed };
      node.addProcess(ProcessId.parse(id), recorder.program, capabilities);
      return recorder;
    },
    process: (id) => {
      const process = node.kernel.registry.get(ProcessId.parse(id));
      if (process === undefined) throw new Error(`there is no process "${id}"`);
      return process;
    },
    ask: ({ port = server.port, ...question } = {}) => askHttp(port, question),
    stop: async () => {
      running.delete(started);
      await stopNode(node);
    },
  };
  running.add(started);
  return started;
}

/** The main listener, and one with the paths of `id` at `/`. */
export function withMounted(id: string): readonly ListenerOptions[] {
  const host = "127.0.0.1";
  return [
    { host, port: 0 },
    { host, port: 0, mount: ProcessId.parse(id) },
  ];
}

/** A node waits by its clock; one that stands still is moved. */
async function stopNode(node: Node): Promise<void> {
  const { clock } = node.kernel;
  let stopped = false;
  const stop = node.stop().finally(() => {
    stopped = true;
  });
  while (clock instanceof VirtualClock && !stopped) {
    clock.advance(5);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await stop;
}

function withSecret(secret: Uint8Array): Map<string, Uint8Array> {
  const record = { secret: Buffer.from(secret).toString("base64"), password: null, sessions: [FORGED_SESSION] };
  return new Map([[HTTP_SERVER.text, packMessage(record)]]);
}

function mapStore(values: Map<string, Uint8Array>): StateStore {
  return {
    entries: () => [],
    get: (key) => values.get(key),
    set: async (key, value) => void values.set(key, value.slice()),
    delete: async (key) => void values.delete(key),
    write: async () => undefined,
    close: async () => {},
  };
}

/** A token signed with the node's secret, whatever it claims. */
export function forge(claims: Partial<Claims>, secret: Uint8Array = SECRET): string {
  const expiration = Math.floor(Date.now() / 1000) + 3600;
  return signToken({ username: "alice.os", subdomain: null, expiration, scope: "session", id: "a", ...claims }, secret);
}

export type BindFlags = { readonly authenticated?: boolean; readonly local_only?: boolean; readonly cache?: boolean };

/** A SecureBind action. */
export function secureBind(path: string, cache = false): unknown {
  return { SecureBind: { path, cache } };
}

/** A Bind action: open to all and asked of the process, unless told otherwise. */
export function bind(path: string, flags: BindFlags = {}): unknown {
  return { Bind: { path, authenticated: false, local_only: false, cache: false, ...flags } };
}

/** Sends an action with a blob that has a type, and waits for the answer's body. */
export async function askWithBlob({ host }: Recorder, action: unknown, blob: Blob): Promise<unknown> {
  if (host === undefined) throw new Error("the process has not started");
  const target = new Address(host.our.node, HTTP_SERVER);
  const request = new Envelope("request", host.our, target, action, blob);
  request.expectsResponse = 5;
  return (await host.call(request)).body;
}

/** For `Recorder.onMessage`: answers every HTTP request. */
export function reply(status: unknown, headers: unknown = {}, body = ""): Recorder["onMessage"] {
  return ({ envelope }, host) => {
    if (envelope.rsvp !== null) host.respond({ body: { status, headers }, blob: Blob.of(body) }, envelope);
  };
}

/** What a process was told of an HTTP request. @throws {Error} it was sent something else */
export function httpOf({ body }: Recorded): HttpRequest {
  if (typeof body === "object" && body !== null && "Http" in body) return body.Http as HttpRequest;
  throw new Error(`wanted an Http event, got ${JSON.stringify(body)}`);
}
