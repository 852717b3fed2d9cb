/**
 * The tokens that page script can read: one cookie for each dialect in use, all of them good for WsRegister alone.
 * They are short-lived; pages renew them as they load.
 */
import type { Auth } from "./auth.ts";
import { cookieValues, setCookie } from "./cookies.ts";
import { type DialectsInUse, WEB } from "./dialects.ts";
import type { HttpServerLimits } from "./limits.ts";
import type { HeaderList } from "./transport/transport.ts";

export class RegisterCookies {
  readonly #auth: Auth;
  readonly #limits: HttpServerLimits;
  readonly #dialects: DialectsInUse;

  constructor(auth: Auth, limits: HttpServerLimits, dialects: DialectsInUse) {
    this.#auth = auth;
    this.#limits = limits;
    this.#dialects = dialects;
  }

  /** Their names on this node. */
  names(): readonly string[] {
    return this.#dialects.list().map((dialect) => WEB[dialect].cookie + this.#auth.node);
  }

  /** Set-Cookie for each. */
  all(): HeaderList {
    return this.names().map((name) => this.#header(name));
  }

  /** Set-Cookie for those that did not come along. @param cookies a Cookie header */
  missing(cookies: string): HeaderList {
    return this.names()
      .filter((name) => cookieValues(cookies, name).length === 0)
      .map((name) => this.#header(name));
  }

  #header(name: string): HeaderList[number] {
    const maxAge = this.#limits.registerTokenSeconds;
    const value = this.#auth.issue("register");
    return ["set-cookie", setCookie({ name, value, maxAge, httpOnly: false, secure: false })];
  }
}
