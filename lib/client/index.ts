/** The client of Jackfield for browsers and Node: a channel to a process, kept up. Nothing here needs a package. */
export { CLOSE, shouldReconnect } from "../protocol/close-codes.ts";
export { KernelError, OptionError } from "../protocol/errors.ts";
export {
  type Channel,
  type ChannelClosed,
  type ChannelEvents,
  type ChannelOpened,
  connect,
} from "./channel.ts";
export {
  type EncryptorApiOptions,
  type EncryptorProcessId,
  KinodeEncryptorApi,
  KinodeEncryptorApi as KinodeClientApi,
  KinodeEncryptorApi as NectarEncryptorApi,
  KinodeEncryptorApi as UqbarEncryptorApi,
} from "./encryptor-api.ts";
export {
  ChannelClosedError,
  ChannelLimitError,
  ChannelRefusedError,
  ConnectionError,
  RequestError,
} from "./errors.ts";
export { CLIENT_LIMITS, type ClientLimits } from "./limits.ts";
export { CHANNEL_MACHINE, type ChannelEvent, type ChannelState } from "./machine.ts";
export type { ChannelData, ChannelMessage } from "./message.ts";
export type { ConnectOptions } from "./options.ts";
export type { SocketConstructor, SocketLike } from "./socket.ts";
