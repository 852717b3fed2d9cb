/**
 * The http-server of a node: a kernel process and the ports it listens on.
 *
 *   transport ──frame──▶ Channels.frame ──Envelope──▶ process ──push──▶ Actions ──▶ OutgoingFrames ──▶ transport
 *             ──head───▶ decideUpgrade, HttpRequests ──▶ Bindings ──▶ process
 *
 * It lives on the main thread: a worker that ends with a listening app aborts the program (contracts/hazards.md §2).
 * Stop: no new connection, channels hear 1001; after the mailboxes have drained, what is still open is cut.
 */
import type { Node, Process } from "../kernel/index.ts";
import { type Host, HTTP_SERVER, OptionError, STATE } from "../lib/protocol/index.ts";
import { Auth } from "./auth.ts";
import { AuthStore } from "./auth-store.ts";
import { Bindings } from "./bindings.ts";
import type { Channel } from "./channel.ts";
import { Channels } from "./channels.ts";
import { Compressor } from "./compressor.ts";
import { Forward } from "./forward.ts";
import { HttpRequests } from "./http-requests.ts";
import { HttpStreams } from "./http-streams.ts";
import type { Scope } from "./jwt.ts";
import { type HttpServerLimits, httpServerLimits, maxBackpressure } from "./limits.ts";
import type { ListenerOptions } from "./listening.ts";
import { Login } from "./login.ts";
import { OwnHosts } from "./own-hosts.ts";
import { OwnPages } from "./own-pages.ts";
import { httpServerProgram, type ServerParts } from "./process.ts";
import { Registrar } from "./registrar.ts";
import { SocketCount } from "./sockets.ts";
import { Throttle } from "./throttle.ts";
import { ListenError } from "./transport/errors.ts";
import { chooseTransport } from "./transport/index.ts";
import type { Listen, Listener, TransportHandlers, TransportName } from "./transport/transport.ts";
import { decideUpgrade, type UpgradeContext } from "./upgrade.ts";
import { visitOf } from "./visit.ts";

export type HttpServerOptions = {
  /** Default: one main listener on 127.0.0.1, any free port. Empty: none yet, see `listen`. */
  readonly listeners?: readonly ListenerOptions[];
  /** Default `auto`: uWebSockets.js, or ws where its binary does not load. */
  readonly transport?: TransportName | "auto";
  /** Origins besides the node's own whose pages may connect, e.g. `https://app.example`. */
  readonly allowedOrigins?: readonly string[];
  /** Names of this machine, besides localhost, under which its own programs count as local, e.g. `box.home`. */
  readonly allowedHosts?: readonly string[];
  readonly limits?: Readonly<Record<string, number | undefined>>;
  /** Becomes the node's password. */
  readonly password?: string;
};

export class HttpServer {
  readonly node: Node;
  readonly limits: HttpServerLimits;
  readonly channels: Channels;
  readonly bindings: Bindings;
  /** Which transport, and why, as a sentence. */
  readonly transportWhy: string;
  readonly #auth: Auth;
  readonly #listeners: Listener[];
  readonly #listen: Listen;
  readonly #sockets = new SocketCount();
  readonly #ownHosts: OwnHosts;
  readonly #registrar: Registrar;
  readonly #http: HttpRequests;
  readonly #upgradeContext: UpgradeContext;
  readonly #parts: ServerParts;
  #stopping = false;

