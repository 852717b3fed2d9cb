/**
 * Who may come in: the node's secret, its password, and the tokens it gave out.
 *
 * 1. A session token logs in; a register token is good for WsRegister alone (DESIGN §7).
 * 2. Checking is synchronous: an upgrade is decided in its own turn.
 * 3. A logout revokes: its tokens' ids are remembered until the tokens would have ended.
 * 4. That a token was signed here stays true, and is remembered for the last ones; whether it has ended or was revoked
 *    is asked each time.
 */
import { randomBytes } from "node:crypto";
import { randomId } from "../kernel/index.ts";
import type { Clock } from "../lib/protocol/index.ts";
import { SESSION_COOKIE, tokensOf } from "./cookies.ts";
import { type Claims, type Scope, signToken, verifyToken } from "./jwt.ts";
import type { HttpServerLimits } from "./limits.ts";
import { matchesPassword, type StoredPassword, storePassword } from "./password.ts";

const SECRET_BYTES = 32; // HS256 wants at least its own output (RFC 7518 §3.2)

/** What outlives the node, in state:distro:sys. */
export type AuthRecord = {
  readonly secret: string; // base64
  readonly password: StoredPassword | null;
  readonly revoked: readonly (readonly [id: string, expiration: number])[];
};

export type AuthOptions = {
  readonly node: string;
  readonly clock: Clock;
  readonly limits: HttpServerLimits;
  readonly record: AuthRecord | undefined;
  /** Keeps what must outlive the node. */
  readonly save: (record: AuthRecord) => Promise<void>;
};

export class Auth {
  readonly node: string;
  readonly #clock: Clock;
  readonly #limits: HttpServerLimits;
  readonly #save: (record: AuthRecord) => Promise<void>;
  readonly #secret: Uint8Array;
  readonly #revoked: Map<string, number>; // id → expiration
  /** By their text, oldest first: those whose signature was checked, of this node. */
  readonly #verified = new Map<string, Claims>();
  #password: StoredPassword | null;

  constructor(options: AuthOptions) {
    this.node = options.node;
    this.#clock = options.clock;
    this.#limits = options.limits;
    this.#save = options.save;
    this.#secret =
      options.record === undefined ? randomBytes(SECRET_BYTES) : Buffer.from(options.record.secret, "base64");
    this.#password = options.record?.password ?? null;
    this.#revoked = new Map(options.record?.revoked ?? []);
  }

  get hasPassword(): boolean {
    return this.#password !== null;
  }

  async setPassword(password: string): Promise<void> {
    this.#password = await storePassword(password, this.node);
    await this.#store();
  }

  /** @param sent what the login page sends: see password.ts */
  async checkPassword(sent: string): Promise<boolean> {
    return this.#password !== null && (await matchesPassword(sent, this.#password));
  }

  issue(scope: Scope): string {
    const life = scope === "session" ? this.#limits.sessionSeconds : this.#limits.registerTokenSeconds;
    const expiration = this.#seconds() + life;
    return signToken({ username: this.node, subdomain: null, expiration, scope, id: randomId() }, this.#secret);
  }

  /** Whoever logged in, by the cookies that came along. */
  session(cookies: string): Claims | undefined {
    return this.tokens(cookies).find((claims) => claims.scope === "session");
  }

  /** Every valid token among the cookies, of either scope. */
  tokens(cookies: string): Claims[] {
    if (cookies === "") return [];
    return tokensOf(cookies, this.node).flatMap((token) => this.#verify(token) ?? []);
  }

  /** Whether `token` may register channels: of either scope. */
  mayRegister(token: string): boolean {
    return this.#verify(token) !== undefined;
  }

  async revoke(tokens: readonly Claims[]): Promise<void> {
    if (tokens.length === 0) return;
    const now = this.#seconds();
    for (const [id, expiration] of this.#revoked) if (expiration <= now) this.#revoked.delete(id);
    for (const { id, expiration } of tokens) this.#revoked.set(id, expiration);
    for (const oldest of this.#revoked.keys()) {
      if (this.#revoked.size <= this.#limits.revokedTokens) break;
      this.#revoked.delete(oldest);
    }
    await this.#store();
  }

  get sessionCookie(): string {
    return SESSION_COOKIE + this.node;
  }

  #verify(token: string): Claims | undefined {
    // A look-up tells a guess nothing: it compares texts of one hash only, whose seed is this program's own.
    const claims = this.#verified.get(token) ?? this.#checkSignature(token);
    if (claims === undefined) return undefined;
    return claims.expiration > this.#seconds() && !this.#revoked.has(claims.id) ? claims : undefined;
  }

  #checkSignature(token: string): Claims | undefined {
    const claims = verifyToken(token, this.#secret);
    if (claims === undefined || claims.username !== this.node || (claims.subdomain ?? null) !== null) return undefined;
    if (this.#limits.verifiedTokens > 0) this.#remember(token, claims);
    return claims;
  }

  #remember(token: string, claims: Claims): void {
    if (this.#verified.size === this.#limits.verifiedTokens) {
      const [oldest = ""] = this.#verified.keys();
      this.#verified.delete(oldest);
    }
    this.#verified.set(Buffer.from(token).toString(), claims); // a copy: as a part of its header it would keep that alive
  }

  #seconds(): number {
    return Math.floor(this.#clock.now() / 1000);
  }

  #store(): Promise<void> {
    return this.#save({
      secret: Buffer.from(this.#secret).toString("base64"),
      password: this.#password,
      revoked: [...this.#revoked],
    });
  }
}
