/**
 * Headers that keep browsers from being used against the node.
 *
 * 1. On all that the server says itself, and on bound content: no guessing of types (`nosniff`).
 * 2. On its own pages: nothing but its own scripts, styles and pictures, no frame around it, no referrer.
 *    Pages of processes are theirs: they send a policy of their own, or none.
 * 3. Over TLS: `Strict-Transport-Security`, but for what browsers ignore it on (RFC 6797 §8.1.1: IP addresses) and for
 *    localhost, where a developer's other ports would be turned to https along with it.
 */
import { isIP } from "node:net";
import { hostName } from "./headers.ts";
import { NOSNIFF } from "./transport/http-check.ts";
import type { HeaderList } from "./transport/transport.ts";
import type { Visit } from "./visit.ts";

/** Of a sentence to a program or a person. */
export const TEXT_HEADERS: HeaderList = [["content-type", "text/plain; charset=utf-8"], NOSNIFF];

const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'", // Argon2id is WebAssembly; that allows no eval() of text
  "style-src 'self'",
  "img-src 'self' data:", // icons
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** Of a page that is the server's own. */
export const PAGE_HEADERS: HeaderList = [
  NOSNIFF,
  ["content-security-policy", POLICY],
  ["x-frame-options", "DENY"], // frame-ancestors for older browsers
  ["referrer-policy", "no-referrer"], // the address of a page may hold the token of the one-time link
];

/** `Strict-Transport-Security` for who came over TLS to a name, else nothing. @param maxAge seconds */
export function strictTransport(request: Visit, maxAge: number): HeaderList {
  if (!request.secure || !isPublicName(hostName(request.host))) return [];
  return [["strict-transport-security", `max-age=${maxAge}`]];
}

function isPublicName(host: string): boolean {
  return host !== "" && !host.startsWith("[") && isIP(host) === 0 && !/(^|\.)localhost$/i.test(host);
}
