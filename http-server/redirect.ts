/**
 * The plain port beside a TLS one (`--redirect-http`): sends browsers to https, and serves nothing.
 *
 * 1. 308 whatever the method: 301 lets clients turn a POST into a GET (RFC 9110 §15.4.2), and who speaks TLS 1.2 knows 308.
 * 2. It is not to be kept (`no-store`): a port that changes would be beyond reach. Keeping is what HSTS is for.
 * 3. It goes where the client says it is, its Host with our port; a Host that is none gets 400.
 * 4. A WebSocket gets 403 and a sentence: browsers follow no redirect there, and what it would send is not for the open.
 */
import { header, hostName } from "./headers.ts";
import { TEXT_HEADERS } from "./security-headers.ts";
import type { TransportHandlers, TransportRequest, TransportResponse } from "./transport/transport.ts";

const HTTPS_PORT = 443; // what an https URL means without a port
const HOST = /^[\w-]+(\.[\w-]+)*\.?$|^\[[\da-f:.]+\]$/i;

/** @param port where TLS is served; asked for each request */
export function redirectHandlers(port: () => number, fault: (error: unknown) => void): TransportHandlers<null> {
  const nothing = (): void => undefined; // no socket ever opens
  return {
    http: (request, response) => redirect(request, response, port()),
    upgrade: (request) => ({ accept: false, status: 403, headers: TEXT_HEADERS, body: refusal(request, port()) }),
    open: nothing,
    message: nothing,
    ping: nothing,
    pong: nothing,
    drain: nothing,
    dropped: nothing,
    close: nothing,
    fault,
  };
}

function redirect(request: TransportRequest, response: TransportResponse, port: number): void {
  response.closeAfter(); // its body, if it has one, is not for this port
  const origin = originOf(request, port);
  if (origin === undefined) return response.send(400, TEXT_HEADERS, "the Host of the request is no host name\n");
  const query = request.query === "" ? "" : `?${request.query}`;
  const location = `${origin}${inAscii(request.path + query)}`;
  response.send(308, [["location", location], ["cache-control", "no-store"], ...TEXT_HEADERS], `${location}\n`);
}

function refusal(request: TransportRequest, port: number): string {
  const origin = originOf(request, port) ?? "https://…";
  return `no WebSocket is served without TLS: connect to ${origin.replace("https", "wss")}\n`;
}

/** `https://host:port`; undefined when the client's Host is none. */
function originOf(request: TransportRequest, port: number): string | undefined {
  const host = hostName(header(request, "host") ?? "");
  if (!HOST.test(host) || !URL.canParse(`https://${host}`)) return undefined;
  return port === HTTPS_PORT ? `https://${host}` : `https://${host}:${port}`;
}

/** A header's value: what is no visible ASCII goes percent-encoded, as it should have come. */
function inAscii(target: string): string {
  return target.replaceAll(/[^\x21-\x7e]+/gu, (part) => encodeURIComponent(part));
}
