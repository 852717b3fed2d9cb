/** Text that may leave on a WebSocket: RFC 6455 §5.6 asks for UTF-8, and a JavaScript string may not have one. */

/** ES2024's, which our `lib` does not name yet. Node has both since 20. */
type Es2024Text = string & { isWellFormed(): boolean; toWellFormed(): string };

/**
 * `text`, with each lone surrogate replaced by U+FFFD.
 * To be called before a string is sent: uWebSockets.js would send a lone surrogate as bytes that are no UTF-8,
 * and a browser must cut the socket then (contracts/hazards.md §2).
 */
export function wellFormed(text: string): string {
  const known = text as Es2024Text;
  return known.isWellFormed() ? text : known.toWellFormed(); // the check is the cheap half
}
