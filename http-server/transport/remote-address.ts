/** One spelling for a peer's address, so that limits per address count one client once on every transport. */
import { SocketAddress } from "node:net";

const MAPPED = "::ffff:";

/**
 * `text` with IPv4 in its plain form and IPv6 shortened (RFC 5952).
 * uWebSockets.js writes out all 32 digits, and a dual-stack socket shows an IPv4 peer as `::ffff:…`.
 */
export function plainAddress(text: string): string {
  if (!text.includes(":")) return text;
  const short = new SocketAddress({ address: text, family: "ipv6" }).address;
  return short.startsWith(MAPPED) && short.includes(".") ? short.slice(MAPPED.length) : short;
}
