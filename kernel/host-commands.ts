/** What a process asks of the kernel for itself (lib/protocol/host-command.ts). */
import { canonicalAddress, type HostCommand, KernelError, toAddress } from "../lib/protocol/index.ts";
import { runFamilyCommand } from "./family-commands.ts";
import type { Kernel } from "./kernel.ts";
import type { Process } from "./process.ts";

/** A command that its process may not give. Nothing was done. */
export class CommandError extends KernelError {
  override readonly name = "CommandError";
}

/** @throws {CommandError} @throws {IdError} */
export function runHostCommand(kernel: Kernel, process: Process, command: HostCommand): unknown {
  if (!("Holds" in command)) return runFamilyCommand(kernel, process, command);
  const { holder, capability } = command.Holds;
  if (canonicalAddress(capability.issuer) !== process.address.text) {
    throw new CommandError(
      "not_issuer",
      `Cannot tell who holds a capability of "${capability.issuer}" as only its issuer may ask: this is "${process.address.text}"`,
    );
  }
  const address = toAddress(holder, kernel.name);
  if (address.node !== kernel.name) return false;
  return kernel.registry.get(address.id)?.capabilities.has(capability) ?? false;
}
