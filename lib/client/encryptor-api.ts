/**
 * The seeds' browser class on top of a channel: their constructor options, their `send({ data })`.
 *
 * What differs from @kinode/client-api 0.1.0 (contracts/kinode.md §5.6):
 * 1. It registers on the main route, as the seeds do; a `uri` with a path of its own is taken for a path-bound one.
 * 2. `onOpen` is called after registration, and again after each reconnect: `api.send` inside it works.
 * 3. `send` before that is queued; a lost connection comes back unless `reconnect` is false.
 * 4. Binary data arrives as Uint8Array, not as Blob. Nothing is logged.
 */

import type { KernelError } from "../protocol/errors.ts";
import { type Channel, type ChannelClosed, type ChannelOpened, connect } from "./channel.ts";
import type { ChannelData } from "./message.ts";
import { type ConnectOptions, socketUrl } from "./options.ts";

/** The rest is what `connect` takes: `WebSocket` in Node, `token`, `reconnect`, `limits`. */
export type EncryptorApiOptions = Omit<ConnectOptions, "process" | "url" | "path" | "register" | "nodeId"> & {
  /** Whose cookie to read, `kinode-auth_<nodeId>` or `nectar-auth_<nodeId>`; `window.our.node` when left out. */
  readonly nodeId?: string | undefined;
  /** `process:package:publisher`. */
  readonly processId: string;
  /** Kept and not used, as in the seeds' client: the node's own is `api.channel.channelId`. */
  readonly channelId?: string | number | undefined;
  readonly uri?: string | undefined;
  /** `data`: a string for a text frame, bytes for a binary one. */
  readonly onMessage?: (data: ChannelData, api: KinodeEncryptorApi) => void;
  readonly onOpen?: (event: ChannelOpened, api: KinodeEncryptorApi) => void;
  readonly onClose?: (event: ChannelClosed) => void;
  readonly onError?: (error: KernelError) => void;
};

export type EncryptorProcessId = {
  readonly process_name: string;
  readonly package_name: string;
  readonly publisher_node: string;
};

export class KinodeEncryptorApi {
  readonly nodeId: string | undefined;
  readonly processId: EncryptorProcessId;
  readonly channelId: string | number | undefined;
  readonly channel: Channel;

  /** @throws {OptionError} */
  constructor(options: EncryptorApiOptions) {
    const { processId, nodeId, channelId, uri, onMessage, onOpen, onClose, onError, ...rest } = options;
    const url = socketUrl(processId, uri);
    const register = new URL(url).pathname === "/";
    const channel = connect({ ...rest, process: processId, nodeId, url, register });
    const [process_name = "", package_name = "", publisher_node = ""] = processId.split(":");
    this.processId = { process_name, package_name, publisher_node };
    this.nodeId = nodeId;
    this.channelId = channelId;
    this.channel = channel;
    channel.on("open", (event) => onOpen?.(event, this));
    channel.on("message", ({ data }) => onMessage?.(data, this));
    channel.on("close", (event) => onClose?.(event));
    channel.on("error", (error) => onError?.(error));
  }

  /**
   * Sends `data` as JSON in a binary frame, as the npm client does; undefined as an empty one.
   * A field, so that it can be passed on without its object. @throws as Channel.send does
   */
  readonly send = ({ data }: { readonly data: unknown }): void => {
    this.channel.send(new TextEncoder().encode(JSON.stringify(data)));
  };

  /** @throws {SyntaxError} (rejects) the answer is no JSON */
  readonly fetchJson = async <Json>(input: RequestInfo | URL, init?: RequestInit): Promise<Json> => {
    const response = await fetch(input, init);
    return response.json() as Promise<Json>;
  };
}
