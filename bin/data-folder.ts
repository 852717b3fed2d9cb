/** Where a node keeps what it must not forget: `<--data>/<node name>/`, a folder inside for each of its stores. */
import { join } from "node:path";

export type DataFolder = {
  /** The folder of one store, e.g. `kv`; null: nothing is kept (`--memory`). It may not be there yet. */
  path(store: string): string | null;
};

export function dataFolder(data: string, node: string, memory: boolean): DataFolder {
  return { path: (store) => (memory ? null : join(data, node, store)) };
}
