/**
 * Which pages may open sockets and change things: those of this node, and those that were allowed by name.
 *
 * A browser always sends Origin with an upgrade and with a POST; a program may leave it out, and holds no cookies of
 * a person. So: no Origin, allowed; the request's own host, allowed; anything else only when listed.
 */
import { header } from "./headers.ts";
import type { TransportRequest } from "./transport/transport.ts";

/** @param allowed whole origins, e.g. `https://app.example` */
export function isOriginAllowed(request: TransportRequest, allowed: readonly string[]): boolean {
  const origin = header(request, "origin");
  if (origin === undefined) return true;
  if (allowed.includes(origin)) return true;
  const host = header(request, "host");
  if (host === undefined || origin === "null") return false;
  if (origin === `https://${host}`) return true;
  return !request.secure && origin === `http://${host}`; // who is between could have written a page that came without TLS
}
