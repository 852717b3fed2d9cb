/**
 * `ws` on node:http as a transport: for where no binary of uWebSockets.js loads.
 *
 * 1. It behaves as uws.ts does, down to which handler runs inside which call; test/http-server/transport runs over both.
 *    It differs on the wire after a frame error: ws sends 1002, 1007, 1008 or 1009, uWebSockets.js just hangs up.
 * 2. node:http hands every request with "Connection: Upgrade" to `upgrade` with its parser detached. `triage` decides
 *    there too; what is no WebSocket is then answered as HTTP and the connection closed.
 * 3. A client's own close is told when its connection ends, at most 30 s after its close frame.
 */
import { createServer, type IncomingMessage, type Server, ServerResponse } from "node:http";
import { createServer as createTlsServer, type Server as TlsServer } from "node:https";
import { type AddressInfo, type ListenOptions, Server as NetServer, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { SecureContextOptions } from "node:tls";
import { type ServerOptions, WebSocketServer } from "ws";
import { sizeOf } from "./deflate.ts";
import { Losses } from "./dropped.ts";
import { ListenError } from "./errors.ts";
import type { ExchangeShared } from "./exchange.ts";
import { NEGOTIATED, offersDeflate } from "./extensions.ts";
import { report } from "./fault.ts";
import { hasBody, triage } from "./handshake.ts";
import { headerValues, INTERNAL_ERROR, type Refusal, refuse, shown } from "./http-check.ts";
import { checkOptions } from "./options.ts";
import { quietMoment } from "./quiet-moment.ts";
import { OLDEST_TLS, type Tls } from "./tls.ts";
import type {
  Listen,
  Listener,
  TransportHandlers,
  TransportOptions,
  TransportRequest,
  UpgradeDecision,
} from "./transport.ts";
import { Watch } from "./watch.ts";
import { copyRequest, WsExchange, type WsExchangeParts } from "./ws-exchange.ts";
import { encodeDeflated, encodeFrame, OPCODE } from "./ws-frame.ts";
import { BEATS_UNTIL_CUT, type WsShared, WsSocket } from "./ws-socket.ts";

const CLOSE_MS = 5_000; // for a client to answer our close frame: until then it holds a descriptor that is counted no more
const HEADERS_TIMEOUT_MS = 10_000; // to send a head: uWebSockets.js gives about as long
const HANDSHAKE_TIMEOUT_MS = 10_000; // of TLS, before a head
const TIMEOUT_CHECK_MS = 5_000; // Node looks for such connections this often
const PIPELINE_MAX = 32; // requests of one connection whose answers the client has not read: browsers send one at a time
const HEADERS_MAX = 101; // pairs Node keeps; it drops more in silence, so one past what `checkRequest` lets through

/** Opens a port with node:http and ws. */
export const listenWs: Listen = async <Data>(
  options: TransportOptions,
  handlers: TransportHandlers<Data>,
): Promise<Listener> => {
  checkOptions(options, "ws");
  const listener = new WsListener(options, handlers);
  await listener.open();
  return listener;
};

class WsListener<Data> implements Listener {
  readonly transport = "ws";
  readonly host: string;
  readonly #options: TransportOptions;
  readonly #handlers: TransportHandlers<Data>;
  readonly #server: Server | TlsServer;
  readonly #upgrader: WebSocketServer;
  readonly #inflater: WebSocketServer; // for sockets that negotiate permessage-deflate: it inflates what they send
  readonly #shared: WsShared<Data>;
  readonly #exchanges: ExchangeShared;
  readonly #connections = new Set<Socket>(); // every one, upgraded or not: `destroy` cuts them
  readonly #unread = new WeakMap<Socket, Set<ServerResponse>>(); // answers, by the connection that has not taken them
  readonly #refused = new WeakSet<Socket>(); // nothing more is served on these
  #heartbeat: NodeJS.Timeout | undefined;
  #port: number;
  #protocol = ""; // the sub-protocol of the upgrade under way, for `handleProtocols`

  constructor(options: TransportOptions, handlers: TransportHandlers<Data>) {
    this.host = options.host;
    this.#port = options.port;
    this.#options = options;
    this.#handlers = handlers;
    this.#shared = {
      handlers,
      maxBackpressure: options.maxBackpressure,
      compressBytes: options.compressBytes,
      losses: new Losses(handlers),
      open: new Set(),
      topics: new Map(),
    };
    this.#exchanges = {
      fault: (error) => report(handlers, error),
      watch: new Watch((error) => report(handlers, error)),
      pace: options.pace,
    };
    const upgrader: ServerOptions & { readonly closeTimeout: number } = {
      noServer: true,
      maxPayload: options.maxPayload,
      closeTimeout: CLOSE_MS, // ws has it, its types do not yet
      perMessageDeflate: false,
      handleProtocols: () => this.#protocol || false,
    };
    this.#upgrader = new WebSocketServer(upgrader);
    const perMessageDeflate = { serverNoContextTakeover: true, clientNoContextTakeover: true };
    this.#inflater = new WebSocketServer({ ...upgrader, perMessageDeflate });
    this.#server = makeServer(options.tls);
    this.#server.headersTimeout = HEADERS_TIMEOUT_MS;
    this.#server.maxHeadersCount = HEADERS_MAX;
    this.#server.requestTimeout = 0; // it would end a long upload; bodies go by HttpPace
    // With TLS the bare connections are counted: they are there before their handshake, and take the rest along.
    this.#server.on("connection", (socket) => {
      this.#connections.add(socket);
      socket.once("close", () => this.#connections.delete(socket));
    });
    this.#server.on("request", (incoming, response) => this.#onRequest(incoming, response));
    this.#server.on("checkContinue", (incoming, response) => this.#onRequest(incoming, response, true));
    this.#server.on("checkExpectation", (incoming, response) => this.#onRequest(incoming, response)); // nothing to wait for
    this.#server.on("upgrade", (incoming, socket, head) => this.#onUpgrade(incoming, socket, head));
  }

  get port(): number {
    return this.#port;
  }

  /** @throws {ListenError} the port is taken, or may not be used */
  async open(): Promise<void> {
    const { host, port, idleTimeout, reusePort = false } = this.#options;
    const where: ListenOptions & { readonly reusePort: boolean } = { host, port, exclusive: true, reusePort };
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", (cause) => reject(new ListenError(host, port, { cause })));
      this.#server.listen(where, resolve);
    });
    this.#port = (this.#server.address() as AddressInfo).port;
    const beatMs = (idleTimeout * 1000) / BEATS_UNTIL_CUT;
    this.#heartbeat = setInterval(() => this.#beat(), beatMs).unref(); // one per listener: a timer per socket costs more
  }

  publish(topic: string, data: string | Uint8Array | ArrayBuffer, isBinary: boolean): void {
    const subscribers = this.#shared.topics.get(topic);
    if (subscribers === undefined) return;
    const opcode = isBinary ? OPCODE.binary : OPCODE.text;
    const pays = sizeOf(data) >= this.#options.compressBytes;
    let plain: Buffer | undefined;
    let deflated: Buffer | undefined;
    for (const subscriber of subscribers) {
      if (pays && subscriber.deflates) {
        deflated ??= encodeDeflated(opcode, data);
        subscriber.sendFrame(deflated);
      } else {
        plain ??= encodeFrame(opcode, data);
        subscriber.sendFrame(plain);
      }
    }
  }

  reload(tls: Tls): void {
    if ("setSecureContext" in this.#server) this.#server.setSecureContext(contextOf(tls));
  }

  async stopListening(): Promise<void> {
    if (this.#options.reusePort === true) {
      await quietMoment();
      // Not HTTP's own: that first cuts connections that are kept alive, which takes its time, and they have time yet.
      NetServer.prototype.close.call(this.#server);
    } else this.#server.close();
  }

  async destroy(): Promise<void> {
    clearInterval(this.#heartbeat);
    this.#exchanges.watch.stop();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#shared.open) socket.close();
    for (const connection of this.#connections) connection.destroy();
    await closed;
  }

  #beat(): void {
    for (const socket of this.#shared.open) socket.beat();
  }

  #onRequest(incoming: IncomingMessage, response: ServerResponse, expectsContinue = false): void {
    if (!this.#hasRoom(incoming.socket, response)) return;
    const request = copyRequest(incoming);
    const exchange = this.#exchange({ incoming, response, request, expectsContinue });
    try {
      const verdict = checkVersion(request, incoming.httpVersion) ?? triage(request);
      if (verdict === "http") this.#handlers.http(request, exchange);
      else {
        this.#refused.add(incoming.socket);
        sendRefusal(exchange, verdict === "upgrade" ? misrouted() : verdict);
      }
    } catch (error) {
      report(this.#handlers, error);
      sendRefusal(exchange, INTERNAL_ERROR);
    }
  }

  /**
   * Node parses all requests that came in one piece, and holds the answers of a client that does not read: it is cut.
   * Nor does it stop behind one that is refused, which may have been meant to hide what follows in its body.
   */
  #hasRoom(socket: Socket, response: ServerResponse): boolean {
    if (socket.destroyed || this.#refused.has(socket)) return false; // what came in one piece with that
    const unread = this.#unread.get(socket) ?? this.#firstOf(socket);
    if (unread.size >= PIPELINE_MAX) {
      socket.destroy();
      return false;
    }
    unread.add(response);
    response.once("close", () => unread.delete(response));
    return true;
  }

  #firstOf(socket: Socket): Set<ServerResponse> {
    const unread = new Set<ServerResponse>();
    this.#unread.set(socket, unread);
    socket.once("close", () => {
      for (const response of unread) response.emit("close"); // Node tells the one whose turn it was, and no other
    });
    return unread;
  }

  #onUpgrade(incoming: IncomingMessage, duplex: Duplex, head: Buffer): void {
    const socket = duplex as Socket; // always one, of net or of TLS
    socket.on("error", () => {}); // Node has taken its own away; "close" follows
    if (!socket.readable || !socket.writable) {
      socket.destroy(); // ws would do the same, but after a handler has accepted
      return;
    }
    const request = copyRequest(incoming);
    // Made when needed: a ServerResponse takes hold of the socket, which ws wants for itself.
    const exchange = (): WsExchange =>
      this.#exchange({ incoming, response: attachResponse(incoming, socket), request, expectsContinue: false });
    try {
      const verdict = triageDetached(request, incoming.httpVersion);
      if (verdict === "http") {
        this.#handlers.http(request, exchange());
        return;
      }
      const decision: UpgradeDecision<Data> =
        verdict === "upgrade" ? this.#handlers.upgrade(request) : { accept: false, ...verdict };
      if (decision.accept) {
        const deflates = decision.compress === true && offersDeflate(request);
        this.#accept(decision, deflates, incoming, socket, head);
      } else sendRefusal(exchange(), decision);
    } catch (error) {
      report(this.#handlers, error);
      sendRefusal(exchange(), INTERNAL_ERROR);
    }
  }

  #accept(
    decision: Extract<UpgradeDecision<Data>, { accept: true }>,
    deflates: boolean,
    incoming: IncomingMessage,
    socket: Socket,
    head: Buffer,
  ): void {
    this.#protocol = decision.protocol;
    if (deflates) incoming.headers["sec-websocket-extensions"] = NEGOTIATED; // ws refuses what it cannot meet: we have looked
    const upgrader = deflates ? this.#inflater : this.#upgrader;
    upgrader.handleUpgrade(incoming, socket, head, (ws) => {
      const opened = new WsSocket(decision.data, ws, socket, this.#shared);
      try {
        this.#handlers.open(opened);
      } catch (error) {
        report(this.#handlers, error);
      }
    });
  }

  #exchange(parts: Omit<WsExchangeParts, "shared">): WsExchange {
    return new WsExchange({ ...parts, shared: this.#exchanges });
  }
}

function makeServer(tls: Tls | undefined): Server | TlsServer {
  const options = { connectionsCheckingInterval: TIMEOUT_CHECK_MS, noDelay: true };
  if (tls === undefined) return createServer(options);
  return createTlsServer({ ...options, ...contextOf(tls), handshakeTimeout: HANDSHAKE_TIMEOUT_MS });
}

function contextOf({ cert, key }: Tls): SecureContextOptions {
  return { cert, key, minVersion: OLDEST_TLS };
}

/** A response for a socket that Node has detached from HTTP. It closes the connection. */
function attachResponse(incoming: IncomingMessage, socket: Socket): ServerResponse {
  const response = new ServerResponse(incoming);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.once("finish", () => socket.destroySoon());
  socket.resume(); // what still comes is read and forgotten, or closing would reset the answer away
  return response;
}

function sendRefusal(exchange: WsExchange, refusal: Refusal): void {
  exchange.send(refusal.status, refusal.headers, refusal.body);
}

/**
 * What Node's parser lets through. HTTP/1.0 knows no chunks: who passed such a body on has seen another request in it, so
 * its framing is taken for faulty (RFC 9112 §6.1).
 */
function checkVersion(request: TransportRequest, version: string): Refusal | undefined {
  if (version === "1.1") return undefined;
  if (version !== "1.0") return refuse(505, "it must be HTTP/1.1", `HTTP/${version}`);
  const codings = headerValues(request, "transfer-encoding");
  return codings.length === 0 ? undefined : refuse(400, "HTTP/1.0 has no Transfer-Encoding", shown(codings));
}

/** `triage` for a request whose parser is gone. */
function triageDetached(request: TransportRequest, version: string): ReturnType<typeof triage> {
  if (version !== "1.1") return refuse(505, "an upgrade must be HTTP/1.1", `HTTP/${version}`); // RFC 6455 §4.1 point 2
  const verdict = triage(request);
  if (verdict !== "http" || !hasBody(request)) return verdict;
  return refuse(400, "an Upgrade to anything but websocket may not come with a body here", "a body");
}

function misrouted(): Refusal {
  return refuse(400, "it was not routed as a handshake", "a head that two parsers read differently");
}
