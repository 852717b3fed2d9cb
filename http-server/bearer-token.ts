/**
 * Tokens that somebody else has signed: JSON Web Tokens by RS256 or EdDSA, checked against public keys (RFC 7519, 8037).
 *
 * 1. The key says which algorithm counts, never the token.
 * 2. Checked at once, as an upgrade must be decided in its own turn (docs/adr/0004): on node:crypto.
 * 3. What a token was is said nowhere: not in an answer, not in a log, not to the process, whose messages may be shown as
 *    dead letters. Where it stood in a path, its process reads `:token`.
 */
import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { header } from "./headers.ts";
import type { HeaderList } from "./transport/transport.ts";
import type { Visit } from "./visit.ts";

const TOKEN_MAX = 8 * 1024; // characters: more than any head should carry
const MAX_SECONDS = 900; // contract soundlab §13 P2
const SKEW_SECONDS = 60; // contract soundlab §13 P2
const BOUND_MAX = 100_000; // tokens of a process that are bound to an address at once; some 100 bytes each
const ALGORITHMS: Readonly<Record<string, string>> = { rsa: "RS256", ed25519: "EdDSA" };

export type TokenRules = {
  readonly keys: readonly KeyObject[];
  readonly audience: string;
  readonly issuer: string | null;
  readonly maxSeconds: number;
  readonly skewSeconds: number;
  readonly bindAddress: boolean;
};

type Fields = Readonly<Record<string, unknown>>;

/** @returns undefined when they are none: see TokenTerms */
export function readTokenRules(value: unknown): TokenRules | undefined {
  if (!isRecord(value) || !Array.isArray(value.keys) || value.keys.length === 0) return undefined;
  const { audience, issuer = null, bind_address: bindAddress = false } = value;
  const { max_seconds: maxSeconds = MAX_SECONDS, skew_seconds: skewSeconds = SKEW_SECONDS } = value;
  const keys = value.keys.map(readKey);
  if (typeof audience !== "string" || !(issuer === null || typeof issuer === "string")) return undefined;
  if (!isSeconds(maxSeconds) || !isSeconds(skewSeconds) || typeof bindAddress !== "boolean") return undefined;
  const good = keys.filter((key) => key !== undefined);
  return good.length < keys.length ? undefined : { keys: good, audience, issuer, maxSeconds, skewSeconds, bindAddress };
}

/** Where a client may have put it, in this order; null: nowhere. @param params of the path that matched */
export function tokenOf(request: Visit, params: Readonly<Record<string, string>>): string | null {
  const [scheme = "", credentials = ""] = (header(request, CREDENTIALS) ?? "").split(" ");
  if (/^bearer$/i.test(scheme)) return credentials;
  if (/^basic$/i.test(scheme)) return /^[^:]*:(.*)$/s.exec(Buffer.from(credentials, "base64").toString())?.[1] ?? null;
  return new URLSearchParams(request.query).get("token") ?? params.token ?? null;
}

/** `query` without its token, however its name is written. */
export function withoutToken(query: string): string {
  return query
    .split("&")
    .filter((pair) => !new URLSearchParams(pair).has("token"))
    .join("&");
}

/** The header that may hold a token. */
export const CREDENTIALS = "authorization";

/** `headers` without it. */
export function withoutCredentials(headers: HeaderList): HeaderList {
  return headers.filter(([name]) => name !== CREDENTIALS);
}

/** `path` with the name in place of the token. @param pattern that it matched @param owner whose path it is: on a port of its own it is left out of `path` */
export function withoutTokenIn(path: string, pattern: string, owner: string): string {
  const at = pattern.split("/").indexOf(":token");
  if (at === -1) return path;
  const isShort = pattern.startsWith(`/${owner}/`) && !path.startsWith(`/${owner}/`);
  return path
    .split("/")
    .with(isShort ? at - 1 : at, ":token")
    .join("/");
}

