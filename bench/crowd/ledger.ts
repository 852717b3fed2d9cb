/**
 * Which publishes have arrived where, and when the next may leave.
 *
 * 1. Publishes are numbered from 0 in the order sent; each receiver gets them in that order, so its count says all.
 * 2. They leave in batches of `batch`, two batches on their way at most: the next leaves once the last has begun to
 *    arrive (so the server has it in hand, and does not merge both) and the one before has arrived everywhere (so it
 *    is not flooded). The server then always has a batch to send while the receivers read the one before.
 * 3. Spread: from the first frame of a publish at any receiver to its last.
 */
export class Ledger {
  readonly #receivers: number;
  readonly #batch: number;
  /** How many each receiver has got. */
  readonly #counts: Uint32Array;
  /** Of each publish on its way, by its number modulo their most: how many receivers have it, and since when (ms). */
  readonly #arrivals: Uint32Array;
  readonly #firstAt: Float64Array;
  #sent = 0;
  #begun = 0;
  #complete = 0;

  constructor(receivers: number, batch: number) {
    this.#receivers = receivers;
    this.#batch = batch;
    this.#counts = new Uint32Array(receivers);
    this.#arrivals = new Uint32Array(2 * batch);
    this.#firstAt = new Float64Array(2 * batch);
  }

  /** A batch leaves now. Only when `due`. */
  send(): void {
    this.#sent += this.#batch;
  }

  /** Whether the next batch may leave; true before the first. */
  get due(): boolean {
    const last = this.#sent - this.#batch; // where the last batch begins
    return this.#complete >= last && (this.#begun > last || this.#sent === 0);
  }

  /** Whether everything sent is everywhere. */
  get settled(): boolean {
    return this.#complete === this.#sent;
  }

  /**
   * `frames` more have come to `receiver` at `now`.
   * @param onComplete gets the spread of each publish that is now everywhere
   * @throws {Error} more came than was sent
   */
  arrived(receiver: number, frames: number, now: number, onComplete: (spreadMs: number) => void): void {
    const from = this.#counts[receiver] ?? 0;
    const to = from + frames;
    if (to > this.#sent) {
      throw new Error(`Cannot count for receiver ${receiver} as ${this.#sent} publishes were sent: got ${to}`);
    }
    this.#counts[receiver] = to;
    for (let publish = from; publish < to; publish += 1) {
      const slot = publish % this.#arrivals.length;
      const arrivals = (this.#arrivals[slot] ?? 0) + 1;
      if (arrivals === 1) {
        this.#firstAt[slot] = now;
        this.#begun = publish + 1;
      }
      if (arrivals < this.#receivers) {
        this.#arrivals[slot] = arrivals;
      } else {
        this.#arrivals[slot] = 0; // for the publish two batches on
        this.#complete = publish + 1;
        onComplete(now - (this.#firstAt[slot] ?? now));
      }
    }
  }
}
