/**
 * HTTP: to the server's own services, to static content, or to the process that bound the path (contract kinode §5.2–5.4).
 *
 * Order of checks: origin of what changes state → own services → route → login → local only → static → the process.
 */
import type { Envelope } from "../lib/protocol/index.ts";
import type { Auth } from "./auth.ts";
import type { Bindings, HttpBinding } from "./bindings.ts";
import type { Compressor } from "./compressor.ts";
import { cookieValues, REGISTER_COOKIE, setCookie } from "./cookies.ts";
import type { Forward } from "./forward.ts";
import { cookieHeader } from "./headers.ts";
import { sendEmpty, sendJson, wantsHtml } from "./http-exchange.ts";
import type { HttpServerLimits } from "./limits.ts";
import { routePath } from "./listening.ts";
import type { Login } from "./login.ts";
import { isOriginAllowed } from "./origin.ts";
import type { Match } from "./router.ts";
import { sendContent } from "./static-answer.ts";
import type { HeaderList, TransportResponse } from "./transport/transport.ts";
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
  readonly forward: Forward;
  readonly compressor: Compressor;
  readonly limits: HttpServerLimits;
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
    const { allowedOrigins, bindings, own } = this.#context;
    if (!SAFE_METHODS.includes(request.method) && !isOriginAllowed(request, allowedOrigins))
      return sendEmpty(response, 403);
    if (mount === null && own.some((service) => service.handle(request, response))) return;
    const path = routePath(request.path, mount);
    const match = bindings.matchHttp(path, (asked) => wantsHtml(request) && !FILE.test(asked));
    if (match === undefined) return sendEmpty(response, bindings.isGone(path) ? 503 : 404);
    this.#bound(request, response, match, mount);
  }

  /** A process answered, or its request ended without. */
  answered(message: Envelope): void {
    this.#context.forward.answered(message);
  }

  #bound(request: Visit, response: TransportResponse, match: Match<HttpBinding>, mount: string | null): void {
    const { auth, login, forward, compressor } = this.#context;
    const { authenticated, localOnly, content } = match.value;
    const cookies = cookieHeader(request);
    const session = authenticated ? auth.session(cookies) : undefined;
    if (authenticated && session === undefined) {
      if (mount === null && wantsHtml(request)) return login.sendPage(response); // a mounted port has no /login
      return sendJson(response, 401, { error: { code: "unauthorized", message: "log in first: POST /login" } });
    }
    if (localOnly && !request.isLocal) return sendEmpty(response, 403);
    // Page script needs the register token: it is short-lived, so pages renew it as they load.
    const renew = session !== undefined && cookieValues(cookies, REGISTER_COOKIE + auth.node).length === 0;
    const headers: HeaderList = renew ? [["set-cookie", this.#registerCookie()]] : [];
    const isRead = request.method === "GET" || request.method === "HEAD";
    if (content === null || !isRead) forward.send(request, response, headers, match);
    else sendContent(request, response, { content, isPrivate: authenticated, headers }, compressor);
  }

  #registerCookie(): string {
    const { auth, limits } = this.#context;
    return setCookie({
      name: REGISTER_COOKIE + auth.node,
      value: auth.issue("register"),
      maxAge: limits.registerTokenSeconds,
      httpOnly: false,
      secure: false,
    });
  }
}
