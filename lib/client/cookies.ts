/**
 * The token in the page's cookies that is good for WsRegister (DESIGN §7).
 *
 * Names must match exactly: a page may hold `kinode-auth_alice.os` and `kinode-auth_alice.os@chess:chess:sys`,
 * and the seeds' prefix match took whichever came first (contracts/kinode.md §5.7).
 */
import { page } from "./page.ts";

const PREFIXES = ["kinode-auth_", "nectar-auth_"]; // the node's own, then what it was called before

/** The value of the cookie `name` in `cookies` (`a=1; b=2`), or undefined when there is none or it is empty. */
export function readCookie(cookies: string, name: string): string | undefined {
  for (const pair of cookies.split(";")) {
    const equals = pair.indexOf("=");
    if (pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim() || undefined;
  }
  return undefined;
}

/**
 * The token for `node`, or undefined when the page cannot read one: then the cookie of the upgrade has to do.
 * @param process on a secure subdomain it is this process's own, which comes first: nowhere else is there one
 */
export function readAuthToken(node: string | undefined = page().our?.node, process?: string): string | undefined {
  const cookies = readCookies();
  if (node === undefined || cookies === undefined) return undefined;
  for (const suffix of [process && `@${process.replace(/[^\w:.-]|_/g, "")}`, ""]) {
    if (suffix === undefined) continue;
    for (const prefix of PREFIXES) {
      const token = readCookie(cookies, prefix + node + suffix);
      if (token !== undefined) return token;
    }
  }
  return undefined;
}

function readCookies(): string | undefined {
  try {
    return page().document?.cookie;
  } catch {
    return undefined; // a sandboxed frame throws SecurityError
  }
}
