/**
 * http-client:distro:sys: HTTP and WebSockets to elsewhere (contract kinode §6).
 *
 * Needs  to message the processes that open WebSockets: each says so itself, by what it attaches, or in its manifest.
 * 1. Only processes of this node are served (contract kinode §9, row 30), and reach public addresses; more by capability:
 *    permission.ts.
 * 2. Nothing waits in the mailbox for a peer: each request goes its own way and is answered when it is done.
 * 3. Everything ends: by limits.requestTime, with its peer, with its process.
 */
import { type Context, defineProcess, type Message, type Program, type Timer } from "jackfield/process";
import { type Blob, type HttpClientAction, type HttpClientResult, MESSAGING } from "jackfield/protocol";
import { HttpRequests, headersOf, refusalOf, urlOf } from "./http.ts";
import { type HttpClientLimits, httpClientLimits } from "./limits.ts";
import { reachOf } from "./permission.ts";
import { readAction } from "./read-action.ts";
import { limitReached, Refusal } from "./refusal.ts";
import { Sockets } from "./sockets.ts";
import { Streams } from "./streams.ts";

export type HttpClientOptions = {
  /** Of limits.ts. */
  readonly limits?: Readonly<Record<string, number | undefined>>;
};

type Ctx = Context<HttpClient>;
type Answer = { readonly body: HttpClientResult; readonly blob?: Blob };
type Action<Name extends string> = Extract<HttpClientAction, Readonly<Record<Name, unknown>>>;

const ACK: Answer = { body: { Ok: "WebSocketAck" } };
const WS_HEADERS = /^sec-websocket-/; // the handshake's own

/** @throws {OptionError} a limit */
export function httpClientProcess(options: HttpClientOptions = {}): Program {
  const limits = httpClientLimits(options.limits);
  return defineProcess<HttpClient>({
    init: (ctx) => new HttpClient(limits, ctx),
    onRequest: (client, message) => client.take(message),
    onExit: (client) => client.close(),
  });
}

class HttpClient {
  readonly #ctx: Ctx;
  readonly #limits: HttpClientLimits;
  readonly #http: HttpRequests;
  readonly #sockets: Sockets;
  readonly #streams = new Streams();
  readonly #running = new Map<string, number>(); // requests under way, by process
  readonly #aborts = new Set<AbortController>();
  #total = 0;
  #sweeps = false;

  constructor(limits: HttpClientLimits, ctx: Ctx) {
    this.#ctx = ctx;
    this.#limits = limits;
    this.#http = new HttpRequests(limits);
    this.#sockets = new Sockets(ctx, limits);
  }

