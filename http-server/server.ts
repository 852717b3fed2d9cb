/**
 * The http-server of a node: a kernel process and the ports it listens on.
 *
 *   transport ──frame──▶ Channels.frame ──Envelope──▶ process ──push──▶ Actions ──▶ OutgoingFrames ──▶ transport
 *             ──head───▶ decideUpgrade, HttpRequests ──▶ Bindings ──▶ process
 *
 * It lives on the main thread: a worker that ends with a listening app aborts the program (contracts/hazards.md §2).
 * Stop: no new connection, channels hear 1001; after the mailboxes have drained, what is still open is cut.
 */
import { type Node, networkCapability, type Process } from "../kernel/index.ts";
import { type Host, HTTP_SERVER, OptionError, STATE } from "../lib/protocol/index.ts";
import { Account } from "./account.ts";
import { Auth } from "./auth.ts";
import { AuthStore } from "./auth-store.ts";
import { Bindings } from "./bindings.ts";
import { Channels } from "./channels.ts";
import { Compressor } from "./compressor.ts";
import { DialectsInUse } from "./dialects.ts";
import { type Door, handlersOf } from "./door.ts";
import { Extensions } from "./extensions.ts";
import { Far } from "./far.ts";
import { Forward } from "./forward.ts";
import { HttpRequests } from "./http-requests.ts";
import { HttpStreams } from "./http-streams.ts";
import type { Scope } from "./jwt.ts";
import { type HttpServerLimits, httpServerLimits } from "./limits.ts";
import type { ListenerOptions } from "./listening.ts";
import { Login } from "./login.ts";
import { LoginGate } from "./login-gate.ts";
import { LoginLink } from "./login-link.ts";
import { Openings } from "./opening.ts";
import { OwnHosts } from "./own-hosts.ts";
import { OwnPages } from "./own-pages.ts";
import { Ports } from "./ports.ts";
import { httpServerProgram, type ServerParts } from "./process.ts";
import { Registrar } from "./registrar.ts";
import { Rpc } from "./rpc.ts";
import { SessionCookies } from "./session-cookies.ts";
import { SocketCount } from "./sockets.ts";
import { chooseTransport, type Tls, type TlsFiles } from "./transport/index.ts";
import type { TransportName } from "./transport/transport.ts";
import { TrustedProxies } from "./trusted-proxies.ts";
import type { UpgradeContext } from "./upgrade.ts";
import type { Trust } from "./visit.ts";

export type HttpServerOptions = {
  /** Default: one main listener on 127.0.0.1, any free port. Empty: none yet, see `listen`. */
  readonly listeners?: readonly ListenerOptions[];
  /** Default `auto`: uWebSockets.js, or ws where its binary does not load. */
  readonly transport?: TransportName | "auto";
  /** Origins besides the node's own whose pages may connect, e.g. `https://app.example`. */
  readonly allowedOrigins?: readonly string[];
  /** Names of this machine, besides localhost, under which its own programs count as local, e.g. `box.home`. */
  readonly allowedHosts?: readonly string[];
  /** Proxies whose word on the client is taken: addresses, ranges, `loopback`. Default: none. */
  readonly trustProxy?: readonly string[];
  readonly limits?: Readonly<Record<string, number | undefined>>;
  /** Becomes the node's password. */
  readonly password?: string;
  /** Whether programs on this machine may call RPC, which is root, without a token. Default true. */
  readonly localRpc?: boolean;
  /** PEM files: every listener speaks TLS then. */
  readonly tls?: TlsFiles;
  /** Linux: another node of the same user may listen on the same ports, to take over (docs/operations.md). */
  readonly reusePort?: boolean;
  /** The path of a script that is added to each page that a process binds: for development. Default: none. */
  readonly pageScript?: string;
};

const READ_MS = 20; // after the start: the first requests are answered

export class HttpServer {
  readonly node: Node;
  readonly limits: HttpServerLimits;
  readonly channels: Channels;
  readonly bindings: Bindings;
  /** Which transport, and why, as a sentence. */
  readonly transportWhy: string;
  readonly #auth: Auth;
  readonly #link: LoginLink;
  readonly #ports: Ports;
  readonly #sockets = new SocketCount();
  readonly #registrar: Registrar;
  readonly #far: Far;
  readonly #door: Door;
  readonly #parts: ServerParts;
  #leaving = false; // no new connection; before `#stopping`
  #stopping = false;

