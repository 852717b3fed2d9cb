/**
 * uWebSockets.js as a transport: the default, and the fast one.
 *
 * 1. A throw that reaches the library from HTTP or upgrade aborts the process, as does a return without an answer or
 *    `onAborted` (contracts/hazards.md §0.2): `serve` is the only function that it calls for either.
 * 2. `res` and `req` are on loan: heads are copied before anything else runs, bodies as they arrive.
 * 3. A connection has no object but the native one; see `NativeParts` for what is laid over it.
 * 4. `message` is one call and one try: bench/echo watches it.
 */

import type {
  HttpRequest,
  HttpResponse,
  SSLApp as SSLAppType,
  TemplatedApp,
  us_listen_socket,
  us_socket_context_t,
  WebSocket,
} from "uWebSockets.js";
import { textOf } from "../../lib/protocol/index.ts";
import { cutReason, readReason, sendableCode } from "./closing.ts";
import { sizeOf } from "./deflate.ts";
import { Losses } from "./dropped.ts";
import { ListenError, TlsError } from "./errors.ts";
import type { ExchangeShared } from "./exchange.ts";
import { NEGOTIATED, offersDeflate } from "./extensions.ts";
import { report } from "./fault.ts";
import { triage } from "./handshake.ts";
import { headerValues, INTERNAL_ERROR, type Refusal, refuse } from "./http-check.ts";
import { checkOptions } from "./options.ts";
import { quietMoment } from "./quiet-moment.ts";
import { plainAddress } from "./remote-address.ts";
import type { Tls } from "./tls.ts";
import type {
  Listen,
  Listener,
  SendOutcome,
  TransportHandlers,
  TransportOptions,
  TransportRequest,
} from "./transport.ts";
import { type UwsApp, UwsApps } from "./uws-apps.ts";
import { UwsExchange } from "./uws-exchange.ts";
import { Watch } from "./watch.ts";

// Two constants of the library, whose types here declare them as types only and in the official release as values.
const SHARED_COMPRESSOR = 1; // one for all sockets; one that negotiates no compression costs nothing by it
const EXCLUSIVE = 1; // LIBUS_LISTEN_EXCLUSIVE_PORT: else Linux shares a taken port between the two listeners
const SHARED = 0; // LIBUS_LISTEN_DEFAULT: SO_REUSEPORT

const ascii = new TextDecoder(); // of what the library writes itself

/** `listen` with a host and options, which exists and which the library's types leave out. */
type ExclusiveListen = {
  listen(host: string, port: number, options: number, then: (token: us_listen_socket | false) => void): unknown;
};

/**
 * What `res.upgrade` copies onto the native socket, property by property, over its prototype's methods.
 * Its own `getUserData` would return the socket itself with these on it, not the object that was given.
 * A shadow is the cheapest place to put that right, and to check what `end` sends: no wrapper, and no call across
 * the language border to get the data.
 */
type NativeParts<Data> = {
  readonly data: Data;
  getUserData(this: NativeParts<Data>): Data;
  end(this: WebSocket<Data>, code: number, reason: string): void;
  /** Only on a socket that compresses: any other's is the library's own. */
  send?: SendCompressed<Data>;
};

type SendCompressed<Data> = (
  this: WebSocket<Data>,
  data: string | Uint8Array | ArrayBuffer,
  isBinary: boolean,
) => SendOutcome;

function getUserData<Data>(this: NativeParts<Data>): Data {
  return this.data;
}

/** Ends `this`. Above `maxBackpressure` the library throws away what is queued, and the close frame with it. */
function end<Data>(this: WebSocket<Data>, code: number, reason: string): void {
  const native: WebSocket<Data> = Object.getPrototypeOf(this);
  native.end.call(this, sendableCode(code), cutReason(reason));
}

function sendCompressed<Data>(minBytes: number): SendCompressed<Data> {
  return function send(data, isBinary) {
    const native: WebSocket<Data> = Object.getPrototypeOf(this);
    return native.send.call(this, data, isBinary, sizeOf(data) >= minBytes);
  };
}

/** What the sockets of one listener share. */
type Shared<Data> = ExchangeShared & {
  readonly handlers: TransportHandlers<Data>;
  /** With TLS. */
  readonly secure: boolean;
  readonly send: SendCompressed<Data>;
  /** Whether any socket has negotiated compression; then publishes compress for those that have. Never false again. */
  compresses: boolean;
};

/** Opens a port with uWebSockets.js. */
export const listenUws: Listen = async <Data>(
  options: TransportOptions,
  handlers: TransportHandlers<Data>,
): Promise<Listener> => {
  checkOptions(options, "uws");
  const { App, SSLApp, us_listen_socket_close, us_socket_local_port } = await import("uWebSockets.js"); // it loads: index.ts has tried
  const shared: Shared<Data> = {
    handlers,
    secure: options.tls !== undefined,
    fault: (error) => report(handlers, error),
    watch: new Watch((error) => report(handlers, error)),
    pace: options.pace,
    send: sendCompressed(options.compressBytes),
    compresses: false,
  };
  const make = (tls: Tls | undefined): UwsApp => {
    const app: UwsApp = { native: tls === undefined ? App() : makeSecure(SSLApp, tls), sockets: 0 };
    addSockets(app, options, shared);
    app.native.any("/*", (res, req) => serve(shared, res, req));
    return app;
  };
  const apps = new UwsApps(make, options.tls, options.certificates);

  const token = await open(apps.first, options).catch((error: unknown) => {
    shared.watch.stop();
    throw error;
  });
  return {
    transport: "uws",
    host: options.host,
    port: us_socket_local_port(token),
    publish(topic, data, isBinary): void {
      apps.publish(topic, data, isBinary, shared.compresses && sizeOf(data) >= options.compressBytes);
    },
    reload(tls): void {
      if (shared.secure) apps.reload(tls);
    },
    async stopListening(): Promise<void> {
      if (options.reusePort === true) await quietMoment();
      us_listen_socket_close(token);
    },
    async destroy(): Promise<void> {
      shared.watch.stop();
      await apps.close();
    },
  };
};

