/** A socket until it is a channel: what its upgrade found out, and how long it may take. Nothing of it stays. */
import { type Process, WheelEntry } from "../kernel/index.ts";
import type { Channel } from "./channel.ts";

/** What an upgrade found out. */
export type Comer = {
  /** Who gets it at once, without a registration; null on the main route. */
  readonly boundTo: Process | null;
  /** For a registration without a token. */
  readonly cookies: string;
  /** The label of the secure subdomain it came to; null: the node itself. */
  readonly label: string | null;
};

export class Arrival extends WheelEntry {
  readonly boundTo: Process | null;
  readonly cookies: string;
  readonly label: string | null;
  /** Set when its socket has opened. */
  channel: Channel | null = null;
  readonly #tooLate: (channel: Channel) => void;

  /** @param tooLate is told when the deadline has passed; one function for all, not a closure each */
  constructor({ boundTo, cookies, label }: Comer, tooLate: (channel: Channel) => void) {
    super();
    this.boundTo = boundTo;
    this.cookies = cookies;
    this.label = label;
    this.#tooLate = tooLate;
  }

  expire(): void {
    if (this.channel !== null) this.#tooLate(this.channel);
  }
}