  take(message: Message): void {
    message.blob?.keep();
    this.#run(message).then(
      (answer) => answer !== undefined && this.#reply(message, answer),
      (error: unknown) => this.#reply(message, { body: { Err: refusalOf(error).body } }),
    );
  }

  async close(): Promise<void> {
    for (const abort of this.#aborts) abort.abort();
    this.#streams.closeAll();
    this.#sockets.closeAll();
    await this.#http.close();
  }

  /** What is pushed is sent before the first await: in the order it came. @returns undefined: it is answered already */
  async #run(message: Message): Promise<Answer | undefined> {
    const action = readAction(message.body);
    if (action === undefined) throw new Refusal("MalformedRequest");
    const { source } = message;
    if (source.node !== this.#ctx.node) throw new Refusal({ Denied: { url: "", error: "it comes from another node" } });
    if ("WebSocketPush" in action) {
      const { channel_id, message_type } = action.WebSocketPush;
      await this.#sockets.push(source, channel_id, message_type, message.blob);
      return ACK;
    }
    if ("WebSocketClose" in action) {
      const { channel_id, code = 1000, reason = "" } = action.WebSocketClose;
      this.#sockets.close(source, channel_id, code, reason);
      return ACK;
    }
    if ("WebSocketOpen" in action) return await this.#open(action.WebSocketOpen, message);
    if ("HttpRead" in action) {
      const blob = await this.#streams.read(action.HttpRead.stream_id, source.text, this.#ctx.now());
      return blob === null
        ? { body: { Ok: { HttpRead: { done: true } } } }
        : { body: { Ok: { HttpRead: { done: false } } }, blob };
    }
    if ("HttpCancel" in action) {
      this.#streams.cancel(action.HttpCancel.stream_id, source.text);
      return { body: { Ok: "HttpAck" } };
    }
    return await this.#fetch(action, message);
  }

  async #fetch({ Http: http }: Action<"Http">, message: Message): Promise<Answer> {
    const owner = message.source.text;
    const done = this.#begin(owner);
    const abort = new AbortController();
    const ms = this.#timeOf(http.timeout, message);
    let timer: Timer | undefined;
    let streams = false;
    this.#aborts.add(abort);
    try {
      timer = this.#ctx.after(ms, () => abort.abort(new Error(`it took longer than ${ms} ms`)));
      const fetched = await this.#http.fetch({
        http,
        body: message.blob?.bytes() ?? null,
        signal: abort.signal,
        reach: (url, method) => reachOf(this.#ctx, message, url, method),
      });
      if (http.stream !== true) {
        const blob = await this.#http.whole(fetched);
        return { body: { Ok: { Http: fetched.answer } }, blob };
      }
      const stream_id = this.#streams.add(owner, fetched, this.#ctx.now(), () => {
        this.#aborts.delete(abort);
        done();
      });
      streams = true;
      this.#sweep();
      return { body: { Ok: { Http: { ...fetched.answer, stream_id } } } };
    } catch (error) {
      if (abort.signal.aborted)
        throw new Refusal({ ExecuteRequestFailed: String(abort.signal.reason?.message ?? "the node stops") });
      throw error;
    } finally {
      timer?.cancel();
      if (!streams) {
        this.#aborts.delete(abort);
        done();
      }
    }
  }

  async #open(open: Action<"WebSocketOpen">["WebSocketOpen"], message: Message): Promise<undefined> {
    const { channel_id: channelId, protocols = [], answered = false } = open;
    const url = urlOf(open.url, ["ws:", "wss:"]);
    const headers = headersOf(open.headers, WS_HEADERS);
    this.#mayMessage(message, url);
    const reach = await reachOf(this.#ctx, message, url, "GET");
    const job = { owner: message.source, channelId, url, headers, protocols, answered, reach };
    await this.#sockets.open(job, () => this.#reply(message, ACK));
    return undefined;
  }

  /** A process that cannot be told of frames would lose them without a word, as in the original. @throws {Refusal} WsOpenFailed */
  #mayMessage({ source, capabilities }: Message, url: URL): void {
    const { capabilities: own } = this.#ctx;
    own.save(capabilities.filter(({ issuer, params }) => issuer === source.text && params === MESSAGING));
    if (own.canMessage(source)) return;
    const error = `${source.id.text} must grant http-client:distro:sys its messaging capability, for the frames`;
    throw new Refusal({ WsOpenFailed: { url: url.href, error } });
  }

  /** @returns to be called when it is done @throws {Refusal} too many are under way */
  #begin(owner: string): () => void {
    const own = this.#running.get(owner) ?? 0;
    if (own >= this.#limits.requests) throw limitReached(this.#limits, "requests");
    if (this.#total >= this.#limits.requestsTotal) throw limitReached(this.#limits, "requestsTotal");
    this.#running.set(owner, own + 1);
    this.#total++;
    return () => {
      const left = (this.#running.get(owner) ?? 1) - 1;
      if (left === 0) this.#running.delete(owner);
      else this.#running.set(owner, left);
      this.#total--;
    };
  }

  /** No longer than the caller waits. */
  #timeOf(timeout: number = this.#limits.requestTime, { expectsResponse }: Message): number {
    const waits = expectsResponse === null ? Number.POSITIVE_INFINITY : expectsResponse * 1000;
    return Math.max(0, Math.min(timeout, waits, this.#limits.requestTime));
  }

  #reply(message: Message, { body, blob }: Answer): void {
    if (message.rsvp === null) return;
    try {
      this.#ctx.respond(body, { to: message, ...(blob === undefined ? {} : { blob }) });
    } catch {
      // This incarnation has ended, and its requesters have been told.
    }
  }

  #sweep(): void {
    if (this.#sweeps || this.#streams.size === 0) return;
    try {
      this.#ctx.after(this.#limits.streamIdle, () => {
        this.#sweeps = false;
        this.#streams.closeIdle(this.#ctx.now(), this.#limits.streamIdle);
        this.#sweep();
      });
      this.#sweeps = true;
    } catch {
      // This incarnation has ended, or has too many timers: the next stream that opens tries again.
    }
  }
}