/** The library reads the files itself: they may have changed since they were checked. @throws {TlsError} */
function makeSecure(make: typeof SSLAppType, { files }: Tls): TemplatedApp {
  try {
    return make({ cert_file_name: files.cert, key_file_name: files.key });
  } catch (cause) {
    throw new TlsError(files.cert, `uWebSockets.js must be able to read it and its key: ${textOf(cause)}, try again`, {
      cause,
    });
  }
}

function open(app: TemplatedApp, options: TransportOptions): Promise<us_listen_socket> {
  const how = options.reusePort === true ? SHARED : EXCLUSIVE;
  return new Promise((resolve, reject) => {
    (app as TemplatedApp & ExclusiveListen).listen(options.host, options.port, how, (token) => {
      if (token !== false) resolve(token);
      else reject(new ListenError(options.host, options.port));
    });
  });
}

function addSockets<Data>(app: UwsApp, options: TransportOptions, shared: Shared<Data>): void {
  const { handlers } = shared;
  const losses = new Losses(handlers);
  app.native.ws<Data>("/*", {
    compression: SHARED_COMPRESSOR,
    maxPayloadLength: options.maxPayload,
    maxBackpressure: options.maxBackpressure,
    closeOnBackpressureLimit: false, // it would cut with 1006; whether to end is the http-server's to decide
    idleTimeout: options.idleTimeout,
    sendPingsAutomatically: true,

    upgrade: (res, req, context) => serve(shared, res, req, context),
    open: (ws) => {
      app.sockets++;
      try {
        handlers.open(ws);
      } catch (error) {
        report(handlers, error);
      }
    },
    message: (ws, data, isBinary) => {
      try {
        handlers.message(ws, data, isBinary);
      } catch (error) {
        report(handlers, error);
      }
    },
    ping: (ws, data) => {
      try {
        handlers.ping(ws, data);
      } catch (error) {
        report(handlers, error);
      }
    },
    pong: (ws, data) => {
      try {
        handlers.pong(ws, data);
      } catch (error) {
        report(handlers, error);
      }
    },
    drain: (ws) => {
      try {
        handlers.drain(ws);
      } catch (error) {
        report(handlers, error);
      }
    },
    dropped: (ws, data) => losses.add(ws, data.byteLength),
    close: (ws, code, reason) => {
      app.sockets--;
      losses.forget(ws);
      try {
        handlers.close(ws.getUserData(), code, readReason(reason));
      } catch (error) {
        report(handlers, error);
      }
    },
  });
}

/**
 * Takes one request, a handshake or not. The library routes a GET with a key of 24 characters to `upgrade`, whatever
 * else it says, and everything else to `any`, half handshakes too: so both come here, and `triage` decides.
 * Synchronous to the end for handshakes: a socket upgraded in a later turn can be closed by cork (contracts/hazards.md §2).
 * @param context given for those routed to `upgrade`
 */
function serve<Data>(shared: Shared<Data>, res: HttpResponse, req: HttpRequest, context?: us_socket_context_t): void {
  const { handlers } = shared;
  let request: TransportRequest | null = null;
  let exchange: UwsExchange | undefined; // none for a handshake that is accepted: that needs no `onAborted`
  let isSocket = false; // `res` has become a socket: it must not be touched
  try {
    request = copyRequest(res, req, shared.secure);
    const verdict = triage(request);
    if (verdict === "http") {
      const [head, answer] = [request, new UwsExchange(res, request, shared)];
      exchange = answer;
      answer.serve(() => handlers.http(head, answer));
      return;
    }
    const [key] = headerValues(request, "sec-websocket-key");
    let refusal: Refusal;
    if (verdict !== "upgrade") refusal = verdict;
    else if (context === undefined || key === undefined) refusal = misrouted();
    else {
      const decision = handlers.upgrade(request);
      if (decision.accept) {
        const parts: NativeParts<Data> = { data: decision.data, getUserData, end };
        const compresses = decision.compress === true && offersDeflate(request);
        if (compresses) {
          parts.send = shared.send;
          shared.compresses = true;
        }
        isSocket = true;
        res.upgrade(parts, key, decision.protocol, compresses ? NEGOTIATED : "", context);
        return;
      }
      refusal = decision;
    }
    exchange = new UwsExchange(res, request, shared);
    exchange.refuse(refusal);
  } catch (error) {
    report(handlers, error);
    if (isSocket) return;
    exchange ??= new UwsExchange(res, request, shared);
    exchange.send(INTERNAL_ERROR.status, INTERNAL_ERROR.headers, INTERNAL_ERROR.body);
  }
}

function misrouted(): Refusal {
  return refuse(400, "it was not routed as a handshake", "a head that two parsers read differently");
}

function copyRequest(res: HttpResponse, req: HttpRequest, secure: boolean): TransportRequest {
  const headers: (readonly [string, string])[] = [];
  req.forEach((name, value) => {
    headers.push([name, value]);
  });
  return {
    method: req.getMethod().toUpperCase(), // the library compares methods in lower case
    path: req.getUrl(),
    query: req.getQuery() ?? "", // undefined when there is no "?", whatever its types say
    headers,
    remoteAddress: plainAddress(ascii.decode(res.getRemoteAddressAsText())),
    remotePort: 0, // the library has no way to ask for it
    secure,
  };
}
