/** process-lib: what a person writes a process with. */
export {
  Address,
  type AddressLike,
  Blob,
  type BlobLike,
  type Capability,
  capability,
  type HttpServerResult,
  MESSAGING,
  type Message,
  type OnExit,
  ProcessId,
  type Program,
  SendError,
  type SpawnOptions,
  type Timer,
  type WsMessageType,
} from "../protocol/index.ts";
export { Context, type HttpBinding, type TimerHandler, type WsBinding } from "./context.ts";
export { NoProcessError } from "./current.ts";
export { type Close, defineProcess, type Handlers, type Next, type Open, type Push } from "./define-process.ts";
export { IncomingHttp, type ReplyOptions } from "./http-request.ts";
export { mimeType } from "./mime.ts";
export { AWAIT_SECONDS, Request } from "./request.ts";
export { StateError } from "./state.ts";
