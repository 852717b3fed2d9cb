/**
 * What a trusted proxy says of the client: X-Forwarded-For and -Proto, or Forwarded (RFC 7239).
 *
 * 1. Read from the right: each proxy adds at the end whom it heard from, so only what a trusted one has added is true.
 *    The client is the first that is not trusted; everything further left it may have written itself.
 * 2. What is no address ends the walk: then the client is the proxy that said so.
 * 3. Both headers come only when one of them passed the proxy by, so they must name the same client. If not, neither is
 *    believed, and the client is the proxy: nobody gains another's address.
 * 4. Not X-Forwarded-Host: proxies pass Host itself on, and a header that a client may add must not decide where a
 *    redirect leads, or a cache in between would keep it for others.
 */
import { isIP } from "node:net";
import { header } from "./headers.ts";
import { plainAddress } from "./transport/remote-address.ts";
import type { TransportRequest } from "./transport/transport.ts";
import type { TrustedProxies } from "./trusted-proxies.ts";

/** @property port 0: not known */
export type Client = { readonly address: string; readonly port: number };

export type Origin = Client & {
  /** Null: nothing was said, or nonsense. */
  readonly secure: boolean | null;
};

/** One hop, as a proxy has told it; all null for what is no element. */
type Hop = { readonly client: Client | null; readonly secure: boolean | null };

/** @param request whose peer is trusted */
export function originOf(request: TransportRequest, trusted: TrustedProxies): Origin {
  const peer = { client: { address: request.remoteAddress, port: request.remotePort }, secure: null };
  const said = hopsOf(request, "x-forwarded-for", (field) => field.split(",").map(readFor));
  const standard = hopsOf(request, "forwarded", readForwarded);
  const walked = { byFor: walk(said, peer, trusted), byForwarded: walk(standard, peer, trusted) };
  const both = said.length > 0 && standard.length > 0;
  const isTorn = both && walked.byFor.client.address !== walked.byForwarded.client.address;
  const believed = said.length > 0 ? { ...walked.byFor, secure: walked.byForwarded.secure } : walked.byForwarded;
  const { client, secure } = isTorn ? peer : believed;
  const scheme = header(request, "x-forwarded-proto")?.split(",").at(-1); // the nearest proxy's word
  return { ...client, secure: scheme === undefined ? secure : isSecure(scheme) };
}

/** Every hop of the header `name`, over all its fields. */
function hopsOf(request: TransportRequest, name: string, read: (field: string) => readonly Hop[]): readonly Hop[] {
  return request.headers.flatMap(([given, value]) => (given === name ? read(value) : []));
}

/** The furthest hop that is known by a trusted one's word. */
function walk(hops: readonly Hop[], peer: Hop & { readonly client: Client }, trusted: TrustedProxies): typeof peer {
  let found = peer;
  for (let at = hops.length - 1; at >= 0 && trusted.has(found.client.address); at--) {
    const { client = null, secure = null } = hops[at] ?? {};
    if (client === null) break;
    found = { client, secure };
  }
  return found;
}

function readFor(text: string): Hop {
  return { client: readNode(text.trim()), secure: null };
}

const PARAMETER = /[\t ]*([!#$%&'*+\-.^_`|~\w]+)=(?:"((?:[^"\\]|\\.)*)"|([!#$%&'*+\-.^_`|~\w]+))[\t ]*(;|,|$)/y;
const NONSENSE: Hop = { client: null, secure: null };

/** The elements of one Forwarded field. What is not well-formed is one element of nonsense: it hides what stands left of it. */
function readForwarded(field: string): readonly Hop[] {
  const hops: Hop[] = [];
  let pairs = new Map<string, string>();
  const parameter = new RegExp(PARAMETER);
  for (let at = 0; at < field.length; at = parameter.lastIndex) {
    parameter.lastIndex = at;
    const found = parameter.exec(field);
    if (found === null) return [...hops, NONSENSE];
    const [, name = "", quoted, token = "", end] = found;
    if (pairs.has(name.toLowerCase())) return [...hops, NONSENSE]; // RFC 7239 §4: each once
    pairs.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, "$1") ?? token);
    if (end === ";") continue;
    hops.push({ client: readNode(pairs.get("for") ?? ""), secure: isSecure(pairs.get("proto") ?? "") });
    pairs = new Map();
  }
  return pairs.size === 0 ? hops : [...hops, NONSENSE];
}

/** `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`. Null: unknown, hidden, nonsense. */
function readNode(text: string): Client | null {
  const [, bracketed, plain, digits = "0"] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const address = bracketed ?? plain ?? text;
  const family = isIP(address);
  if (family === 0 || address.includes("%") || (bracketed !== undefined && family !== 6)) return null;
  const port = Number(digits);
  return port > 65_535 ? null : { address: plainAddress(address), port };
}

/** Some proxies write the WebSocket's own schemes. */
function isSecure(scheme: string): boolean | null {
  const name = scheme.trim().toLowerCase();
  if (name === "https" || name === "wss") return true;
  return name === "http" || name === "ws" ? false : null;
}
