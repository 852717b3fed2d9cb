/**
 * HTTP: to the server's own services, to static content, or to the process that bound the path (contract kinode §5.2–5.4).
 *
 * Order of checks: origin of what changes state → own services → route → host → login → local only → static → the process.
 *
 * On a secure subdomain there is its package and what a page of it needs, nothing else: not the node's other services,
 * and no other package's paths. A secure path is nowhere else.
 */
import type { Envelope, ProcessId } from "../lib/protocol/index.ts";
import type { Refused } from "./admission.ts";
import type { Auth } from "./auth.ts";
import type { Bindings, HttpBinding } from "./bindings.ts";
import type { Compressor } from "./compressor.ts";
import { WEB } from "./dialects.ts";
import type { Forward } from "./forward.ts";
import { cookieHeader } from "./headers.ts";
import { sendEmpty, sendJson, sendText, wantsHtml } from "./http-exchange.ts";
import { routePath } from "./listening.ts";
import type { Login } from "./login.ts";
import { isOriginAllowed } from "./origin.ts";
import type { Match } from "./router.ts";
import { TEXT_HEADERS } from "./security-headers.ts";
import type { SessionCookies } from "./session-cookies.ts";
import { sendContent } from "./static-answer.ts";
import { OTHER_PACKAGE, secureUrl } from "./subdomains.ts";
import type { TransportResponse } from "./transport/transport.ts";
import type { Visit } from "./visit.ts";

/** Paths that the server answers itself, on the main port. */
export interface OwnService {
  /** @returns whether the request was for it, and has been or will be answered */
  handle(request: Visit, response: TransportResponse): boolean;
}

export type HttpContext = {
  readonly auth: Auth;
  readonly bindings: Bindings;
  readonly login: Login;
  /** Asked one after the other. */
  readonly own: readonly OwnService[];
  /** Those that stand on secure subdomains too. */
  readonly ownOnSubdomains: readonly OwnService[];
  readonly cookies: SessionCookies;
  readonly forward: Forward;
  readonly compressor: Compressor;
  readonly allowedOrigins: readonly string[];
};

/** What a page of an app is not called: a missing one must not be answered with the app's page. */
const FILE =
  /\.(?:avif|bmp|br|css|csv|eot|gif|gz|ico|jpe?g|json|m?js|cjs|map|mp[34]|ogg|otf|pdf|png|svg|ttf|txt|wasm|wav|web[mp]|webmanifest|woff2?|xml|zip)$/i;

const SAFE_METHODS = ["GET", "HEAD", "OPTIONS"]; // they change nothing (RFC 9110 §9.2.1)

export class HttpRequests {
  readonly #context: HttpContext;

  constructor(context: HttpContext) {
    this.#context = context;
  }

  handle(request: Visit, response: TransportResponse, mount: string | null): void {
    const { allowedOrigins, bindings, own, ownOnSubdomains } = this.#context;
    if (!SAFE_METHODS.includes(request.method) && !isOriginAllowed(request, allowedOrigins))
      return sendEmpty(response, 403);
    const label = bindings.subdomains.of(request.host);
    const services = label === null ? own : ownOnSubdomains;
    if (mount === null && services.some((service) => service.handle(request, response))) return;
    const path = routePath(request.path, mount);
    const match = bindings.matchHttp(path, (asked) => wantsHtml(request) && !FILE.test(asked));
    if (match === undefined) return sendNothing(request, response, bindings.isGone(path));
    const { id } = match.value.owner.address;
    if (label !== null && !bindings.subdomains.isOf(label, id)) return sendText(response, 403, OTHER_PACKAGE);
    if (label === null && match.value.secure) return sendElsewhere(request, response, id, mount);
    this.#bound(request, response, match, { mount, subdomain: label === null ? null : id.text });
  }

  /** A process answered, or its request ended without. */
  answered(message: Envelope): void {
    this.#context.forward.answered(message);
  }

  #bound(request: Visit, response: TransportResponse, match: Match<HttpBinding>, { mount, subdomain }: Place): void {
    const { auth, cookies, login, forward, compressor } = this.#context;
    const { owner, authenticated, localOnly, content, gate } = match.value;
    const sent = cookieHeader(request);
    const session = authenticated ? auth.session(sent, subdomain) : undefined;
    if (authenticated && session === undefined) {
      // A mounted port has no /login.
      if (mount === null && wantsHtml(request))
        return WEB[owner.dialect].login === "shown"
          ? login.sendPage(request, response, subdomain)
          : login.sendThere(request, response);
      return sendJson(response, 401, { error: { code: "unauthorized", message: "log in first: POST /login" } });
    }
    if (localOnly && !request.isLocal) return sendEmpty(response, 403);
    const admitted = gate?.request(request, match.params);
    if (admitted !== undefined && "status" in admitted) return sendRefused(response, admitted);
    const headers = session === undefined ? [] : cookies.renewed(session, sent, request.secure);
    const isRead = request.method === "GET" || request.method === "HEAD";
    if (content === null || !isRead) forward.send(request, response, headers, match);
    else sendContent(request, response, { content, isPrivate: authenticated, headers }, compressor);
  }
}

/** @property mount the process id of a mounted port @property subdomain the process whose secure subdomain it is */
type Place = { readonly mount: string | null; readonly subdomain: string | null };

/** A token is asked for, or the path is closed for now. */
function sendRefused(response: TransportResponse, { status, why, retryAfter }: Refused): void {
  const more =
    status === 401 ? (["www-authenticate", "Bearer"] as const) : (["retry-after", String(retryAfter)] as const);
  response.send(status, [...TEXT_HEADERS, more], `${why}\n`);
}

/** Empty, as the contract has it (kinode §10 case 49); to people a sentence: a browser would offer them a file to keep. */
function sendNothing(request: Visit, response: TransportResponse, isGone: boolean): void {
  const status = isGone ? 503 : 404;
  if (!wantsHtml(request)) return sendEmpty(response, status);
  sendText(response, status, isGone ? "the process of this path has ended" : "nothing is served at this path");
}

/** A secure path was asked for on another host (contract kinode §5.4). */
function sendElsewhere(request: Visit, response: TransportResponse, id: ProcessId, mount: string | null): void {
  const url = secureUrl(request, id);
  if (mount !== null) return sendText(response, 421, "this path is served on its own subdomain of the main port only");
  if (url !== undefined)
    return response.send(
      307,
      [
        ["location", url],
        ["cache-control", "no-store"],
      ],
      "",
    );
  sendText(
    response,
    421,
    "this path is served on a subdomain of its own, which this address cannot have: open the node by a name such as localhost",
  );
}
