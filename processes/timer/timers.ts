/** The timers of all processes, by who set them and by the name they gave them. */
import type { Timer } from "jackfield/process";

export type Entry = {
  /** Text of the address of who set it. */
  readonly owner: string;
  /** What its owner calls it; a number of this process's own where it did not say. */
  readonly id: string;
  /** ms between ticks; null: it comes once. */
  readonly every: number | null;
  /** Milliseconds since the Unix epoch, by the node's clock: for people. */
  due: number;
  timer: Timer;
  /** It will not come. */
  readonly cancelled: () => void;
};

export class Timers {
  readonly #owners = new Map<string, Map<string, Entry>>();

  get size(): number {
    return [...this.#owners.values()].reduce((sum, own) => sum + own.size, 0);
  }

  get owners(): readonly string[] {
    return [...this.#owners.keys()];
  }

  /** In the order they were set. */
  of(owner: string): readonly Entry[] {
    return [...(this.#owners.get(owner)?.values() ?? [])];
  }

  count(owner: string): number {
    return this.#owners.get(owner)?.size ?? 0;
  }

  has(owner: string, id: string): boolean {
    return this.#owners.get(owner)?.has(id) === true;
  }

  add(entry: Entry): void {
    const own = this.#owners.get(entry.owner) ?? new Map<string, Entry>();
    own.set(entry.id, entry);
    this.#owners.set(entry.owner, own);
  }

  /** Takes it out, whether it has come or will not. @returns undefined: there is none */
  take(owner: string, id: string): Entry | undefined {
    const own = this.#owners.get(owner);
    const entry = own?.get(id);
    own?.delete(id);
    if (own?.size === 0) this.#owners.delete(owner);
    entry?.timer.cancel();
    return entry;
  }
}
