/** Looking things up in the head of a request. */
import type { TransportRequest } from "./transport/transport.ts";

/** The last of several, as the contract has it; undefined when there is none. */
export function header(request: TransportRequest, name: string): string | undefined {
  for (let i = request.headers.length - 1; i >= 0; i--) {
    const entry = request.headers[i];
    if (entry !== undefined && entry[0] === name) return entry[1];
  }
  return undefined;
}

/** All Cookie headers as one (HTTP allows several). */
export function cookieHeader(request: TransportRequest): string {
  return request.headers
    .filter(([name]) => name === "cookie")
    .map(([, value]) => value)
    .join("; ");
}

/** The Host without its port; brackets of an IPv6 address stay. */
export function hostName(host: string): string {
  return host.replace(/:\d+$/, "");
}

/** Whether the peer is this machine. */
export function isLoopback(address: string): boolean {
  return address === "::1" || address.startsWith("127.") || address === "localhost";
}

/** What proxies and CDNs add: X-Forwarded-*, CF-Connecting-IP, True-Client-IP, X-Cluster-Client-IP, X-Original-URL, … */
const PROXY_HEADER = /^(?:forwarded|via|x-real-ip|x-(?:forwarded|original|envoy)-.*|(?:.*-)?(?:client|connecting)-ip)$/;

/** Whether a proxy says that it passed this request on: then the peer's address says nothing about the client. */
export function cameThroughProxy(request: TransportRequest): boolean {
  return request.headers.some(([name]) => PROXY_HEADER.test(name));
}
