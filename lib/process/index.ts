/** process-lib: what a person writes a process with. */
export {
  Address,
  type AddressLike,
  Blob,
  type BlobLike,
  type Capability,
  type Child,
  capability,
  type HttpFallback,
  type HttpHeaders,
  type HttpServerErrorKind,
  type HttpServerResult,
  isOnBehalf,
  type Lifetime,
  MESSAGING,
  type Message,
  type OnExit,
  ProcessId,
  type Program,
  type RestartIntensity,
  SendError,
  type SpawnOptions,
  type Stopped,
  type Timer,
  type WsMessageType,
} from "../protocol/index.ts";
export type { HttpBinding, ProcessBinding, StaticBinding, WsBinding } from "./bindings.ts";
export { Capabilities, type CapabilityEnd, type IssueOptions } from "./capabilities.ts";
export { ClientRequest } from "./client-request.ts";
export { type ChannelLike, Context, type TimerHandler, type TransferOptions } from "./context.ts";
export { NoProcessError } from "./current.ts";
export type { DatabaseOptions } from "./database-calls.ts";
export {
  type ClientClose,
  type ClientPush,
  type Close,
  defineProcess,
  type First,
  type Handlers,
  type Handover,
  type Next,
  type Open,
  type Push,
} from "./define-process.ts";
export type { Down } from "./down.ts";
export { ExtensionError } from "./extension.ts";
export { fromMachine, type MachineOptions } from "./from-machine.ts";
export {
  type ClientAnswer,
  type ClientStream,
  type FetchOptions,
  HttpClientCalls,
  HttpClientError,
  type OpenWsOptions,
} from "./http-client.ts";
export { IncomingHttp, type ReplyOptions, type StreamOptions } from "./http-request.ts";
export { HttpStreamError, type HttpWriter } from "./http-stream.ts";
export {
  type KvBatch,
  type KvCalls,
  type KvDatabase,
  KvError,
  type KvRange,
  type KvTransaction,
} from "./kv.ts";
export type { KvKey } from "./kv-keys.ts";
export type { MachineEffect, MachineEvent } from "./machine-events.ts";
export { mimeType } from "./mime.ts";
export { type Offered, type PacedItem, PacedQueue, type PacedQueueOptions } from "./paced-queue.ts";
export { allowed, type PermissionOptions, type PermissionParams } from "./permission.ts";
export { AWAIT_SECONDS, Request } from "./request.ts";
export {
  bind_http_path,
  bind_http_static_path,
  bind_ws_path,
  clear_state,
  get_blob,
  get_payload,
  get_state,
  has_blob,
  LazyLoadBlob,
  last_blob,
  our,
  Payload,
  print_to_terminal,
  secure_bind_http_path,
  secure_bind_http_static_path,
  secure_bind_ws_path,
  send_response,
  send_ws_push,
  serve_ui,
  set_and_await_timer,
  set_state,
  set_timer,
  spawn,
} from "./seeds.ts";
export type { UiBinding } from "./serve-ui.ts";
export {
  type SqlDatabase,
  type SqlDone,
  type SqliteCalls,
  SqliteError,
  type SqlParameters,
  type SqlResult,
  type SqlRow,
  type SqlTransaction,
  type SqlValue,
} from "./sqlite.ts";
export { StateError } from "./state.ts";
export {
  type InputEvent,
  InputFeed,
  type InputSessionOptions,
  type Listeners,
  type ListenOptions,
  type OutputOptions,
  type Sample,
  StreamCalls,
  type StreamEntry,
  StreamError,
  type StreamKind,
  StreamOutput,
} from "./streams.ts";
export { type SetTimer, type TimerCalls, TimerError, type TimerInfo } from "./timers.ts";
export { Drive, type DriveOptions, HeldFile, VfsCalls, VfsError, VfsFile, type WriteOptions } from "./vfs.ts";
