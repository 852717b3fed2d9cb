/**
 * Whether a WebSocket may open, decided in its own turn; a refusal is an HTTP answer with a status, never a page.
 *
 *   503 the node stops, or holds as many sockets as it may     429 this address does
 *   403 the page's origin is not allowed                       404 nothing is bound there
 *   401 the path wants a login                                 (400 and 426, for bad handshakes, are the transport's)
 */
import type { Arrival } from "./arrival.ts";
import type { Auth } from "./auth.ts";
import { type Bindings, ownPath } from "./bindings.ts";
import { Channel, type Terms } from "./channel.ts";
import { cookieHeader } from "./headers.ts";
import type { HttpServerLimits } from "./limits.ts";
import { routePath } from "./listening.ts";
import { isOriginAllowed } from "./origin.ts";
import type { Registrar } from "./registrar.ts";
import { TEXT_HEADERS } from "./security-headers.ts";
import type { UpgradeDecision } from "./transport/transport.ts";
import type { Visit } from "./visit.ts";

const RETRY_AFTER = 5; // seconds: sockets come and go

export type UpgradeContext = {
  readonly auth: Auth;
  readonly bindings: Bindings;
  readonly registrar: Registrar;
  readonly limits: HttpServerLimits;
  /** Of the main route. */
  readonly terms: Terms;
  readonly allowedOrigins: readonly string[];
  /** Open sockets, in all and by address. */
  readonly sockets: { readonly total: number; of(address: string): number };
  stopping(): boolean;
};

/** @param mount the process id whose paths stand at `/` on this port; null on the main listener */
export function decideUpgrade(request: Visit, mount: string | null, context: UpgradeContext): UpgradeDecision<Channel> {
  const { auth, bindings, limits, sockets, registrar } = context;
  if (context.stopping()) return refuse(503, "the node is stopping");
  if (sockets.total >= limits.channels)
    return refuse(503, `limits.channels is ${limits.channels} sockets: come back later`);
  if (sockets.of(request.remoteAddress) >= limits.channelsPerAddress) {
    return refuse(429, `limits.channelsPerAddress is ${limits.channelsPerAddress} sockets: close some first`);
  }
  if (!isOriginAllowed(request, context.allowedOrigins))
    return refuse(403, "pages of that origin may not connect: allow it with --allow-origin");
  const cookies = cookieHeader(request);
  const loggedIn = auth.session(cookies) !== undefined;
  const path = routePath(request.path, mount);
  const match = bindings.matchWs(path);
  if (match === undefined) {
    if (mount !== null || request.path !== "/") {
      return bindings.isGone(path)
        ? refuse(503, "its process has ended")
        : refuse(404, "no WebSocket is bound to this path");
    }
    if (registrar.waiting >= limits.unregistered)
      return refuse(503, `limits.unregistered is ${limits.unregistered} sockets: come back later`);
    return accept(request, "/", context.terms, registrar.expect(loggedIn, null));
  }
  const { value: binding, pattern } = match;
  if (binding.authenticated && !loggedIn) return refuse(401, "log in first");
  const told = path === pattern ? binding.path : ownPath(path, binding.owner.address.id);
  return accept(request, told, binding, registrar.expect(loggedIn, binding.owner));
}

/** No sub-protocol is ever selected: a client that insists on one fails at once and cleanly (contract kinode §5.6). */
function accept(request: Visit, path: string, terms: Terms, arrival: Arrival): UpgradeDecision<Channel> {
  const peer = { address: request.remoteAddress, sockets: 0 };
  const channel = new Channel({ path, peer, port: request.remotePort, terms, arrival });
  return { accept: true, data: channel, protocol: "" };
}

function refuse(status: number, body: string): UpgradeDecision<Channel> {
  const retry = status === 503 || status === 429 ? [["retry-after", String(RETRY_AFTER)] as const] : [];
  return {
    accept: false,
    status,
    headers: [...TEXT_HEADERS, ...retry],
    body: `${body}\n`,
  };
}
