/**
 * A permission: whoever holds `{issuer, params}` may do what `params` says with `issuer` (contract kinode §4).
 *
 * 1. Only the kernel hands capabilities to processes; a process that names one it does not hold gains nothing.
 * 2. Two are equal when their issuers are and their params are, as JSON values. Params that are no JSON are refused.
 * 3. An issuer may be called by an older name (dialect.ts): it is the same one.
 */
import { canonicalAddress } from "./dialect.ts";
import { KernelError } from "./errors.ts";

/** @property issuer text of an address @property params JSON text, e.g. `"messaging"` with its quotes */
export type Capability = { readonly issuer: string; readonly params: string };

/** The params that let their holder send messages to the issuer. */
export const MESSAGING = '"messaging"';

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
