/**
 * Whether a request is plain HTTP, a WebSocket handshake, or neither: both transports ask here.
 *
 * 1. A request is a handshake when its Upgrade header names websocket, and then it must be a whole one (RFC 6455 §4.2.1).
 *    Any other request is HTTP, whatever else it carries: RFC 9110 §7.8 lets a server ignore an Upgrade.
 * 2. Nothing is left to the libraries: uWebSockets.js looks at the key's length alone, ws accepts version 8 and a
 *    handshake without Host (contracts/hazards.md §4.2).
 * 3. What passes here passes ws as well: it must not refuse by itself after a handler has accepted.
 */
import { offeredExtensions } from "./extensions.ts";
import { checkRequest, hasToken, headerValues, isToken, type Refusal, refuse, shown } from "./http-check.ts";
import type { TransportRequest } from "./transport.ts";

const VERSION = "13";
const KEY = /^[+/0-9A-Za-z]{22}==$/; // 16 bytes as base64

/** What a request is: for `http`, for `upgrade`, or for nobody. */
export function triage(request: TransportRequest): "http" | "upgrade" | Refusal {
  const malformed = checkRequest(request);
  if (malformed !== undefined) return malformed;
  if (!asksForWebSocket(request)) return "http";
  return checkHandshake(request) ?? "upgrade";
}

/** Whether Upgrade names websocket. */
export function asksForWebSocket(request: TransportRequest): boolean {
  return hasToken(request, "upgrade", "websocket");
}

/** What is wrong with a handshake that passed `checkRequest`, or undefined. */
export function checkHandshake(request: TransportRequest): Refusal | undefined {
  if (request.method !== "GET") return refuse(400, "a WebSocket handshake must be a GET", request.method);
  const upgrades = headerValues(request, "upgrade");
  if (upgrades.length !== 1 || upgrades[0]?.toLowerCase() !== "websocket") {
    return refuse(400, 'Upgrade must be "websocket" alone', shown(upgrades));
  }
  if (!hasToken(request, "connection", "upgrade")) {
    return refuse(400, 'Connection must name "Upgrade"', shown(headerValues(request, "connection")));
  }
  const hosts = headerValues(request, "host");
  if (hosts.includes("")) return refuse(400, "Host must not be empty", shown(hosts));
  if (hasBody(request)) return refuse(400, "a WebSocket handshake has no body", "a body");

  const versions = headerValues(request, "sec-websocket-version");
  if (versions.length !== 1 || versions[0] !== VERSION) {
    return refuse(426, `Sec-WebSocket-Version must be ${VERSION}`, shown(versions), [
      ["sec-websocket-version", VERSION],
      ["upgrade", "websocket"], // RFC 9110 §15.5.22: a 426 names what to upgrade to
    ]);
  }
  const keys = headerValues(request, "sec-websocket-key");
  if (keys.length !== 1 || !KEY.test(keys[0] ?? "")) {
    return refuse(400, "Sec-WebSocket-Key must be one, of 16 bytes in base64", shown(keys));
  }
  if (offeredExtensions(request) === undefined) {
    const given = headerValues(request, "sec-websocket-extensions");
    return refuse(400, "Sec-WebSocket-Extensions must be a list of extensions", shown(given)); // RFC 6455 §9.1: a must
  }
  return checkProtocols(headerValues(request, "sec-websocket-protocol"));
}

/** Whether a body follows. A Content-Length of 0 is none: some proxies add it to every request. */
export function hasBody(request: TransportRequest): boolean {
  const lengths = headerValues(request, "content-length");
  return headerValues(request, "transfer-encoding").length > 0 || lengths.some((length) => Number(length) !== 0);
}

/** Sub-protocols are tokens, each once (RFC 6455 §4.1 point 10). */
function checkProtocols(offers: readonly string[]): Refusal | undefined {
  if (offers.length === 0) return undefined;
  const names = offers.flatMap((offer) => offer.split(",").map((name) => name.trim()));
  if (names.every(isToken) && new Set(names).size === names.length) return undefined;
  return refuse(400, "Sec-WebSocket-Protocol must be tokens, each once", shown(offers));
}
