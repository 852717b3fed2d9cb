/**
 * A permission: whoever holds `{issuer, params}` may do what `params` says with `issuer` (contract kinode §4).
 *
 * 1. Only the kernel hands capabilities to processes; a process that names one it does not hold gains nothing.
 * 2. Two are equal when their issuers are and their params are, as JSON values. Params that are no JSON are refused.
 * 3. An issuer may be called by an older name (dialect.ts): it is the same one.
 * 4. `expires` is no part of what it is: the same permission, for a time. Past it, by the node's clock, it counts for nothing.
 * 5. A *derived* one says in its params what it was made from, the restriction, and who made it (docs/adr/0021). Its
 *    params are no others', so that an issuer who knows nothing of derivation takes it for none of its own.
 */
import { canonicalAddress } from "./dialect.ts";
import { KernelError, OptionError } from "./errors.ts";

/** @property issuer text of an address @property params JSON text, e.g. `"messaging"` with its quotes */
export type Capability = {
  readonly issuer: string;
  readonly params: string;
  /** Milliseconds since the Unix epoch; left out: it does not end by itself. */
  readonly expires?: number;
};

/** The params that let their holder send messages to the issuer. */
export const MESSAGING = '"messaging"';

/**
 * The params of a capability that a process issues itself, attached to what it sends on behalf of another: none of its
 * own rights are to count there, even when nothing else is attached (lib/process/permission.ts).
 */
export const ON_BEHALF = '"on-behalf"';

const PARAMS_MAX = 4096; // characters: a path, a key and some restrictions; a capability travels with each message it is attached to
const DERIVED_MAX = 8; // restrictions in one another: each is looked at in each check

/** Capability params that are not JSON. */
export class CapabilityParamsError extends KernelError {
  override readonly name = "CapabilityParamsError";
  constructor(params: string) {
    super(
      "invalid_capability",
      `Cannot use capability params ${JSON.stringify(params.slice(0, 100))} as they are not JSON: quote plain words, as in "\\"messaging\\""`,
    );
  }
}

/** @param params a JSON value as text @throws {CapabilityParamsError} */
export function capability(issuer: string | { readonly text: string }, params: string): Capability {
  canonicalParams(params);
  return { issuer: typeof issuer === "string" ? issuer : issuer.text, params };
}

/** One text per capability: equal ones have equal keys. @throws {CapabilityParamsError} */
export function capabilityKey(cap: Capability): string {
  return `${canonicalAddress(cap.issuer)} ${canonicalParams(cap.params)}`;
}

/** @throws {CapabilityParamsError} either has params that are not JSON */
export function capabilitiesEqual(a: Capability, b: Capability): boolean {
  return capabilityKey(a) === capabilityKey(b);
}

function canonicalParams(params: string): string {
  if (params === MESSAGING) return MESSAGING;
  try {
    return JSON.stringify(sorted(JSON.parse(params)));
  } catch {
    throw new CapabilityParamsError(params);
  }
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}

/** What a derived capability is made of. */
export type Lineage = {
  /** The params that its issuer issued. */
  readonly base: unknown;
  /** All must be met. The first was made first; null restricts nothing. */
  readonly restrictions: readonly unknown[];
  /** Addresses of who made each. */
  readonly by: readonly string[];
};

/** Whether its sender wants none of its own rights to count: see ON_BEHALF. */
export function isOnBehalf({ capabilities }: { readonly capabilities: readonly Capability[] }): boolean {
  return capabilities.some(({ params }) => params === ON_BEHALF);
}

/**
 * Whether only what a message brings counts for it, and nothing of its sender's own: it brings a capability of `issuer`,
 * or is on behalf of another. @param issuer text of an address, by today's name
 */
export function countsBrought(message: { readonly capabilities: readonly Capability[] }, issuer: string): boolean {
  return isOnBehalf(message) || message.capabilities.some((cap) => canonicalAddress(cap.issuer) === issuer);
}

/** Whether `cap` permits all that `params` of its issuer do: they are its own, or it was derived from such without a restriction. */
export function isWholly(cap: Capability, params: string): boolean {
  if (canonicalParams(cap.params) === params) return true;
  const { base, restrictions } = lineage(cap);
  return JSON.stringify(base) === params && restrictions.every((only) => only === null);
}

