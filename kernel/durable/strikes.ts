/**
 * Rows that are done with: struck out on the disk, again and again where it does not take that. Nobody waits for it.
 *
 * Once stopped, each is tried once: handlers settle while the node drains. What is left is there at the next start, and
 * repeated.
 */
import type { Kernel } from "../kernel.ts";
import { Backoff } from "./backoff.ts";
import type { DurableStore } from "./store.ts";

export class Strikes {
  readonly #store: DurableStore;
  readonly #backoff: Backoff;
  #left: string[] = []; // no more than there are rows
  #isStopped = false;

  constructor(kernel: Kernel, store: DurableStore) {
    this.#store = store;
    this.#backoff = new Backoff(kernel, () => this.strike([]));
  }

  strike(keys: readonly string[]): void {
    const all = [...this.#left, ...keys];
    this.#left = [];
    if (all.length === 0) return;
    this.#store.write(all.map((key) => [key, null])).then(
      () => this.#backoff.succeeded(),
      () => {
        this.#left.push(...all);
        if (!this.#isStopped) this.#backoff.failed();
      },
    );
  }

  stop(): void {
    this.#isStopped = true;
    this.#backoff.cancel();
  }
}
