/**
 * Who is logged in: one entry per login, listed, ended one by one or all at once.
 *
 * 1. A token is good only while its session is here: ending one needs no list of what was revoked.
 * 2. A session's token is replaced as it is used (`sessionRotation`). The old one stays good until the new one has come
 *    back, so that a lost answer logs nobody out, and `sessionGrace` longer, for what was under way.
 * 3. A token that comes back after that was copied: its session ends, whoever holds it now.
 * 4. At most `limits.sessions`; one more ends the one that was not used for longest.
 */
import type { HttpServerLimits } from "./limits.ts";

/** As kept across restarts of the node; times in seconds since the Unix epoch. */
export type StoredSession = {
  readonly id: string;
  /** The process whose secure subdomain it is for; null: the node itself. */
  readonly subdomain: string | null;
  readonly created: number;
  readonly seen: number;
  readonly address: string;
  readonly agent: string;
  readonly generation: number;
  readonly issued: number;
};

/** Where a login came from, as its list shows it. */
export type Visitor = { readonly address: string; readonly agent: string };

export class Session {
  readonly id: string;
  readonly subdomain: string | null;
  readonly created: number;
  readonly address: string;
  readonly agent: string;
  /** Last used; to SEEN_EVERY. */
  seen: number;
  /** How often its token was replaced by one that has come back. */
  generation: number;
  /** When the token of this generation came back first, or was made. */
  issued: number;
  /** Until when the token before is good. */
  graceEnd = 0;
  ended = false;

  constructor(stored: StoredSession) {
    this.id = stored.id;
    this.subdomain = stored.subdomain;
    this.created = stored.created;
    this.seen = stored.seen;
    this.address = stored.address;
    this.agent = stored.agent;
    this.generation = stored.generation;
    this.issued = stored.issued;
  }

  stored(): StoredSession {
    const { id, subdomain, created, seen, address, agent, generation, issued } = this;
    return { id, subdomain, created, seen, address, agent, generation, issued };
  }
}

export class Sessions {
  readonly #limits: HttpServerLimits;
  readonly #byId = new Map<string, Session>();
  readonly #onEnd: (ended: ReadonlySet<Session>) => void;

  /** @param onEnd is told of those that are ended before their time, at once of all that end together */
  constructor(
    limits: HttpServerLimits,
    stored: readonly StoredSession[],
    onEnd: (ended: ReadonlySet<Session>) => void,
  ) {
    this.#limits = limits;
    this.#onEnd = onEnd;
    for (const each of stored) this.#byId.set(each.id, new Session(each));
  }

  get(id: string): Session | undefined {
    return this.#byId.get(id);
  }

  /** @param now seconds since the Unix epoch, like all times here */
  add(id: string, subdomain: string | null, { address, agent }: Visitor, now: number): Session {
    this.#forgetOver(now);
    const session = new Session({
      id,
      subdomain,
      created: now,
      seen: now,
      address,
      agent,
      generation: 0,
      issued: now,
    });
    this.#byId.set(id, session);
    if (this.#byId.size > this.#limits.sessions) {
      const others = [...this.#byId.values()].filter((each) => each !== session);
      this.end(others.reduce((oldest, each) => (each.seen < oldest.seen ? each : oldest), others[0] ?? session));
    }
    return session;
  }

  /** Those that are good at `now`, the last used first. */
  all(now: number): Session[] {
    this.#forgetOver(now);
    return [...this.#byId.values()].sort((a, b) => b.seen - a.seen || b.created - a.created);
  }

  end(...sessions: readonly Session[]): void {
    const ended = new Set(sessions.filter((session) => !session.ended));
    if (ended.size === 0) return;
    for (const session of ended) {
      session.ended = true;
      this.#byId.delete(session.id);
    }
    this.#onEnd(ended);
  }

  /** Whether somebody logged in from there, and has not ended it. */
  knows(address: string): boolean {
    for (const session of this.#byId.values()) if (session.address === address) return true;
    return false;
  }

  /** Its tokens have ended. Nobody ended it: channels that it opened stay open. */
  #forgetOver(now: number): void {
    for (const session of this.#byId.values()) {
      if (session.issued + this.#limits.sessionSeconds > now) continue;
      session.ended = true;
      this.#byId.delete(session.id);
    }
  }
}
