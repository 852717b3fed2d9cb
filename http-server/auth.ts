/**
 * Who may come in: the node's secret, its password, and the tokens of its sessions.
 *
 * 1. A session token logs in; a register token is good for WsRegister alone (DESIGN §7). Both name their session.
 * 2. Checking is synchronous: an upgrade is decided in its own turn.
 * 3. A token is of the node (`subdomain` null) or of one process, on its secure subdomain; neither is good for the other.
 * 4. That a token was signed here stays true, and is remembered for the last ones; whether it has ended, or its session,
 *    is asked each time.
 * 5. A new password ends every session and makes a new secret, and so does ending all.
 */
import { randomBytes } from "node:crypto";
import { randomId } from "../kernel/index.ts";
import { type Clock, OptionError } from "../lib/protocol/index.ts";
import { cookieNameOf, SESSION_COOKIE, subdomainTokensOf, tokensOf } from "./cookies.ts";
import { type Claims, type Scope, signToken, verifyToken } from "./jwt.ts";
import type { HttpServerLimits } from "./limits.ts";
import { loginHash, matchesPassword, type StoredPassword, storeHash } from "./password.ts";
import { type Session, Sessions, type StoredSession, type Visitor } from "./sessions.ts";

const SECRET_BYTES = 32; // HS256 wants at least its own output (RFC 7518 §3.2)
const SEEN_EVERY = 300; // seconds: "last used" is no more exact than this, and costs no more writes

/** What outlives the node, in state:distro:sys. */
export type AuthRecord = {
  readonly secret: string; // base64
  readonly password: StoredPassword | null;
  /** Left out by nodes that were older than sessions: their tokens are over. */
  readonly sessions?: readonly StoredSession[];
};

export type AuthOptions = {
  readonly node: string;
  readonly clock: Clock;
  readonly limits: HttpServerLimits;
  readonly record: AuthRecord | undefined;
  /** Keeps what must outlive the node. */
  readonly save: (record: AuthRecord) => Promise<void>;
  /** Takes what `save` threw when nobody waits for it. */
  readonly fault: (error: unknown) => void;
};

/** A token that is good now. */
export type Verified = { readonly claims: Claims; readonly session: Session };

/** Whom `issue` makes a session for. */
const OWN_PROGRAM: Visitor = { address: "", agent: "a program of this node" };

export class Auth {
  readonly node: string;
  readonly sessions: Sessions;
  readonly #clock: Clock;
  readonly #limits: HttpServerLimits;
  readonly #save: (record: AuthRecord) => Promise<void>;
  readonly #fault: (error: unknown) => void;
  /** By their text, oldest first: those whose signature was checked, of this node. */
  readonly #verified = new Map<string, Verified>();
  readonly #listeners: ((ended: ReadonlySet<Session>) => void)[] = [];
  #secret: Uint8Array;
  #password: StoredPassword | null;
  #stored: Promise<void> = Promise.resolve();
  #storing: Promise<void> | undefined; // has not begun

