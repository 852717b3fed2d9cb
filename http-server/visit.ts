/**
 * A request as the server sees it: whose it is, and how the client named this node.
 *
 * Made once, at the door (server.ts), so that nothing else asks what a forwarded header is worth: without a trusted
 * proxy they count for nothing, except that who sends one is not taken for a program on this machine.
 */
import { originOf } from "./forwarded.ts";
import { cameThroughProxy, header, isLoopback } from "./headers.ts";
import type { OwnHosts } from "./own-hosts.ts";
import type { TransportRequest } from "./transport/transport.ts";
import type { TrustedProxies } from "./trusted-proxies.ts";

/** Whose word counts. */
export type Trust = { readonly proxies: TrustedProxies; readonly hosts: OwnHosts };

/**
 * `remoteAddress`, `remotePort` and `secure` are the client's, not those of a trusted proxy.
 *
 * A class, every field by its name: a spread of the request with more to it is a dictionary to V8, 860 bytes, and those of
 * a crowd that connects outlived two collections each: V8's young generation was twice as large (bench/idle).
 */
export class Visit implements TransportRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: TransportRequest["headers"];
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly secure: boolean;
  /** As the client named this node, with its port; empty when it did not. */
  readonly host: string;
  /** X-Forwarded-For as it came, all of it; null when there was none, or the peer is not trusted. */
  readonly forwardedFor: string | null;
  readonly #isFromProxy: boolean;
  readonly #hosts: OwnHosts;

  constructor(request: TransportRequest, { proxies, hosts }: Trust) {
    const isTrusted = proxies.has(request.remoteAddress);
    const origin = isTrusted ? originOf(request, proxies) : null;
    this.method = request.method;
    this.path = request.path;
    this.query = request.query;
    this.headers = request.headers;
    this.remoteAddress = origin?.address ?? request.remoteAddress;
    this.remotePort = origin?.port ?? request.remotePort;
    this.secure = origin?.secure ?? request.secure;
    this.host = header(request, "host") ?? "";
    this.forwardedFor = isTrusted ? chainOf(request) : null;
    this.#isFromProxy = isTrusted;
    this.#hosts = hosts;
  }

  /**
   * It comes from a program on this machine, with no proxy in between, and under a name that no page can make up. A
   * trusted proxy is never such a program, even when it names no client: the one that forgot its headers must not make
   * everybody local. Few ask: it is looked at when they do.
   */
  get isLocal(): boolean {
    if (this.#isFromProxy || !isLoopback(this.remoteAddress)) return false;
    return !cameThroughProxy(this) && this.#hosts.has(this.host);
  }
}

function chainOf(request: TransportRequest): string | null {
  const chain = request.headers.filter(([name]) => name === "x-forwarded-for").map(([, value]) => value);
  return chain.length === 0 ? null : chain.join(", ");
}
