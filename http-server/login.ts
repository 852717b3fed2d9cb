/**
 * /login and /logout (contract kinode §5.5, DESIGN §7).
 *
 *   GET  /login              the page
 *   POST /login              {"password_hash": "0x…", "subdomain": ""|null}  → 200 and its cookies; 303 with ?redirect=/path
 *   POST /login              {"password": "…"} is taken too, for programs: hashed here as the page does it
 *   POST /login              {"token": "…"} of the one-time link: login-link.ts
 *   POST /logout             ends every session whose session token came along and removes the cookies; a register token
 *                            ends none: scripts can read it, also those that may not log anybody out
 *
 * On a secure subdomain `subdomain` is the process id that the login is for, of the package that has the subdomain;
 * elsewhere there is none: a login is good for where it was made.
 */
import { ProcessId } from "../lib/protocol/index.ts";
import type { Auth, Verified } from "./auth.ts";
import { cookieHeader, header } from "./headers.ts";
import { sendEmpty, sendJson } from "./http-exchange.ts";
import type { HttpServerLimits } from "./limits.ts";
import type { LoginGate } from "./login-gate.ts";
import type { LoginLink } from "./login-link.ts";
import type { OwnPages } from "./own-pages.ts";
import { loginHash } from "./password.ts";
import { PAGE_HEADERS } from "./security-headers.ts";
import type { SessionCookies } from "./session-cookies.ts";
import type { Visitor } from "./sessions.ts";
import type { Subdomains } from "./subdomains.ts";
import type { HeaderList, TransportResponse } from "./transport/transport.ts";
import type { Visit } from "./visit.ts";

const AGENT_MAX = 200; // characters of a User-Agent: browsers' have some 120

export type LoginParts = {
  readonly auth: Auth;
  readonly limits: HttpServerLimits;
  readonly gate: LoginGate;
  readonly link: LoginLink;
  readonly cookies: SessionCookies;
  readonly subdomains: Subdomains;
  readonly pages: Pick<OwnPages, "html">;
  /** Takes defects: the client gets 500. */
  readonly fault: (error: unknown) => void;
};

/** What was sent to log in with. */
type Credential = {
  readonly kind: "hash" | "password" | "token";
  readonly text: string;
  readonly subdomain: string | null;
};

export class Login {
  readonly #parts: LoginParts;

  constructor(parts: LoginParts) {
    this.#parts = parts;
  }

  /** @returns whether the request was for it */
  handle(request: Visit, response: TransportResponse): boolean {
    const path = request.path.replace(/\/$/, "");
    if (path === "/login") {
      if (request.method === "GET" || request.method === "HEAD") this.sendPage(request, response);
      else if (request.method === "POST") this.#read(request, response);
      else sendEmpty(response, 404);
      return true;
    }
    if (path !== "/logout") return false;
    if (request.method === "POST") settle(response, this.#logout(request, response), this.#parts.fault);
    else sendEmpty(response, 404);
    return true;
  }

  /** @param subdomain the process to log in to on its secure subdomain, when that is known */
  sendPage(request: Visit, response: TransportResponse, subdomain: string | null = this.#askedFor(request)): void {
    const { auth, pages } = this.#parts;
    const html = pages
      .html("login")
      .replaceAll("{{subdomain}}", subdomain ?? "")
      .replaceAll("{{password}}", auth.hasPassword ? "set" : "none");
    sendPage(response, html);
  }

  /** Where `request` is to log in, and how to come back from there: what older systems did (contract kinode §8). */
  sendThere(request: Visit, response: TransportResponse): void {
    const redirect = new URLSearchParams({
      redirect: request.path + (request.query === "" ? "" : `?${request.query}`),
    });
    sendEmpty(response, 307, [
      ["location", `/login?${redirect}`],
      ["cache-control", "no-store"],
    ]);
  }

  #read(request: Visit, response: TransportResponse): void {
    const { gate, limits, fault } = this.#parts;
    response.readBody(limits.loginBytes, (body) => {
      if (body === null) return sendEmpty(response, 413, [["connection", "close"]]);
      const credential = this.#parse(request, body);
      if (credential === undefined) return sendJson(response, 400, "Failed to parse login info");
      const refusal = gate.refusal(request);
      if (refusal !== undefined) return sendRefusal(response, refusal);
      settle(response, this.#login(request, response, credential), fault);
    });
  }

  async #login(request: Visit, response: TransportResponse, credential: Credential): Promise<void> {
    const { auth, cookies, gate, link } = this.#parts;
    const { kind, text, subdomain } = credential;
    const isRight = await gate.check(request, async () => {
      if (kind === "token") return link.use(text);
      if (!auth.hasPassword || response.aborted) return false;
      return await auth.checkPassword(kind === "hash" ? text : await loginHash(text, auth.node));
    });
    if (!isRight)
      return sendJson(response, 401, kind === "token" ? "The link was used, or has ended" : "Wrong password");
    const session = await auth.begin(subdomain, visitorOf(request));
    const set = cookies.ofLogin(session, request.secure);
    const redirect = new URLSearchParams(request.query).get("redirect");
    if (redirect === null) return sendJson(response, 200, { node: auth.node }, set);
    response.send(303, [["location", localPath(redirect)], ["cache-control", "no-store"], ...set], "");
  }

