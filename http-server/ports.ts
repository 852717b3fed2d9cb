/**
 * The ports of a node: main and mounted ones, all with TLS or none, and plain ones that send browsers to TLS.
 */
import type { Clock } from "../lib/protocol/index.ts";
import { type HttpServerLimits, maxBackpressure } from "./limits.ts";
import type { ListenerOptions } from "./listening.ts";
import { redirectHandlers } from "./redirect.ts";
import { ListenError } from "./transport/errors.ts";
import { isSameTls, readTls, type Tls, type TlsFiles } from "./transport/index.ts";
import type { Listen, Listener, TransportHandlers, TransportOptions } from "./transport/transport.ts";

export type PortsOptions = {
  readonly listen: Listen;
  readonly limits: HttpServerLimits;
  readonly clock: Clock;
  readonly tls: TlsFiles | undefined;
  readonly reusePort: boolean;
};

export class Ports {
  /** The first is the main one; grows as ports are opened. */
  readonly listeners: Listener[] = [];
  readonly #redirects: Listener[] = [];
  readonly #options: PortsOptions;
  readonly #reloaded = new Map<Listener, Tls>(); // those that serve another certificate than they opened with
  #tls: Tls | undefined;

  /** @throws {TlsError} */
  constructor(options: PortsOptions) {
    this.#options = options;
    this.#tls = options.tls === undefined ? undefined : readTls(options.tls);
  }

  /** What new connections are served with, when TLS is on. */
  get tls(): Tls | undefined {
    return this.#tls;
  }

  /** Of the main listener. */
  get main(): number {
    return this.listeners[0]?.port ?? 0;
  }

  get redirects(): readonly number[] {
    return this.#redirects.map(({ port }) => port);
  }

  /** Opens a port, or the next free one up to `lastPort`. @throws {ListenError} */
  async open<Data>({ host, port, lastPort = port }: ListenerOptions, handlers: TransportHandlers<Data>): Promise<void> {
    for (let next = port; ; next++) {
      try {
        this.listeners.push(await this.#listen({ ...this.#settings(host, next), tls: this.#tls }, handlers));
        return;
      } catch (error) {
        if (!(error instanceof ListenError) || next >= lastPort) throw error;
      }
    }
  }

  /** Opens a plain port that sends browsers to the main one. @throws {ListenError} */
  async redirect(host: string, port: number, fault: (error: unknown) => void): Promise<void> {
    const handlers = redirectHandlers(() => this.main, fault);
    this.#redirects.push(await this.#listen(this.#settings(host, port), handlers));
  }

  /**
   * Reads the TLS files again: new connections get what is in them now, open ones go on.
   * @returns undefined when that is in use already, or TLS is off @throws {TlsError} the old one stays in use
   */
  reload(): Tls | undefined {
    if (this.#tls === undefined) return undefined;
    const tls = readTls(this.#tls.files);
    if (isSameTls(tls, this.#tls)) return undefined;
    for (const listener of this.listeners) {
      const served = this.#reloaded.get(listener);
      if (served !== undefined && isSameTls(served, tls)) continue; // one behind it failed the last time
      listener.reload(tls);
      this.#reloaded.set(listener, tls);
    }
    this.#tls = tls;
    return tls;
  }

  /** No new connection from now on. Resolves when those that just came have had time to say what they want. */
  async close(): Promise<void> {
    const { clock, limits, reusePort } = this.#options;
    const closing = this.#all.map((listener) => listener.stopListening());
    if (!reusePort) return; // nobody takes over: who comes now is refused as well
    await Promise.all(closing);
    await new Promise<void>((resolve) => clock.setTimeout(resolve, limits.handOver));
  }

  /** Cuts what is still open. */
  async destroy(): Promise<void> {
    for (const listener of this.#all) await listener.destroy();
  }

  get #all(): readonly Listener[] {
    return [...this.#redirects, ...this.listeners];
  }

  get #listen(): Listen {
    return this.#options.listen;
  }

  #settings(host: string, port: number): TransportOptions {
    const { limits, reusePort } = this.#options;
    const { messageBytes, idleTimeout, compressBytes, certificates } = limits;
    const { httpPaceSeconds, httpBodyPace, httpReaderSeconds } = limits;
    return {
      host,
      port,
      maxPayload: messageBytes,
      maxBackpressure: maxBackpressure(limits),
      idleTimeout,
      compressBytes,
      pace: { bodySeconds: httpPaceSeconds, bodyPace: httpBodyPace, readerSeconds: httpReaderSeconds },
      certificates,
      reusePort,
    };
  }
}
