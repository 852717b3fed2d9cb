/** What a process asks of the kernel for itself (lib/protocol/host-command.ts). */
import { canonicalAddress, type HostCommand, toAddress } from "../lib/protocol/index.ts";
import { derive, heldBy, issue, revoke } from "./capability-commands.ts";
import { CommandError } from "./errors.ts";
import { runFamilyCommand } from "./family-commands.ts";
import type { Kernel } from "./kernel.ts";
import type { Process } from "./process.ts";

/** @throws {CommandError} @throws {IdError} */
export function runHostCommand(kernel: Kernel, process: Process, command: HostCommand): unknown {
  if ("PackageFolder" in command) return packageFolder(kernel, process, command.PackageFolder.package);
  if ("HeldBy" in command) return heldBy(kernel, process, command.HeldBy.holder);
  if ("Issue" in command) return issue(kernel, process, command.Issue);
  if ("Derive" in command) return derive(kernel, process, command.Derive);
  if ("Durable" in command) return kernel.durable.keep(process, command.Durable);
  if ("Revoke" in command) return revoke(kernel, process, command.Revoke.capability);
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
