/**
 * Where a node keeps what it must not forget: `<--data>/<node name>/`, a folder inside for each of its stores.
 *
 *   format.json   what is in here: data-format.ts      lock/   who has it: data-lock.ts
 *   state/        state:distro:sys, and capabilities gained while the node ran; one folder more for each further store
 *
 * 1. Nobody but its owner may read it (0700).
 * 2. The lock is taken before anything else is looked at, and let go last.
 */
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { isSafeNodeName, OptionError } from "../lib/protocol/index.ts";
import { readyFormat } from "./data-format.ts";
import { takeLock } from "./data-lock.ts";

export type DataFolder = {
  /** The folder of one store, e.g. `kv`; null: nothing is kept (`--memory`). It may not be there yet. */
  path(store: string): string | null;
  /** When all stores are closed. */
  release(): Promise<void>;
};

/** For commands that look into it beside a node that runs: it is not locked. */
export function dataFolder(data: string, node: string, memory: boolean): Pick<DataFolder, "path"> {
  return { path: (store) => (memory ? null : join(data, node, store)) };
}

export type DataFolderOptions = {
  readonly data: string;
  readonly node: string;
  /** The port that another node of the same name may take over (`--reuse-port`); null: none may. */
  readonly handOver: number | null;
};

/** Keeps nothing, and locks nothing. */
export function noDataFolder(): DataFolder {
  return { path: () => null, release: async () => undefined };
}

/** @throws {DataFolderError} data_locked, data_format @throws {OptionError} a node named .. */
export async function openDataFolder({ data, node, handOver }: DataFolderOptions): Promise<DataFolder> {
  if (!isSafeNodeName(node) || /^\.+$/.test(node))
    throw new OptionError(
      `Cannot start node ${JSON.stringify(node)} as ${/^\.+$/.test(node) ? "its folder would be another" : "a name has only the letters a-z 0-9 . - _"}: leave it out for "localhost"`,
    );
  const folder = join(data, node);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700); // one from before had the rights of a umask
  const lock = await takeLock({ folder, handOver });
  try {
    readyFormat(folder, node);
  } catch (error) {
    await lock.release();
    throw error;
  }
  return { ...dataFolder(data, node, false), release: () => lock.release() };
}
