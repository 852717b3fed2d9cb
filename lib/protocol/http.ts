/**
 * What processes and the http-server say to each other, in the wire's own spelling (contract kinode §5.1, §5.2).
 * Bodies are JSON; these types say their shapes.
 */
import type { Admission } from "./admission.ts";
import type { ExtensionBlob, ExtensionMessageType } from "./extension.ts";

export const MESSAGE_TYPES = ["Text", "Binary", "Ping", "Pong", "Close"] as const;
export type WsMessageType = (typeof MESSAGE_TYPES)[number];

/** What to do with a channel whose client reads too slowly (DESIGN §4.7). */
export const SLOW_READER_POLICIES = ["close", "drop", "latest"] as const;
/**
 * - `close`: end it with 1013.
 * - `drop`: leave out the newest pushes until it has caught up.
 * - `latest`: of publishes, and of pushes with a key, send it the newest as fast as it answers pings; other pushes as `close`.
 */
export type SlowReaderPolicy = (typeof SLOW_READER_POLICIES)[number];

/** Several values of one name go out, and came, as several lines. */
export type HttpHeaders = Readonly<Record<string, string | readonly string[]>>;

export const HTTP_FALLBACKS = ["all", "pages", "none"] as const;
/**
 * - `all`: it serves them, as the contract has it (kinode §5.3).
 * - `pages`: it serves those that a browser navigates to; the rest, and what looks like a file, is 404.
 * - `none`: they are 404.
 */
export type HttpFallback = (typeof HTTP_FALLBACKS)[number];

/**
 * Process → http-server. `HttpChunk` sends its blob as the next piece of an answer that began with `"stream": true`,
 * and is answered when there is room for more. `HttpEnd` ends that answer; with `cut`, so that the client sees that
 * something is missing. `HttpRead` is answered with the next piece of a streamed request body. `Bind` with `cache` needs the content as its blob; pushes need the payload. */
export type HttpServerAction =
  | {
      readonly Bind: {
        readonly path: string;
        readonly authenticated: boolean;
        readonly local_only: boolean;
        readonly cache: boolean;
      } & BindExtra;
    }
  | { readonly SecureBind: { readonly path: string; readonly cache: boolean } & BindExtra }
  | { readonly Unbind: { readonly path: string } }
  | { readonly HttpChunk: { readonly stream_id: number } }
  | { readonly HttpEnd: { readonly stream_id: number; readonly cut?: boolean } }
  | { readonly HttpRead: { readonly stream_id: number } }
  | { readonly WebSocketBind: WebSocketBind }
  | { readonly WebSocketSecureBind: Omit<WebSocketBind, "authenticated"> }
  | { readonly WebSocketUnbind: { readonly path: string } }
  | {
      readonly WebSocketPush: {
        readonly channel_id: number;
        readonly message_type: WsMessageType;
        /** Text and Binary only: where the channel's policy is `latest`, a newer one of the same key may replace it (ours). */
        readonly key?: string;
      };
    }
  | {
      readonly WebSocketExtPushOutgoing: {
        readonly channel_id: number;
        /** Anything but Binary is told NoBlob (contract kinode §5.1). */
        readonly message_type: WsMessageType;
        readonly desired_reply_type: ExtensionMessageType;
      };
    }
  | {
      readonly WebSocketClose:
        | number
        | { readonly channel_id: number; readonly code?: number; readonly reason?: string };
    }
  /** `node`: whose channel it is; left out: this one's (ours). */
  | { readonly WebSocketSubscribe: { readonly channel_id: number; readonly topic: string; readonly node?: string } }
  | { readonly WebSocketUnsubscribe: { readonly channel_id: number; readonly topic: string; readonly node?: string } }
  | { readonly WebSocketTransfer: { readonly channel_id: number; readonly to: string } }
  /** Lets the process of that address push to the channel, and close it (ours). */
  | { readonly WebSocketGrant: { readonly channel_id: number; readonly to: string } }
  | { readonly WebSocketUngrant: { readonly channel_id: number; readonly to: string } }
  | { readonly WebSocketPublish: { readonly topic: string; readonly message_type: "Text" | "Binary" } };

/** What a binding may say beyond the contract (ours). */
export type BindExtra = {
  /** With `cache`: headers of the content (ours). */
  readonly headers?: HttpHeaders;
  /** What the binding of `/` does for paths that are not bound; ours, default `all`. */
  readonly fallback?: HttpFallback;
  /** On which terms it is open: only `token` and `closed` count here (ours). */
  readonly admission?: Admission;
  /** Without `cache`: `Http` comes at once, and the body is read with HttpRead (ours). */
  readonly stream_body?: boolean;
};

/** `send_limit` in bytes; ours, like `slow_reader` (DESIGN §4.7) and `extension_blob`. */
export type WebSocketBind = {
  readonly path: string;
  readonly authenticated: boolean;
  readonly extension: boolean;
  /** How blobs are written to an extension; both are read. Default `array`. */
  readonly extension_blob?: ExtensionBlob;
  readonly slow_reader?: SlowReaderPolicy;
  readonly send_limit?: number;
  /** Takes permessage-deflate when a client offers it (RFC 7692). Ours, as what follows. */
  readonly compress?: boolean;
  /** Sub-protocols it speaks; the client's order decides. */
  readonly protocols?: readonly string[];
  /** Request headers that its Opens carry. */
  readonly open_headers?: readonly string[];
  /** On which terms it is open. Pages of any origin may come only to a path without `authenticated`. */
  readonly admission?: Admission;
};