  /** @throws {OptionError} @throws {ListenError} */
  static async start(node: Node, options: HttpServerOptions = {}): Promise<HttpServer> {
    const limits = httpServerLimits(options.limits);
    for (const origin of options.allowedOrigins ?? []) assertOrigin(origin);
    const trust = { proxies: new TrustedProxies(options.trustProxy ?? []), hosts: new OwnHosts(options.allowedHosts) };
    const transport = await chooseTransport(options.transport ?? "auto");
    const ports = new Ports({
      listen: transport.listen,
      limits,
      clock: node.kernel.clock,
      tls: options.tls,
      reusePort: options.reusePort ?? false,
    });
    let host: Host | undefined;
    let server: HttpServer | undefined;
    const self = node.addSystemProcess({
      id: HTTP_SERVER,
      leaf: true,
      judgesNodes: true,
      program: httpServerProgram(
        () => defined(server).#parts,
        (started) => {
          host = started;
        },
      ),
    });
    self.capabilities.equip(networkCapability(node.name)); // channels are shared with other nodes
    const hostNow = (): Host => defined(host);
    const store = new AuthStore(hostNow);
    const hasState = node.kernel.registry.get(STATE) !== undefined;
    const auth = new Auth({
      node: node.name,
      clock: node.kernel.clock,
      limits,
      record: hasState ? await store.load() : undefined,
      save: hasState ? (record) => store.save(record) : () => Promise.resolve(),
      fault: (error) => {
        if (!defined(server).#stopping) defined(server).#fault(error);
      },
    });
    const pages = new OwnPages(node.name);
    server = new HttpServer({
      node,
      self,
      limits,
      auth,
      pages,
      hostNow,
      allowedOrigins: options.allowedOrigins ?? [],
      localRpc: options.localRpc ?? true,
      trust,
      ports,
      why: transport.why,
      pageScript: options.pageScript ?? null,
    });
    node.onStop(() => defined(server).#stopTaking());
    node.onStop(node.kernel.clock.setTimeout(() => pages.readAll(), READ_MS)); // a file that is missing ends the node
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
    readonly allowedOrigins: readonly string[];
    readonly localRpc: boolean;
    readonly trust: Trust;
    readonly ports: Ports;
    readonly why: string;
    readonly pageScript: string | null;
  }) {
    const { node, self, limits, auth, pages, allowedOrigins } = made;
    const { kernel } = node;
    this.node = node;
    this.limits = limits;
    this.transportWhy = made.why;
    this.#auth = auth;
    this.#ports = made.ports;
    this.channels = new Channels(kernel, limits, self, made.ports.listeners);
    const extensions = new Extensions(kernel, limits, this.channels, made.hostNow);
    this.bindings = new Bindings(limits);
    const { channels, bindings } = this;
    const openings = new Openings();
    const far = new Far({ kernel, limits, self, channels, host: made.hostNow }, (id) =>
      bindings.subdomains.isSecure(id),
    );
    this.#far = far;
    const streams = new HttpStreams(kernel, limits, channels.events.writer);
    this.#registrar = new Registrar({ kernel, limits, self, channels, auth, bindings, openings, far });
    const upgrades: UpgradeContext = {
      auth,
      bindings: this.bindings,
      registrar: this.#registrar,
      limits,
      terms: {
        slowReader: "close",
        sendLimit: limits.sendLimit,
        compress: false, // the binding decides, and here none is known before the upgrade
        protocols: [],
        openHeaders: [],
      },
      openings,
      allowedOrigins,
      sockets: this.#sockets,
      stopping: () => this.#stopping,
    };
    this.#link = new LoginLink(kernel.clock);
    auth.onEnd((ended) => {
      this.channels.endSessions(ended);
      this.#registrar.endSessions(ended);
    });
    const cookies = new SessionCookies(auth, limits, new DialectsInUse(kernel));
    const { subdomains } = this.bindings;
    const fault = (error: unknown): void => this.#fault(error);
    const parts = { auth, limits, cookies, fault, link: this.#link };
    const gate = new LoginGate(kernel.clock, limits, auth.sessions);
    const login = new Login({ ...parts, gate, subdomains, pages });
    const account = new Account({ ...parts, gate, login, pages });
    const waitMax = kernel.limits.requestSeconds;
    const rpc = new Rpc({ auth, limits, waitMax, local: made.localRpc, host: made.hostNow });
    const http = new HttpRequests({
      auth,
      bindings: this.bindings,
      login,
      own: [login, account, pages, rpc],
      ownOnSubdomains: [login, pages],
      cookies,
      forward: new Forward(limits, streams, made.hostNow, this.channels.events.writer),
      compressor: new Compressor(this.bindings.staticBytes, fault),
      allowedOrigins,
    });
    this.#door = {
      queue: kernel.queue,
      limits,
      trust: made.trust,
      sockets: this.#sockets,
      registrar: this.#registrar,
      channels,
      extensions,
      http,
      upgrades,
      leaving: () => this.#leaving,
      fault,
    };
    this.#parts = {
      kernel,
      limits,
      channels: this.channels,
      bindings: this.bindings,
      extensions,
      far,
      http,
      streams,
      pageScript: made.pageScript,
      stop: () => made.ports.destroy(),
    };
    kernel.keepers.add(this.channels);
    kernel.keepers.add(far.channels);
    kernel.keepers.add(streams);
    kernel.keepers.add({ restarting: () => [], gone: (process) => this.bindings.forget(process) });
  }

