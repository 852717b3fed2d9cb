/**
 * System processes that keep something on behalf of others: the http-server keeps channels and bindings.
 *
 * They must hear of an end and of a restart at once, not through their mailbox: what a new incarnation is told about
 * its channels has to stand before the frames that were kept for it (DESIGN §4.4).
 */
import type { Envelope } from "../lib/protocol/index.ts";
import type { Process } from "./process.ts";

export interface Keeper {
  /** `process` begins again; `waiting` is its mailbox. @returns what it must hear first */
  restarting(process: Process, waiting: readonly Envelope[]): readonly Envelope[];
  /** `process` exists no more. */
  gone(process: Process): void;
}

export class Keepers {
  readonly #keepers: Keeper[] = [];

  add(keeper: Keeper): void {
    this.#keepers.push(keeper);
  }

  prelude(process: Process, waiting: readonly Envelope[]): readonly Envelope[] {
    return this.#keepers.flatMap((keeper) => keeper.restarting(process, waiting));
  }

  gone(process: Process): void {
    for (const keeper of this.#keepers) keeper.gone(process);
  }
}
