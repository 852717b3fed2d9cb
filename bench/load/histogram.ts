/**
 * Durations in a fixed number of buckets, so that recording millions of them costs no memory and no sort.
 *
 * 1. Eighths of a microsecond; below STEPS of them each has a bucket of its own.
 * 2. Above, every doubling is cut into STEPS buckets: a percentile reads at most 1/STEPS (3 %) too high.
 * 3. Anything beyond the last bucket counts in the last.
 */
const STEP_BITS = 5;
const STEPS = 1 << STEP_BITS;
const DOUBLINGS = 24; // 2^(5+24) eighths: 67 s, longer than anybody waits for a message
const BUCKETS = STEPS * (DOUBLINGS + 1);
const LONGEST = 2 ** 30 - 1; // what falls into the last bucket at the latest
const PER_US = 8; // whole microseconds would be too coarse for a message that is alone on its way

export class Histogram {
  readonly #counts: Float64Array = new Float64Array(BUCKETS); // not 32-bit: minutes at millions per second overflow it
  #total = 0;

  /** Counts `times` durations of `us` microseconds, which must not be negative. */
  record(us: number, times: number): void {
    const bucket = bucketOf(Math.min(us * PER_US, LONGEST) | 0);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + times;
    this.#total += times;
  }

  get total(): number {
    return this.#total;
  }

  /** The duration in microseconds that `share` (0 to 1) of all stayed below; 0 when nothing was recorded. */
  percentile(share: number): number {
    const wanted = Math.max(1, Math.ceil(this.#total * share));
    let seen = 0;
    for (const [bucket, count] of this.#counts.entries()) {
      seen += count;
      if (seen >= wanted) return endOf(bucket) / PER_US;
    }
    return 0;
  }
}

/** @param eighths whole, of a microsecond */
function bucketOf(eighths: number): number {
  if (eighths < STEPS) return eighths;
  const doubling = 31 - Math.clz32(eighths) - STEP_BITS; // how many bits it has beyond a step's
  return Math.min(BUCKETS - 1, STEPS * doubling + (eighths >> doubling));
}

/** Where `bucket` ends and the next begins, in eighths of a microsecond. */
function endOf(bucket: number): number {
  if (bucket < STEPS) return bucket + 1;
  const doubling = Math.floor(bucket / STEPS) - 1;
  return (bucket - STEPS * doubling + 1) << doubling;
}
