/**
 * /login and /logout (contract kinode §5.5, DESIGN §7).
 *
 *   GET  /login              the page
 *   POST /login              {"password_hash": "0x…", "subdomain": ""|null}  → 200 and two cookies; 303 with ?redirect=/path
 *   POST /login              {"password": "…"} is taken too, for programs: hashed here as the page does it
 *   POST /logout             revokes every token that came along and removes both cookies
 */
import type { Auth } from "./auth.ts";
import { REGISTER_COOKIE, setCookie } from "./cookies.ts";
import { cookieHeader } from "./headers.ts";
import { sendEmpty, sendJson } from "./http-exchange.ts";
import type { HttpServerLimits } from "./limits.ts";
import { loginHash } from "./password.ts";
import type { Throttle } from "./throttle.ts";
import type { HeaderList, TransportResponse } from "./transport/transport.ts";
import type { Visit } from "./visit.ts";

const SUBDOMAINS = ["", null, undefined]; // none is offered yet

export class Login {
  readonly #auth: Auth;
  readonly #limits: HttpServerLimits;
  readonly #throttle: Throttle;
  readonly #page: string;
  readonly #fault: (error: unknown) => void;

  /** @param page the login page's HTML @param fault takes defects: the client gets 500 */
  constructor(auth: Auth, limits: HttpServerLimits, throttle: Throttle, page: string, fault: (error: unknown) => void) {
    this.#auth = auth;
    this.#limits = limits;
    this.#throttle = throttle;
    this.#page = page;
    this.#fault = fault;
  }

  /** @returns whether the request was for it */
  handle(request: Visit, response: TransportResponse): boolean {
    const path = request.path.replace(/\/$/, "");
    if (path === "/login") {
      if (request.method === "GET" || request.method === "HEAD") this.sendPage(response);
      else if (request.method === "POST") this.#read(request, response);
      else sendEmpty(response, 404);
      return true;
    }
    if (path !== "/logout") return false;
    if (request.method === "POST") this.#settle(response, this.#logout(request, response));
    else sendEmpty(response, 404);
    return true;
  }

  sendPage(response: TransportResponse): void {
    response.send(200, [["content-type", "text/html; charset=utf-8"], ...PAGE_HEADERS], this.#page);
  }

  /** Both cookies of a fresh login. @param secure it came over TLS: they go back over nothing else */
  cookies(secure: boolean): HeaderList {
    const { sessionSeconds, registerTokenSeconds } = this.#limits;
    const session = { name: this.#auth.sessionCookie, value: this.#auth.issue("session"), maxAge: sessionSeconds };
    const register = {
      name: REGISTER_COOKIE + this.#auth.node,
      value: this.#auth.issue("register"),
      maxAge: registerTokenSeconds,
    };
    return [
      ["set-cookie", setCookie({ ...session, httpOnly: true, secure })],
      ["set-cookie", setCookie({ ...register, httpOnly: false, secure })],
    ];
  }

  #read(request: Visit, response: TransportResponse): void {
    response.readBody(this.#limits.loginBytes, (body) => {
      if (body === null) return sendEmpty(response, 413, [["connection", "close"]]);
      const wait = this.#throttle.retryAfter(request.remoteAddress);
      if (wait > 0) return sendJson(response, 429, "Too many attempts", [["retry-after", String(wait)]]);
      this.#throttle.failed(request.remoteAddress); // until proven otherwise: checking takes time, others may start in it
      this.#settle(response, this.#login(request, response, body));
    });
  }

  async #login(request: Visit, response: TransportResponse, body: Uint8Array): Promise<void> {
    const sent = await this.#readHash(body);
    const isRight = sent !== undefined && (await this.#auth.checkPassword(sent));
    if (sent === undefined || isRight) this.#throttle.takeBack(request.remoteAddress);
    if (sent === undefined) return sendJson(response, 400, "Failed to parse login info");
    if (!isRight) return sendJson(response, 401, "Wrong password");
    const redirect = new URLSearchParams(request.query).get("redirect");
    if (redirect === null) return sendJson(response, 200, { node: this.#auth.node }, this.cookies(request.secure));
    response.send(
      303,
      [["location", localPath(redirect)], ["cache-control", "no-store"], ...this.cookies(request.secure)],
      "",
    );
  }

  /** @returns undefined when the body is not that JSON */
  async #readHash(body: Uint8Array): Promise<string | undefined> {
    let value: unknown;
    try {
      value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
    } catch {
      return undefined;
    }
    if (typeof value !== "object" || value === null) return undefined;
    const {
      password_hash: hash,
      password,
      subdomain,
    } = value as { password_hash?: unknown; password?: unknown; subdomain?: unknown };
    if (!SUBDOMAINS.some((none) => none === subdomain)) return undefined;
    if (typeof hash === "string") return hash;
    return typeof password === "string" && password !== "" ? await loginHash(password, this.#auth.node) : undefined;
  }

  async #logout(request: Visit, response: TransportResponse): Promise<void> {
    await this.#auth.revoke(this.#auth.tokens(cookieHeader(request)));
    const gone = [this.#auth.sessionCookie, REGISTER_COOKIE + this.#auth.node].map(
      (name) => ["set-cookie", setCookie({ name, value: "", maxAge: 0, httpOnly: false, secure: false })] as const,
    );
    sendJson(response, 200, { node: this.#auth.node }, gone);
  }

  #settle(response: TransportResponse, work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.#fault(error);
      sendEmpty(response, 500);
    });
  }
}

/** Shown in place of other pages: must not be kept, nor framed by another site. */
const PAGE_HEADERS: HeaderList = [
  ["cache-control", "no-store"],
  ["x-content-type-options", "nosniff"],
  ["x-frame-options", "DENY"],
];

/**
 * A path on this node, or `/`: a login must not send people to another site (contract kinode §9 row 34).
 * No control characters: browsers leave out tabs and line breaks, so that `/<tab>/evil.example` is `//evil.example`.
 */
function localPath(redirect: string): string {
  return /^\/(?![/\\])[^\p{Cc}\\]*$/u.test(redirect) ? redirect : "/";
}
