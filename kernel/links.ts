/**
 * Who is to end when another crashes for good: two ways.
 *
 * 1. A crash that is followed by a restart ends nobody else. One that is not, or an end that is given up, does.
 * 2. An end by a link is for good, whatever the on_exit, and goes on to those linked further. Requests of on_exit are
 *    sent: it ends by a crash, though not its own.
 * 3. An exit, a kill and a stop end nobody else: they are somebody's will.
 */
import type { Kernel } from "./kernel.ts";
import type { Process } from "./process.ts";

export class Links {
  readonly #kernel: Kernel;
  readonly #linked = new Map<Process, Set<Process>>();
  readonly #toEnd: Process[] = []; // a list, not a recursion: links may go round a hundred thousand
  #ending = false;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** Those that are linked. */
  get size(): number {
    return this.#linked.size;
  }

  add(a: Process, b: Process): void {
    this.#of(a).add(b);
    this.#of(b).add(a);
  }

  remove(a: Process, b: Process): void {
    this.#cut(a, b);
    this.#cut(b, a);
  }

  /** @param isFailure see rules 1 and 3 */
  gone(process: Process, isFailure: boolean): void {
    const linked = this.#linked.get(process);
    if (linked === undefined) return;
    this.#linked.delete(process);
    for (const other of linked) this.#cut(other, process);
    if (!isFailure || this.#kernel.stopping) return;
    for (const other of linked) this.#toEnd.push(other);
    if (this.#ending) return;
    this.#ending = true;
    for (let next = this.#toEnd.pop(); next !== undefined; next = this.#toEnd.pop()) this.#end(next);
    this.#ending = false;
  }

  #end(process: Process): void {
    if (process.state === "gone") return;
    const { onExit } = process;
    if (typeof onExit === "object") this.#kernel.bus.sendLastWords(process, onExit.Requests);
    process.kill("link");
  }

  #of(process: Process): Set<Process> {
    let linked = this.#linked.get(process);
    if (linked === undefined) {
      linked = new Set();
      this.#linked.set(process, linked);
    }
    return linked;
  }

  #cut(from: Process, to: Process): void {
    const linked = this.#linked.get(from);
    linked?.delete(to);
    if (linked?.size === 0) this.#linked.delete(from);
  }
}
