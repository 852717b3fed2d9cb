/**
 * How far each process has read or written in each file: its own, not one shared by all as in the original.
 *
 * 1. A cursor is a number, no open file: it costs nothing to keep, and a file that is replaced goes on under it.
 * 2. One process has at most limits.cursors. When all have limits.cursorsTotal, those of the process that used its own
 *    longest ago go, as it may be gone itself.
 */
import type { VfsLimits } from "./limits.ts";
import { limitReached } from "./refusal.ts";

export class Cursors {
  readonly #limits: VfsLimits;
  readonly #of = new Map<string, Map<string, number>>(); // by process, by path; the process that used its own last is last
  #size = 0;

  constructor(limits: VfsLimits) {
    this.#limits = limits;
  }

  /** 0 where it has none. */
  get(process: string, path: string): number {
    return this.#of.get(process)?.get(path) ?? 0;
  }

  has(process: string, path: string): boolean {
    return this.#of.get(process)?.has(path) === true;
  }

  /** @throws {Refusal} it has opened too many */
  set(process: string, path: string, position: number): void {
    const own = this.#of.get(process) ?? new Map<string, number>();
    if (!own.has(path)) {
      if (own.size >= this.#limits.cursors) throw limitReached(this.#limits, "cursors");
      this.#size++;
    }
    own.set(path, position);
    this.#of.delete(process);
    this.#of.set(process, own);
    while (this.#size > this.#limits.cursorsTotal) this.#forgetOldest();
  }

  delete(process: string, path: string): void {
    const own = this.#of.get(process);
    if (own?.delete(path) !== true) return;
    this.#size--;
    if (own.size === 0) this.#of.delete(process);
  }

  #forgetOldest(): void {
    const [oldest] = this.#of;
    if (oldest === undefined) return;
    this.#of.delete(oldest[0]);
    this.#size -= oldest[1].size;
  }
}
