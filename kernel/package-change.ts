/**
 * Another version of a package in the place of the one that runs: `jackfield dev`, and a new version that is installed.
 *
 * 1. A process that stays keeps its name, mailbox, state and channels; its next incarnation runs the new program, and is
 *    told of its channels again, as after a crash (docs/adr/0007).
 * 2. What the manifest says counts from then on: a new process appears, one that is no more in it is killed, and of the
 *    capabilities only those change that the manifest's change. What a process was given besides, it keeps; what was
 *    taken from it stays taken.
 * 3. Of a process of the cluster, what runs of it here begins anew; the others are their nodes' own.
 * 4. All that can be refused is looked at first: a version that does not load changes nothing.
 */
import { type Capability, capabilityKey } from "../lib/protocol/index.ts";
import { changeCluster } from "./cluster/change.ts";
import type { Kernel } from "./kernel.ts";
import { isOfCluster, type Package, type ProcessEntry } from "./package.ts";
import type { Process } from "./process.ts";
import { restartByHand } from "./restart-by-hand.ts";

/** Resolves when every process runs its new program; their inits may go on. @throws {SpawnError} (rejects) a new process cannot be had */
export async function changePackage(kernel: Kernel, before: Package, after: Package): Promise<void> {
  const change = changeCluster(kernel, before, after);
  try {
    await changeOrdinary(kernel, ordinaryOf(before), ordinaryOf(after));
  } catch (thrown) {
    change.undo();
    throw thrown;
  }
  await change.done();
}

function ordinaryOf(of: Package): Package {
  return { ...of, processes: of.processes.filter((entry) => !isOfCluster(entry)) };
}

async function changeOrdinary(kernel: Kernel, before: Package, after: Package): Promise<void> {
  const made: Process[] = [];
  const kept: { readonly process: Process; readonly entry: ProcessEntry }[] = [];
  try {
    for (const entry of after.processes) {
      const process = kernel.registry.get(entry.id);
      if (process === undefined) made.push(kernel.register({ ...entry, folder: after.folder }));
      else kept.push({ process, entry });
    }
  } catch (thrown) {
    for (const process of made) process.kill("stop"); // all or nothing. Not for good: what is recorded of those names stays
    throw thrown;
  }
  for (const { id } of before.processes)
    if (!after.processes.some((entry) => entry.id.text === id.text)) kernel.registry.get(id)?.kill();
  for (const { process, entry } of kept) process.replace({ ...entry, folder: after.folder });
  // First all that goes, then all that comes: what one entry no longer grants, another may ask for by itself.
  const old = new Map(before.processes.map((entry) => [entry.id.text, entry]));
  for (const entry of after.processes) takeAway(kernel, old.get(entry.id.text), entry);
  for (const entry of after.processes) give(kernel, entry);
  for (const process of made) process.run();
  await Promise.all(kept.map(({ process }) => restartByHand(kernel, process)));
}

function takeAway(kernel: Kernel, before: ProcessEntry | undefined, after: ProcessEntry): void {
  const process = kernel.registry.get(after.id);
  if (process === undefined || before === undefined) return;
  const asked = kernel.asked(after.requestCapabilities);
  for (const cap of kernel.asked(before.requestCapabilities)) if (!has(asked, cap)) process.capabilities.unequip(cap);
  const given = after.grantCapabilities.map((grant) => JSON.stringify(grant));
  const noMore = before.grantCapabilities.filter((grant) => !given.includes(JSON.stringify(grant)));
  kernel.ungrantOwn(process, noMore);
}

function give(kernel: Kernel, after: ProcessEntry): void {
  const process = kernel.registry.get(after.id);
  if (process === undefined) return;
  for (const cap of kernel.asked(after.requestCapabilities)) process.capabilities.equip(cap);
  kernel.grantOwn(process, after.grantCapabilities);
}

function has(list: readonly Capability[], wanted: Capability): boolean {
  return list.some((cap) => capabilityKey(cap) === capabilityKey(wanted));
}
