/**
 * Durations in a fixed number of buckets, so that recording millions of them costs no memory and no sort.
 *
 * 1. Whole microseconds; below STEPS each has a bucket of its own.
 * 2. Above, every doubling is cut into STEPS buckets: a percentile reads at most 1/STEPS (3 %) too high.
 * 3. Anything beyond the last bucket counts in the last.
 */
const STEP_BITS = 5;
const STEPS = 1 << STEP_BITS;
const DOUBLINGS = 21; // 2^(5+21) µs: 67 s, longer than a run
const BUCKETS = STEPS * (DOUBLINGS + 1);

export class Histogram {
  readonly #counts: Float64Array = new Float64Array(BUCKETS); // not 32-bit: minutes at millions per second overflow it
  #total = 0;

  /** Counts `times` durations of `us` microseconds, which must not be negative. */
  record(us: number, times: number): void {
    const bucket = bucketOf(us | 0);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + times;
    this.#total += times;
  }

  get total(): number {
    return this.#total;
  }

  /** The duration in microseconds that `share` (0 to 1) of all stayed at or below; 0 when nothing was recorded. */
  percentile(share: number): number {
    const wanted = Math.max(1, Math.ceil(this.#total * share));
    let seen = 0;
    for (const [bucket, count] of this.#counts.entries()) {
      seen += count;
      if (seen >= wanted) return highestOf(bucket);
    }
    return 0;
  }
}

function bucketOf(us: number): number {
  if (us < STEPS) return us;
  const doubling = 31 - Math.clz32(us) - STEP_BITS; // how many bits `us` has beyond a step's
  return Math.min(BUCKETS - 1, STEPS * doubling + (us >> doubling));
}

/** The longest duration that falls into `bucket`. */
function highestOf(bucket: number): number {
  if (bucket < STEPS) return bucket;
  const doubling = Math.floor(bucket / STEPS) - 1;
  return ((bucket - STEPS * doubling + 1) << doubling) - 1;
}
