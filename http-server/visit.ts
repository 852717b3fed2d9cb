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

/** `remoteAddress`, `remotePort` and `secure` are the client's, not those of a trusted proxy. */
export type Visit = TransportRequest & {
  /** As the client named this node, with its port; empty when it did not. */
  readonly host: string;
  /**
   * It comes from a program on this machine, with no proxy in between, and under a name that no page can make up. A
   * trusted proxy is never such a program, even when it names no client: the one that forgot its headers must not make
   * everybody local.
   */
  readonly isLocal: boolean;
  /** X-Forwarded-For as it came, all of it; null when there was none, or the peer is not trusted. */
  readonly forwardedFor: string | null;
};

/** Whose word counts. */
export type Trust = { readonly proxies: TrustedProxies; readonly hosts: OwnHosts };

export function visitOf(request: TransportRequest, { proxies, hosts }: Trust): Visit {
  const host = header(request, "host") ?? "";
  if (!proxies.has(request.remoteAddress)) {
    const isLocal = isLoopback(request.remoteAddress) && !cameThroughProxy(request) && hosts.has(host);
    return { ...request, host, isLocal, forwardedFor: null };
  }
  const { address, port, secure } = originOf(request, proxies);
  const chain = request.headers.filter(([name]) => name === "x-forwarded-for").map(([, value]) => value);
  return {
    ...request,
    remoteAddress: address,
    remotePort: port,
    secure: secure ?? request.secure,
    host,
    isLocal: false,
    forwardedFor: chain.length === 0 ? null : chain.join(", "),
  };
}
