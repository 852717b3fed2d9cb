/**
 * What a process asks the kernel about itself: one call, so that every place a process can run at has to carry one thing.
 *
 * 1. The kernel answers for the process that asks: no command names another one's rights.
 * 2. Commands and results are values, as bodies are.
 */
import type { Capability } from "./capability.ts";
import type { SendErrorKind } from "./errors.ts";
import type { FamilyCommand } from "./family.ts";

export type HostCommand =
  | FamilyCommand
  /** → boolean: whether `holder` holds `capability`. Only its issuer may ask. */
  | { readonly Holds: { readonly holder: string; readonly capability: Capability } }
  /** → Capability[]: what `holder` holds of those that this process issues, derived ones too, none that has lapsed. */
  | { readonly HeldBy: { readonly holder: string } }
  /** → string | null: where a package lies on the disk; null: it was made in memory, or there is none. For distro:sys only. */
  | { readonly PackageFolder: { readonly package: string } }
  /** → Capability: `to`, a process of this node that this one may message, holds it from now on, after a restart too. */
  | { readonly Issue: { readonly to: string; readonly params: string; readonly expires?: number } }
  /** → Capability: a narrower one than `capability`, which this process holds, has received or issues. */
  | { readonly Derive: { readonly capability: Capability; readonly only?: unknown; readonly expires?: number } }
  /** → number: how many processes it was taken from, and all that come from it. Only who issued or derived it may. */
  | { readonly Revoke: { readonly capability: Capability } }
  /** → SendErrorKind | null: why it is not kept; null: it is on the disk, and will be handed to `target`. */
  | { readonly Durable: DurableCommand };

/** A durable message (docs/adr/0036). @property target text of an address */
export type DurableCommand = {
  readonly target: string;
  readonly body: unknown;
  readonly blob: Uint8Array | string | null;
  readonly mime: string | null;
  readonly metadata: string | null;
};

/** What the command Durable came to. */
export type DurableResult = Exclude<SendErrorKind, "Timeout"> | null;
