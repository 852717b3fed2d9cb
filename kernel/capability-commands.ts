/** What a process asks of the kernel about capabilities it issues, holds or derived (lib/protocol/host-command.ts). */
import {
  assertParamsFit,
  type Capability,
  canonicalAddress,
  capability,
  derivedBy,
  derivedFrom,
  hasLapsed,
  OptionError,
  soonest,
  toAddress,
  withExpires,
} from "../lib/protocol/index.ts";
import { endsWith } from "./capabilities.ts";
import { CommandError } from "./errors.ts";
import type { Kernel } from "./kernel.ts";
import type { Process } from "./process.ts";

/** What `holder` holds of those that `issuer` issues. @throws {IdError} */
export function heldBy(kernel: Kernel, issuer: Process, holder: string): readonly Capability[] {
  const address = toAddress(holder, kernel.name);
  if (address.node !== kernel.name) return [];
  const held = kernel.registry.get(address.id)?.capabilities.list() ?? [];
  return held.filter((cap) => cap.issuer === issuer.address.text);
}

export type Issue = { readonly to: string; readonly params: string; readonly expires?: number };

/** Who may not message a process may not fill its set either; the node's own issue to whom they serve. @throws {CommandError} @throws {OptionError} */
export async function issue(kernel: Kernel, issuer: Process, { to, params, expires }: Issue): Promise<Capability> {
  const { address } = issuer;
  const issued = withExpires(capability(address, params), endOf(kernel, address.text, expires));
  assertParamsFit(address.text, params);
  const target = toAddress(to, kernel.name);
  const holder = target.node === kernel.name ? kernel.registry.get(target.id) : undefined;
  if (holder === undefined)
    throw new CommandError(
      "no_such_process",
      `Cannot issue a capability to "${to}" as no process has that name here: send it one with a message, or wait for it`,
    );
  if (address.id.packageId.text !== "distro:sys" && !kernel.bus.mayMessage(issuer, holder))
    throw new CommandError(
      "denied",
      `Cannot issue a capability to "${to}" as "${address.text}" may not message it: list it in request_capabilities`,
    );
  holder.capabilities.gain(issued);
  await kernel.capabilityRecords.flushed();
  return issued;
}

export type Derive = { readonly capability: Capability; readonly only?: unknown; readonly expires?: number };

/** @throws {CommandError} not_held @throws {OptionError} */
export function derive(kernel: Kernel, holder: Process, { capability: parent, only, expires }: Derive): Capability {
  const self = holder.address.text;
  const inForce = holder.capabilities.inForce(parent, self);
  if (inForce === undefined)
    throw new CommandError(
      "not_held",
      `Cannot derive from a capability of "${parent.issuer}" as "${self}" does not hold it: it was never given, was revoked, or has expired`,
    );
  const canonical = { ...inForce, issuer: canonicalAddress(inForce.issuer) };
  return withExpires(derivedFrom(canonical, only, self), soonest(inForce.expires, endOf(kernel, self, expires)));
}

/** @returns from how many processes it was taken @throws {CommandError} */
export async function revoke(kernel: Kernel, process: Process, cap: Capability): Promise<number> {
  const self = process.address.text;
  if (canonicalAddress(cap.issuer) !== self && derivedBy(cap) !== self)
    throw new CommandError(
      "not_issuer",
      `Cannot revoke a capability of "${cap.issuer}" as only who issued or derived it may: this is "${self}"`,
    );
  const taken = kernel.revoke((other) => endsWith(other, cap));
  await kernel.capabilityRecords.flushed();
  return taken;
}

function endOf(kernel: Kernel, who: string, expires: number | undefined): number | undefined {
  if (expires === undefined) return undefined;
  const now = kernel.clock.now();
  if (!Number.isFinite(expires) || hasLapsed({ issuer: who, params: "", expires }, now))
    throw new OptionError(
      `Cannot make a capability of "${who}" as its end must be later than now, ${now}, in milliseconds since 1970: got ${expires}`,
    );
  return expires;
}
