/** Another version of a package's processes of the cluster: package-change.ts, for them. Every change asks it. */
import { PackageError } from "../errors.ts";
import type { Kernel } from "../kernel.ts";
import { isOfCluster, type Package } from "../package.ts";
import { restartByHand } from "../restart-by-hand.ts";

/** @property done resolves when all that run here run their new program @property undo as if it had not been asked */
export type ClusterChange = { done(): Promise<void>; undo(): void };

/**
 * What may be refused is, and what is new has its name.
 * @throws {PackageError} it was none before, or another kind @throws {SpawnError} @throws {ClusterError}
 */
export function changeCluster(kernel: Kernel, before: Package, after: Package): ClusterChange {
  const { cluster } = kernel;
  const old = new Map(before.processes.map((entry) => [entry.id.text, entry]));
  for (const { id, cluster: kind } of after.processes) {
    const entry = old.get(id.text);
    if (entry === undefined || entry.cluster === kind) continue;
    const rule = `"${id.text}" was ${entry.cluster ?? "an ordinary process"} and is now ${kind ?? "an ordinary process"}: remove the package first, then add it`;
    throw new PackageError(after.folder, rule);
  }
  const entries = after.processes.filter(isOfCluster).map((entry) => ({ ...entry, folder: after.folder }));
  const made = entries.filter(({ id }) => !old.has(id.text));
  const added: typeof made = [];
  const undo = (): void => {
    for (const { id } of added) cluster?.remove(id, false);
  };
  try {
    for (const entry of made) {
      cluster?.add(entry);
      added.push(entry);
    }
  } catch (thrown) {
    undo();
    throw thrown;
  }
  const done = async (): Promise<void> => {
    const kept = new Set(entries.map(({ id }) => id.text));
    for (const { id } of before.processes.filter(isOfCluster)) if (!kept.has(id.text)) cluster?.remove(id, true);
    const running = entries.filter(({ id }) => old.has(id.text)).flatMap((entry) => cluster?.replace(entry) ?? []);
    cluster?.added();
    await Promise.all(running.map((process) => restartByHand(kernel, process)));
  };
  return { done, undo };
}
