/**
 * Where durable messages are kept: the border behind which bin/ puts the node's own lmdb, beside processes' state, so that
 * both are written in one transaction (docs/adr/0036). Without one they are in memory, and end with the node.
 *
 * 1. What `write` was called with first is on the disk first: nothing is there without what was written before.
 * 2. Keys of here begin with "durable ": no process id has a space in it.
 */

/** @property 1 null: it is deleted */
export type Change = readonly [key: string, value: Uint8Array | null];

export interface DurableStore {
  /** It is in memory, and ends with the node. */
  readonly volatile?: boolean;
  get(key: string): Uint8Array | undefined;
  /** In the order of keys. */
  entries(prefix: string): Iterable<readonly [key: string, value: Uint8Array]>;
  /** All or nothing. Fulfilled when it is on the disk: flushed. Rejects: none of it is there. */
  write(changes: readonly Change[]): Promise<void>;
}

export const OUT = "durable out ";
export const IN = "durable in ";
export const MARK = "durable mark ";
export const BOX = "durable box";
export const LANE = "durable lane"; // there once this node has had it

/** @param number so many digits that the order of keys is that of numbers */
export function rowKey(prefix: string, number: number): string {
  return prefix + String(number).padStart(16, "0");
}

export function memoryDurableStore(): DurableStore {
  const values = new Map<string, Uint8Array>();
  return {
    volatile: true,
    get: (key) => values.get(key),
    entries: (prefix) => [...values].filter(([key]) => key.startsWith(prefix)).sort(([a], [b]) => (a < b ? -1 : 1)),
    write: async (changes) => {
      for (const [key, value] of changes) {
        if (value === null) values.delete(key);
        else values.set(key, value);
      }
    },
  };
}
