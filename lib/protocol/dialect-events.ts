/**
 * What the http-server tells a process, in each dialect, and back (contract kinode §5.2, §5.7, §8).
 *
 *               kinode                hyperware              nectar                  uqbar
 *   open        {path, channel_id,    as kinode              {path, channel_id}      channel_id
 *                source_socket_addr,
 *                forwarded_for, …}
 *   frame       its type              its type               its type                always Binary
 *   Http        url, bound_path,      as kinode              raw_path                raw_path
 *                url_params
 *   metadata    of Close: its code    as kinode              "ws", "http"            "ws", "http"
 *   source      http-server:          http-server:           http_server:            http_server:
 *                distro:sys            distro:sys             sys:nectar              sys:uqbar
 */
import { Address } from "./address.ts";
import { Blob } from "./blob.ts";
import { type Dialect, HTTP_SERVER_IN } from "./dialect.ts";
import { Envelope } from "./envelope.ts";
import type { CloseMetadata, HttpRequest, HttpServerRequest, WsMessageType } from "./http.ts";

type OpenEvent = Extract<HttpServerRequest, { readonly WebSocketOpen: unknown }>["WebSocketOpen"];

/** An HTTP request until 2024-02. @property raw_path `http://host:port/path`, without the query */
export type OldHttpRequest = Omit<HttpRequest, "url" | "bound_path" | "url_params"> & { readonly raw_path: string };

type Grammar = {
  readonly open: (open: OpenEvent) => unknown;
  readonly http: (request: HttpRequest) => unknown;
  /** Of every event; null: the older systems' `"ws"` and `"http"` had gone. */
  readonly metadata: ((event: HttpServerRequest) => string) | null;
  /** What every frame is called; null: what it is. */
  readonly frameType: WsMessageType | null;
  /** What comes with a Close, to no purpose. */
  readonly closeBlob: string | null;
};

const OLD_METADATA = (event: HttpServerRequest): string => ("Http" in event ? "http" : "ws");

const GRAMMARS: Readonly<Record<Dialect, Grammar>> = {
  kinode: { open: (open) => open, http: (request) => request, metadata: null, frameType: null, closeBlob: null },
  hyperware: {
    open: (open) => open,
    http: (request) => request,
    metadata: null,
    frameType: null,
    closeBlob: null,
  },
  nectar: {
    open: ({ path, channel_id }) => ({ path, channel_id }),
    http: toOldHttp,
    metadata: OLD_METADATA,
    frameType: null,
    closeBlob: null,
  },
  uqbar: {
    open: ({ channel_id }) => channel_id,
    http: toOldHttp,
    metadata: OLD_METADATA,
    frameType: "Binary",
    closeBlob: '{"ipc":[],"payload":null}',
  },
};

/** Makes the events of one node. */
export class EventWriter {
  readonly #sources: Readonly<Record<Dialect, Address>>;

  /** @param our the http-server's own address */
  constructor(our: Address) {
    const older = (dialect: Dialect): Address => new Address(our.node, HTTP_SERVER_IN[dialect]);
    this.#sources = { kinode: our, hyperware: our, nectar: older("nectar"), uqbar: older("uqbar") };
  }

  /** Whether an event that bears `source` was made here: a process cannot give that object to a message of its own. */
  isOurs(source: Address): boolean {
    return Object.values(this.#sources).includes(source);
  }

  /** Under which name the http-server speaks. */
  source(dialect: Dialect): Address {
    return this.#sources[dialect];
  }

  event(dialect: Dialect, target: Address, event: HttpServerRequest, blob: Blob | null): Envelope {
    const { metadata } = GRAMMARS[dialect];
    const envelope = new Envelope("request", this.#sources[dialect], target, spell(dialect, event), blob);
    if (metadata !== null) envelope.metadata = metadata(event);
    return envelope;
  }

  close(dialect: Dialect, target: Address, channelId: number, facts: CloseMetadata): Envelope {
    const { closeBlob } = GRAMMARS[dialect];
    const blob = closeBlob === null ? null : Blob.of(closeBlob);
    const envelope = this.event(dialect, target, { WebSocketClose: channelId }, blob);
    envelope.metadata ??= JSON.stringify(facts); // the body is the contract's
    return envelope;
  }
}

/** What a frame of that type is called: null in most, which means as it is. */
export function frameTypeIn(dialect: Dialect): WsMessageType | null {
  return GRAMMARS[dialect].frameType;
}

function spell(dialect: Dialect, event: HttpServerRequest): unknown {
  const { open, http, frameType } = GRAMMARS[dialect];
  if ("WebSocketPush" in event) {
    const { channel_id, message_type } = event.WebSocketPush;
    return { WebSocketPush: { channel_id, message_type: frameType ?? message_type } };
  }
  if ("WebSocketOpen" in event) return { WebSocketOpen: open(event.WebSocketOpen) };
  return "Http" in event ? { Http: http(event.Http) } : event;
}

function toOldHttp({ url, bound_path: _bound, url_params: _params, ...rest }: HttpRequest): OldHttpRequest {
  const [, port] = /:(\d+)$/.exec(rest.headers.host ?? "") ?? [];
  const raw_path = port === undefined ? url : url.replace(/^http:\/\/(?:\[[^\]]*\]|[^/:]*)/, `$&:${port}`);
  return { ...rest, raw_path };
}

/**
 * An event of the http-server in any dialect, as Kinode spells it. What a dialect does not say stays out: an Uqbar
 * process is told no path (`/`) and no peer, a Uqbar or Nectar one neither binding nor parameters of a path.
 */
export function readEvent(body: object): HttpServerRequest {
  const { WebSocketOpen: open, Http: http } = body as { readonly WebSocketOpen?: unknown; readonly Http?: unknown };
  if (typeof open === "number") return { WebSocketOpen: { path: "/", channel_id: open, source_socket_addr: null } };
  if (typeof http === "object" && http !== null && "raw_path" in http) return { Http: fromOldHttp(http) };
  return body as HttpServerRequest; // the http-server's word
}

function fromOldHttp(http: object): HttpRequest {
  const { raw_path: url, ...rest } = http as OldHttpRequest;
  return { ...rest, url, bound_path: url.replace(/^http:\/\/[^/]*/, ""), url_params: {} };
}

/** The facts of a Close; a process of an older dialect is told none. @param metadata the event's */
export function readCloseFacts(metadata: string | null): CloseMetadata {
  if (metadata === null || !metadata.startsWith("{")) return { code: 1005, reason: "" };
  return JSON.parse(metadata) as CloseMetadata; // the http-server's own text
}
