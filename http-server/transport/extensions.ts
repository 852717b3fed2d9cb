/**
 * What a client offers in Sec-WebSocket-Extensions (RFC 6455 §9.1), and which offer of permessage-deflate is taken.
 *
 * 1. A header that does not follow the grammar fails the handshake; an offer that is unknown or cannot be met is passed over.
 * 2. Of several offers the first that can be met is taken (RFC 7692 §5). One with an unknown, repeated or bad parameter
 *    cannot (§7.1): uWebSockets.js would take it without a word (contracts/hazards.md §2).
 * 3. The answer is always `NEGOTIATED`: every message stands alone, so that all sockets share one compressor and an idle
 *    one holds none of it. That leaves no way to promise a smaller window, and so an offer with server_max_window_bits
 *    cannot be met; client_max_window_bits is a hint, which the answer may leave out (§7.1.2.2).
 */
import { headerValues, isToken } from "./http-check.ts";
import type { TransportRequest } from "./transport.ts";

export const PERMESSAGE_DEFLATE = "permessage-deflate";
/** What both libraries are shown as the client's offer, and answer. */
export const NEGOTIATED = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/** @property params in the order sent; null: without a value */
export type Extension = { readonly name: string; readonly params: readonly (readonly [string, string | null])[] };

// A token, a quoted string, or one other character. Blanks around them do not count.
const PART = /\s*(?:([^\s,;="]+)|"((?:[^"\\]|\\.)*)"|(.))\s*/gy;
const WINDOW_BITS = /^(?:[89]|1[0-5])$/; // RFC 7692 §7.1.2: 8 to 15, no leading zero

/** The value of each parameter of an offer that can be met. */
const ALLOWED: Readonly<Record<string, ((value: string | null) => boolean) | undefined>> = {
  __proto__: null as never, // a parameter may be named like anything of Object's
  server_no_context_takeover: (value) => value === null,
  client_no_context_takeover: (value) => value === null,
  client_max_window_bits: (value) => value === null || WINDOW_BITS.test(value),
};

/** What was offered, in order; undefined: the header does not follow its grammar. */
export function offeredExtensions(request: TransportRequest): readonly Extension[] | undefined {
  const offered: Extension[] = [];
  for (const value of headerValues(request, "sec-websocket-extensions")) {
    const extensions = parse(value);
    if (extensions === undefined) return undefined;
    offered.push(...extensions);
  }
  return offered;
}

/** Whether `request` offers a permessage-deflate that `NEGOTIATED` answers. */
export function offersDeflate(request: TransportRequest): boolean {
  return (
    offeredExtensions(request)?.some(({ name, params }) => name === PERMESSAGE_DEFLATE && canMeet(params)) === true
  );
}

function canMeet(params: Extension["params"]): boolean {
  const names = params.map(([name]) => name);
  return new Set(names).size === names.length && params.every(([name, value]) => ALLOWED[name]?.(value) === true);
}

/** `a; b=1; c="2", d` → a with b and c, d. Empty members do not count (RFC 9110 §5.6.1). */
function parse(header: string): Extension[] | undefined {
  const parts = partsOf(header);
  if (parts === undefined) return undefined;
  const found: Extension[] = [];
  for (const member of split(parts, ",")) {
    if (member.length === 0) continue;
    const [name, ...params] = split(member, ";").map(paramOf);
    if (name === undefined || name[1] !== null || params.includes(undefined)) return undefined;
    found.push({ name: name[0], params: params as [string, string | null][] }); // none is undefined
  }
  return found;
}

/** @property mark `,`, `;` or `=`; empty: a word */
type Part = { readonly word: string; readonly mark: string };

/** Ends at the first character that belongs nowhere: looking for the end of each of many open quotes would take long. */
function partsOf(header: string): Part[] | undefined {
  const parts: Part[] = [];
  for (const [, token, quoted, mark = ""] of header.trim().matchAll(PART)) {
    if (mark !== "" && !",;=".includes(mark)) return undefined;
    parts.push({ word: token ?? quoted?.replaceAll(/\\(.)/g, "$1") ?? "", mark });
  }
  return parts;
}

function split(parts: readonly Part[], mark: string): Part[][] {
  const groups: Part[][] = [[]];
  for (const part of parts) {
    if (part.mark === mark) groups.push([]);
    else groups.at(-1)?.push(part);
  }
  return groups;
}

/** `name`, or `name=value`; a quoted value must be a token once it is unquoted (RFC 6455 §9.1). */
function paramOf(parts: readonly Part[]): [string, string | null] | undefined {
  const [name, equals, value] = parts;
  if (name === undefined || !isWord(name)) return undefined;
  if (parts.length === 1) return [name.word, null];
  if (parts.length !== 3 || equals?.mark !== "=" || value === undefined || !isWord(value)) return undefined;
  return [name.word, value.word];
}

function isWord({ word, mark }: Part): boolean {
  return mark === "" && isToken(word);
}
