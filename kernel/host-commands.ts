/** What a process asks of the kernel for itself (lib/protocol/host-command.ts). */
import { type Capability, canonicalAddress, type HostCommand, KernelError, toAddress } from "../lib/protocol/index.ts";
import type { Kernel } from "./kernel.ts";
import type { Process } from "./process.ts";

/** A command that its process may not give. Nothing was done. */
export class CommandError extends KernelError {
  override readonly name = "CommandError";
}

/** @throws {CommandError} @throws {IdError} */
export function runHostCommand(kernel: Kernel, process: Process, command: HostCommand): unknown {
  if ("PackageFolder" in command) return packageFolder(kernel, process, command.PackageFolder.package);
  if ("HeldBy" in command) return heldBy(kernel, process, command.HeldBy.holder);
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

function heldBy(kernel: Kernel, issuer: Process, holder: string): readonly Capability[] {
  const address = toAddress(holder, kernel.name);
  if (address.node !== kernel.name) return [];
  const held = kernel.registry.get(address.id)?.capabilities.list() ?? [];
  return held.filter((cap) => cap.issuer === issuer.address.text);
}

/** All of a package that came from the disk have the same. */
function packageFolder(kernel: Kernel, asker: Process, packageId: string): string | null {
  if (asker.address.id.packageId.text !== "distro:sys") {
    throw new CommandError(
      "not_system",
      `Cannot tell "${asker.address.text}" where package "${packageId}" lies as only the node's own processes may ask: read its drive pkg of vfs:distro:sys`,
    );
  }
  const isOfIt = ({ address, folder }: Process): boolean => folder !== null && address.id.packageId.text === packageId;
  return kernel.registry.all().find(isOfIt)?.folder ?? null;
}
