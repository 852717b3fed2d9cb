/** The value that `share` (0 to 1) of `sorted` stay at or below; 0 when there is none. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}
