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
export { ClientRequest } from "./client-request.ts";
export { Context, type TimerHandler, type TransferOptions } from "./context.ts";
export { NoProcessError } from "./current.ts";
export {
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
export { IncomingHttp, type ReplyOptions, type StreamOptions } from "./http-request.ts";
export { HttpStreamError, type HttpWriter } from "./http-stream.ts";
export type { MachineEffect, MachineEvent } from "./machine-events.ts";
export { mimeType } from "./mime.ts";
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
  set_state,
  spawn,
} from "./seeds.ts";
export type { UiBinding } from "./serve-ui.ts";
export { StateError } from "./state.ts";
