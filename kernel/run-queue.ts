/**
 * Whose turn it is: processes that have something to do, in the order they got it.
 *
 * 1. A *turn* begins in a transport's callback, a timer or a microtask, and runs until nobody has anything to do.
 *    A handler's own sends run after it returns, in the same turn: no recursion, no promise. (But see leaf, bus.ts.)
 * 2. One message per process and round, so that a busy process does not starve the others.
 * 3. After `turnSteps` messages, in one turn or in turns from microtask to microtask, the rest waits for the next loop
 *    iteration: sockets and timers get theirs.
 * 4. The `afterTurn` hook runs at the end of a turn in which somebody was lined up, or `callHook` was called: what was
 *    sent leaves in one write.
 */
import { Ring } from "./ring.ts";

const SETTLED = Promise.resolve(); // its `then` is a microtask at half the price of Node's queueMicrotask

export interface Runnable {
  /** Handles one message. Must not throw. @returns whether it has more to do */
  step(): boolean;
}

/** What a simulation decides in place of the queue and the event loop (test/support/simulation). */
export type RunQueueSeams = {
  /** Where those that are lined up wait. Whom it hands out next is its own choice. */
  readonly ready?: ReadyQueue;
  /** Calls `run` in a later iteration of the event loop. */
  readonly later?: (run: () => void) => void;
};

export type ReadyQueue = Pick<Ring<Runnable>, "length" | "push" | "shift">;

export class RunQueue {
  readonly #ready: ReadyQueue;
  readonly #nextRound: (run: () => void) => void;
  #hook: () => void = () => undefined;
  readonly #turnSteps: number;
  #depth = 0; // > 0: inside a turn
  #scheduled = false;
  #microSteps = 0; // taken in turns that microtasks began, since the event loop last came round
  #counting = false;
  #hasWork = false; // somebody is lined up, or the hook was called for

  constructor(turnSteps: number, { ready = new Ring<Runnable>(), later = setImmediate }: RunQueueSeams = {}) {
    this.#turnSteps = turnSteps;
    this.#ready = ready;
    this.#nextRound = later;
  }

  /** Lines `runnable` up. Outside a turn, one begins with the next microtask, so that sends in a row share it. */
  schedule(runnable: Runnable): void {
    this.#ready.push(runnable);
    this.#hasWork = true;
    if (this.#depth === 0) this.#scheduleTurn();
  }

  /** Opens a turn; `end` must follow, whatever is thrown. May be nested: the outermost `end` runs the turn. */
  begin(): void {
    this.#depth++;
  }

  /** Hot path: most frames are handled in place and leave nothing to do. */
  end(): void {
    if (this.#depth === 1 && this.#hasWork) this.#run();
    this.#depth--;
  }

  /** As `end`, for who is in the middle of its own work: what was lined up begins with the next microtask. */
  endLater(): void {
    this.#depth--;
    if (this.#depth === 0 && this.#hasWork) this.#scheduleTurn();
  }

  /** As `schedule`, for who was called by a microtask with nothing else on the stack: its turn begins at once. */
  resume(runnable: Runnable): void {
    if (this.#depth > 0 || this.#scheduled || this.#microSteps >= this.#turnSteps) this.schedule(runnable);
    else {
      this.#ready.push(runnable);
      this.#runFromMicrotask();
    }
  }

  /** The hook has something to do at the end of this turn. */
  callHook(): void {
    this.#hasWork = true;
  }

  get inTurn(): boolean {
    return this.#depth > 0;
  }

  /** One hook: who sends frames. It must not throw. */
  afterTurn(hook: () => void): void {
    this.#hook = hook;
  }

  readonly #later = (): void => {
    this.#scheduled = false;
    this.begin();
    this.end();
  };

  readonly #micro = (): void => {
    this.#scheduled = false;
    this.#runFromMicrotask();
  };

  readonly #roundBegins = (): void => {
    this.#counting = false;
    this.#microSteps = 0;
  };

  #scheduleTurn(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    // A loop of `await request` goes from microtask to microtask: it too must let sockets and timers in.
    if (this.#microSteps < this.#turnSteps) void SETTLED.then(this.#micro);
    else this.#nextRound(this.#later);
  }

  #runFromMicrotask(): void {
    this.#depth++;
    this.#microSteps += this.#run();
    this.#depth--;
    if (this.#counting) return;
    this.#counting = true;
    this.#nextRound(this.#roundBegins);
  }

  /** @returns how many messages were handled */
  #run(): number {
    let steps = this.#turnSteps;
    while (steps > 0) {
      const next = this.#ready.shift();
      if (next === undefined) break;
      if (next.step()) this.#ready.push(next);
      steps--;
    }
    this.#hook();
    this.#hasWork = this.#ready.length > 0;
    if (this.#hasWork && !this.#scheduled) {
      this.#scheduled = true;
      this.#nextRound(this.#later); // not a microtask: that would keep sockets waiting
    }
    return this.#turnSteps - steps;
  }
}
