/**
 * A disk that a node can lose its grip of at any moment: what was written is there from `flush` on, and of what was not yet
 * flushed when it crashes, the first few writes, or none. Whoever wrote to it before the crash reaches it no more.
 *
 *   const disk = new CrashDisk();
 *   createNode({ durableStore: disk.open() });
 *   disk.crash(1); … disk.open()
 */
import type { Change, StateStore } from "../../processes/state/store.ts";

type Write = { readonly changes: readonly Change[]; readonly done: () => void };

export class CrashDisk {
  readonly #values = new Map<string, Uint8Array>();
  #writes: Write[] = [];
  #life = 0;
  /** Each write is there at once. */
  isFast = false;

  open(): StateStore {
    const life = ++this.#life;
    const write = (changes: readonly Change[]): Promise<void> =>
      new Promise((resolve) => {
        if (life !== this.#life) return; // of who is gone: nobody hears of it
        this.#writes.push({ changes, done: resolve });
        if (this.isFast) this.flush(Number.POSITIVE_INFINITY);
      });
    return {
      get: (key) => this.#values.get(key),
      entries: (prefix) =>
        [...this.#values].filter(([key]) => key.startsWith(prefix)).sort(([a], [b]) => (a < b ? -1 : 1)),
      set: (key, value, along = []) => write([[key, value], ...along]),
      delete: (key, along = []) => write([[key, null], ...along]),
      write,
      close: async () => undefined,
    };
  }

  /** The oldest `count` writes are on it, in order. */
  flush(count: number): void {
    for (const { changes, done } of this.#writes.splice(0, count)) {
      this.#apply(changes);
      done();
    }
  }

  /** @param count of writes that came onto it, and nobody heard of */
  crash(count: number): void {
    for (const { changes } of this.#writes.splice(0).slice(0, count)) this.#apply(changes);
    this.#life++;
  }

  rows(prefix: string): number {
    return [...this.#values.keys()].filter((key) => key.startsWith(prefix)).length;
  }

  #apply(changes: readonly Change[]): void {
    for (const [key, value] of changes) {
      if (value === null) this.#values.delete(key);
      else this.#values.set(key, value);
    }
  }
}
