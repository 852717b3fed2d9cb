/** What a device of the demo measures: computed, and each time the same. */

export interface Signal {
  /** Samples per second. */
  readonly rate: number;
  /** How many numbers a sample has. */
  readonly channels: number;
  /** The sample of a time. @param seconds since 1970; never less than before */
  at(seconds: number): readonly number[];
}

export const TURN: number = 2 * Math.PI;
