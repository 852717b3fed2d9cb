/**
 * HTTP and WebSockets to elsewhere, through http-client:distro:sys.
 *
 *   const answer = await ctx.http.fetch("https://api.example.com/news");
 *   if (answer.ok) … answer.json() …
 *
 * 1. The manifest asks for `http-client:distro:sys`. Addresses of this machine and of private networks want a capability
 *    more: `{"process":"http-client:distro:sys","params":{"local":true}}`.
 * 2. A WebSocket's frames come to `onClientPush`, its end to `onClientClose`. It belongs to the process, not to one run of
 *    it: after a restart frames go on coming; `openWs` in `init` with the same `channelId` begins anew.
 * 3. A frame is answered when its handler is done. Until then at most a few are on their way, and the peer is held back.
 */
import {
  Address,
  Blob,
  type BlobLike,
  type Capability,
  capability,
  Envelope,
  type Host,
  HTTP_CLIENT,
  type HttpClientAction,
  type HttpClientErrorBody,
  type HttpClientRequest,
  type HttpClientResult,
  type IncomingHttpAnswer,
  KernelError,
  MESSAGING,
  type Message,
  ON_BEHALF,
  toBlob,
  type WsMessageType,
} from "../protocol/index.ts";

const SECONDS = 90; // seconds: http-client:distro:sys gives up sooner, at limits.requestTime, and says why
const SLACK = 5; // seconds more than a time that was asked for, for the same reason

/** What http-client:distro:sys refused, or could not do. `kind` is the contract's word. */
export class HttpClientError extends KernelError {
  override readonly name = "HttpClientError";
  readonly kind: string;

  constructor(act: string, what: string, error: HttpClientErrorBody) {
    const [kind, detail] = typeof error === "string" ? [error, ""] : (Object.entries(error)[0] ?? ["", ""]);
    const said = typeof detail === "string" ? detail : JSON.stringify(detail);
    super(kind, `Cannot ${act} "${what}" as http-client:distro:sys says: ${said === "" ? kind : `${kind} ${said}`}`);
    this.kind = kind;
  }
}

type Rights = {
  /** Sent along: only they count. */
  readonly capabilities?: readonly Capability[];
  /** The request in hand whose sender this is done for: only what came with it counts (the confused deputy). */
  readonly onBehalfOf?: Pick<Message, "capabilities">;
};

export type FetchOptions = Rights & {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: BlobLike;
  /** Default `follow`. `manual`: the redirect itself is the answer. */
  readonly redirect?: "follow" | "manual" | "error";
  /** Until all has come; with `stream`, its head. At most limits.requestTime. */
  readonly seconds?: number;
};

export type OpenWsOptions = Rights & {
  /** Any number that this process does not use yet; an open one of that number is closed. Left out: one that is free. */
  readonly channelId?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly protocols?: readonly string[];
};

type Head = {
  readonly status: number;
  /** 200 to 299. */
  readonly ok: boolean;
  /** Names in lower case; several values of one name joined by a comma, cookies apart. */
  readonly headers: Readonly<Record<string, string>>;
  readonly cookies: readonly string[];
  /** Where it came from, behind redirects. */
  readonly url: string;
};

export type ClientAnswer = Head & {
  readonly body: Blob;
  /** Undefined: it is no UTF-8. */
  text(): string | undefined;
  /** Undefined: it is no JSON. */
  json(): unknown;
};

/** @property body no faster than it is read; leaving the loop ends the connection */
export type ClientStream = Head & { readonly body: AsyncGenerator<Uint8Array, void> };

export class HttpClientCalls {
  readonly #host: Host;
  readonly #client: Address;
  #lastChannel = 0;

  constructor(host: Host) {
    this.#host = host;
    this.#client = new Address(host.our.node, HTTP_CLIENT);
  }

  /** The answer, whatever its status. @throws {HttpClientError} there is none, or it is too large: use `stream` */
  async fetch(url: string, options: FetchOptions = {}): Promise<ClientAnswer> {
    const { head, blob } = await this.#http(url, options, false);
    const body = blob ?? Blob.of("");
    return { ...headOf(head), body, text: () => body.text(), json: () => body.json() };
  }

