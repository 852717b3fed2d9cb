/**
 * What waits for the disk.
 *
 * 1. Requests of one process are done in their order; those of others do not wait for them. (The original has a queue per
 *    process too, and never stores it: contract kinode §9, row 19.)
 * 2. At most limits.atOnce are at work, whoever they are of.
 */
import type { VfsLimits } from "./limits.ts";
import { limitReached } from "./refusal.ts";

type Line = { last: Promise<void>; waiting: number };

export class Work {
  readonly #limits: VfsLimits;
  readonly #lines = new Map<string, Line>(); // one for each process that waits
  readonly #waiting: (() => void)[] = []; // lines whose turn it would be; at most one entry for each
  #atWork = 0;
  #bytes = 0;

  constructor(limits: VfsLimits) {
    this.#limits = limits;
  }

  /** @param work must not reject @param bytes that are held until it is done @throws {Refusal} too much waits: it is not done */
  add(process: string, bytes: number, work: () => Promise<void>): void {
    const line = this.#lines.get(process) ?? { last: Promise.resolve(), waiting: 0 };
    if (line.waiting >= this.#limits.queued) throw limitReached(this.#limits, "queued");
    if (bytes > 0 && this.#bytes + bytes > this.#limits.queuedBytes) throw limitReached(this.#limits, "queuedBytes");
    line.waiting++;
    this.#bytes += bytes;
    this.#lines.set(process, line);
    line.last = line.last
      .then(() => this.#inTurn(work))
      .then(() => {
        line.waiting--;
        this.#bytes -= bytes;
        if (line.waiting === 0) this.#lines.delete(process);
      });
  }

  /** Rule 2. */
  async #inTurn(work: () => Promise<void>): Promise<void> {
    if (this.#atWork < this.#limits.atOnce) this.#atWork++;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve)); // the place of who is done
    await work();
    const next = this.#waiting.shift();
    if (next === undefined) this.#atWork--;
    else next();
  }

  /** Resolves when nothing waits. */
  async idle(): Promise<void> {
    while (this.#lines.size > 0) await Promise.all([...this.#lines.values()].map(({ last }) => last));
  }
}
