/**
 * How much of one peer's is taken in a second: who sends without regard for its window costs no more than that.
 *
 * A peer that keeps to the window never gets there. What is beyond is dropped before it is read, as if it had been lost on
 * the way: its sender is told so, and nobody else waits for it.
 */
export type InflowLimits = {
  /** In a second, and at once after a pause. */
  readonly frames: number;
  readonly bytes: number;
};

export class Inflow {
  dropped = 0;
  readonly #limits: InflowLimits;
  #frames: number; // that may still come now
  #bytes: number;
  #at: number; // ms, when that was so

  constructor(limits: InflowLimits, nowMs: number) {
    this.#limits = limits;
    this.#frames = limits.frames;
    this.#bytes = limits.bytes;
    this.#at = nowMs;
  }

  /** So late is it now. */
  refill(nowMs: number): void {
    const { frames: framesMax, bytes: bytesMax } = this.#limits;
    const seconds = Math.max(0, nowMs - this.#at) / 1000;
    this.#at = nowMs;
    this.#frames = Math.min(framesMax, this.#frames + seconds * framesMax);
    this.#bytes = Math.min(bytesMax, this.#bytes + seconds * bytesMax);
  }

  /** Whether a frame of so many bytes is taken. One is, however large, when the second before was quiet. */
  takes(bytes: number): boolean {
    if (this.#frames < 1 || this.#bytes <= 0) {
      this.dropped++;
      return false;
    }
    this.#frames--;
    this.#bytes -= bytes;
    return true;
  }
}
