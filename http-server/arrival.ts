/** A socket until it is a channel: what its upgrade found out, and how long it may take. Nothing of it stays. */
import { type Process, WheelEntry } from "../kernel/index.ts";
import type { Channel } from "./channel.ts";

export class Arrival extends WheelEntry {
  /** A valid session cookie came with the upgrade. */
  readonly loggedIn: boolean;
  /** Who gets it at once, without a registration; null on the main route. */
  readonly boundTo: Process | null;
  /** Set when its socket has opened. */
  channel: Channel | null = null;
  readonly #tooLate: (channel: Channel) => void;

  /** @param tooLate is told when the deadline has passed; one function for all, not a closure each */
  constructor(loggedIn: boolean, boundTo: Process | null, tooLate: (channel: Channel) => void) {
    super();
    this.loggedIn = loggedIn;
    this.boundTo = boundTo;
    this.#tooLate = tooLate;
  }

  expire(): void {
    if (this.channel !== null) this.#tooLate(this.channel);
  }
}
