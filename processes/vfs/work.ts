/**
 * What waits for the disk. Requests of one process are done in their order; those of others do not wait for them.
 * (The original has a queue per process too, and never stores it: contract kinode §9, row 19.)
 */
import type { VfsLimits } from "./limits.ts";
import { limitReached } from "./refusal.ts";

type Line = { last: Promise<void>; waiting: number };

export class Work {
  readonly #limits: VfsLimits;
  readonly #lines = new Map<string, Line>(); // one for each process that waits
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
    line.last = line.last.then(work).then(() => {
      line.waiting--;
      this.#bytes -= bytes;
      if (line.waiting === 0) this.#lines.delete(process);
    });
  }

  /** Resolves when nothing waits. */
  async idle(): Promise<void> {
    while (this.#lines.size > 0) await Promise.all([...this.#lines.values()].map(({ last }) => last));
  }
}
