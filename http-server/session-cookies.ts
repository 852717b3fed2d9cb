/** The two cookies of a login (docs/adr/0005): made, renewed as pages load, and removed. */
import type { Auth, Verified } from "./auth.ts";
import { cookieNameOf, cookieValues, REGISTER_COOKIE, setCookie } from "./cookies.ts";
import type { HttpServerLimits } from "./limits.ts";
import type { Session } from "./sessions.ts";
import type { HeaderList } from "./transport/transport.ts";

type Cookie = { readonly name: string; readonly value: string; readonly maxAge: number; readonly httpOnly: boolean };

export class SessionCookies {
  readonly #auth: Auth;
  readonly #limits: HttpServerLimits;

  constructor(auth: Auth, limits: HttpServerLimits) {
    this.#auth = auth;
    this.#limits = limits;
  }

  /** Both, of a fresh login. @param secure the login came over TLS, and so must the cookies from now on */
  ofLogin(session: Session, secure: boolean): HeaderList {
    return [
      header(this.#session(session, this.#auth.sessionToken(session)), secure),
      header(this.#register(session), secure),
    ];
  }

  /** What a page that loads sets anew: a session token of some age, and the register token where it has ended. */
  renewed(verified: Verified, cookies: string, secure: boolean): HeaderList {
    const { session } = verified;
    const rotated = this.#auth.rotated(verified);
    const hasRegister = cookieValues(cookies, this.#registerName(session.subdomain)).length > 0;
    return [
      ...(rotated === undefined ? [] : [header(this.#session(session, rotated), secure)]),
      ...(hasRegister ? [] : [header(this.#register(session), secure)]),
    ];
  }

  /** Removes both. */
  gone(subdomain: string | null): HeaderList {
    return [this.#auth.sessionCookie(subdomain), this.#registerName(subdomain)].map((name) =>
      header({ name, value: "", maxAge: 0, httpOnly: false }, false),
    );
  }

  #session(session: Session, value: string): Cookie {
    const name = this.#auth.sessionCookie(session.subdomain);
    return { name, value, maxAge: this.#limits.sessionSeconds, httpOnly: true };
  }

  /** Page script needs this one: it is short-lived. */
  #register(session: Session): Cookie {
    const value = this.#auth.registerToken(session);
    const name = this.#registerName(session.subdomain);
    return { name, value, maxAge: this.#limits.registerTokenSeconds, httpOnly: false };
  }

  #registerName(subdomain: string | null): string {
    return REGISTER_COOKIE + cookieNameOf(this.#auth.node, subdomain);
  }
}

function header(cookie: Cookie, secure: boolean): readonly [string, string] {
  return ["set-cookie", setCookie({ ...cookie, secure })];
}
