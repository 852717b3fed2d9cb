/**
 * soundlab:soundlab:sys: metrics of a small signal chain, 30 frames a second, its latency, 10, and its events.
 *
 *   /ws/metrics  /ws/latency  /ws/events   JSON in text frames; nothing need be sent
 *   /api/…                                 what it is set to, and its numbers at this moment (rest.ts)
 *   /                                      the live page
 *
 * Needs     to message http-server:distro:sys; homepage:homepage:sys, for its tile.
 * Settings  settings.ts; development, open to all, unless told otherwise.
 * State     none is kept: the chain begins anew.
 */
import { type Context, defineProcess, type HttpServerResult, type IncomingHttp } from "jackfield/process";
import { OptionError } from "jackfield/protocol";
import { bindChart } from "../chart-files.ts";
import { type Client, Clients, STREAMS } from "./clients.ts";
import { Lab, type Sent } from "./lab.ts";
import { answer, type Said } from "./rest.ts";
import { readSettings, type SoundlabSettings } from "./settings.ts";

type Service = { readonly lab: Lab; readonly clients: Clients };
type Ctx = Context<Service>;

const TOKEN_PREFIX = "/t/:token"; // a client that has nothing but a base URL puts its token there
const POLICY = 1008;

export default defineProcess<Service>({
  async init(ctx) {
    const settings = readSettings(ctx.settings);
    const clients = new Clients(settings.messagesPerSecond);
    const service = { lab: new Lab(settings, clients, ctx.now()), clients };
    await bindPaths(ctx, settings);
    ctx
      .request("homepage:homepage:sys")
      .body({ Add: { label: "Soundlab", description: "Metrics, latency and events of a signal, live" } })
      .send();
    tick(service, ctx);
    return service;
  },

  onOpen({ lab, clients }, { channelId, path }, ctx) {
    const client = clients.add(channelId, path, ctx);
    if (client === undefined || client.stream === "events") return; // nothing is replayed there
    const newest = client.stream === "metrics" ? lab.latest : lab.latency;
    if (newest !== undefined) ctx.push(channelId, newest);
    ctx.subscribe(channelId, client.stream);
  },

  onPush({ lab, clients }, { channelId, messageType }, blob, ctx) {
    const client = clients.of(channelId);
    if (client === undefined) return;
    if (messageType === "Pong") return void client.queue?.pong(blob.bytes());
    const said = client.inbound.take(ctx.now());
    if (said === "close") return ctx.close(channelId, POLICY, "too many messages a second");
    if (said === "answer") answerMessage(lab, client, blob.json(), (value) => ctx.push(channelId, value));
  },

  onClose: ({ clients }, { channelId }) => clients.delete(channelId),

  onHttp({ lab }, request, ctx) {
    const { settings } = lab;
    const { method } = request;
    if (method === "OPTIONS") return request.reply("", { status: 204, headers: corsOf(settings, request) });
    const asked = {
      method,
      path: ownPath(request),
      query: request.queryParams,
      body: request.blob.json(),
      now: ctx.now(),
    };
    const reply = ({ status, body, headers }: Said): void =>
      request.reply(body, {
        status,
        headers: { "Cache-Control": "no-store", ...corsOf(settings, request), ...headers },
      });
    const said = answer(lab, asked);
    if (said instanceof Promise)
      void said.then(reply); // not returned: that would hold the mailbox, and the chain with it
    else reply(said);
  },
});

/** Sends what is due, and comes back when the next is. */
function tick(service: Service, ctx: Ctx): void {
  const { lab, clients } = service;
  const send = ({ stream, blob }: Sent): void => {
    if (stream === "events") clients.tell(blob, ctx);
    else ctx.publish(stream, blob);
  };
  lab.tick(() => ctx.now(), send);
  ctx.after(lab.wait(ctx.now()), tick);
}

/** All else is nothing to answer: not even an error, as clients take each message of a stream for a frame. */
function answerMessage(lab: Lab, { stream }: Client, message: unknown, push: (value: unknown) => void): void {
  if (typeof message !== "object" || message === null || !("type" in message)) return;
  if (message.type === "ping" && stream !== "events") push({ type: "pong" });
  if (message.type === "get_stats" && stream === "latency") push({ type: "stats", data: lab.latencyStats });
}

async function bindPaths(ctx: Ctx, { stream, rest }: SoundlabSettings): Promise<void> {
  const anyone = { authenticated: false };
  const prefixes = rest === undefined ? [""] : ["", TOKEN_PREFIX];
  for (const prefix of prefixes) {
    for (const name of STREAMS) {
      const slowReader = name === "events" ? "close" : "latest";
      const binding = { ...anyone, slowReader, admission: { ...stream, shared: name } } as const; // by either path
      check(`/ws/${name}`, await ctx.bindWs(`${prefix}/ws/${name}`, binding));
    }
    const guarded = rest === undefined ? anyone : { ...anyone, admission: rest };
    check("/", await ctx.bindHttp(`${prefix}/*rest`, guarded));
  }
  // For who watches over it, and has no token.
  for (const path of ["/healthz", "/readyz", "/version"]) check(path, await ctx.bindHttp(path, anyone));
  await ctx.serveUi("ui", { ...anyone, spa: false });
  await bindChart(ctx, "");
}

function check(path: string, result: HttpServerResult): void {
  if ("Err" in result)
    throw new OptionError(
      `Cannot bind "${path}" of Soundlab as the http-server refused it: ${result.Err}; see its settings, where token.keys must be public keys in PEM, RSA or Ed25519`,
    );
}

function ownPath({ path, raw }: IncomingHttp): string {
  return raw.bound_path.includes(TOKEN_PREFIX) ? path.replace(/^\/t\/[^/]*/, "") : path;
}

/** Whose pages may read the answer: browsers keep it from all others. */
function corsOf({ origins }: SoundlabSettings, { headers }: IncomingHttp): Readonly<Record<string, string>> {
  const { origin } = headers;
  if (origin === undefined || !(origins === "any" || origins.includes(origin))) return {};
  return {
    "Access-Control-Allow-Origin": origins === "any" ? "*" : origin,
    "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT",
    "Access-Control-Allow-Headers": "Authorization, Content-Type",
    "Access-Control-Max-Age": "600",
    ...(origins === "any" ? {} : { Vary: "Origin" }),
  };
}
