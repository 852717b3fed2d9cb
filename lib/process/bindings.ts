/** What a process says of a path that it claims, and how the http-server is asked (contract kinode §5.1). */
import {
  type Admission,
  type BindExtra,
  type HttpFallback,
  type HttpHeaders,
  type HttpServerAction,
  OptionError,
  type SlowReaderPolicy,
} from "../protocol/index.ts";

export type HttpBinding = {
  /** Only who is logged in. Default true. */
  readonly authenticated?: boolean;
  /** Only clients on this machine. Default false. */
  readonly localOnly?: boolean;
  /** Only on the package's own subdomain, e.g. `chess-sys.localhost`, which has a login of its own. Excludes the other two. */
  readonly secure?: boolean;
  /** On which terms it is open; only `token` and `closed` count here. Default: no others. */
  readonly admission?: Admission;
};

export type StaticBinding = HttpBinding & {
  readonly mime?: string;
  /** E.g. Cache-Control; without one, browsers ask each time whether what they have is still right. */
  readonly headers?: HttpHeaders;
  /** Of `/`: what it does for paths that are not bound. Default `all`: it serves them. */
  readonly fallback?: HttpFallback;
};

export type WsBinding = {
  readonly authenticated?: boolean;
  /** As of HttpBinding. */
  readonly secure?: boolean;
  /**
   * For programs on this machine that work for this process, instead of browsers: see askExtension. What they are sent
   * is an array of integers in MessagePack, which all understand; `bin` is smaller and faster.
   */
  readonly extension?: boolean | "bin";
  /**
   * What becomes of frames that a slow client cannot take, and of a client's that this process cannot, as its mailbox is
   * full. Default `close`: the channel ends with 1013; `drop`: they are left out. `latest`: of publishes, and of what
   * `pushLatest` sends, a client gets the newest as fast as it answers pings; all else is as with `close`.
   */
  readonly slowReader?: SlowReaderPolicy;
  /** Bytes a slow client may leave waiting before `slowReader` applies. */
  readonly sendLimit?: number;
  /** Compresses large frames for clients that can. Default false: it costs CPU. */
  readonly compress?: boolean;
  /** Sub-protocols: the first that a client names and that stands here is selected. Default none. */
  readonly protocols?: readonly string[];
  /** Request headers that `open.headers` is to hold, e.g. `["user-agent"]`. Default none. */
  readonly openHeaders?: readonly string[];
  /** On which terms it is open, decided before it is a socket. Default: to pages of this node, and to programs. */
  readonly admission?: Admission;
};

/** A path whose process is asked. */
export type ProcessBinding = HttpBinding & {
  /** `onHttp` is called before the body has come, and reads it with `request.body()`. Default false. */
  readonly streamBody?: boolean;
};

/** @throws {OptionError} a secure path that wants no login, or local clients */
export function bindHttpAction(path: string, binding: ProcessBinding): HttpServerAction {
  return bindAction(path, binding, false, binding.streamBody === true ? { stream_body: true } : {});
}

/** @throws {OptionError} likewise */
export function bindStaticAction(path: string, binding: StaticBinding): HttpServerAction {
  const { headers, fallback } = binding;
  return bindAction(path, binding, true, {
    ...(headers === undefined ? {} : { headers }),
    ...(fallback === undefined ? {} : { fallback }),
  });
}

/** @throws {OptionError} a secure path that wants no login */
export function bindWsAction(path: string, binding: WsBinding): HttpServerAction {
  const { authenticated = true, secure = false, extension = false, slowReader, sendLimit } = binding;
  const { compress, protocols, openHeaders, admission } = binding;
  const fields = {
    path,
    extension: extension !== false,
    ...(extension === "bin" ? { extension_blob: extension } : {}),
    ...(slowReader === undefined ? {} : { slow_reader: slowReader }),
    ...(sendLimit === undefined ? {} : { send_limit: sendLimit }),
    ...(compress === undefined ? {} : { compress }),
    ...(protocols === undefined ? {} : { protocols }),
    ...(openHeaders === undefined ? {} : { open_headers: openHeaders }),
    ...(admission === undefined ? {} : { admission }),
  };
  if (!secure) return { WebSocketBind: { ...fields, authenticated } };
  assertSecure(path, binding);
  return { WebSocketSecureBind: fields };
}

function bindAction(path: string, binding: HttpBinding, cache: boolean, given: BindExtra): HttpServerAction {
  const { authenticated = true, localOnly = false, secure = false, admission } = binding;
  const extra = admission === undefined ? given : { ...given, admission };
  if (!secure) return { Bind: { path, authenticated, local_only: localOnly, cache, ...extra } };
  assertSecure(path, binding);
  return { SecureBind: { path, cache, ...extra } };
}

function assertSecure(path: string, { authenticated = true, localOnly = false }: HttpBinding): void {
  if (authenticated && !localOnly) return;
  throw new OptionError(
    `Cannot bind "${path}" as a secure path wants a login and takes any client that has it: leave ${authenticated ? "localOnly" : "authenticated"} out`,
  );
}