/** Which address used a token first. One of all paths of a process, or it would be good for another address at each. */
export class BoundTokens {
  readonly #boundTo = new Map<string, { readonly address: string; readonly until: number }>(); // by issuer and jti

  /** Good again from the same address: a client reconnects by the URL it has. @param until ms since the epoch, as `now` */
  isOf({ iss, jti }: Fields, address: string, until: number, now: number): boolean {
    const key = JSON.stringify([iss, jti]);
    const known = this.#boundTo.get(key);
    if (known !== undefined) return known.address === address;
    if (this.#boundTo.size >= BOUND_MAX) this.#forgetEnded(now);
    if (this.#boundTo.size >= BOUND_MAX) return false;
    this.#boundTo.set(key, { address, until });
    return true;
  }

  #forgetEnded(now: number): void {
    for (const [key, { until }] of this.#boundTo) if (until <= now) this.#boundTo.delete(key);
  }
}

/** Checks the tokens of one path. */
export class BearerTokens {
  readonly #rules: TokenRules;
  readonly #bound: BoundTokens;
  readonly #now: () => number; // ms since the epoch

  constructor(rules: TokenRules, bound: BoundTokens, now: () => number) {
    this.#rules = rules;
    this.#bound = bound;
    this.#now = now;
  }

  /** @returns the `sub` of a good one, "" when it names nobody; undefined: it is not good */
  subject(token: string | null, address: string): string | undefined {
    const claims = token === null || token.length > TOKEN_MAX ? undefined : this.#signed(token);
    if (claims === undefined || !this.#holds(claims)) return undefined;
    const until = (Number(claims.exp) + this.#rules.skewSeconds) * 1000;
    if (this.#rules.bindAddress && !this.#bound.isOf(claims, address, until, this.#now())) return undefined;
    return typeof claims.sub === "string" ? claims.sub : "";
  }

  #signed(token: string): Fields | undefined {
    const [head, payload, signature, ...rest] = token.split(".");
    if (head === undefined || payload === undefined || signature === undefined || rest.length > 0) return undefined;
    const header = parsed(head);
    if (header === undefined || "crit" in header) return undefined; // RFC 7515 §4.1.11: we understand no extension
    const signed = Buffer.from(`${head}.${payload}`);
    const given = Buffer.from(signature, "base64url");
    const isGood = (key: KeyObject): boolean => {
      const algorithm = ALGORITHMS[key.asymmetricKeyType ?? ""];
      if (algorithm !== header.alg) return false;
      return verify(algorithm === "RS256" ? "sha256" : null, signed, key, given);
    };
    return this.#rules.keys.some(isGood) ? parsed(payload) : undefined;
  }

  #holds({ aud, iss, exp, iat, nbf, jti }: Fields): boolean {
    const { audience, issuer, maxSeconds, skewSeconds } = this.#rules;
    const now = this.#now() / 1000;
    if (!(Array.isArray(aud) ? aud : [aud]).includes(audience)) return false;
    if (issuer !== null && iss !== issuer) return false;
    if (typeof jti !== "string" || jti === "") return false;
    if (typeof exp !== "number" || typeof iat !== "number" || exp - iat > maxSeconds) return false;
    if (nbf !== undefined && !(typeof nbf === "number" && nbf <= now + skewSeconds)) return false;
    return exp > now - skewSeconds && iat <= now + skewSeconds;
  }
}

function readKey(pem: unknown): KeyObject | undefined {
  try {
    // A private key makes a public one too: whoever configures that has given away more than was asked for.
    if (typeof pem !== "string" || pem.includes("PRIVATE KEY")) return undefined;
    const key = createPublicKey(pem);
    return (key.asymmetricKeyType ?? "") in ALGORITHMS ? key : undefined;
  } catch {
    return undefined;
  }
}

function parsed(part: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSeconds(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= 10 * 365 * 86_400;
}