  constructor(options: AuthOptions) {
    const { record } = options;
    this.node = options.node;
    this.#clock = options.clock;
    this.#limits = options.limits;
    this.#save = options.save;
    this.#fault = options.fault;
    this.#secret = record === undefined ? randomBytes(SECRET_BYTES) : Buffer.from(record.secret, "base64");
    this.#password = record?.password ?? null;
    this.sessions = new Sessions(options.limits, record?.sessions ?? [], (ended) => {
      for (const listener of this.#listeners) listener(ended);
    });
  }

  get hasPassword(): boolean {
    return this.#password !== null;
  }

  /** `listener` is told of sessions that are ended before their time: at once of all that end together, as each looks at every channel. */
  onEnd(listener: (ended: ReadonlySet<Session>) => void): void {
    this.#listeners.push(listener);
  }

  /** The one it has already changes nothing; another ends every session, the first none. @throws {OptionError} it is too short */
  async setPassword(password: string): Promise<void> {
    const { passwordLength } = this.#limits;
    if ([...password].length < passwordLength)
      throw new OptionError(
        `Cannot set the password as it must have at least limits.passwordLength, ${passwordLength} characters: got ${[...password].length}, take a longer one`,
      );
    const hash = await loginHash(password, this.node);
    if (await this.checkPassword(hash)) return;
    if (this.#password !== null) return await this.changePassword(hash);
    this.#password = await storeHash(hash);
    await this.#store();
  }

  /** Ends every session. @param hash what the login page makes of a password: its length is the page's to check */
  async changePassword(hash: string): Promise<void> {
    this.#password = await storeHash(hash);
    await this.endAll();
  }

  /** @param sent what the login page sends: see password.ts */
  async checkPassword(sent: string): Promise<boolean> {
    const stored = this.#password;
    return stored !== null && (await matchesPassword(sent, stored)) && stored === this.#password; // changed meanwhile: no
  }

  /** Begins a session; kept when it resolves. */
  async begin(subdomain: string | null, visitor: Visitor): Promise<Session> {
    const session = this.sessions.add(randomId(), subdomain, visitor, this.#seconds());
    await this.#store();
    return session;
  }

  /** A token of a session of its own, for programs of this node. */
  issue(scope: Scope, subdomain: string | null = null): string {
    const session = this.sessions.add(randomId(), subdomain, OWN_PROGRAM, this.#seconds());
    this.#storeSoon();
    return scope === "session" ? this.sessionToken(session) : this.registerToken(session);
  }

  sessionToken(session: Session, generation: number = session.generation): string {
    const token = this.#claims(session, "session", this.#limits.sessionSeconds);
    return signToken(generation === 0 ? token : { ...token, generation }, this.#secret);
  }

  registerToken(session: Session): string {
    return signToken(this.#claims(session, "register", this.#limits.registerTokenSeconds), this.#secret);
  }

  /** The next session token, when the one that came is old enough to be replaced. */
  rotated({ claims, session }: Verified): string | undefined {
    if ((claims.generation ?? 0) !== session.generation) return undefined; // another request's answer has the next
    if (this.#seconds() - session.issued < this.#limits.sessionRotation) return undefined;
    return this.sessionToken(session, session.generation + 1);
  }

  /** Whoever logged in to the node, or to the process `subdomain`, by the cookies that came along. */
  session(cookies: string, subdomain: string | null = null): Verified | undefined {
    return this.tokens(cookies, subdomain).find(({ claims }) => claims.scope === "session");
  }

  /** Every valid token among the cookies, of either scope. */
  tokens(cookies: string, subdomain: string | null = null): Verified[] {
    if (cookies === "") return [];
    return tokensOf(cookies, this.node, subdomain)
      .flatMap((token) => this.verify(token) ?? [])
      .filter(({ session }) => session.subdomain === subdomain);
  }

  /** Every valid token of a process among the cookies, of whichever process. */
  subdomainTokens(cookies: string): Verified[] {
    return subdomainTokensOf(cookies, this.node).flatMap((token) => {
      const verified = this.verify(token);
      return verified === undefined || verified.session.subdomain === null ? [] : [verified];
    });
  }

  /** Whether `token` logs in to the node itself. */
  isSession(token: string): boolean {
    const verified = this.verify(token);
    return verified?.claims.scope === "session" && verified.session.subdomain === null;
  }

  /** Whether `token` is good now: of either scope, for the node or for a process, which is the caller's to look at. */
  verify(token: string): Verified | undefined {
    // A look-up tells a guess nothing: it compares texts of one hash only, whose seed is this program's own.
    const verified = this.#verified.get(token) ?? this.#checkSignature(token);
    if (verified === undefined) return undefined;
    const { claims, session } = verified;
    const now = this.#seconds();
    if (!(claims.expiration > now) || session.ended || !this.#isCurrent(claims, session, now)) return undefined;
    if (now - session.seen >= SEEN_EVERY) {
      session.seen = now;
      this.#storeSoon();
    }
    return verified;
  }

  /** Ends each; kept when it resolves. */
  async end(sessions: readonly Session[]): Promise<void> {
    if (sessions.length === 0) return;
    this.sessions.end(...sessions);
    await this.#store();
  }

  /** Ends every session, also those whose tokens somebody else may have signed: there is a new secret. */
  async endAll(): Promise<void> {
    this.#secret = randomBytes(SECRET_BYTES);
    this.#verified.clear();
    this.sessions.end(...this.sessions.all(this.#seconds()));
    await this.#store();
  }

  /** Those that are good now, the last used first. */
  list(): Session[] {
    return this.sessions.all(this.#seconds());
  }

  /** The cookie that is the login to the node, or to the process `subdomain`. */
  sessionCookie(subdomain: string | null): string {
    return SESSION_COOKIE + cookieNameOf(this.node, subdomain);
  }

  /** sessions.ts, rules 2 and 3. */
  #isCurrent(claims: Claims, session: Session, now: number): boolean {
    if (claims.scope === "register") return true;
    const { generation = 0 } = claims;
    if (generation === session.generation) return true;
    if (generation === session.generation + 1) {
      session.generation = generation;
      session.issued = claims.expiration - this.#limits.sessionSeconds;
      session.graceEnd = now + this.#limits.sessionGrace;
      this.#storeSoon();
      return true;
    }
    if (generation === session.generation - 1 && now < session.graceEnd) return true;
    this.sessions.end(session);
    this.#storeSoon();
    return false;
  }

  #checkSignature(token: string): Verified | undefined {
    const claims = verifyToken(token, this.#secret);
    if (claims === undefined || claims.username !== this.node) return undefined;
    const session = this.sessions.get(claims.id);
    if (session === undefined || session.subdomain !== (claims.subdomain ?? null)) return undefined;
    const verified = { claims, session };
    if (this.#limits.verifiedTokens > 0) this.#remember(token, verified);
    return verified;
  }

  #remember(token: string, verified: Verified): void {
    if (this.#verified.size === this.#limits.verifiedTokens) {
      const [oldest = ""] = this.#verified.keys();
      this.#verified.delete(oldest);
    }
    this.#verified.set(Buffer.from(token).toString(), verified); // a copy: as a part of its header it would keep that alive
  }

  #claims({ id, subdomain }: Session, scope: Scope, life: number): Claims {
    return { username: this.node, subdomain, expiration: this.#seconds() + life, scope, id };
  }

  #seconds(): number {
    return Math.floor(this.#clock.now() / 1000);
  }

  #storeSoon(): void {
    this.#store().catch(this.#fault);
  }

  /** One write at a time; who asks while one is under way shares the next. */
  #store(): Promise<void> {
    this.#storing ??= this.#stored.then(() => {
      this.#storing = undefined;
      return this.#save({
        secret: Buffer.from(this.#secret).toString("base64"),
        password: this.#password,
        sessions: this.list().map((session) => session.stored()),
      });
    });
    const storing = this.#storing;
    this.#stored = storing.catch(() => undefined); // who asked is told
    return storing;
  }
}
