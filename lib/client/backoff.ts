/**
 * How long to wait before connecting again: doubling, with equal jitter.
 *
 * Equal, not full: half of the wait is certain, so that a node that refuses at once is never hammered;
 * the other half is random, so that a thousand clients of a restarted node do not come back in one instant.
 */

/**
 * @param attempt failures since the last stable connection, 0 for the first
 * @param random in [0, 1)
 * @returns milliseconds, from half of min(maxMs, firstMs × 2^attempt) to all of it
 */
export function retryDelayMs(attempt: number, random: number, firstMs: number, maxMs: number): number {
  const ceiling = Math.min(maxMs, firstMs * 2 ** attempt);
  return (ceiling * (1 + random)) / 2;
}
