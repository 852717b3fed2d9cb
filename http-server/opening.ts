/**
 * What a channel's Open says beyond its id, path and peer: who is logged in, and how the client asked.
 *
 * 1. It is kept while the channel lives, since a restart says it again: at most limits.openBytes of it (upgrade.ts).
 * 2. Where there is nothing to say but who it is, the channels of a login share one object: an idle one costs a pointer.
 */
import { withoutSession } from "./cookies.ts";
import { header } from "./headers.ts";
import type { Session } from "./sessions.ts";
import type { TransportRequest } from "./transport/transport.ts";
import type { Visit } from "./visit.ts";

export type Opening = {
  /** Who is logged in; null: nobody. */
  readonly user: string | null;
  /** Whose end ends the channel; null: it was let in without a login. */
  readonly session: Session | null;
  /** As sent, without the `?`. */
  readonly query: string;
  /** Those that its binding chose and the client sent, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The sub-protocol that was selected; null: none. */
  readonly protocol: string | null;
  /** See Visit. */
  readonly forwardedFor: string | null;
};

/** What a binding says about the sockets it takes. */
export type OpeningTerms = {
  /** In no order: the client's counts. */
  readonly protocols: readonly string[];
  /** Names in lower case. */
  readonly openHeaders: readonly string[];
};

const NOTHING: Readonly<Record<string, string>> = Object.freeze({});

/** Of anybody who is not logged in, and asked for nothing. */
const NOBODY: Opening = { user: null, session: null, query: "", headers: NOTHING, protocol: null, forwardedFor: null };

export class Openings {
  readonly #plain = new WeakMap<Session, Opening>();

  of(opening: Opening): Opening {
    if (opening.query !== "" || opening.protocol !== null || opening.headers !== NOTHING) return opening;
    if (opening.forwardedFor !== null) return opening;
    const { session } = opening;
    if (session === null) return opening.user === null ? NOBODY : opening;
    const plain = this.#plain.get(session);
    if (plain === undefined) this.#plain.set(session, opening);
    return plain ?? opening;
  }
}

/** The chosen headers of `request`: the last of several, and no cookie that logs in (contract kinode §5.2). */
export function chosenHeaders(request: TransportRequest, names: readonly string[]): Opening["headers"] {
  let chosen: Record<string, string> | undefined;
  for (const name of names) {
    const sent = header(request, name);
    const value = name === "cookie" && sent !== undefined ? withoutSession(sent) : sent;
    if (value === undefined || value === "") continue;
    chosen ??= Object.create(null) as Record<string, string>; // a header may be named __proto__
    chosen[name] = value;
  }
  return chosen === undefined ? NOTHING : Object.freeze({ ...chosen });
}

/** Bytes that are kept of a channel: all that its client chose. */
export function openingBytes(kept: Omit<Opening, "user" | "session">): number {
  const { query, headers, protocol, forwardedFor } = kept;
  if (query === "" && headers === NOTHING && protocol === null && forwardedFor === null) return 0; // most are so
  let bytes = [query, protocol, forwardedFor].reduce((sum, text) => sum + Buffer.byteLength(text ?? ""), 0);
  for (const [name, value] of Object.entries(headers)) bytes += name.length + Buffer.byteLength(value);
  return bytes;
}

/** The first of the client's sub-protocols, in its order, that the binding speaks (RFC 6455 §4.2.2); null: none. */
export function selectProtocol(request: Visit, known: readonly string[]): string | null {
  if (known.length === 0) return null;
  const offered = request.headers.flatMap(([name, value]) =>
    name === "sec-websocket-protocol" ? value.split(",") : [],
  );
  return offered.map((name) => name.trim()).find((name) => known.includes(name)) ?? null;
}

/** The query as the process is told it: decoded, the last of several. */
export function queryParams(query: string): Readonly<Record<string, string>> {
  return query === "" ? NOTHING : Object.fromEntries(new URLSearchParams(query));
}
