/** A clock that stands still, and moves from one due timer to the next so that each finds the process at rest. */
import { OptionError, VirtualClock } from "../../protocol/index.ts";

const STEPS_MAX = 100_000; // timers in one advance: more is one that arms itself again at once, for ever

export class HarnessTime {
  readonly #clock = new VirtualClock();
  readonly #dues = new Set<{ readonly at: number }>(); // monotonic ms
  readonly #ripe: (() => void)[] = []; // came due, not yet run: a run may arm the next, which must not join this moment

  now(): number {
    return this.#clock.now();
  }

  /** @returns a function that cancels it */
  setTimeout(run: () => void, ms: number): () => void {
    const due = { at: this.#clock.monotonic() + Math.max(0, ms) };
    this.#dues.add(due);
    const cancel = this.#clock.setTimeout(() => {
      this.#ripe.push(() => {
        if (this.#dues.delete(due)) run();
      });
    }, ms);
    return () => {
      this.#dues.delete(due);
      cancel();
    };
  }

  /** @param settle called after each timer, before the next is run and before time goes on */
  async advance(ms: number, settle: () => Promise<void>): Promise<void> {
    const end = this.#clock.monotonic() + ms;
    for (let step = 0; ; step++) {
      const ripe = this.#ripe.shift();
      if (ripe !== undefined) {
        ripe();
        await settle();
        continue;
      }
      const next = Math.min(...[...this.#dues].map(({ at }) => at));
      if (next > end) break;
      if (step === STEPS_MAX) {
        throw new OptionError(
          `Cannot advance ${ms} ms as more than ${STEPS_MAX} timers came due: look for one that is set again with 0 ms`,
        );
      }
      this.#clock.advance(next - this.#clock.monotonic());
    }
    this.#clock.advance(end - this.#clock.monotonic());
  }
}
