/** What connect() takes, and what a channel makes of it: every option is checked here, before anything runs. */
import { type Clock, systemClock } from "../protocol/clock.ts";
import { OptionError } from "../protocol/errors.ts";
import type { SlowReaderPolicy, WsRegister } from "../protocol/http.ts";
import { readAuthToken } from "./cookies.ts";
import { type ClientLimits, resolveLimits } from "./limits.ts";
import { page } from "./page.ts";
import type { SocketConstructor } from "./socket.ts";

export type ConnectOptions = {
  /**
   * `process:package:publisher`; of another node linked to this one, `node@process:package:publisher`, without `path`; of the
   * cluster, wherever it is, `*@room/42:package:publisher`.
   */
  readonly process: string;
  /**
   * The node's main route; the page's host when left out. `http:` is read as `ws:`, `https:` as `wss:`.
   * A function is asked at each connection: where there are several nodes, a lost channel goes on with another.
   */
  readonly url?: string | URL | undefined | (() => string | URL);
  /** Connects to `/<process id>/<path>` of `url`, which the process has bound, without registering. */
  readonly path?: string;
  /** False: `url` itself is a path that a process has bound, for instance on a mounted listener. */
  readonly register?: boolean;
  /** For WsRegister; the page's cookie `kinode-auth_<node>` when left out, on a secure subdomain `kinode-auth_<node>@<process id>`. A function is asked at each connection. */
  readonly token?: string | (() => string | undefined);
  /** Whose cookie to read; `window.our.node` when left out. */
  readonly nodeId?: string | undefined;
  /** What the node does when this client reads too slowly; the process decides when left out. */
  readonly slowReader?: SlowReaderPolicy;
  /** False: a lost connection closes the channel. */
  readonly reconnect?: boolean;
  readonly limits?: Partial<ClientLimits>;
  /** The class to connect with; the global one when left out. */
  readonly WebSocket?: SocketConstructor;
  /** For tests. */
  readonly clock?: Pick<Clock, "setTimeout">;
  /** For tests: in [0, 1). */
  readonly random?: () => number;
};

export type Settings = {
  readonly process: string;
  /** Of the next connection. @throws {OptionError} it does not lead to a node */
  readonly url: () => string;
  /** The first frame, made anew for each connection; undefined: the path binds the channel. */
  readonly register: (() => string) | undefined;
  readonly reconnect: boolean;
  readonly limits: ClientLimits;
  readonly WebSocket: SocketConstructor;
  readonly clock: Pick<Clock, "setTimeout">;
  readonly random: () => number;
};

/** @throws {OptionError} */
export function resolveOptions(options: ConnectOptions): Settings {
  const { process, path, token, url } = options;
  const id = path === undefined ? process.replace(/^[^:@/]+@/, "") : process; // paths are of the node's own processes
  if (!/^[^:@/]+(\/[^:@/]+)?:[^:@/]+:[^:@/]+$/.test(id) || (path !== undefined && id.includes("/"))) {
    throw new OptionError(`Cannot connect to "${process}" as it is no process id: write process:package:publisher`);
  }
  const WebSocket = options.WebSocket ?? page().WebSocket;
  if (WebSocket === undefined) {
    throw new OptionError(
      `Cannot connect to "${process}" as this runtime has no global WebSocket: give the option WebSocket, for instance import { WebSocket } from "ws"`,
    );
  }
  const register = (): string => {
    const frame: WsRegister = {
      auth_token:
        typeof token === "function"
          ? token()
          : (token ?? readAuthToken(options.nodeId, id === process ? process : undefined)),
      target_process: process,
      encrypted: false,
      slow_reader: options.slowReader,
    } as WsRegister; // JSON leaves out what is undefined
    return JSON.stringify(frame);
  };
  return {
    process,
    url: () => socketUrl(process, typeof url === "function" ? url() : url, path),
    register: path === undefined && options.register !== false ? register : undefined,
    reconnect: options.reconnect !== false,
    limits: resolveLimits(options.limits),
    WebSocket,
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
  };
}

/** @throws {OptionError} it does not lead to a node */
export function socketUrl(process: string, url: string | URL | undefined, path?: string): string {
  const here = page().location?.href;
  let resolved: URL;
  try {
    resolved = new URL(url ?? "/", here);
  } catch (cause) {
    throw badUrl(process, url, cause);
  }
  if (path !== undefined) {
    // "./": without it, the process id's first part would be read as a scheme.
    resolved = new URL(`./${process}/${path.replace(/^\/+/, "")}`, resolved.href.replace(/\/?$/, "/"));
  }
  resolved.hash = ""; // a WebSocket constructor throws at one
  const text = resolved.href.replace(/^http/, "ws");
  if (!/^wss?:/.test(text)) throw badUrl(process, text);
  return text;
}

function badUrl(process: string, url: string | URL | undefined, cause?: unknown): OptionError {
  return new OptionError(
    `Cannot connect to "${process}" as its url must lead to a node: got ${url === undefined ? "none, and no page to take it from" : `"${url}"`}, write for instance "ws://localhost:8080/"`,
    { cause },
  );
}