  /** @throws {OptionError} @throws {ListenError} */
  static async start(node: Node, options: HttpServerOptions = {}): Promise<HttpServer> {
    const limits = httpServerLimits(options.limits);
    for (const origin of options.allowedOrigins ?? []) assertOrigin(origin);
    const ownHosts = new OwnHosts(options.allowedHosts);
    const transport = await chooseTransport(options.transport ?? "auto");
    let host: Host | undefined;
    let server: HttpServer | undefined;
    const self = node.addSystemProcess({
      id: HTTP_SERVER,
      leaf: true,
      program: httpServerProgram(
        () => defined(server).#parts,
        (started) => {
          host = started;
        },
      ),
    });
    const hostNow = (): Host => defined(host);
    const store = new AuthStore(hostNow);
    const hasState = node.kernel.registry.get(STATE) !== undefined;
    const auth = new Auth({
      node: node.name,
      clock: node.kernel.clock,
      limits,
      record: hasState ? await store.load() : undefined,
      save: hasState ? (record) => store.save(record) : () => Promise.resolve(),
    });
    const pages = OwnPages.load(node.name);
    server = new HttpServer({
      node,
      self,
      limits,
      auth,
      pages,
      hostNow,
      ownHosts,
      allowedOrigins: options.allowedOrigins ?? [],
      listen: transport.listen,
      why: transport.why,
    });
    node.onStop(() => defined(server).#stopTaking());
    for (const listener of options.listeners ?? [{ host: "127.0.0.1", port: 0 }]) await server.listen(listener);
    if (options.password !== undefined) await auth.setPassword(options.password);
    return server;
  }

  private constructor(made: {
    readonly node: Node;
    readonly self: Process;
    readonly limits: HttpServerLimits;
    readonly auth: Auth;
    readonly pages: OwnPages;
    readonly hostNow: () => Host;
    readonly ownHosts: OwnHosts;
    readonly allowedOrigins: readonly string[];
    readonly listen: Listen;
    readonly why: string;
  }) {
    const { node, self, limits, auth, pages, allowedOrigins } = made;
    const { kernel } = node;
    this.node = node;
    this.limits = limits;
    this.transportWhy = made.why;
    this.#auth = auth;
    this.#listen = made.listen;
    this.#ownHosts = made.ownHosts;
    this.#listeners = [];
    this.channels = new Channels(kernel, limits, self, this.#listeners);
    this.bindings = new Bindings(limits);
    const streams = new HttpStreams(kernel, limits, made.hostNow);
    this.#registrar = new Registrar(kernel, limits, self, this.channels, auth);
    this.#upgradeContext = {
      auth,
      bindings: this.bindings,
      registrar: this.#registrar,
      limits,
      terms: { slowReader: "close", sendLimit: limits.sendLimit },
      allowedOrigins,
      sockets: this.#sockets,
      stopping: () => this.#stopping,
    };
    const throttle = new Throttle(kernel.clock, limits.loginFailures, limits.loginWindow);
    const login = new Login(auth, limits, throttle, pages.loginPage, (error) => this.#fault(error));
    this.#http = new HttpRequests({
      auth,
      bindings: this.bindings,
      login,
      own: [login, pages],
      forward: new Forward(limits, streams, made.hostNow),
      compressor: new Compressor(this.bindings.staticBytes, (error) => this.#fault(error)),
      limits,
      allowedOrigins,
    });
    this.#parts = {
      kernel,
      limits,
      channels: this.channels,
      bindings: this.bindings,
      http: this.#http,
      streams,
      stop: () => this.#destroy(),
    };
    kernel.keepers.add(this.channels);
    kernel.keepers.add(streams);
    kernel.keepers.add({ restarting: () => [], gone: (process) => this.bindings.forget(process) });
  }

  /** The port of the main listener. */
  get port(): number {
    return this.#listeners[0]?.port ?? 0;
  }

  get ports(): readonly number[] {
    return this.#listeners.map((listener) => listener.port);
  }

  get transport(): TransportName {
    return this.#listeners[0]?.transport ?? "ws";
  }

  /** Sockets open now, registered or not. */
  get openSockets(): number {
    return this.#sockets.total;
  }

  get hasPassword(): boolean {
    return this.#auth.hasPassword;
  }

  async setPassword(password: string): Promise<void> {
    await this.#auth.setPassword(password);
  }

