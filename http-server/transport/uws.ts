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
  TemplatedApp,
  us_listen_socket,
  us_socket_context_t,
  WebSocket,
} from "uWebSockets.js";
import { cutReason, readReason, sendableCode } from "./closing.ts";
import { Losses } from "./dropped.ts";
import { ListenError } from "./errors.ts";
import type { ExchangeShared } from "./exchange.ts";
import { report } from "./fault.ts";
import { triage } from "./handshake.ts";
import { headerValues, INTERNAL_ERROR, type Refusal, refuse } from "./http-check.ts";
import { checkOptions } from "./options.ts";
import { plainAddress } from "./remote-address.ts";
import type { Listen, Listener, TransportHandlers, TransportOptions, TransportRequest } from "./transport.ts";
import { UwsExchange } from "./uws-exchange.ts";
import { Watch } from "./watch.ts";

// Two constants of the library, whose types here declare them as types only and in the official release as values.
const NO_COMPRESSION = 0; // DISABLED: permessage-deflate costs memory and has its own attacks (contracts/hazards.md §2)
const EXCLUSIVE = 1; // LIBUS_LISTEN_EXCLUSIVE_PORT: else Linux shares a taken port between the two listeners

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
};

function getUserData<Data>(this: NativeParts<Data>): Data {
  return this.data;
}

/** Ends `this`. Above `maxBackpressure` the library throws away what is queued, and the close frame with it. */
function end<Data>(this: WebSocket<Data>, code: number, reason: string): void {
  const native: WebSocket<Data> = Object.getPrototypeOf(this);
  native.end.call(this, sendableCode(code), cutReason(reason));
}

/** Opens a port with uWebSockets.js. */
export const listenUws: Listen = async <Data>(
  options: TransportOptions,
  handlers: TransportHandlers<Data>,
): Promise<Listener> => {
  checkOptions(options);
  const { App, us_listen_socket_close, us_socket_local_port } = await import("uWebSockets.js"); // it loads: index.ts has tried
  const app = App();
  const shared = { fault: (error: unknown) => report(handlers, error), watch: new Watch(), pace: options.pace };
  addSockets(app, options, handlers, shared);
  app.any("/*", (res, req) => serve(handlers, shared, res, req));

  const token = await open(app, options).catch((error: unknown) => {
    shared.watch.stop();
    throw error;
  });
  return {
    transport: "uws",
    host: options.host,
    port: us_socket_local_port(token),
    publish(topic, data, isBinary): void {
      app.publish(topic, data, isBinary);
    },
    stopListening(): void {
      us_listen_socket_close(token);
    },
    async destroy(): Promise<void> {
      shared.watch.stop();
      app.close();
    },
  };
};

function open(app: TemplatedApp, options: TransportOptions): Promise<us_listen_socket> {
  return new Promise((resolve, reject) => {
    (app as TemplatedApp & ExclusiveListen).listen(options.host, options.port, EXCLUSIVE, (token) => {
      if (token !== false) resolve(token);
      else reject(new ListenError(options.host, options.port));
    });
  });
}

function addSockets<Data>(
  app: TemplatedApp,
  options: TransportOptions,
  handlers: TransportHandlers<Data>,
  shared: ExchangeShared,
): void {
  const losses = new Losses(handlers);
  app.ws<Data>("/*", {
    compression: NO_COMPRESSION,
    maxPayloadLength: options.maxPayload,
    maxBackpressure: options.maxBackpressure,
    closeOnBackpressureLimit: false, // it would cut with 1006; whether to end is the http-server's to decide
    idleTimeout: options.idleTimeout,
    sendPingsAutomatically: true,

    upgrade: (res, req, context) => serve(handlers, shared, res, req, context),
    open: (ws) => {
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
function serve<Data>(
  handlers: TransportHandlers<Data>,
  shared: ExchangeShared,
  res: HttpResponse,
  req: HttpRequest,
  context?: us_socket_context_t,
): void {
  let request: TransportRequest | null = null;
  let exchange: UwsExchange | undefined; // none for a handshake that is accepted: that needs no `onAborted`
  let isSocket = false; // `res` has become a socket: it must not be touched
  try {
    request = copyRequest(res, req);
    const verdict = triage(request);
    if (verdict === "http") {
      exchange = new UwsExchange(res, request, shared);
      handlers.http(request, exchange);
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
        isSocket = true;
        res.upgrade(parts, key, decision.protocol, "", context);
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

function copyRequest(res: HttpResponse, req: HttpRequest): TransportRequest {
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
    secure: false,
  };
}
