/**
 * labgraph:labgraph:sys: LabGraph's WebSocket API for its own clients, on port 9000 where it is mounted. README.md.
 *
 *   any path, upgraded       a session; its streams are the outputs and inputs of streams:distro:sys
 *   any path, plain          426, as LabGraph's own server; but to a browser that opens `/`: the live page
 *   /streams.json            the outputs there are, for the page
 *
 * Needs   to message http-server:distro:sys, streams:distro:sys and homepage:homepage:sys.
 * State   none that outlives an incarnation: whose session has ended with it is closed with 1012, and comes back.
 */
import {
  type Context,
  type Blob as Data,
  defineProcess,
  type IncomingHttp,
  type Message,
  type Push,
} from "jackfield/process";
import { STREAMS, type StreamAction, type StreamEntry } from "jackfield/protocol";
import { bindChart } from "../chart-files.ts";
import { NOT_TEXT, readClientMessage } from "./client-message.ts";
import { Keepalive } from "./keepalive.ts";
import { LABGRAPH_LIMITS } from "./limits.ts";
import { Outputs } from "./outputs.ts";
import { type Answered, type Hall, Session } from "./session.ts";
import { type LabgraphSettings, readSettings } from "./settings.ts";

type Client = { readonly session: Session; readonly keepalive: Keepalive };

const ASK_SECONDS = 5; // seconds: the registry answers in its turn; the first time it is loaded

const CLOSE = {
  restarted: { code: 1012, reason: "the server has lost this session: start again" },
  tooLarge: { code: 1009, reason: "a message has at most 1048576 bytes" },
  silent: { code: 1011, reason: "keepalive ping timeout" }, // LabGraph's own words
  stalled: { code: 1013, reason: "the client reads too slowly" },
  busy: { code: 1013, reason: "too many messages wait behind a start" },
} as const;

export default defineProcess<Labgraph>({
  async init(ctx) {
    const settings = readSettings(ctx.settings);
    const labgraph = new Labgraph(ctx, settings);
    ctx.request(ctx.our).body("Begun").send(); // behind the Opens of channels that the incarnation before had
    await bindPaths(ctx, settings);
    ctx
      .request("homepage:homepage:sys")
      .body({ Add: { label: "LabGraph", description: "live streams of this node, for LabGraph's clients" } })
      .send();
    ctx.every(LABGRAPH_LIMITS.sweepMs, () => labgraph.sweep());
    return labgraph;
  },
  onOpen: (labgraph, { channelId }) => labgraph.open(channelId),
  onPush: (labgraph, push, blob) => labgraph.receive(push, blob),
  onClose: (labgraph, { channelId }) => labgraph.end(channelId),
  onSample: (labgraph, sample) => labgraph.outputs.publish(sample),
  onResponse: (labgraph, message) => labgraph.answered(message),
  onSendError: (labgraph, error) => labgraph.unanswered(error.context),
  onRequest: (labgraph, message) => labgraph.asked(message),
  onHttp: (labgraph, request) => labgraph.http(request),
});

async function bindPaths(ctx: Context<Labgraph>, { origins }: LabgraphSettings): Promise<void> {
  await ctx.serveUi("ui", { authenticated: false, spa: false });
  await bindChart(ctx, "");
  await ctx.bindHttp("/streams.json", { authenticated: false });
  await ctx.bindHttp("/", { authenticated: false }); // in place of the page, and for every path that is not bound
  for (const path of ["/", "/*rest"]) await ctx.bindWs(path, { authenticated: false, admission: { origins } });
}

/** What the registry was asked, for whom. */
type Asked = { readonly session: Session } | { readonly list: IncomingHttp };

class Labgraph {
  readonly outputs: Outputs;
  readonly #ctx: Context<Labgraph>;
  readonly #hall: Hall;
  readonly #clients = new Map<number, Client>(); // by channel id
  #hasBegun = false;

  constructor(ctx: Context<Labgraph>, settings: LabgraphSettings) {
    this.#ctx = ctx;
    this.outputs = new Outputs({
      unused: (name) => this.#tell({ Unlisten: { name } }),
      log: (line) => ctx.log(line),
      now: () => ctx.now(),
    });
    this.#hall = { settings, outputs: this.outputs, inputs: new Set() };
  }

