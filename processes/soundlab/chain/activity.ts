/**
 * `criticality`: mean activity of the last 0.1 s over that of the last 5 s (contract soundlab §12, decision A).
 *
 * 1 is balance, and silence; a burst goes above 2. It cannot pass LONG / SHORT, as the long window holds the short one.
 */
import { BLOCK_MS, SILENT_RMS } from "./constants.ts";

const SHORT: number = Math.round(100 / BLOCK_MS); // blocks: 0.1 s
const LONG: number = Math.round(5000 / BLOCK_MS); // blocks: 5 s

export class Activity {
  readonly #ring = new Float64Array(LONG);
  #next = 0;
  #count = 0;

  /** Hot path. @param rms mean of the channels', of one block */
  add(rms: number): void {
    this.#ring[this.#next] = rms;
    this.#next = (this.#next + 1) % LONG;
    this.#count = Math.min(LONG, this.#count + 1);
  }

  /** >= 0. Until 5 s have passed, the long window is what there is. */
  get criticality(): number {
    const long = this.#mean(LONG); // summed anew: a running sum would keep the rounding of each block
    return long < SILENT_RMS ? 1 : this.#mean(SHORT) / long;
  }

  /** Mean of the newest `blocks`. */
  #mean(blocks: number): number {
    const count = Math.min(blocks, this.#count);
    let sum = 0;
    for (let back = 1; back <= count; back++) sum += this.#ring[(this.#next - back + LONG) % LONG] as number;
    return count === 0 ? 0 : sum / count;
  }
}
