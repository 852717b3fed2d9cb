/**
 * The cookies of a login (docs/adr/0005): made, renewed as pages load, and removed. One logs in; those that page script
 * can read are good for WsRegister alone, one for each dialect in use.
 */
import type { Auth, Verified } from "./auth.ts";
import { cookieNameOf, cookieValues, setCookie } from "./cookies.ts";
import { type DialectsInUse, WEB } from "./dialects.ts";
import type { HttpServerLimits } from "./limits.ts";
import type { Session } from "./sessions.ts";
import type { HeaderList } from "./transport/transport.ts";

type Cookie = { readonly name: string; readonly value: string; readonly maxAge: number; readonly httpOnly: boolean };

export class SessionCookies {
  readonly #auth: Auth;
  readonly #limits: HttpServerLimits;

  readonly #dialects: Pick<DialectsInUse, "list">;

  constructor(auth: Auth, limits: HttpServerLimits, dialects: Pick<DialectsInUse, "list">) {
    this.#auth = auth;
    this.#limits = limits;
    this.#dialects = dialects;
  }

  /** All, of a fresh login. @param secure the login came over TLS, and so must the cookies from now on */
  ofLogin(session: Session, secure: boolean): HeaderList {
    return [
      header(this.#session(session, this.#auth.sessionToken(session)), secure),
      ...this.#registerNames(session.subdomain).map((name) => header(this.#register(session, name), secure)),
    ];
  }

  /** What a page that loads sets anew: a session token of some age, and register tokens that have ended. */
  renewed(verified: Verified, cookies: string, secure: boolean): HeaderList {
    const { session } = verified;
    const rotated = this.#auth.rotated(verified);
    const missing = this.#registerNames(session.subdomain).filter((name) => cookieValues(cookies, name).length === 0);
    return [
      ...(rotated === undefined ? [] : [header(this.#session(session, rotated), secure)]),
      ...missing.map((name) => header(this.#register(session, name), secure)),
    ];
  }

  /** Removes all. @param secure as they were set */
  gone(subdomain: string | null, secure: boolean): HeaderList {
    return [this.#auth.sessionCookie(subdomain), ...this.#registerNames(subdomain)].map((name) =>
      header({ name, value: "", maxAge: 0, httpOnly: false }, secure),
    );
  }

  #session(session: Session, value: string): Cookie {
    const name = this.#auth.sessionCookie(session.subdomain);
    return { name, value, maxAge: this.#limits.sessionSeconds, httpOnly: true };
  }

  /** Page script needs this one: it is short-lived. */
  #register(session: Session, name: string): Cookie {
    const value = this.#auth.registerToken(session);
    return { name, value, maxAge: this.#limits.registerTokenSeconds, httpOnly: false };
  }

  #registerNames(subdomain: string | null): readonly string[] {
    const name = cookieNameOf(this.#auth.node, subdomain);
    return this.#dialects.list().map((dialect) => WEB[dialect].cookie + name);
  }
}

function header(cookie: Cookie, secure: boolean): readonly [string, string] {
  return ["set-cookie", setCookie({ ...cookie, secure })];
}
