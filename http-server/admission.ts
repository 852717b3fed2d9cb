/**
 * The terms on which a path is open, and who is there by them (lib/protocol/admission.ts, docs/adr/0025).
 *
 *   503 closed   429 too many handshakes of this address   401 no good token   403 the path is full
 *   429 this address has as many sockets there as it may        (403 the page's origin: upgrade.ts asks that first)
 *
 * What costs least is asked first, so that a client that tries without end is cheap to refuse. A path that is bound
 * again keeps count of the sockets it has, and paths that are to count as one (`shared`) have one gate.
 */
import type { Clock } from "../lib/protocol/index.ts";
import { BearerTokens, type BoundTokens, readTokenRules, type TokenRules, tokenOf } from "./bearer-token.ts";
import { header } from "./headers.ts";
import { clientOf, Throttle } from "./throttle.ts";
import type { Visit } from "./visit.ts";

/** Admission, checked. null: not restricted. */
export type AdmissionRules = {
  readonly origins: "any" | readonly string[] | null;
  readonly channels: number | null;
  readonly channelsPerAddress: number | null;
  readonly handshakes: { readonly max: number; readonly seconds: number } | null;
  readonly token: TokenRules | null;
  readonly closed: { readonly reason: string; readonly retryAfter: number } | null;
  readonly shared: string | null;
};

export type Refused = { readonly status: number; readonly why: string; readonly retryAfter?: number };
/** @property user the token's subject; null: there is no token, or it names nobody */
export type Admitted = { readonly user: string | null };

const RETRY_AFTER = 5; // seconds: sockets come and go
const REASON_MAX = 200; // characters of `closed.reason`
const ORIGINS_MAX = 1_000; // origins of one path
const SHARED_MAX = 200; // characters of `shared`

type Fields = Readonly<Record<string, unknown>>;

/** @returns undefined when it is none: see Admission */
export function readAdmission(value: unknown): AdmissionRules | null | undefined {
  if (value === undefined || value === null) return null;
  if (!isRecord(value)) return undefined;
  const { origins = null, channels = null, channels_per_address: channelsPerAddress = null, shared = null } = value;
  if (!(origins === null || origins === "any" || isOrigins(origins))) return undefined;
  if (!isCountOrNull(channels) || !isCountOrNull(channelsPerAddress)) return undefined;
  if (!(shared === null || (typeof shared === "string" && shared.length <= SHARED_MAX))) return undefined;
  const handshakes = value.handshakes === undefined ? null : readHandshakes(value.handshakes);
  const token = value.token === undefined ? null : readTokenRules(value.token);
  const closed = value.closed === undefined ? null : readClosed(value.closed);
  if (handshakes === undefined || token === undefined || closed === undefined) return undefined;
  return { origins, channels, channelsPerAddress, handshakes, token, closed, shared };
}

export class Gate {
  readonly #clock: Clock;
  readonly #bound: BoundTokens;
  readonly #sockets = new Map<string, number>(); // by client, as of Throttle
  #total = 0;
  #rules: AdmissionRules;
  #tokens: BearerTokens | null = null;
  #throttle: Throttle | null = null;

  /** @param bound of all paths of the process */
  constructor(rules: AdmissionRules, bound: BoundTokens, clock: Clock) {
    this.#clock = clock;
    this.#bound = bound;
    this.#rules = rules;
    this.rule(rules);
  }

  /** From now on these hold. */
  rule(rules: AdmissionRules): void {
    const { handshakes: before } = this.#rules;
    this.#rules = rules;
    const { token, handshakes } = rules;
    this.#tokens = token === null ? null : new BearerTokens(token, this.#bound, () => this.#clock.now());
    if (handshakes === null) this.#throttle = null;
    else if (this.#throttle === null || handshakes.max !== before?.max || handshakes.seconds !== before.seconds)
      this.#throttle = new Throttle(this.#clock, handshakes.max, handshakes.seconds * 1000);
  }

  /** With which other paths of its process it counts; null: with none. */
  get shared(): string | null {
    return this.#rules.shared;
  }

  /** Whose pages may open sockets; null: the node's option says. */
  get origins(): AdmissionRules["origins"] {
    return this.#rules.origins;
  }

  get wantsToken(): boolean {
    return this.#tokens !== null;
  }

  /** A request that wants to become a socket. @param params of the path that matched */
  upgrade(request: Visit, params: Readonly<Record<string, string>>): Admitted | Refused {
    const { channels, channelsPerAddress, closed } = this.#rules;
    const { remoteAddress: address } = request;
    if (closed !== null) return refusalOf(closed);
    const seconds = this.#throttle?.retryAfter(address) ?? 0;
    if (seconds > 0) return { status: 429, why: "too many handshakes from this address", retryAfter: seconds };
    this.#throttle?.failed(address); // each try counts
    const answer = this.request(request, params);
    if ("status" in answer) return answer;
    if (channels !== null && this.#total >= channels)
      return { status: 403, why: `this path takes ${channels} sockets at once: come back later` };
    if (channelsPerAddress !== null && (this.#sockets.get(clientOf(address)) ?? 0) >= channelsPerAddress) {
      const why = `this path takes ${channelsPerAddress} sockets from one address: close some first`;
      return { status: 429, why, retryAfter: RETRY_AFTER };
    }
    return answer;
  }

  /** Any other request. @param params likewise */
  request(request: Visit, params: Readonly<Record<string, string>>): Admitted | Refused {
    const { closed } = this.#rules;
    if (closed !== null) return refusalOf(closed);
    if (this.#tokens === null || isPreflight(request)) return { user: null };
    const subject = this.#tokens.subject(tokenOf(request, params), request.remoteAddress);
    if (subject === undefined)
      return { status: 401, why: "a token is wanted that is signed, in date and for this service" };
    return { user: subject === "" ? null : subject };
  }

  entered(address: string): void {
    this.#total++;
    const client = clientOf(address);
    this.#sockets.set(client, (this.#sockets.get(client) ?? 0) + 1);
  }

  left(address: string): void {
    this.#total--;
    const client = clientOf(address);
    const others = (this.#sockets.get(client) ?? 1) - 1;
    if (others > 0) this.#sockets.set(client, others);
    else this.#sockets.delete(client);
  }
}

function refusalOf({ reason, retryAfter }: NonNullable<AdmissionRules["closed"]>): Refused {
  return { status: 503, why: reason, retryAfter };
}

/** What a browser asks before a page of another site may use a token: it never has one along (Fetch §3.3.5). */
function isPreflight(request: Visit): boolean {
  const isOptions = request.method === "OPTIONS" && header(request, "origin") !== undefined;
  return isOptions && header(request, "access-control-request-method") !== undefined;
}

function readHandshakes(value: unknown): AdmissionRules["handshakes"] | undefined {
  if (!isRecord(value)) return undefined;
  const { max, seconds } = value;
  return isCount(max) && typeof seconds === "number" && seconds > 0 && seconds <= 86_400 ? { max, seconds } : undefined;
}

function readClosed(value: unknown): AdmissionRules["closed"] | undefined {
  if (!isRecord(value)) return undefined;
  const { reason, retry_after: retryAfter = RETRY_AFTER } = value;
  return typeof reason === "string" && reason.length <= REASON_MAX && isCount(retryAfter)
    ? { reason, retryAfter }
    : undefined;
}

function isOrigins(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length <= ORIGINS_MAX && value.every((origin) => typeof origin === "string");
}

function isCountOrNull(value: unknown): value is number | null {
  return value === null || isCount(value);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1;
}

function isRecord(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