  /** @returns undefined when the body is not that JSON, or is for another place */
  #parse(request: Visit, body: Uint8Array): Credential | undefined {
    const value = readJson(body);
    if (value === undefined) return undefined;
    const { password_hash: hash, password, token, subdomain: asked = null } = value;
    const subdomain = this.#place(request, asked);
    if (subdomain === undefined) return undefined;
    if (typeof hash === "string") return { kind: "hash", text: hash, subdomain };
    if (typeof password === "string" && password !== "") return { kind: "password", text: password, subdomain };
    return typeof token === "string" && subdomain === null ? { kind: "token", text: token, subdomain } : undefined;
  }

  /** @returns what the login is for; undefined: not here */
  #place(request: Visit, asked: unknown): string | null | undefined {
    const label = this.#parts.subdomains.of(request.host);
    if (label === null) return asked === null || asked === "" ? null : undefined;
    return typeof asked === "string" && this.#isOf(label, asked) ? asked : undefined;
  }

  /** The process that a login on this subdomain is for: of `?redirect=`, else some of its package. */
  #askedFor(request: Visit): string | null {
    const { subdomains } = this.#parts;
    const label = subdomains.of(request.host);
    if (label === null) return null;
    const [, asked = ""] = (new URLSearchParams(request.query).get("redirect") ?? "").split("/");
    return this.#isOf(label, asked) ? asked : (subdomains.someOf(label) ?? null);
  }

  #isOf(label: string, text: string): boolean {
    try {
      const id = ProcessId.parse(text);
      return id.isSafe() && this.#parts.subdomains.isOf(label, id);
    } catch {
      return false;
    }
  }

  async #logout(request: Visit, response: TransportResponse): Promise<void> {
    const { auth, cookies, subdomains } = this.#parts;
    const header = cookieHeader(request);
    const isMain = subdomains.of(request.host) === null;
    const verified = isMain ? auth.tokens(header) : auth.subdomainTokens(header);
    const isLogin = ({ claims }: Verified): boolean => claims.scope === "session";
    await auth.end(verified.filter(isLogin).map(({ session }) => session));
    const places = isMain ? [null] : new Set(verified.map(({ session }) => session.subdomain));
    sendJson(
      response,
      200,
      { node: auth.node },
      [...places].flatMap((subdomain) => cookies.gone(subdomain, request.secure)),
    );
  }
}

/** A page of the server's own, which must not be kept, nor framed by another site. */
export function sendPage(response: TransportResponse, html: string): void {
  const headers: HeaderList = [
    ["content-type", "text/html; charset=utf-8"],
    ["cache-control", "no-store"],
  ];
  response.send(200, [...headers, ...PAGE_HEADERS], html);
}

export function sendRefusal(response: TransportResponse, refusal: { status: number; retryAfter: number }): void {
  const { status, retryAfter } = refusal;
  const text = status === 429 ? "Too many attempts" : "Too many logins at once";
  sendJson(response, status, text, [["retry-after", String(retryAfter)]]);
}

/** A promise of an answer: what it throws is a defect. */
export function settle(response: TransportResponse, work: Promise<void>, fault: (error: unknown) => void): void {
  work.catch((error: unknown) => {
    fault(error);
    sendEmpty(response, 500);
  });
}

/** @returns undefined when it is no JSON object in UTF-8 */
export function readJson(body: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

export function visitorOf(request: Visit): Visitor {
  const agent = (header(request, "user-agent") ?? "").replaceAll(/[^\x20-\x7e]/g, "?");
  return { address: request.remoteAddress, agent: agent.slice(0, AGENT_MAX) };
}

/**
 * A path on this node, or `/`: a login must not send people to another site (contract kinode §9 row 34).
 * No control characters: browsers leave out tabs and line breaks, so that `/<tab>/evil.example` is `//evil.example`.
 */
function localPath(redirect: string): string {
  return /^\/(?![/\\])[^\p{Cc}\\]*$/u.test(redirect) ? redirect : "/";
}
