/**
 * A request as the server sees it: whose it is, and how the client named this node.
 *
 * Made once, at the door (server.ts), so that nothing else asks what a forwarded header is worth. Without a trusted
 * proxy such headers count for nothing, except that who sends one is not taken for a program on this machine.
 */
import { cameThroughProxy, header, isLoopback } from "./headers.ts";
import type { OwnHosts } from "./own-hosts.ts";
import type { TransportRequest } from "./transport/transport.ts";

/** `remoteAddress`, `remotePort` and `secure` are the client's, not those of a trusted proxy. */
export type Visit = TransportRequest & {
  /** As the client named this node, with its port; empty when it did not. */
  readonly host: string;
  /** It comes from a program on this machine, with no proxy in between, and under a name that no page can make up. */
  readonly isLocal: boolean;
};

/** @param ownHosts see own-hosts.ts */
export function visitOf(request: TransportRequest, ownHosts: OwnHosts): Visit {
  const host = header(request, "host") ?? "";
  return {
    ...request,
    host,
    isLocal: isLoopback(request.remoteAddress) && !cameThroughProxy(request) && ownHosts.has(host),
  };
}
