/**
 * Who goes next, drawn from one seed: everything in a kernel that is not decided by its programs.
 *
 * 1. Which of the ready processes takes a message: `ready`, in place of the run queue's ring.
 * 2. When a later iteration of the event loop comes: `later`, in place of setImmediate. With `turnSteps` 1 that stands
 *    between any two messages, so that anything else may come in between.
 * 3. When the promise of a handler settles: handlers await a `gate()`.
 * 4. When time goes on: to the next thing that comes due, while other things could go on too.
 * 5. Promises that are settled run their callbacks, as they do in Node, before anything else does: that order is V8's.
 */
import { type Runnable, RunQueue } from "../../../kernel/run-queue.ts";
import { VirtualClock } from "../../../lib/protocol/index.ts";
import { Random } from "./random.ts";

const TIME_WEIGHT = 0.15; // of a choice, while something else could go on

export class Scheduler {
  readonly clock: VirtualClock = new VirtualClock();
  readonly random: Random;
  readonly queue: RunQueue;
  readonly #gates: (() => void)[] = [];
  readonly #rounds: (() => void)[] = [];

  constructor(seed: number, turnSteps: number) {
    this.random = new Random(seed);
    this.queue = new RunQueue(turnSteps, {
      ready: new AnyOrder(this.random),
      later: (run) => void this.#rounds.push(run),
    });
  }

  /** What a handler waits for until it is its turn. */
  gate(): Promise<void> {
    return new Promise((resolve) => this.#gates.push(resolve));
  }

  /** Something other than time can go on. */
  get busy(): boolean {
    return this.#gates.length + this.#rounds.length > 0;
  }

  /**
   * Lets one thing happen, chosen among all that can, and everything that follows from it without a choice.
   * @param more one more that can: the next step of whoever runs the simulation
   * @returns false when nothing can happen any more
   */
  async step(more?: () => void): Promise<boolean> {
    const { nextDue } = this.clock;
    const others = this.#gates.length + this.#rounds.length + (more === undefined ? 0 : 1);
    if (others === 0 && nextDue === undefined) {
      await microtasks(); // what has just been lined up, before the first step, has not had its turn
      return this.busy || this.clock.nextDue !== undefined;
    }
    if (nextDue !== undefined && (others === 0 || this.random.next() < TIME_WEIGHT)) this.clock.advance(nextDue);
    else {
      const chosen = this.random.below(others);
      if (chosen < this.#gates.length) this.#gates.splice(chosen, 1)[0]?.();
      else if (chosen < this.#gates.length + this.#rounds.length)
        this.#rounds.shift()?.(); // Node's own keep their order
      else more?.();
    }
    await microtasks();
    return true;
  }
}

/** Hands out any of those that wait. Each process is in it once at most, so no order that was promised is lost. */
class AnyOrder {
  readonly #waiting: Runnable[] = [];
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  get length(): number {
    return this.#waiting.length;
  }

  push(runnable: Runnable): void {
    this.#waiting.push(runnable);
  }

  shift(): Runnable | undefined {
    return this.#waiting.splice(this.#random.below(this.#waiting.length), 1)[0];
  }
}

/** Node runs all of them before an immediate. */
export function microtasks(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
