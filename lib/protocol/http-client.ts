/**
 * What http-client:distro:sys is asked, answers and sends (contract kinode §6; ours beside it). Bytes travel in blobs.
 *
 * A channel of an outgoing WebSocket is named by its process: `channel_id` is for it to choose.
 */
import { ProcessId } from "./address.ts";
import type { WsMessageType } from "./http.ts";

export const HTTP_CLIENT: ProcessId = new ProcessId("http-client", "distro", "sys");

export type HttpClientAction =
  | { readonly Http: OutgoingHttp }
  | {
      readonly WebSocketOpen: {
        readonly url: string;
        readonly headers: Readonly<Record<string, string>>;
        readonly channel_id: number;
        readonly protocols?: readonly string[];
        /** Ours: each frame is a request to be answered when it was handled, and the peer is held back meanwhile. */
        readonly answered?: boolean;
      };
    }
  | { readonly WebSocketPush: { readonly channel_id: number; readonly message_type: WsMessageType } }
  | {
      readonly WebSocketClose: { readonly channel_id: number; readonly code?: number; readonly reason?: string };
    }
  /** Ours: the next piece of an answer that was asked for with `stream`. */
  | { readonly HttpRead: { readonly stream_id: number } }
  | { readonly HttpCancel: { readonly stream_id: number } };

export type OutgoingHttp = {
  readonly method: string;
  /** Null, or `HTTP/1.1`. */
  readonly version?: string | null;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Ours. Default `follow`. `manual`: the redirect itself is the answer. */
  readonly redirect?: "follow" | "manual" | "error";
  /** Ours: the answer comes without its body, which is read with HttpRead. */
  readonly stream?: boolean;
  /** Ours, in milliseconds: shorter than limits.requestTime. */
  readonly timeout?: number;
};

/** What it tells the process that has a channel: each a request. */
export type HttpClientRequest =
  | { readonly WebSocketPush: { readonly channel_id: number; readonly message_type: WsMessageType } }
  | { readonly WebSocketClose: { readonly channel_id: number; readonly code?: number; readonly reason?: string } };

/**
 * Names are Pascal-Cased, several values of one name joined by a comma.
 * @property set_cookies ours, where there are any: they cannot be joined
 * @property url ours: where the answer came from, behind redirects
 */
export type IncomingHttpAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly url: string;
  readonly set_cookies?: readonly string[];
  /** With `stream`: what HttpRead wants. */
  readonly stream_id?: number;
};

export type HttpClientResult =
  | { readonly Ok: { readonly Http: IncomingHttpAnswer } }
  | { readonly Ok: { readonly HttpRead: { readonly done: boolean } } }
  | { readonly Ok: "WebSocketAck" | "HttpAck" }
  | { readonly Err: HttpClientErrorBody };

export type HttpClientErrorBody =
  | "MalformedRequest"
  | { readonly BadMethod: { readonly method: string } }
  | { readonly BadUrl: { readonly url: string } }
  | { readonly BadVersion: { readonly version: string } }
  | { readonly BuildRequestFailed: string }
  | { readonly ExecuteRequestFailed: string }
  | { readonly WsOpenFailed: { readonly url: string; readonly error?: string } }
  | { readonly WsPushUnknownChannel: { readonly channel_id: number } }
  | "WsPushNoBlob"
  | "WsPushBadText"
  | { readonly WsCloseFailed: { readonly channel_id: number } }
  /** Ours. `limit` is the name of a row in processes/http-client/limits.ts. */
  | { readonly LimitReached: { readonly limit: string; readonly max: number } }
  /** Ours: the caller's capabilities do not reach there. */
  | { readonly Denied: { readonly url: string; readonly error: string } }
  | { readonly NoStream: { readonly stream_id: number } };