  open(channelId: number): void {
    const ctx = this.#ctx;
    if (!this.#hasBegun) return this.#close(channelId, CLOSE.restarted);
    const port = {
      id: channelId,
      push: (text: string) => ctx.push(channelId, text),
      ping: (payload: Uint8Array) => ctx.push(channelId, payload, "Ping"),
      ask: (action: StreamAction) => this.#ask(action, { session }),
      tell: (action: StreamAction) => this.#tell(action),
      now: () => ctx.now(),
    };
    const session: Session = new Session(port, this.#hall);
    this.#clients.set(channelId, { session, keepalive: new Keepalive(ctx.now()) });
  }

  receive({ channelId, messageType }: Push, blob: Data): void {
    const client = this.#clients.get(channelId);
    if (client === undefined) return; // it has been closed, and had said something before it heard of that
    const { session, keepalive } = client;
    keepalive.heard();
    if (messageType === "Pong") session.pong(blob.bytes());
    if (messageType === "Ping" || messageType === "Pong") return;
    if (blob.byteLength > LABGRAPH_LIMITS.messageBytes) return this.#close(channelId, CLOSE.tooLarge);
    const text = messageType === "Text" ? blob.text() : undefined;
    const message = text === undefined ? NOT_TEXT : readClientMessage(text);
    if (!session.receive(message, text?.length ?? 0)) this.#close(channelId, CLOSE.busy);
  }

  /** The connection is over, whoever ended it. */
  end(channelId: number): void {
    this.#clients.get(channelId)?.session.end();
    this.#clients.delete(channelId);
  }

  answered({ body, context }: Message): void {
    const asked = context as Asked | undefined; // put there by #ask
    if (asked === undefined) return;
    if ("list" in asked) asked.list.reply(this.#shown(body), NO_STORE);
    else asked.session.answered(body as Answered); // the registry's word; a session that is over may have to give back
  }

  unanswered(context: unknown): void {
    const asked = context as Asked | undefined;
    if (asked === undefined) return;
    if ("list" in asked) asked.list.reply([], { ...NO_STORE, status: 503 });
    else asked.session.answered(null);
  }

  asked({ source, body }: Message): void {
    if (body === "Begun" && source.text === this.#ctx.our.text) this.#hasBegun = true;
    else if (this.#ctx.asked) this.#ctx.respond({ Err: "labgraph takes WebSockets only: publish with ctx.streams" });
  }

  http(request: IncomingHttp): void {
    const { method, path, headers, raw } = request;
    if (path === "/streams.json") return this.#ask("Names", { list: request });
    const isPage = (method === "GET" || method === "HEAD") && (headers.accept ?? "").includes("text/html");
    if (isPage && path === "/")
      return request.reply("", { status: 307, headers: { Location: pagePath(raw.url), "Cache-Control": "no-store" } });
    request.reply("LabGraph's API is a WebSocket: its live page is for browsers, at /\n", UPGRADE);
  }

  /** Who is silent or takes nothing goes; the others are pinged in their turn. */
  sweep(): void {
    const now = this.#ctx.now();
    for (const [channelId, { session, keepalive }] of this.#clients) {
      if (session.stalledMs >= LABGRAPH_LIMITS.stalledMs) this.#close(channelId, CLOSE.stalled);
      else
        switch (keepalive.due(now)) {
          case "silent":
            this.#close(channelId, CLOSE.silent);
            break;
          case "ping":
            this.#ctx.push(channelId, PING, "Ping");
            break;
          case "nothing":
        }
    }
  }

  /** What the page may choose from: as a start would be answered. */
  #shown(body: unknown): readonly { readonly name: string; readonly ready: boolean }[] {
    const { streams } = this.#hall.settings;
    const names = typeof body === "object" && body !== null && "Names" in body ? (body.Names as StreamEntry[]) : [];
    return names
      .filter(
        ({ name, kind, alive, private: isPrivate }) =>
          kind === "output" && alive && !isPrivate && (streams?.has(name) ?? true),
      )
      .map(({ name, ready }) => ({ name, ready }));
  }

  #ask(action: StreamAction, asked: Asked): void {
    this.#ctx.request(STREAMS).body(action).expectsResponse(ASK_SECONDS).context(asked).send();
  }

  #tell(action: StreamAction): void {
    this.#ctx.request(STREAMS).body(action).send();
  }

  #close(channelId: number, { code, reason }: { readonly code: number; readonly reason: string }): void {
    this.end(channelId);
    this.#ctx.close(channelId, code, reason);
  }
}

const PING = new TextEncoder().encode("LabG"); // four bytes, as LabGraph's own; no payload of a paced queue
const NO_STORE = { headers: { "Content-Type": "application/json", "Cache-Control": "no-store" } };
const UPGRADE = {
  status: 426,
  headers: { "Content-Type": "text/plain; charset=utf-8", Upgrade: "websocket", "Cache-Control": "no-store" },
};

/** From where the page was asked for, below `/` of a port of its own or below the process's id, with a slash or without. */
function pagePath(url: string): string {
  const last = url.slice(url.lastIndexOf("/") + 1);
  return last === "" ? "index.html" : `./${last}/index.html`;
}
