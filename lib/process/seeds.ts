/**
 * The seeds' own names: what a process that was written for Kinode or Nectar calls, in its spelling.
 *
 * 1. They act for the process whose handler is running, until that handler's first `await`; elsewhere each throws
 *    NoProcessError (docs/adr/0002). After an await, use `ctx`, which does all of this and more.
 * 2. "The message" is the one being handled. There is none in `init`.
 * 3. A blob that came from a socket is lent: read it in the handler, before its first await, or keep() it.
 */
import {
  Address,
  Blob,
  type BlobLike,
  type CapabilityRequest,
  type Envelope,
  HTTP_SERVER,
  type HttpHeaders,
  type HttpServerResult,
  type OnExit,
  type ProcessId,
  type WsMessageType,
} from "../protocol/index.ts";
import { current } from "./current.ts";

/** Bytes and their type, beside a body: the seeds' name of Blob. Wherever one is wanted, `{ mime, bytes }` will do. */
export type LazyLoadBlob = Blob;
/** The older name of LazyLoadBlob. */
export type Payload = LazyLoadBlob;

type BlobMaker = { new: (mime: string | null, bytes: Uint8Array | string) => LazyLoadBlob };

/** Makes one: `LazyLoadBlob.new("text/plain", "hello")`. */
export const LazyLoadBlob: BlobMaker = { new: (mime, bytes) => Blob.of(bytes, mime) };
export const Payload: BlobMaker = LazyLoadBlob;

/** This process's address. @throws {NoProcessError} like all of these */
export function our(): Address {
  return current("our").our;
}

/** A line in the node's log; `verbosity` is not looked at, the log has one level. */
export function print_to_terminal(_verbosity: number, text: string): void {
  current("print_to_terminal").log(text);
}

/** The message's blob; undefined when it has none. */
export function get_blob(): LazyLoadBlob | undefined {
  return current("get_blob").message?.blob ?? undefined;
}

/** The older name of get_blob. */
export function get_payload(): Payload | undefined {
  return current("get_payload").message?.blob ?? undefined;
}

/** The newest blob this incarnation ever received, of whichever message; it has expired unless it was kept. */
export function last_blob(): LazyLoadBlob | undefined {
  return current("last_blob").host.lastBlob() ?? undefined;
}

export function has_blob(): boolean {
  return get_blob() !== undefined;
}

/** What `set_state` last kept. */
export function get_state<Value>(): Promise<Value | undefined> {
  return current("get_state").getState<Value>();
}

/** Kept when it resolves. @param value bytes, or anything else that MessagePack can carry */
export function set_state(value: unknown): Promise<void> {
  return current("set_state").setState(value);
}

export function clear_state(): Promise<void> {
  return current("clear_state").clearState();
}

/**
 * One frame to a channel bound to this process. Nobody hears whether it went: `ctx.sendWsPush` tells.
 * @param node whose http-server has the channel
 */
export function send_ws_push(node: string, channel_id: number, message_type: WsMessageType, blob: BlobLike): void {
  const ctx = current("send_ws_push");
  const httpServer = new Address(node === "our" ? ctx.node : node, HTTP_SERVER);
  ctx.request(httpServer).body({ WebSocketPush: { channel_id, message_type } }).blob(blob).send();
}

/** @param authenticated only who is logged in @param local_only only clients on this machine */
export function bind_http_path(path: string, authenticated: boolean, local_only: boolean): Promise<HttpServerResult> {
  return current("bind_http_path").bindHttp(path, { authenticated, localOnly: local_only });
}

export function bind_http_static_path(
  path: string,
  authenticated: boolean,
  local_only: boolean,
  content_type: string | null,
  content: Uint8Array | string,
): Promise<HttpServerResult> {
  const binding = { authenticated, localOnly: local_only, ...(content_type === null ? {} : { mime: content_type }) };
  return current("bind_http_static_path").bindStatic(path, content, binding);
}

export function bind_ws_path(path: string, authenticated: boolean = true): Promise<HttpServerResult> {
  return current("bind_ws_path").bindWs(path, { authenticated });
}

/** On the package's own subdomain, which has a login of its own. */
export function secure_bind_http_path(path: string): Promise<HttpServerResult> {
  return current("secure_bind_http_path").bindHttp(path, { secure: true });
}

export function secure_bind_http_static_path(
  path: string,
  content_type: string | null,
  content: Uint8Array | string,
): Promise<HttpServerResult> {
  const binding = { secure: true, ...(content_type === null ? {} : { mime: content_type }) };
  return current("secure_bind_http_static_path").bindStatic(path, content, binding);
}

export function secure_bind_ws_path(path: string): Promise<HttpServerResult> {
  return current("secure_bind_ws_path").bindWs(path, { secure: true });
}

/** Every file of `directory`, inside the package's folder, as a static path. @returns how many files */
export function serve_ui(
  directory: string,
  authenticated: boolean = true,
  local_only: boolean = false,
): Promise<number> {
  return current("serve_ui").serveUi(directory, { authenticated, localOnly: local_only });
}

/** Answers the HTTP request being handled. @throws {NoRequestToAnswerError} the message wants no answer */
export function send_response(status: number, headers: HttpHeaders | null, body: Uint8Array | string): void {
  const { host, message } = current("send_response");
  const answer = { body: { status, headers: headers ?? {} }, blob: Blob.of(body) };
  host.respond(answer, message === null ? undefined : (message as Envelope)); // what the kernel gave to handle
}

/** @param name null: a random number @param file inside the package's folder @throws {SpawnError} */
export function spawn(
  name: string | null,
  file: string,
  on_exit: OnExit,
  request_capabilities: readonly CapabilityRequest[],
  grant_capabilities: readonly CapabilityRequest[],
  is_public: boolean,
): Promise<ProcessId> {
  return current("spawn").spawn({
    ...(name === null ? {} : { name }),
    file,
    lifetime: "node", // the seeds' processes end with nobody (contract kinode §3.1)
    onExit: on_exit,
    requestCapabilities: request_capabilities,
    grantCapabilities: grant_capabilities,
    public: is_public,
  });
}
