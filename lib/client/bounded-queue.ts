/**
 * A first-in first-out queue bounded by count and by bytes.
 *
 * 1. `push` says no to what would pass either bound: it never drops and never blocks.
 * 2. Items are told apart by identity: the same object is not queued twice.
 */
export type BoundedQueue<Item extends object> = {
  readonly size: number;
  readonly bytes: number;
  /** @returns false when it does not fit */
  push(item: Item, bytes: number): boolean;
  shift(): Item | undefined;
  has(item: Item): boolean;
  delete(item: Item): void;
  /** Empties it, oldest first. */
  drain(): Item[];
};

export function makeQueue<Item extends object>(maxItems: number, maxBytes: number): BoundedQueue<Item> {
  const items = new Map<Item, number>(); // to its bytes; keeps the order, and finds one to delete
  let total = 0;
  const queue: BoundedQueue<Item> = {
    get size(): number {
      return items.size;
    },
    get bytes(): number {
      return total;
    },
    push(item, bytes) {
      if (items.size >= maxItems || total + bytes > maxBytes) return false;
      items.set(item, bytes);
      total += bytes;
      return true;
    },
    shift() {
      const [item] = items.keys();
      if (item !== undefined) queue.delete(item);
      return item;
    },
    has: (item) => items.has(item),
    delete(item) {
      total -= items.get(item) ?? 0;
      items.delete(item);
    },
    drain() {
      const drained = [...items.keys()];
      items.clear();
      total = 0;
      return drained;
    },
  };
  return queue;
}
