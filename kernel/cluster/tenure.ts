/**
 * How long this node may go on with what it holds, by its own clocks (docs/adr/0037 §2).
 *
 * 1. From before its last record that was confirmed was sent, for directoryGone less clusterMargin: others wait for the
 *    whole of directoryGone, counted from when the directory had it.
 * 2. By the monotonic clock and the calendar's, whichever says more: the monotonic one stands still while a machine
 *    sleeps. A calendar that is set forward ends it early, which harms nobody.
 */
import type { Kernel } from "../kernel.ts";
import type { Roster } from "../link/roster.ts";
import { Alarm } from "../timer-wheel.ts";

export class Tenure {
  readonly #kernel: Kernel;
  readonly #roster: Roster;
  readonly #alarm: Alarm;

  /** @param over called once when it is, from then on not before it began anew */
  constructor(kernel: Kernel, roster: Roster, over: () => void) {
    this.#kernel = kernel;
    this.#roster = roster;
    this.#alarm = new Alarm(() => {
      if (this.left > 0) this.#kernel.wheel.add(this.#alarm, this.left);
      else over();
    });
  }

  /** ms; 0: it is over, or has not begun. */
  get left(): number {
    const { confirmed } = this.#roster;
    if (confirmed === null) return 0;
    const { clock, limits } = this.#kernel;
    const margin = Math.min(limits.clusterMargin, limits.directoryGone / 3);
    const passed = Math.max(clock.monotonic() - confirmed.monotonic, clock.now() - confirmed.now);
    return Math.max(0, limits.directoryGone - margin - passed);
  }

  /** A record was written, or was not. */
  look(): void {
    this.#kernel.wheel.cancel(this.#alarm);
    if (this.#roster.confirmed !== null) this.#kernel.wheel.add(this.#alarm, this.left);
  }

  end(): void {
    this.#kernel.wheel.cancel(this.#alarm);
  }
}
