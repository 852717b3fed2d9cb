/**
 * What a process asks the kernel about itself: one call, so that every place a process can run at has to carry one thing.
 *
 * 1. The kernel answers for the process that asks: no command names another one's rights.
 * 2. Commands and results are values, as bodies are.
 */
import type { Capability } from "./capability.ts";
import type { FamilyCommand } from "./family.ts";

export type HostCommand =
  /** → boolean: whether `holder` holds `capability`. Only its issuer may ask. */
  { readonly Holds: { readonly holder: string; readonly capability: Capability } } | FamilyCommand;