/** What a process hears of a new channel: the contract's fields, its successor's, and from `user` on ours. */
export type WebSocketOpen = {
  /** Who had the channel before and handed it over: an address. Its note is the blob (ours). */
  readonly transferred_from?: string;
  readonly path: string;
  readonly channel_id: number;
  /** `address:port` of the client. */
  readonly source_socket_addr?: string | null;
  /** What a trusted proxy says of where it comes from. */
  readonly forwarded_for?: string | null;
  /** Who is logged in; null: nobody. */
  readonly user?: string | null;
  /** Decoded; the last of several. */
  readonly query_params?: Readonly<Record<string, string>>;
  /** Those that the binding chose and the client sent, names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The sub-protocol that was selected; null: none. */
  readonly protocol?: string | null;
};

/** http-server → process. */
export type HttpServerRequest =
  | { readonly Http: HttpRequest }
  | { readonly WebSocketOpen: WebSocketOpen }
  | { readonly WebSocketPush: { readonly channel_id: number; readonly message_type: WsMessageType } }
  | { readonly WebSocketClose: number }
  /** A streamed answer or body has ended before its end: the client left, or was too slow (ours). */
  | { readonly HttpClose: number };

/** The metadata of a `WebSocketClose`, as JSON. */
export type CloseMetadata = {
  readonly code: number;
  readonly reason: string;
  /** The channel lives on, as that process's: an address. */
  readonly transferred_to?: string;
};

export type HttpRequest = {
  /** `address:port` of the peer. */
  readonly source_socket_addr: string;
  readonly method: string;
  /** `http://host/path`: without port and query, the path as it was sent, still percent-encoded. */
  readonly url: string;
  /** The binding that matched, with the process id before it. */
  readonly bound_path: string;
  /** Names in lower case; the last of several. */
  readonly headers: Readonly<Record<string, string>>;
  /** Still percent-encoded. */
  readonly url_params: Readonly<Record<string, string>>;
  /** Decoded; the last of several. */
  readonly query_params: Readonly<Record<string, string>>;
  /** Every header as it was sent, several of one name too; names in lower case (ours). */
  readonly header_list: readonly (readonly [name: string, value: string])[];
  /** Every query parameter, decoded, in its order (ours). */
  readonly query_list: readonly (readonly [name: string, value: string])[];
  /** Names this exchange in HttpChunk, HttpEnd and HttpRead (ours). */
  readonly stream_id: number;
  /** The body is to be read with HttpRead: the binding asked for it (ours). */
  readonly stream_body: boolean;
  /** True over TLS, else left out (ours: `url` says http whatever came). */
  readonly secure?: boolean;
};

/** The body of a process's answer to `Http`; the blob is the HTTP body, or with `stream` the beginning of it. */
export type HttpResponse = {
  readonly status: number;
  readonly headers: HttpHeaders;
  /** The body follows by HttpChunk, up to HttpEnd. A Content-Length among `headers` then counts (ours). */
  readonly stream?: boolean;
};

/** How the http-server answers an action. */
export type HttpServerResult = { readonly Ok: null } | { readonly Err: HttpServerErrorKind };

/** How it answers HttpRead; the blob is the piece. `done`: the body has been read, there is no blob. */
export type HttpReadResult = { readonly Ok: { readonly done: boolean } } | { readonly Err: HttpServerErrorKind };

/**
 * - `MalformedRequest`: not an action of this list, or a field is missing or of the wrong kind.
 * - `NoBlob`: the action needs one.
 * - `InvalidSourceProcess`: the sender's id has unsafe letters (contract §1.3).
 * - `WsPingPongTooLong`: more than 125 bytes.
 * - `WsChannelNotFound`: no such channel, or it is bound to another process that has granted nothing.
 * - `WsChannelOverloaded`: its client reads too slowly; the push was not queued (ours).
 * - `SubdomainTaken`: another package's name comes to the same subdomain, or it is longer than a host's part may be (ours).
 * - `WsTargetNotFound`: no process of this node has that name, or it is one of the node's own; or there is no link (ours).
 * - `WsTargetDenied`: the channel's process may not message that one, or the http-server may not (ours).
 * - `WsTargetOverloaded`: its mailbox has no room for the Open and the frames that wait (ours).
 * - `LimitReached`: one more binding, topic, grant or subscription than allowed, or a note that is too long (ours).
 * - `HttpStreamClosed`: no such stream: it has ended, the client left, or it is another process's (ours).
 * - `HttpBodyTooLarge`: the request's body is more than `httpStreamBytes`; the client got 413 (ours).
 * - `HttpBodyTooSlow`: it came slower than `httpBodyPace`; the client got 408 (ours).
 */
export type HttpServerErrorKind =
  | "MalformedRequest"
  | "NoBlob"
  | "InvalidSourceProcess"
  | "WsPingPongTooLong"
  | "WsChannelNotFound"
  | "WsChannelOverloaded"
  | "SubdomainTaken"
  | "WsTargetNotFound"
  | "WsTargetDenied"
  | "WsTargetOverloaded"
  | "LimitReached"
  | "HttpStreamClosed"
  | "HttpBodyTooLarge"
  | "HttpBodyTooSlow";

/** Client → http-server: the first message on the main route (DESIGN §4.2). Unknown keys are ignored. */
export type WsRegister = {
  readonly auth_token?: string | null;
  readonly target_process: string;
  /** True is refused: no encryption is offered yet. */
  readonly encrypted?: boolean;
  readonly slow_reader?: SlowReaderPolicy;
};

export const PING_PAYLOAD_MAX = 125; // bytes: RFC 6455 §5.5
