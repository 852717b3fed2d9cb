/** Time as a parameter: the system's, or a test's that moves when told. */

export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Milliseconds that only go forward; the origin means nothing. */
  monotonic(): number;
  /** @returns a function that cancels it */
  setTimeout(due: () => void, ms: number): () => void;
}

export const systemClock: Clock = {
  now: (): number => Date.now(),
  monotonic: monotonicOf(globalThis as { readonly process?: Partial<Hrtime> }),
  setTimeout(due: () => void, ms: number): () => void {
    const timer = setTimeout(due, ms);
    return () => clearTimeout(timer);
  },
};

type Hrtime = { hrtime(): [seconds: number, nanoseconds: number] };

/** In Node not `performance`, which is an accessor that loads a module: 2 ms of each start (bench/start). */
function monotonicOf({ process }: { readonly process?: Partial<Hrtime> }): () => number {
  const hrtime = process?.hrtime;
  if (hrtime === undefined) return () => performance.now();
  return () => {
    const [seconds, nanoseconds] = hrtime();
    return seconds * 1000 + nanoseconds / 1e6;
  };
}

type Due = { readonly at: number; readonly run: () => void };

/** Stands still until `advance`; then runs what came due, earliest first. */
export class VirtualClock implements Clock {
  readonly #epoch: number;
  #elapsed = 0;
  #due: Due[] = [];

  /** @param epoch what `now()` says at first, in milliseconds */
  constructor(epoch: number = Date.UTC(2026, 0, 1)) {
    this.#epoch = epoch;
  }

  now(): number {
    return this.#epoch + this.#elapsed;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  setTimeout(run: () => void, ms: number): () => void {
    const entry: Due = { at: this.#elapsed + Math.max(0, ms), run };
    this.#due.push(entry);
    return () => {
      this.#due = this.#due.filter((other) => other !== entry);
    };
  }

  /** Milliseconds until something comes due; undefined: nothing will. */
  get nextDue(): number | undefined {
    if (this.#due.length === 0) return undefined;
    return Math.max(0, Math.min(...this.#due.map(({ at }) => at)) - this.#elapsed);
  }

  advance(ms: number): void {
    const end = this.#elapsed + ms;
    for (;;) {
      const next = this.#due.reduce<Due | undefined>(
        (first, entry) => (entry.at <= end && (first === undefined || entry.at < first.at) ? entry : first),
        undefined,
      );
      if (next === undefined) break;
      this.#due = this.#due.filter((entry) => entry !== next);
      this.#elapsed = Math.max(this.#elapsed, next.at);
      next.run();
    }
    this.#elapsed = end;
  }
}
