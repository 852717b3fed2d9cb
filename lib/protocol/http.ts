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

/** Process → http-server. `Bind` with `cache` needs the content as its blob; pushes need the payload. */
export type HttpServerAction =
  | {
      readonly Bind: {
        readonly path: string;
        readonly authenticated: boolean;
        readonly local_only: boolean;
        readonly cache: boolean;
      };
    }
  | { readonly Unbind: { readonly path: string } }
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
  | { readonly WebSocketTransfer: { readonly channel_id: number; readonly to: string } }
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
        /** Who had the channel before and handed it over: an address. Its note is the blob. */
        readonly transferred_from?: string;
      };
    }
  | { readonly WebSocketPush: { readonly channel_id: number; readonly message_type: WsMessageType } }
  | { readonly WebSocketClose: number };

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
};

/** The body of a process's answer to `Http`; the blob is the HTTP body. */
export type HttpResponse = { readonly status: number; readonly headers: Readonly<Record<string, string>> };

/** How the http-server answers an action. */
export type HttpServerResult = { readonly Ok: null } | { readonly Err: HttpServerErrorKind };

/**
 * - `MalformedRequest`: not an action of this list, or a field is missing or of the wrong kind.
 * - `NoBlob`: the action needs one.
 * - `InvalidSourceProcess`: the sender's id has unsafe letters (contract §1.3).
 * - `WsPingPongTooLong`: more than 125 bytes.
 * - `WsChannelNotFound`: no such channel, or it is bound to another process.
 * - `WsChannelOverloaded`: its client reads too slowly; the push was not queued (ours).
 * - `WsTargetNotFound`: no process of this node has that name, or it is one of the node's own (ours).
 * - `WsTargetDenied`: the channel's process may not message that one, or the http-server may not (ours).
 * - `WsTargetOverloaded`: its mailbox has no room for the Open and the frames that wait (ours).
 * - `LimitReached`: one more binding, topic or subscription than allowed, or a note that is too long (ours).
 */
export type HttpServerErrorKind =
  | "MalformedRequest"
  | "NoBlob"
  | "InvalidSourceProcess"
  | "WsPingPongTooLong"
  | "WsChannelNotFound"
  | "WsChannelOverloaded"
  | "WsTargetNotFound"
  | "WsTargetDenied"
  | "WsTargetOverloaded"
  | "LimitReached";

/** Client → http-server: the first message on the main route (DESIGN §4.2). Unknown keys are ignored. */
export type WsRegister = {
  readonly auth_token?: string | null;
  readonly target_process: string;
  /** True is refused: no encryption is offered yet. */
  readonly encrypted?: boolean;
  readonly slow_reader?: SlowReaderPolicy;
};

export const PING_PAYLOAD_MAX = 125; // bytes: RFC 6455 §5.5
