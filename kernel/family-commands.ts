/** What a process asks about those around it (lib/protocol/family.ts): who may ask what, and what is done. */
import { type Address, type FamilyCommand, OptionError, toAddress } from "../lib/protocol/index.ts";
import { FamilyError } from "./errors.ts";
import type { Kernel } from "./kernel.ts";
import type { Process } from "./process.ts";

/** @throws {FamilyError} @throws {IdError} @throws {LimitError} @throws {OptionError} */
export function runFamilyCommand(kernel: Kernel, process: Process, command: FamilyCommand): unknown {
  if ("Children" in command) return kernel.family.children(process);
  if ("Monitor" in command) return monitor(kernel, process, command.Monitor.process);
  if ("Demonitor" in command) {
    const { id } = local(kernel, process, "demonitor", command.Demonitor.process);
    return done(kernel.monitors.remove(process, id, kernel.registry.get(id)));
  }
  if ("Link" in command)
    return done(kernel.links.add(process, descendant(kernel, process, "link", command.Link.process)));
  if ("Unlink" in command)
    return done(kernel.links.remove(process, descendant(kernel, process, "unlink", command.Unlink.process)));
  if ("StopChild" in command) return stopChild(kernel, process, command.StopChild);
  throw new OptionError(
    `Cannot do "${Object.keys(command).join(", ")}" for "${process.address.text}" as there is no such command: use the calls of ctx`,
  );
}

function monitor(kernel: Kernel, process: Process, name: string): null {
  const { id } = local(kernel, process, "monitor", name);
  const target = kernel.registry.get(id);
  if (target !== undefined && !kernel.bus.mayMessage(process, target)) {
    throw new FamilyError(
      "denied",
      "monitor",
      id.text,
      `"${process.address.id.text}" may not message it: list it in request_capabilities, or make it public`,
    );
  }
  return done(kernel.monitors.add(process, id, target));
}

async function stopChild(
  kernel: Kernel,
  process: Process,
  { process: name, seconds }: { readonly process: string; readonly seconds?: number },
): Promise<unknown> {
  const { requestSeconds, farewell } = kernel.limits;
  if (seconds !== undefined && !(seconds >= 0 && seconds <= requestSeconds)) {
    throw new OptionError(
      `Cannot stop "${name}" as its seconds must be 0 to ${requestSeconds}: got ${seconds}, leave it out for ${farewell / 1000}`,
    );
  }
  const { id } = local(kernel, process, "stop", name);
  if (kernel.registry.get(id) === undefined) return "gone"; // it was quicker, and nobody is to blame
  const ms = seconds === undefined ? farewell : seconds * 1000;
  return kernel.family.stop(descendant(kernel, process, "stop", name), ms, "stop");
}

/** @throws {FamilyError} */
function descendant(kernel: Kernel, process: Process, act: string, name: string): Process {
  const { id } = local(kernel, process, act, name);
  const found = kernel.registry.get(id);
  if (found === undefined) {
    throw new FamilyError("not_there", act, id.text, "no process has that name: it has ended, or was never spawned");
  }
  if (kernel.family.isAncestor(process, found)) return found;
  throw new FamilyError(
    "not_child",
    act,
    id.text,
    `it is no child of "${process.address.id.text}", nor of one of its children: ask its parent to do it`,
  );
}

/** @throws {FamilyError} @throws {IdError} */
function local(kernel: Kernel, process: Process, act: string, name: string): Address {
  const address = toAddress(name, kernel.name);
  if (address.node !== kernel.name && address.node !== "our") {
    throw new FamilyError(
      "not_local",
      act,
      address.text,
      `it is on another node: only those of "${kernel.name}" can be`,
    );
  }
  if (kernel.registry.get(address.id) === process) {
    throw new FamilyError("self", act, address.id.text, "it is the process itself: name another one");
  }
  return address;
}

function done(_: void): null {
  return null;
}
