/**
 * Messages that crash their process again and again: one sender's same action, so many times within a window.
 *
 * A message that crashed its process is never tried again; this is about the next one like it. It is only reported:
 * to refuse it would be to guess which part of it is the poison.
 */
import type { KernelLimits } from "./limits.ts";

const SUSPECTS_MAX = 1_024; // process, sender and action; the one longest without a crash goes first

export class Poison {
  readonly #limits: KernelLimits;
  readonly #suspects = new Map<string, number[]>(); // when they crashed it, ms monotonic, within the window

  constructor(limits: KernelLimits) {
    this.#limits = limits;
  }

  /** It has crashed `process` once more. @returns how often within the window, counted up to twice the limit */
  count(process: string, source: string, action: string, now: number): number {
    const { poisonWindow, poisonCrashes } = this.#limits;
    const key = JSON.stringify([process, source, action]);
    const recent = (this.#suspects.get(key) ?? []).filter((at) => now - at < poisonWindow);
    const crashes = [...recent, now].slice(-poisonCrashes * 2);
    this.#suspects.delete(key); // and to the end
    this.#suspects.set(key, crashes);
    if (this.#suspects.size > SUSPECTS_MAX) {
      const [oldest] = this.#suspects.keys();
      if (oldest !== undefined) this.#suspects.delete(oldest);
    }
    return crashes.length;
  }
}
