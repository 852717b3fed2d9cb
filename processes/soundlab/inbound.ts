/**
 * How much one client may say: `messagesPerSecond`, by the clock's seconds.
 *
 * 1. What is above is not answered; nothing else happens to a client that is once too fast.
 * 2. One that is above in FLOOD_SECONDS different seconds is to be closed: it has been served that long, so that a
 *    client which comes back at once cannot make a storm of it (its sheet, §2).
 */
import { FLOOD_SECONDS } from "./limits.ts";

export class Inbound {
  readonly #max: number;
  #second = 0;
  #count = 0; // in that second
  #floods = 0; // seconds that were above

  constructor(messagesPerSecond: number) {
    this.#max = messagesPerSecond;
  }

  /** @param now milliseconds */
  take(now: number): "answer" | "ignore" | "close" {
    const second = Math.floor(now / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#count = 0;
    }
    this.#count++;
    if (this.#count <= this.#max) return "answer";
    if (this.#count === this.#max + 1) this.#floods++;
    return this.#floods >= FLOOD_SECONDS ? "close" : "ignore";
  }
}
