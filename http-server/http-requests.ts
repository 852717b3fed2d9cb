/**
 * HTTP: to the server's own pages, to static content, or to the process that bound the path (contract kinode §5.2–5.4).
 *
 * Order of checks: origin of what changes state → own pages → route → login → local only → static → the process.
 * A process answers within httpSeconds, or the client gets 408; 503 at once when it is gone or overloaded.
 */
import { LimitError, type Process } from "../kernel/index.ts";
import { Blob, Envelope, type Host, type HttpRequest, type SendErrorKind } from "../lib/protocol/index.ts";
import type { Auth } from "./auth.ts";
import type { Bindings, HttpBinding } from "./bindings.ts";
import { cookieValues, REGISTER_COOKIE, setCookie, withoutSession } from "./cookies.ts";
import { cameThroughProxy, cookieHeader, header, hostName, isLoopback } from "./headers.ts";
import { sendEmpty, sendJson, wantsHtml } from "./http-exchange.ts";
import type { HttpServerLimits } from "./limits.ts";
import { routePath } from "./listening.ts";
import type { Login } from "./login.ts";
import { isOriginAllowed } from "./origin.ts";
import type { OwnPages } from "./own-pages.ts";
import type { Match } from "./router.ts";
import { checkAnswer } from "./transport/http-check.ts";
import type { HeaderList, TransportRequest, TransportResponse } from "./transport/transport.ts";

/** What waits for a process's answer. */
type Exchange = { readonly response: TransportResponse; readonly headers: HeaderList };

export type HttpContext = {
  readonly auth: Auth;
  readonly bindings: Bindings;
  readonly login: Login;
  readonly pages: OwnPages;
  readonly limits: HttpServerLimits;
  readonly allowedOrigins: readonly string[];
  /** The http-server's calls; a new one after each restart of it. */
  readonly host: () => Host;
};

const SAFE_METHODS = ["GET", "HEAD", "OPTIONS"]; // they change nothing (RFC 9110 §9.2.1)

export class HttpRequests {
  readonly #context: HttpContext;

  constructor(context: HttpContext) {
    this.#context = context;
  }

  handle(request: TransportRequest, response: TransportResponse, mount: string | null): void {
    const { allowedOrigins, bindings, pages, login } = this.#context;
    if (!SAFE_METHODS.includes(request.method) && !isOriginAllowed(request, allowedOrigins))
      return sendEmpty(response, 403);
    if (mount === null && (login.handle(request, response) || pages.handle(request, response))) return;
    const path = routePath(request.path, mount);
    const match = bindings.matchHttp(path);
    if (match === undefined) return sendEmpty(response, bindings.isGone(path) ? 503 : 404);
    this.#bound(request, response, match, mount);
  }

  /** A process answered, or its request ended without. */
  answered(message: Envelope): void {
    const { response, headers } = message.context as Exchange; // put there by #forward
    if (message.kind === "error")
      return sendEmpty(response, STATUS[message.error ?? "Offline"], retryOf(message.error));
    const answer = readAnswer(message.body);
    if (answer === undefined) return sendEmpty(response, 500);
    const type = answer.headers.some(([name]) => name.toLowerCase() === "content-type") ? [] : [OCTETS];
    response.send(answer.status, [...type, ...answer.headers, ...headers], message.blob?.bytes() ?? "");
  }

