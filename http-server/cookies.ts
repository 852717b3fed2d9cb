/** Reading and writing cookies (RFC 6265), and the names that tokens travel under. */
import { DIALECTS } from "../lib/protocol/index.ts";
import { WEB } from "./dialects.ts";

/** The login itself: page script cannot read it. */
export const SESSION_COOKIE = "jackfield-auth_";
/** Where a token is looked for: the names of all dialects are taken (contract kinode §8). */
const TOKEN_COOKIES = [SESSION_COOKIE, ...DIALECTS.map((dialect) => WEB[dialect].cookie)];

/** Values of all `name` cookies: browsers send several when paths or domains differ. A blank after `;` is optional. */
export function cookieValues(header: string, name: string): string[] {
  return header
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
}

/** What follows a prefix: the node, and `@` with the process on that one's secure subdomain (contract kinode §5.5). */
export function cookieNameOf(node: string, subdomain: string | null): string {
  return subdomain === null ? node : `${node}@${subdomain.replaceAll(/[^A-Za-z0-9\-:.]/g, "")}`;
}

/** Every token of this node, or of a process on its subdomain, that came along under an older or newer name. */
export function tokensOf(header: string, node: string, subdomain: string | null = null): string[] {
  const name = cookieNameOf(node, subdomain);
  return TOKEN_COOKIES.flatMap((prefix) => cookieValues(header, prefix + name));
}

/** Every token of a process on its subdomain that came along, of whichever process. */
export function subdomainTokensOf(header: string, node: string): string[] {
  return header
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => TOKEN_COOKIES.some((prefix) => pair.startsWith(`${prefix}${node}@`)))
    .map((pair) => pair.slice(pair.indexOf("=") + 1));
}

/** Whether a cookie pair, of whatever node, has a name that a token may travel under. */
function isTokenPair(pair: string): boolean {
  return TOKEN_COOKIES.some((prefix) => pair.startsWith(prefix));
}

/**
 * A Cookie header without tokens: with the login of the node a process could act as its user, and under a name of the
 * family one is a login too. Of whatever node: on one host they get each other's.
 */
export function withoutSession(header: string): string {
  return header
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => !isTokenPair(pair))
    .join("; ");
}

/** Whether a Set-Cookie line sets or removes one of a token's name; browsers send `=a=b`, which has no name, as `a=b`. */
export function setsToken(line: string): boolean {
  return isTokenPair(line.replace(/^[\t =]+/, ""));
}

export type CookieOptions = {
  readonly name: string;
  readonly value: string;
  /** Seconds; 0 removes it. */
  readonly maxAge: number;
  readonly httpOnly: boolean;
  readonly secure: boolean;
};

/** SameSite=Strict: other sites' pages and forms never send it. */
export function setCookie({ name, value, maxAge, httpOnly, secure }: CookieOptions): string {
  return `${name}=${value}; Path=/; Max-Age=${maxAge}; SameSite=Strict${httpOnly ? "; HttpOnly" : ""}${secure ? "; Secure" : ""}`;
}