  /** The port of the main listener. */
  get port(): number {
    return this.#ports.main;
  }

  /** Main and mounted ones. */
  get ports(): readonly number[] {
    return this.#ports.listeners.map((listener) => listener.port);
  }

  /** Plain ports that send browsers to the main one. */
  get redirectPorts(): readonly number[] {
    return this.#ports.redirects;
  }

  get transport(): TransportName {
    return this.#ports.listeners[0]?.transport ?? "ws";
  }

  /** What new connections are served with, when TLS is on. */
  get tls(): Tls | undefined {
    return this.#ports.tls;
  }

  /** Sockets open now, registered or not. */
  get openSockets(): number {
    return this.#sockets.total;
  }

  get hasPassword(): boolean {
    return this.#auth.hasPassword;
  }

  /** Another one than before ends every session. @throws {OptionError} it is too short */
  async setPassword(password: string): Promise<void> {
    await this.#auth.setPassword(password);
    this.#link.end();
  }

  /** The path of a link that logs in once, for `loginLinkSeconds`; the one before is over. Only while no password is set. */
  oneTimeLogin(): string {
    return `/login?token=${this.#link.make(this.limits.loginLinkSeconds)}`;
  }

  /** A token for programs on this machine: tests, benches, the command line. @param subdomain a process, for its subdomain */
  issueToken(scope: Scope = "session", subdomain: string | null = null): string {
    return this.#auth.issue(scope, subdomain);
  }

  /** Opens one more port; the first is the main one, see `port`. @throws {ListenError} */
  async listen(options: ListenerOptions): Promise<void> {
    await this.#ports.open(options, handlersOf(this.#door, options.mount?.text ?? null));
  }

  /** Opens a plain port that sends browsers to the main one. @throws {ListenError} */
  async redirect(host: string, port: number): Promise<void> {
    await this.#ports.redirect(host, port, (error) => this.#fault(error));
  }

  /**
   * Reads the TLS files again: new connections get what is in them now, open ones go on.
   * @returns undefined when that is in use already, or TLS is off @throws {TlsError} the old one stays in use
   */
  reloadTls(): Tls | undefined {
    return this.#ports.reload();
  }

  async #stopTaking(): Promise<void> {
    this.#leaving = true;
    await this.#ports.close();
    this.#stopping = true;
    this.#registrar.endAll();
    this.channels.endAll();
    this.#far.channels.leave();
    await this.#far.owners.farewell(this.node.kernel.limits.drain);
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