  #bound(
    request: TransportRequest,
    response: TransportResponse,
    match: Match<HttpBinding>,
    mount: string | null,
  ): void {
    const { auth, login } = this.#context;
    const { authenticated, localOnly, content, owner } = match.value;
    const cookies = cookieHeader(request);
    const session = authenticated ? auth.session(cookies) : undefined;
    if (authenticated && session === undefined) {
      if (mount === null && wantsHtml(request)) return login.sendPage(response); // a mounted port has no /login
      return sendJson(response, 401, { error: { code: "unauthorized", message: "log in first: POST /login" } });
    }
    if (localOnly && (!isLoopback(request.remoteAddress) || cameThroughProxy(request))) return sendEmpty(response, 403);
    // Page script needs the register token: it is short-lived, so pages renew it as they load.
    const renew = session !== undefined && cookieValues(cookies, REGISTER_COOKIE + auth.node).length === 0;
    const headers: HeaderList = renew ? [["set-cookie", this.#registerCookie()]] : [];
    if (content !== null && (request.method === "GET" || request.method === "HEAD")) {
      response.send(
        200,
        [["content-type", mimeOf(content)], ["x-content-type-options", "nosniff"], ...headers],
        content.bytes(),
      );
      return;
    }
    this.#forward(request, { response, headers }, match, owner);
  }

  #forward(request: TransportRequest, exchange: Exchange, match: Match<HttpBinding>, owner: Process): void {
    const { limits, host } = this.#context;
    exchange.response.readBody(limits.httpBodyBytes, (bytes) => {
      if (bytes === null) return sendEmpty(exchange.response, 413, [["connection", "close"]]);
      const server = host();
      const event = new Envelope(
        "request",
        server.our,
        owner.address,
        { Http: describe(request, match) },
        Blob.of(bytes),
      );
      event.expectsResponse = limits.httpSeconds;
      event.context = exchange;
      try {
        server.send(event);
      } catch (error) {
        if (!(error instanceof LimitError)) throw error;
        sendEmpty(exchange.response, 503, [["retry-after", "1"]]); // limits.pendingRequests
      }
    });
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

const OCTETS = ["content-type", "application/octet-stream"] as const;

const STATUS: Record<SendErrorKind, number> = { Timeout: 408, Offline: 503, Overloaded: 503, Denied: 503 };

function retryOf(error: SendErrorKind | null): HeaderList {
  return error === "Overloaded" ? [["retry-after", "1"]] : [];
}

function describe(request: TransportRequest, match: Match<HttpBinding>): HttpRequest {
  const headers: Record<string, string> = {};
  for (const [name, value] of request.headers) headers[name] = value; // the last of several (contract kinode §5.2)
  if (headers.cookie !== undefined) headers.cookie = withoutSession(headers.cookie);
  return {
    source_socket_addr: `${request.remoteAddress}:${request.remotePort}`,
    method: request.method,
    url: `http://${hostOf(request)}${request.path}`,
    bound_path: match.pattern,
    headers,
    url_params: { ...match.params },
    query_params: Object.fromEntries(new URLSearchParams(request.query)),
  };
}

/** What the client called this node; "localhost" for what is no host: processes parse the url and must not fail at it. */
function hostOf(request: TransportRequest): string {
  const host = hostName(header(request, "host") ?? "");
  return /^[\w.-]+$|^\[[\da-f:.]+\]$/i.test(host) && URL.canParse(`http://${host}`) ? host : "localhost";
}

function mimeOf({ mime }: Blob): string {
  return mime !== null && isHeader("content-type", mime) ? mime : "text/plain";
}

/** @returns undefined when it is no HttpResponse, or its status none (contract kinode §5.4) */
function readAnswer(body: unknown): { readonly status: number; readonly headers: HeaderList } | undefined {
  if (typeof body !== "object" || body === null) return undefined;
  const { status, headers = {} } = body as { status?: unknown; headers?: unknown };
  if (typeof status !== "number" || !Number.isInteger(status) || status < 200 || status > 999) return undefined;
  if (typeof headers !== "object" || headers === null) return undefined;
  const list = Object.entries(headers).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string" && isHeader(entry[0], entry[1]),
  );
  return { status, headers: list };
}

/** What the transport would send: it refuses a whole answer for one line break (RFC 9110 §5). */
function isHeader(name: string, value: string): boolean {
  return checkAnswer(200, [[name, value]]) === undefined && !HOP_BY_HOP.includes(name.toLowerCase());
}

/** The transport's own to set. */
const HOP_BY_HOP = ["connection", "content-length", "keep-alive", "transfer-encoding", "upgrade"];