/** Whether it counts for nothing by now. */
export function hasLapsed({ expires }: Capability, now: number): boolean {
  return expires !== undefined && expires <= now;
}

/** The sooner of two ends; undefined: neither ends. */
export function soonest(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return Math.min(one, other);
}

/** `cap` with another end. */
export function withExpires({ issuer, params }: Capability, expires: number | undefined): Capability {
  return expires === undefined ? { issuer, params } : { issuer, params, expires };
}

/**
 * A narrower capability than `parent`. @param only an object that its issuer understands; null: no restriction, for one
 * that is to end apart @param by address of who makes it @throws {CapabilityParamsError} @throws {OptionError} too long, or derived too often
 */
export function derivedFrom(parent: Capability, only: unknown, by: string): Capability {
  if (only !== undefined && only !== null && (typeof only !== "object" || Array.isArray(only)))
    throw new OptionError(
      `Cannot derive a capability of "${parent.issuer}" as its restriction must be an object: got ${JSON.stringify(only)}, write what must be so, as in {"path":"/a:b/c"}`,
    );
  if (lineage(parent).restrictions.length >= DERIVED_MAX)
    throw new OptionError(
      `Cannot derive a capability of "${parent.issuer}" as it is derived ${DERIVED_MAX} times already: put the restrictions into one`,
    );
  const params = JSON.stringify({ derived: { from: JSON.parse(parent.params), only: only ?? null, by } });
  assertParamsFit(parent.issuer, params);
  return withExpires({ issuer: parent.issuer, params }, parent.expires);
}

/** @throws {OptionError} */
export function assertParamsFit(issuer: string, params: string): void {
  if (params.length > PARAMS_MAX)
    throw new OptionError(
      `Cannot make a capability of "${issuer}" as its params must have at most ${PARAMS_MAX} characters: got ${params.length}, name what it is about by something shorter`,
    );
}

/** Params too deep or long are a base that nobody has issued. @throws {CapabilityParamsError} */
export function lineage(cap: Capability): Lineage {
  let base: unknown = JSON.parse(canonicalParams(cap.params));
  const restrictions: unknown[] = [];
  const by: string[] = [];
  for (let derived = asDerived(base); derived !== undefined; derived = asDerived(base)) {
    restrictions.unshift(derived.only);
    by.unshift(derived.by);
    base = derived.from;
  }
  return { base, restrictions, by };
}

/** Whether `cap` is `ancestor`, or was derived from it. @throws {CapabilityParamsError} */
export function comesFrom(cap: Capability, ancestor: Capability): boolean {
  if (canonicalAddress(cap.issuer) !== canonicalAddress(ancestor.issuer)) return false;
  const sought = canonicalParams(ancestor.params);
  let params: unknown = JSON.parse(canonicalParams(cap.params));
  for (;;) {
    if (JSON.stringify(params) === sought) return true; // sorted already
    const derived = asDerived(params);
    if (derived === undefined) return false;
    params = derived.from;
  }
}

/** Who derived it last; undefined: it is as its issuer issued it. */
export function derivedBy(cap: Capability): string | undefined {
  return lineage(cap).by.at(-1);
}

/** What it was derived from; undefined: it is as its issuer issued it. Its end is not known here. */
export function derivedParent(cap: Capability): Capability | undefined {
  const derived = asDerived(JSON.parse(canonicalParams(cap.params)));
  return derived === undefined ? undefined : { issuer: cap.issuer, params: JSON.stringify(derived.from) };
}

/** Whether two JSON values are the same: the order of keys does not count. */
export function sameJson(one: unknown, other: unknown): boolean {
  return JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));
}

type Derived = { readonly from: unknown; readonly only: unknown; readonly by: string };

function asDerived(params: unknown): Derived | undefined {
  if (typeof params !== "object" || params === null || !Object.hasOwn(params, "derived")) return undefined;
  const { derived } = params as { readonly derived: unknown };
  if (Object.keys(params).length !== 1 || typeof derived !== "object" || derived === null) return undefined;
  const { from, only, by } = derived as Partial<Derived>;
  return from === undefined || only === undefined || typeof by !== "string" || Object.keys(derived).length !== 3
    ? undefined
    : { from, only, by };
}
