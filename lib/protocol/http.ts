/**
 * What processes and the http-server say to each other, in the wire's own spelling (contract kinode §5.1, §5.2).
 * Bodies are JSON; these types say their shapes.
 */

export const MESSAGE_TYPES = ["Text", "Binary", "Ping", "Pong", "Close"] as const;
export type WsMessageType = (typeof MESSAGE_TYPES)[number];

/** What to do with a channel whose client reads too slowly (DESIGN §4.7). */
export const SLOW_READER_POLICIES = ["close", "drop"] as const;
/** - `close`: end it with 1013. - `drop`: leave out the newest pushes until it has caught up. */
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
        /** With `cache`: headers of the content (ours). */
        readonly headers?: HttpHeaders;
        /** What the binding of `/` does for paths that are not bound; ours, default `all`. */
        readonly fallback?: HttpFallback;
        /** Without `cache`: `Http` comes at once, and the body is read with HttpRead (ours). */
        readonly stream_body?: boolean;
      };
    }
  | { readonly Unbind: { readonly path: string } }
  | { readonly HttpChunk: { readonly stream_id: number } }
  | { readonly HttpEnd: { readonly stream_id: number; readonly cut?: boolean } }
  | { readonly HttpRead: { readonly stream_id: number } }
  | { readonly WebSocketBind: WebSocketBind }
  | { readonly WebSocketUnbind: { readonly path: string } }
  | { readonly WebSocketPush: { readonly channel_id: number; readonly message_type: WsMessageType } }
  | {
      readonly WebSocketClose:
        | number
        | { readonly channel_id: number; readonly code?: number; readonly reason?: string };
    }
  | { readonly WebSocketSubscribe: { readonly channel_id: number; readonly topic: string } }
  | { readonly WebSocketUnsubscribe: { readonly channel_id: number; readonly topic: string } }
  | { readonly WebSocketPublish: { readonly topic: string; readonly message_type: "Text" | "Binary" } };

/** `send_limit` in bytes; ours, like `slow_reader` (DESIGN §4.7). */
export type WebSocketBind = {
  readonly path: string;
  readonly authenticated: boolean;
  readonly extension: boolean;
  readonly slow_reader?: SlowReaderPolicy;
  readonly send_limit?: number;
};

/** http-server → process. */
export type HttpServerRequest =
  | { readonly Http: HttpRequest }
  | {
      readonly WebSocketOpen: {
        readonly path: string;
        readonly channel_id: number;
        readonly source_socket_addr: string | null;
      };
    }
  | { readonly WebSocketPush: { readonly channel_id: number; readonly message_type: WsMessageType } }
  | { readonly WebSocketClose: number }
  /** A streamed answer or body has ended before its end: the client left, or was too slow (ours). */
  | { readonly HttpClose: number };

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
 * - `WsChannelNotFound`: no such channel, or it is bound to another process.
 * - `WsChannelOverloaded`: its client reads too slowly; the push was not queued (ours).
 * - `LimitReached`: one more binding, topic or subscription than allowed (ours).
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