  /** A token for programs on this machine: tests, benches, the command line. */
  issueToken(scope: Scope = "session"): string {
    return this.#auth.issue(scope);
  }

  /** Opens one more port; the first is the main one, see `port`. @throws {ListenError} */
  async listen({ host, port, lastPort = port, mount }: ListenerOptions): Promise<void> {
    const { messageBytes, idleTimeout, httpPaceSeconds, httpBodyPace, httpReaderSeconds } = this.limits;
    const handlers = this.#handlers(mount?.text ?? null);
    for (let next = port; ; next++) {
      const options = {
        host,
        port: next,
        maxPayload: messageBytes,
        maxBackpressure: maxBackpressure(this.limits),
        idleTimeout,
        pace: { bodySeconds: httpPaceSeconds, bodyPace: httpBodyPace, readerSeconds: httpReaderSeconds },
      };
      try {
        this.#listeners.push(await this.#listen(options, handlers));
        return;
      } catch (error) {
        if (!(error instanceof ListenError) || next >= lastPort) throw error;
      }
    }
  }

  #handlers(mount: string | null): TransportHandlers<Channel> {
    const { channels } = this;
    const registrar = this.#registrar;
    const { queue } = this.node.kernel;
    const turn = (work: () => void): void => {
      queue.begin();
      try {
        work();
      } finally {
        queue.end();
      }
    };
    return {
      http: (request, response) => turn(() => this.#http.handle(visitOf(request, this.#ownHosts), response, mount)),
      upgrade: (request) => decideUpgrade(visitOf(request, this.#ownHosts), mount, this.#upgradeContext),
      open: (socket) =>
        turn(() => {
          const channel = socket.getUserData();
          channel.socket = socket;
          channel.peer = this.#sockets.opened(channel.peer);
          registrar.opened(channel);
        }),
      message: (socket, data, isBinary) => {
        const channel = socket.getUserData();
        if (channel.fresh) this.#first(channel, data, isBinary);
        else channels.frame(channel, data, isBinary);
      },
      ping: (socket, data) => channels.control(socket.getUserData(), "Ping", data),
      pong: (socket, data) => channels.control(socket.getUserData(), "Pong", data),
      drain: (socket) => turn(() => channels.outgoing.drained(socket.getUserData())),
      dropped: (socket) => turn(() => channels.outgoing.publishDropped(socket.getUserData())),
      close: (channel, code, reason) =>
        turn(() => {
          registrar.closed(channel);
          this.#sockets.closed(channel.peer);
          channels.closed(channel, code, reason);
        }),
      fault: (error) => this.#fault(error),
    };
  }

  #first(channel: Channel, data: ArrayBuffer | Uint8Array, isBinary: boolean): void {
    const bytes = data instanceof Uint8Array ? data : new Uint8Array(data);
    const { queue } = this.node.kernel;
    queue.begin();
    try {
      if (channel.owner === null) this.#registrar.register(channel, bytes);
      else if (!this.#registrar.acknowledge(channel, bytes)) this.channels.frame(channel, data, isBinary);
    } finally {
      queue.end();
    }
  }

  #stopTaking(): void {
    this.#stopping = true;
    for (const listener of this.#listeners) listener.stopListening();
    this.#registrar.endAll();
    this.channels.endAll();
  }

  async #destroy(): Promise<void> {
    for (const listener of this.#listeners) await listener.destroy();
  }

  #fault(error: unknown): void {
    this.node.kernel.events.emit({ type: "fault", process: HTTP_SERVER.text, error });
  }
}

function defined<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error("the http-server was asked before it was made");
  return value;
}

/** @throws {OptionError} */
function assertOrigin(origin: string): void {
  if (URL.canParse(origin) && new URL(origin).origin === origin) return;
  throw new OptionError(
    `Cannot allow origin ${JSON.stringify(origin)} as it must be scheme://host[:port] and nothing else: for example https://app.example`,
  );
}
