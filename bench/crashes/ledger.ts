/**
 * What the processes of a soak tell of themselves, outside of any of them: a crash takes none of it along.
 *
 * 1. A request that wants an answer is `asked`, and `ended` once: by its answer, its error, or with who asked.
 * 2. Nothing here grows with time: what has ended is a count.
 */
import { Breaches, count, type NodeCounts } from "./report.ts";

type Asked = { readonly by: string; readonly incarnation: number };

export class Ledger {
  readonly breaches: Breaches = new Breaches();
  readonly crashes: Record<string, number> = {};
  restarts = 0;
  handled = 0;
  stateWrites = 0;
  timersFired = 0;
  spawned = 0;
  readonly #outcomes: Record<string, number> = {};
  readonly #open = new Map<number, Asked>();
  readonly #incarnations = new Map<string, number>();
  readonly #heard = new Map<string, number>();
  readonly #durable = new Map<string, number>();
  readonly #tried = new Map<string, number>();
  #asked = 0;

  /** A new incarnation of `name`: nobody waits any more for what the one before had asked. @returns its number */
  begin(name: string): number {
    const incarnation = (this.#incarnations.get(name) ?? 0) + 1;
    this.#incarnations.set(name, incarnation);
    if (incarnation > 1) this.restarts++;
    for (const [n, { by }] of this.#open) {
      if (by !== name) continue;
      this.#open.delete(n);
      count(this.#outcomes, "EndedWithAsker");
    }
    return incarnation;
  }

  /** @returns the number to ask by; they grow */
  ask(by: string): number {
    const n = ++this.#asked;
    this.#open.set(n, { by, incarnation: this.#incarnations.get(by) ?? 0 });
    return n;
  }

  end(n: number, how: string): void {
    if (this.#open.delete(n)) count(this.#outcomes, how);
    else this.breaches.add("a request ends twice", `request ${n}: ${how}`);
  }

  get open(): number {
    return this.#open.size;
  }

  /** From one sender to one target, numbers only grow. */
  hear(from: string, to: string, n: number): void {
    this.handled++;
    const pair = `${from} → ${to}`;
    const last = this.#heard.get(pair) ?? 0;
    if (n <= last) this.breaches.add("order", `${pair}: ${n} after ${last}`);
    this.#heard.set(pair, n);
  }

  trying(name: string, value: number): void {
    this.#tried.set(name, value);
  }

  /** The promise of `setState` has resolved. */
  durable(name: string, value: number): void {
    this.stateWrites++;
    this.#durable.set(name, value);
  }

  /** What a new incarnation read: nothing older than what was durable, nothing that was never written. */
  restored(name: string, value: number): void {
    const durable = this.#durable.get(name) ?? 0;
    const tried = this.#tried.get(name) ?? 0;
    if (value < durable || value > tried)
      this.breaches.add("state", `${name} reads ${value}; ${durable} was durable, ${tried} the last written`);
  }

  counts(rest: Pick<NodeCounts, "deadLetters" | "processes">): NodeCounts {
    const { restarts, handled, stateWrites, timersFired, spawned } = this;
    return {
      asked: this.#asked,
      outcomes: { ...this.#outcomes },
      unaccounted: this.open,
      crashes: { ...this.crashes },
      restarts,
      handled,
      stateWrites,
      timersFired,
      spawned,
      breaches: this.breaches.all(),
      ...rest,
    };
  }
}
