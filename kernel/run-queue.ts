/**
 * Whose turn it is: processes that have something to do, in the order they got it.
 *
 * 1. A *turn* begins in a transport's callback, a timer or a microtask, and runs until nobody has anything to do.
 *    A handler's own sends run after it returns, in the same turn: no recursion, no promise.
 * 2. One message per process and round, so that a busy process does not starve the others.
 * 3. After `turnSteps` messages the rest waits for the next loop iteration: sockets and timers get theirs.
 * 4. The `afterTurn` hook runs at the end of every turn, when what it sent can leave in one write.
 */
import { Ring } from "./ring.ts";

export interface Runnable {
  /** Handles one message. Must not throw. @returns whether it has more to do */
  step(): boolean;
}

export class RunQueue {
  readonly #ready = new Ring<Runnable>();
  #hook: () => void = () => undefined;
  readonly #turnSteps: number;
  #depth = 0; // > 0: inside a turn
  #scheduled = false;

  constructor(turnSteps: number) {
    this.#turnSteps = turnSteps;
  }

  /** Lines `runnable` up. Outside a turn, one begins with the next microtask, so that sends in a row share it. */
  schedule(runnable: Runnable): void {
    this.#ready.push(runnable);
    if (this.#depth === 0 && !this.#scheduled) {
      this.#scheduled = true;
      queueMicrotask(this.#later);
    }
  }

  /** Opens a turn; `end` must follow, in a finally. May be nested: the outermost `end` runs the turn. */
  begin(): void {
    this.#depth++;
  }

  end(): void {
    if (this.#depth === 1) this.#run();
    this.#depth--;
  }

  /** One hook: who sends frames. */
  afterTurn(hook: () => void): void {
    this.#hook = hook;
  }

  readonly #later = (): void => {
    this.#scheduled = false;
    this.begin();
    this.end();
  };

  #run(): void {
    let steps = this.#turnSteps;
    while (steps > 0) {
      const next = this.#ready.shift();
      if (next === undefined) break;
      if (next.step()) this.#ready.push(next);
      steps--;
    }
    this.#hook();
    if (this.#ready.length > 0 && !this.#scheduled) {
      this.#scheduled = true;
      setImmediate(this.#later); // not a microtask: that would keep sockets waiting
    }
  }
}
