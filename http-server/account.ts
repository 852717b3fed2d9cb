/**
 * Who is logged in, and the password: for who is logged in to the node itself.
 *
 *   GET    /sessions         the list: a page to a browser that navigates, else JSON
 *   DELETE /sessions/<id>    ends one
 *   DELETE /sessions         ends all, this one too, and makes a new secret
 *   GET    /password         the page
 *   POST   /password         {"password_hash", "old_password_hash"} as the page makes them, or {"password", "old_password"};
 *                            the old one only where one is set. Ends all sessions and begins one, as a login does
 *
 * None of this stands on a secure subdomain or a mounted port.
 */
import type { Auth, Verified } from "./auth.ts";
import { cookieHeader } from "./headers.ts";
import { sendEmpty, sendJson, wantsHtml } from "./http-exchange.ts";
import type { HttpServerLimits } from "./limits.ts";
import { type Login, readJson, sendPage, sendRefusal, settle, visitorOf } from "./login.ts";
import type { LoginGate } from "./login-gate.ts";
import type { LoginLink } from "./login-link.ts";
import type { OwnPages } from "./own-pages.ts";
import { isLoginHash, loginHash } from "./password.ts";
import type { SessionCookies } from "./session-cookies.ts";
import type { TransportResponse } from "./transport/transport.ts";
import type { Visit } from "./visit.ts";

export type AccountParts = {
  readonly auth: Auth;
  readonly limits: HttpServerLimits;
  readonly gate: LoginGate;
  readonly link: LoginLink;
  readonly cookies: SessionCookies;
  readonly login: Login;
  /** HTML, with places for what is not known before. */
  readonly pages: Pick<OwnPages, "html">;
  readonly fault: (error: unknown) => void;
};

export class Account {
  readonly #parts: AccountParts;

  constructor(parts: AccountParts) {
    this.#parts = parts;
  }

  /** @returns whether the request was for it */
  handle(request: Visit, response: TransportResponse): boolean {
    const { auth, login, fault } = this.#parts;
    const path = request.path.replace(/\/$/, "");
    if (path !== "/sessions" && path !== "/password" && !path.startsWith("/sessions/")) return false;
    const verified = auth.session(cookieHeader(request));
    if (verified !== undefined) {
      const work = this.#act(path, request, response, verified);
      if (work === undefined) sendEmpty(response, 404);
      else settle(response, work, fault);
    } else if (wantsHtml(request)) login.sendPage(request, response);
    else sendError(response, 401, "unauthorized", "log in first: POST /login");
    return true;
  }

  /** @returns undefined: nothing stands there */
  #act(path: string, request: Visit, response: TransportResponse, verified: Verified): Promise<void> | undefined {
    const method = request.method === "HEAD" ? "GET" : request.method;
    if (path === "/password") {
      if (method === "GET") return this.#passwordPage(response);
      return method === "POST" ? this.#readPassword(request, response) : undefined;
    }
    if (path === "/sessions") {
      if (method === "GET") return this.#list(request, response, verified);
      return method === "DELETE" ? this.#endAll(request, response) : undefined;
    }
    return method === "DELETE" ? this.#end(request, response, verified) : undefined;
  }

  async #list(request: Visit, response: TransportResponse, { session: current }: Verified): Promise<void> {
    const { auth, pages } = this.#parts;
    if (wantsHtml(request)) return sendPage(response, pages.html("sessions"));
    const sessions = auth.list().map((session) => ({
      id: session.id,
      subdomain: session.subdomain,
      created: session.created,
      last_seen: session.seen,
      address: session.address,
      user_agent: session.agent,
      current: session === current,
    }));
    sendJson(response, 200, { sessions });
  }

  async #end(request: Visit, response: TransportResponse, { session: current }: Verified): Promise<void> {
    const { auth, cookies } = this.#parts;
    const id = request.path.replace(/\/$/, "").slice("/sessions/".length);
    const session = auth.sessions.get(id);
    if (session === undefined) return sendError(response, 404, "no_such_session", "it has ended already");
    await auth.end([session]);
    sendJson(response, 200, { node: auth.node }, session === current ? cookies.gone(null, request.secure) : []);
  }

  async #endAll(request: Visit, response: TransportResponse): Promise<void> {
    const { auth, cookies } = this.#parts;
    await auth.endAll();
    sendJson(response, 200, { node: auth.node }, cookies.gone(null, request.secure));
  }

  async #passwordPage(response: TransportResponse): Promise<void> {
    const { auth, limits, pages } = this.#parts;
    sendPage(
      response,
      pages
        .html("password")
        .replaceAll("{{password}}", auth.hasPassword ? "set" : "none")
        .replaceAll("{{length}}", String(limits.passwordLength)),
    );
  }

  async #readPassword(request: Visit, response: TransportResponse): Promise<void> {
    const { limits, fault } = this.#parts;
    response.readBody(limits.loginBytes, (body) => {
      if (body === null) sendEmpty(response, 413, [["connection", "close"]]);
      else settle(response, this.#setPassword(request, response, body), fault);
    });
  }

  async #setPassword(request: Visit, response: TransportResponse, body: Uint8Array): Promise<void> {
    const { auth, cookies, gate, limits, link } = this.#parts;
    const { password, password_hash: hash, ...old } = readJson(body) ?? {};
    if (typeof hash === "string" ? !isLoginHash(hash) : typeof password !== "string")
      return sendError(response, 400, "malformed", 'send {"password":"…","old_password":"…"}, or the two as hashes');
    if (typeof password === "string" && [...password].length < limits.passwordLength)
      return sendError(response, 400, "too_short", `a password has at least ${limits.passwordLength} characters`);
    const refusal = gate.refusal(request);
    if (refusal !== undefined) return sendRefusal(response, refusal);
    const isAllowed = await gate.check(request, async () => !auth.hasPassword || (await this.#isOld(old)));
    if (!isAllowed) return sendError(response, 403, "wrong_password", "the old password is another one");
    await auth.changePassword(typeof hash === "string" ? hash : await loginHash(String(password), auth.node));
    link.end();
    const session = await auth.begin(null, visitorOf(request));
    sendJson(response, 200, { node: auth.node }, cookies.ofLogin(session, request.secure));
  }

  async #isOld({
    old_password_hash: hash,
    old_password: password,
  }: Readonly<Record<string, unknown>>): Promise<boolean> {
    const { auth } = this.#parts;
    if (typeof hash === "string") return await auth.checkPassword(hash);
    return typeof password === "string" && (await auth.checkPassword(await loginHash(password, auth.node)));
  }
}

function sendError(response: TransportResponse, status: number, code: string, message: string): void {
  sendJson(response, status, { error: { code, message } });
}
