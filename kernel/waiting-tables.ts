/**
 * The tables of a node in which somebody waits, or has waited a moment ago: where it is looked for who has asked a process
 * that is gone. A table lists itself when its first entry comes, and is taken off the list when it is found empty: so a
 * process that asks again and again does not pay for it each time, and the end of one costs as much as there are that wait.
 */
import type { PendingTable } from "./pending.ts";
import type { Process } from "./process.ts";

export class WaitingTables {
  readonly #tables = new Set<PendingTable>();

  get size(): number {
    return this.#tables.size;
  }

  add(table: PendingTable): void {
    this.#tables.add(table);
  }

  delete(table: PendingTable): void {
    this.#tables.delete(table);
  }

  /** Everything that `holder` was to answer ends with `Offline`. */
  failHeldBy(holder: Process): void {
    for (const table of this.#tables) {
      if (table.size === 0) table.unlist();
      else table.failHeldBy(holder);
    }
  }
}
