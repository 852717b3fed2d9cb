/**
 * The node that is attacked, in a process of its own so that its memory is its own. Started by arena.ts.
 *
 *   argv[2]                {"transport":"uws","limits":{…}}
 *   → { port, token }      it listens
 *   "measure" → Measure    after two garbage collections; `peakBytes` is since the last one
 *
 * victim:hostile:test takes channels: its frames are commands, see `onFrame`. bystander:hostile:test echoes.
 * `/victim:hostile:test/echo` answers with its body, `/file` is 1 MB of static content, `/large` 16 MB, `/inject` answers with what
 * the query says as a header, `/never` does not answer.
 */
import { existsSync, readdirSync, readlinkSync } from "node:fs";
import { startHttpServer, type TransportName } from "../../http-server/index.ts";
import { createNode } from "../../kernel/index.ts";
import {
  Address,
  Blob,
  Envelope,
  type Host,
  type HttpRequest,
  ProcessId,
  type Program,
} from "../../lib/protocol/index.ts";

export type Settings = {
  readonly transport: TransportName;
  readonly limits: Readonly<Record<string, number>>;
};

export type Measure = {
  /** Bytes the node's process holds, and the most it held since it was last asked. */
  readonly rssBytes: number;
  readonly peakBytes: number;
  /** Live JavaScript objects and the bytes they hold outside of the heap. */
  readonly heapBytes: number;
  readonly externalBytes: number;
  /** As the http-server counts. */
  readonly openSockets: number;
  readonly channels: number;
  /** As the operating system counts: every TCP socket, whoever forgot it. */
  readonly descriptors: number;
  /** Time-outs that run. */
  readonly timeouts: number;
  /** Requests that processes have not answered. */
  readonly faults: readonly string[];
  /** What the victim was asked over HTTP, and told by channels, since it was last asked. */
  readonly requests: readonly string[];
  readonly frames: number;
};

const HTTP_SERVER = "http-server:distro:sys";
const FILE_BYTES = 1024 * 1024;
const PEAK_EVERY = 10; // ms

const settings = JSON.parse(process.argv[2] ?? "{}") as Settings;
const faults: string[] = [];
let requests: string[] = [];
let frames = 0;
let peak = 0;

function action(host: Host, body: unknown, bytes: Uint8Array | string | null = null): void {
  host.send(
    new Envelope(
      "request",
      host.our,
      new Address(host.our.node, ProcessId.parse(HTTP_SERVER)),
      body,
      bytes === null ? null : Blob.of(bytes),
    ),
  );
}

function bind(host: Host, path: string, bytes: Uint8Array | null = null): void {
  action(host, { Bind: { path, authenticated: false, local_only: false, cache: bytes !== null } }, bytes);
}

/** `push N BYTES`: pushes N times; `join`: subscribes; `publish N BYTES`: to all who joined; anything else is counted. */
function onFrame(host: Host, channelId: number, text: string): void {
  const [command, count = "0", size = "0"] = text.split(" ", 3);
  if (command === "join") action(host, { WebSocketSubscribe: { channel_id: channelId, topic: "all" } });
  const bytes = command === "push" || command === "publish" ? new Uint8Array(Number(size)) : null;
  for (let i = 0; bytes !== null && i < Number(count); i++) {
    if (command === "push") action(host, { WebSocketPush: { channel_id: channelId, message_type: "Binary" } }, bytes);
    else action(host, { WebSocketPublish: { topic: "all", message_type: "Binary" } }, bytes);
  }
}

function onHttp(host: Host, { url, query_params: query }: HttpRequest, message: Envelope): void {
  requests.push(new URL(url).pathname);
  if (url.endsWith("/never")) return;
  const headers = url.endsWith("/inject") ? { "x-said": query.value ?? "", [query.name ?? "x"]: "1" } : {};
  host.respond({ body: { status: 200, headers }, blob: Blob.of(message.blob?.bytes().slice() ?? "") }, message);
}

const victim: Program = {
  start: (host) => {
    for (const path of ["/echo", "/inject", "/never"]) bind(host, path);
    bind(host, "/file", new Uint8Array(FILE_BYTES));
    bind(host, "/large", new Uint8Array(16 * FILE_BYTES));
    action(host, { WebSocketBind: { path: "/open", authenticated: false, extension: false } });
    return {
      handle(message) {
        const { Http: http, WebSocketPush: push } = (message.body ?? {}) as {
          readonly Http?: HttpRequest;
          readonly WebSocketPush?: { readonly channel_id: number; readonly message_type: string };
        };
        if (http !== undefined) onHttp(host, http, message);
        if (push === undefined) return;
        frames++;
        const isCommand = push.message_type === "Text" && (message.blob?.byteLength ?? 0) < 100;
        if (isCommand) onFrame(host, push.channel_id, message.blob?.text() ?? "");
      },
    };
  },
};

const bystander: Program = {
  start: (host) => {
    bind(host, "/");
    return {
      handle(message) {
        const { Http: http, WebSocketPush: push } = (message.body ?? {}) as { Http?: unknown; WebSocketPush?: object };
        if (http !== undefined) host.respond({ body: { status: 200, headers: {} }, blob: Blob.of("fine") }, message);
        if (push !== undefined) action(host, { WebSocketPush: push }, message.blob?.bytes().slice() ?? "");
      },
    };
  },
};

const node = createNode({ name: "alice.os" });
node.kernel.events.listen((event) => {
  if (event.type === "fault") faults.push(String((event.error as Error).stack ?? event.error));
});
const server = await startHttpServer(node, settings);
const allowed = { requestCapabilities: [HTTP_SERVER], grantCapabilities: [HTTP_SERVER] };
node.addProcess(ProcessId.parse("victim:hostile:test"), victim, allowed);
node.addProcess(ProcessId.parse("bystander:hostile:test"), bystander, allowed);

function measure(): Measure {
  globalThis.gc?.();
  globalThis.gc?.(); // the first runs finalizers, the second frees what they held
  const { rss, heapUsed, external } = process.memoryUsage();
  const measured: Measure = {
    rssBytes: rss,
    peakBytes: Math.max(peak, rss),
    heapBytes: heapUsed,
    externalBytes: external,
    openSockets: server.openSockets,
    channels: server.channels.size,
    descriptors: sockets(),
    timeouts: node.kernel.wheel.size,
    faults: faults.splice(0),
    requests,
    frames,
  };
  requests = [];
  frames = 0;
  peak = 0;
  return measured;
}

/** 0 where the system does not say. */
function sockets(): number {
  if (!existsSync("/proc/self/fd")) return 0;
  return readdirSync("/proc/self/fd").filter((name) => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`).startsWith("socket:");
    } catch {
      return false; // the one that lists them is closed by now
    }
  }).length;
}

setInterval(() => {
  peak = Math.max(peak, process.memoryUsage.rss());
}, PEAK_EVERY).unref();
process.on("message", (what) => {
  if (what === "measure") process.send?.(measure());
});
process.on("disconnect", () => process.exit(0)); // the test is gone
process.send?.({ port: server.port, token: server.issueToken("session") });
