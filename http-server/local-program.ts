/**
 * Whether a visit may pass for a program that somebody runs on this machine: what extensions and RPC take without a login.
 *
 * The address alone does not say so. A page of any site may have its browser, on this machine, ask this node, and by a
 * name of its own that it has made lead here (DNS rebinding): then its Origin and its Host agree. It can't choose the
 * Host, though, so that has to be a name that leads nowhere but to this machine.
 */
import { hostName, isLoopback } from "./headers.ts";
import type { Visit } from "./visit.ts";

export function isLocalProgram(visit: Visit): boolean {
  return visit.isLocal && isLoopbackName(hostName(visit.host).toLowerCase());
}

/** `localhost` and names below it lead to this machine in every browser (RFC 6761 §6.3). */
function isLoopbackName(name: string): boolean {
  return name === "[::1]" || name === "localhost" || name.endsWith(".localhost") || isLoopbackAddress(name);
}

/** Not `127.evil.example`. */
function isLoopbackAddress(name: string): boolean {
  return /^127(\.\d{1,3}){3}$/.test(name) && isLoopback(name);
}
