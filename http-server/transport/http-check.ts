/**
 * What an HTTP parser lets through and a server must not: both transports ask here before any handler runs.
 *
 * 1. A head that two parsers could read differently is refused and the connection closed, since a proxy in front of us
 *    may see other requests in the same bytes (request smuggling; contracts/hazards.md §4.2).
 * 2. An answer that would break out of its head is not sent.
 */
import type { HeaderList, TransportRequest } from "./transport.ts";

/** An HTTP answer in place of what was asked for. The connection ends with it. */
export type Refusal = { readonly status: number; readonly headers: HeaderList; readonly body: string };

/** No guessing of types: on whatever a server says of itself. */
export const NOSNIFF = ["x-content-type-options", "nosniff"] as const;

const NONE: readonly string[] = [];
const FIELDS_MAX = 99; // uWebSockets.js answers 431 to more by itself
const DIGITS = /^\d+$/;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be in a header value
const CONTROL = /[\0-\x08\x0a-\x1f\x7f]/;

/** Every value of the header `name`, which is given in lower case. A head is asked a dozen times: most find nothing. */
export function headerValues(request: TransportRequest, name: string): readonly string[] {
  let values: string[] | undefined;
  for (const header of request.headers) {
    if (header[0] !== name) continue;
    if (values === undefined) values = [header[1]];
    else values.push(header[1]);
  }
  return values ?? NONE;
}

/** Whether the comma-separated list that the header `name` is, over all its fields, has `token`, given in lower case. */
export function hasToken(request: TransportRequest, name: string, token: string): boolean {
  return headerValues(request, name).some((value) => {
    const list = value.toLowerCase();
    return list === token || list.split(",").some((member) => member.trim() === token);
  });
}

/** Whether `text` is a token of RFC 9110 §5.6.2. */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/** A plain-text refusal. `found` is what the client sent; at most 100 characters of it go back. */
export function refuse(status: number, rule: string, found: string, headers: HeaderList = []): Refusal {
  const all: HeaderList = [["content-type", "text/plain; charset=utf-8"], NOSNIFF, ["connection", "close"], ...headers];
  return { status, headers: all, body: `Cannot serve this request as ${rule}: got ${found.slice(0, 100)}\n` };
}

/** The values of one header, as a refusal shows them. */
export function shown(values: readonly string[]): string {
  return values.length === 0 ? "none" : values.map((value) => JSON.stringify(value)).join(" and ");
}

/** Why `request` must not be served, or undefined. */
export function checkRequest(request: TransportRequest): Refusal | undefined {
  if (request.headers.length > FIELDS_MAX) {
    return refuse(431, `a head has at most ${FIELDS_MAX} fields`, String(request.headers.length));
  }
  if (!isToken(request.method)) return refuse(400, "a method is a token", JSON.stringify(request.method));
  if (!request.path.startsWith("/")) return refuse(400, 'the request target must begin with "/"', request.path);

  const hosts = headerValues(request, "host");
  if (hosts.length !== 1) return refuse(400, "there must be one Host", shown(hosts));

  const lengths = headerValues(request, "content-length");
  const codings = headerValues(request, "transfer-encoding");
  if (lengths.length > 1 || lengths.some((length) => !DIGITS.test(length))) {
    return refuse(400, "there may be one Content-Length, of digits", shown(lengths));
  }
  if (codings.length > 1 || codings.some((coding) => coding.toLowerCase() !== "chunked")) {
    return refuse(400, 'Transfer-Encoding may only be "chunked"', shown(codings));
  }
  if (lengths.length + codings.length > 1) {
    return refuse(400, "a body has a Content-Length or a Transfer-Encoding", "both");
  }
  return undefined;
}

/** Bytes of the body that follows a head that passed `checkRequest`; Infinity: as many as there are chunks. */
export function announcedLength(request: TransportRequest): number {
  if (headerValues(request, "transfer-encoding").length > 0) return Number.POSITIVE_INFINITY;
  const [length] = headerValues(request, "content-length");
  return length === undefined ? 0 : Number(length);
}

/** Whether an answer with `status` has no body, and no Content-Length either. */
export function isBodiless(status: number): boolean {
  return status === 204 || status === 304;
}

/** Why an answer must not go out, or undefined: a line break in a value would begin a header, or an answer, of its own. */
export function checkAnswer(status: number, headers: HeaderList): string | undefined {
  if (!Number.isInteger(status) || status < 200 || status > 999) {
    return `Cannot answer with status ${status} as it must be 200 to 999`;
  }
  for (const [name, value] of headers) {
    if (!isToken(name)) return `Cannot answer with header ${JSON.stringify(name)} as its name must be a token`;
    if (CONTROL.test(value)) return `Cannot answer with header "${name}" as its value has a control character`;
  }
  return undefined;
}

/** Whether `headers` ask to end the connection after the answer. */
export function asksToClose(headers: HeaderList): boolean {
  return headers.some(([name, value]) => name.toLowerCase() === "connection" && value.toLowerCase() === "close");
}

/** Whether the transport writes the header `name` itself, so that a handler's own would be a second one. */
export function isTransportHeader(name: string): boolean {
  const lower = name.toLowerCase();
  return lower === "content-length" || lower === "connection" || lower === "transfer-encoding";
}

export const INTERNAL_ERROR: Refusal = {
  status: 500,
  headers: [["content-type", "text/plain; charset=utf-8"], NOSNIFF],
  body: "Internal error: the node has recorded it\n",
};

/** A body that comes slower than `HttpPace` allows. */
export const TOO_SLOW: Refusal = {
  status: 408,
  headers: [["content-type", "text/plain; charset=utf-8"], NOSNIFF, ["connection", "close"]],
  body: "Cannot take this body as it came too slowly: send it faster, or in parts\n",
};
