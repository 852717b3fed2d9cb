/** Where state:distro:sys keeps its values: on disk with lmdb, or in memory. The only door to lmdb. */
import { open, type RootDatabase } from "lmdb";

export interface StateStore {
  get(key: string): Uint8Array | undefined;
  /** Durable when it resolves. */
  set(key: string, value: Uint8Array): Promise<void>;
  delete(key: string): Promise<void>;
  close(): Promise<void>;
}

export function memoryStore(): StateStore {
  const values = new Map<string, Uint8Array>();
  return {
    get: (key) => values.get(key),
    set: async (key, value) => void values.set(key, value),
    delete: async (key) => void values.delete(key),
    close: async () => values.clear(),
  };
}

/** @param folder is made when it is not there */
export function diskStore(folder: string): StateStore {
  const database: RootDatabase<Uint8Array, string> = open({
    path: folder,
    noSubdir: false, // or lmdb takes a name with a dot in it, as alice.os has, for a file
    encoding: "binary",
  });
  // `put` resolves at commit; power loss is only covered once it is flushed (contracts/hazards.md §2).
  return {
    get: (key) => database.get(key),
    async set(key, value) {
      await database.put(key, value);
      await database.flushed;
    },
    async delete(key) {
      await database.remove(key);
      await database.flushed;
    },
    close: () => database.close(),
  };
}
