/** A person has a process begin anew. */
import type { Kernel } from "./kernel.ts";
import type { Process } from "./process.ts";

export function restartByHand(_kernel: Kernel, process: Process): Promise<boolean> {
  return Promise.resolve(process.restartAfterHand());
}
