/**
 * Whether a WebSocket may open, decided in its own turn; a refusal is an HTTP answer with a status, never a page.
 *
 *   503 the node stops, or holds as many sockets as it may     429 this address does
 *   403 the page's origin is not allowed                       404 nothing is bound there
 *   401 the path wants a login                                 421 a secure path, and this is not its subdomain
 *   403 the path is for extensions, and this is none of        431 its query, chosen headers and sub-protocol, and what
 *       this machine, or a page                                    proxies say of it, are more than may be kept
 *   and what the path's own terms say (admission.ts)
 *   (400 and 426, for bad handshakes, are the transport's)
 */

import type { Comer } from "./arrival.ts";
import type { Auth } from "./auth.ts";
import { CREDENTIALS, withoutToken } from "./bearer-token.ts";
import { type Bindings, ownPath } from "./bindings.ts";
import { Channel, type Terms } from "./channel.ts";
import { cookieHeader, header } from "./headers.ts";
import type { HttpServerLimits } from "./limits.ts";
import { routePath } from "./listening.ts";
import { chosenHeaders, type Openings, type OpeningTerms, openingBytes, selectProtocol } from "./opening.ts";
import { isOriginAllowed } from "./origin.ts";
import type { Registrar } from "./registrar.ts";
import { TEXT_HEADERS } from "./security-headers.ts";
import type { Session } from "./sessions.ts";
import { OTHER_PACKAGE } from "./subdomains.ts";
import type { UpgradeDecision } from "./transport/transport.ts";
import type { Visit } from "./visit.ts";

const RETRY_AFTER = 5; // seconds: sockets come and go

/** How a path takes its sockets. */
export type WsTerms = Terms & OpeningTerms & { readonly compress: boolean };

export type UpgradeContext = {
  readonly auth: Auth;
  readonly bindings: Bindings;
  readonly registrar: Registrar;
  readonly limits: HttpServerLimits;
  /** Of the main route. */
  readonly terms: WsTerms;
  readonly openings: Openings;
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
  const path = routePath(request.path, mount);
  const match = bindings.matchWs(path);
  const origins = match?.value.gate?.origins ?? context.allowedOrigins;
  if (origins !== "any" && !isOriginAllowed(request, origins))
    return refuse(403, "pages of that origin may not connect: allow it with --allow-origin");
  const cookies = cookieHeader(request);
  const label = bindings.subdomains.of(request.host);
  if (match === undefined) {
    if (mount !== null || request.path !== "/") {
      return bindings.isGone(path)
        ? refuse(503, "its process has ended")
        : refuse(404, "no WebSocket is bound to this path");
    }
    if (registrar.waiting >= limits.unregistered)
      return refuse(503, `limits.unregistered is ${limits.unregistered} sockets: come back later`);
    const comer = { boundTo: null, cookies, label };
    const { query } = request;
    return accept({ request, query, user: null, session: null, path: "/", terms: context.terms, comer }, context);
  }
  const { value: binding, pattern } = match;
  const { id } = binding.owner.address;
  if (label !== null && !bindings.subdomains.isOf(label, id)) return refuse(403, OTHER_PACKAGE);
  if (label === null && binding.secure) return refuse(421, "this path takes sockets on its own subdomain only");
  const verified = auth.session(cookies, label === null ? null : id.text);
  if (binding.authenticated && verified === undefined) return refuse(401, "log in first");
  if (binding.extension !== null && !request.isLocal)
    return refuse(
      403,
      "an extension must be a program on this machine that asks for localhost, with no proxy in between",
    );
  // Every page sends one: a page of another package would play the extension to this one's process.
  if (binding.extension !== null && header(request, "origin") !== undefined)
    return refuse(403, "an extension must be a program, and no page: leave the Origin header out");
  const admitted = binding.gate?.upgrade(request, match.params) ?? { user: null };
  if ("status" in admitted) return refuse(admitted.status, admitted.why, admitted.retryAfter);
  const user = verified?.claims.username ?? admitted.user;
  const hasToken = binding.gate?.wantsToken === true; // which is nobody else's to know
  const query = hasToken ? withoutToken(request.query) : request.query;
  const session = binding.authenticated ? (verified?.session ?? null) : null; // whose end would end the channel
  const told = path === pattern || (hasToken && "token" in match.params) ? binding.path : ownPath(path, id);
  const comer = { boundTo: binding.owner, cookies: "", label };
  return accept({ request, query, user, session, path: told, terms: binding, comer, hasToken }, context);
}

type Allowed = {
  readonly request: Visit;
  /** As the process is told. */
  readonly query: string;
  readonly user: string | null;
  /** See Opening. */
  readonly session: Session | null;
  /** As the process is told. */
  readonly path: string;
  readonly terms: WsTerms;
  readonly comer: Comer;
  /** It may be in a header. */
  readonly hasToken?: boolean;
};

/**
 * A client whose sub-protocols the path does not speak gets a socket with none selected: one that insists then fails at
 * once and cleanly, a browser always (RFC 6455 §4.1, contract kinode §5.6).
 */
function accept(allowed: Allowed, { limits, openings, registrar }: UpgradeContext): UpgradeDecision<Channel> {
  const { request, query, user, session, path, terms, comer, hasToken = false } = allowed;
  const { forwardedFor } = request;
  const { openBytes } = limits;
  const told = hasToken ? terms.openHeaders.filter((name) => name !== CREDENTIALS) : terms.openHeaders;
  const headers = chosenHeaders(request, told);
  const protocol = selectProtocol(request, terms.protocols);
  if (openingBytes({ query, headers, protocol, forwardedFor }) > openBytes)
    return refuse(
      431,
      `limits.openBytes is ${openBytes} bytes of query, headers, sub-protocol and forwarded addresses: send less`,
    );
  const opening = openings.of({ user, session, query, headers, protocol, forwardedFor });
  const peer = { address: request.remoteAddress, sockets: 0 };
  const channel = new Channel({
    path,
    peer,
    port: request.remotePort,
    terms,
    opening,
    arrival: registrar.expect(comer),
  });
  return { accept: true, data: channel, protocol: protocol ?? "", compress: terms.compress };
}

function refuse(status: number, body: string, retryAfter: number = RETRY_AFTER): UpgradeDecision<Channel> {
  const retry = status === 503 || status === 429 ? [["retry-after", String(retryAfter)] as const] : [];
  const how = status === 401 ? [["www-authenticate", "Bearer"] as const] : []; // RFC 9110 §15.5.2
  return {
    accept: false,
    status,
    headers: [...TEXT_HEADERS, ...retry, ...how],
    body: `${body}\n`,
  };
}
