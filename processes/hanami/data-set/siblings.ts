/**
 * Keeps the parts of one data set alive together: the SDK sends the labels when all pictures are there, and on a slow
 * line the labels' part would by then have been abandoned for having no socket.
 *
 * 1. Asked now and then, it looks which data sets have grown since, and begins the time of all their parts anew.
 * 2. Whatever goes wrong with one is of no account: a part that is gone is gone.
 */
import { type DataSets, partsOf } from "./data-sets.ts";

type KeptAlive = {
  progress(uuid: string): { readonly received: number } | undefined;
  /** Asks for a place for a socket, which begins the part's time anew. */
  taker(uuid: string): Promise<unknown>;
};

export class Siblings {
  readonly #dataSets: Pick<DataSets, "all">;
  readonly #parts: KeptAlive;
  #received = new Map<string, number>(); // by data set: of all its parts

  constructor(dataSets: Pick<DataSets, "all">, parts: KeptAlive) {
    this.#dataSets = dataSets;
    this.#parts = parts;
  }

  async look(): Promise<void> {
    const received = new Map<string, number>();
    const grown: string[] = [];
    for (const set of this.#dataSets.all) {
      const parts = partsOf(set).map(({ uuid }) => uuid);
      if (parts.length < 2) continue;
      const sum = parts.reduce((total, part) => total + (this.#parts.progress(part)?.received ?? 0), 0);
      received.set(set.uuid, sum);
      if (sum > (this.#received.get(set.uuid) ?? 0)) grown.push(...parts);
    }
    this.#received = received;
    for (const part of grown) await this.#parts.taker(part).catch(() => undefined);
  }
}
