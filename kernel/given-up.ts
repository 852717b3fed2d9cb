/** Processes that ended more often than their limits allow: shown among the others, until one of their name comes again. */
import type { NamedEntry, ProcessEntry } from "./describe.ts";

export class GivenUp {
  readonly #capacity: number;
  readonly #entries = new Map<string, ProcessEntry>(); // in the order they were given up

  /** @param capacity the oldest is forgotten for one more */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  add([process, entry]: NamedEntry): void {
    this.#entries.set(process, { ...entry, state: "gave_up" });
    if (this.#entries.size <= this.#capacity) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }

  has(process: string): boolean {
    return this.#entries.has(process);
  }

  get(process: string): ProcessEntry | undefined {
    return this.#entries.get(process);
  }

  forget(process: string): void {
    this.#entries.delete(process);
  }

  list(): readonly NamedEntry[] {
    return [...this.#entries];
  }
}