  /** The same with a body of any size, piece by piece. @throws {HttpClientError} in its loop too */
  async stream(url: string, options: FetchOptions = {}): Promise<ClientStream> {
    const { head } = await this.#http(url, options, true);
    return { ...headOf(head), body: this.#read(url, head.stream_id ?? 0) };
  }

  /** @returns the channel: its frames come to `onClientPush` @throws {HttpClientError} WsOpenFailed */
  async openWs(url: string, options: OpenWsOptions = {}): Promise<number> {
    const { headers = {}, protocols, channelId = ++this.#lastChannel, ...rights } = options;
    this.#lastChannel = Math.max(this.#lastChannel, channelId);
    const open = { url, headers, channel_id: channelId, answered: true, ...(protocols && { protocols }) };
    // It is to send requests here: that is this process's own to allow.
    const reach = capability(this.#host.our, MESSAGING);
    const request = this.#request({ WebSocketOpen: open }, null, [...rightsOf(this.#host, rights), reach]);
    await this.#call("open", url, request);
    return channelId;
  }

  /** Text as Text, bytes as Binary, a blob as it came, anything else as JSON. Resolves when there is room for more. @throws {HttpClientError} */
  async pushWs(channelId: number, value: unknown, messageType?: WsMessageType): Promise<void> {
    const blob = frame(value);
    const type = messageType ?? (blob.isText ? "Text" : "Binary");
    const action: HttpClientAction = { WebSocketPush: { channel_id: channelId, message_type: type } };
    await this.#call("push to", String(channelId), this.#request(action, blob));
  }

  /** @throws {HttpClientError} WsCloseFailed: it is not open */
  async closeWs(channelId: number, code?: number, reason?: string): Promise<void> {
    const close = { channel_id: channelId, ...(code === undefined ? {} : { code, reason: reason ?? "" }) };
    await this.#call("close", String(channelId), this.#request({ WebSocketClose: close }, null));
  }

  async #http(
    url: string,
    options: FetchOptions,
    stream: boolean,
  ): Promise<{ head: IncomingHttpAnswer; blob: Blob | null }> {
    const { method = "GET", headers = {}, body, redirect, seconds, ...rights } = options;
    const http = {
      method,
      url,
      headers,
      stream,
      ...(redirect && { redirect }),
      ...(seconds === undefined ? {} : { timeout: Math.ceil(seconds * 1000) }),
    };
    const blob = body === undefined ? null : toBlob(body);
    const request = this.#request({ Http: http }, blob, rightsOf(this.#host, rights));
    request.expectsResponse = seconds === undefined ? SECONDS : Math.ceil(seconds) + SLACK;
    const answer = await this.#call(method, url, request);
    const { Ok: ok } = answer.body as { readonly Ok: { readonly Http: IncomingHttpAnswer } }; // its word
    return { head: ok.Http, blob: answer.blob };
  }

  async *#read(url: string, id: number): AsyncGenerator<Uint8Array, void> {
    let done = false;
    try {
      while (!done) {
        const answer = await this.#call("read from", url, this.#request({ HttpRead: { stream_id: id } }, null));
        done = (answer.body as { readonly Ok: { readonly HttpRead: { readonly done: boolean } } }).Ok.HttpRead.done;
        if (answer.blob !== null && answer.blob.byteLength > 0) yield answer.blob.bytes();
      }
    } catch (error) {
      done = true; // it has ended there
      throw error;
    } finally {
      if (!done) this.#host.tell(this.#client, { HttpCancel: { stream_id: id } }, null);
    }
  }

  #request(action: HttpClientAction, blob: Blob | null, capabilities: readonly Capability[] = []): Envelope {
    const request = new Envelope("request", this.#host.our, this.#client, action, blob);
    request.expectsResponse = SECONDS;
    if (capabilities.length > 0) request.capabilities = capabilities;
    return request;
  }

  async #call(act: string, what: string, request: Envelope): Promise<Envelope> {
    const answer = await this.#host.call(request);
    const body = answer.body as HttpClientResult; // its word: the kernel says who answers
    if ("Err" in body) throw new HttpClientError(act, what, body.Err);
    return answer;
  }
}

/** What http-client:distro:sys tells of a channel; undefined: `message` is something else. */
export function clientEvent(message: Envelope, node: string): HttpClientRequest | undefined {
  const { source, body } = message;
  if (source.id.text !== HTTP_CLIENT.text || source.node !== node) return undefined;
  return typeof body === "object" && body !== null ? (body as HttpClientRequest) : undefined;
}

function rightsOf(host: Host, { capabilities = [], onBehalfOf }: Rights): readonly Capability[] {
  if (onBehalfOf === undefined) return capabilities;
  return [...capabilities, ...onBehalfOf.capabilities, { issuer: host.our.text, params: ON_BEHALF }];
}

function headOf({ status, headers, url, set_cookies: cookies = [] }: IncomingHttpAnswer): Head {
  const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
  return { status, ok: status >= 200 && status <= 299, headers: Object.fromEntries(lower), cookies, url };
}

function frame(value: unknown): Blob {
  if (value instanceof Blob) return value;
  if (typeof value === "string" || value instanceof Uint8Array || value instanceof ArrayBuffer) return Blob.of(value);
  return Blob.json(value);
}
