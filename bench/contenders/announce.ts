/** The one way a contender talks to the bench: a JSON line with at least `port`, once it listens. */

/**
 * Prints `facts` and stays until told to leave. The bench keeps stdin open as long as it lives:
 * when that ends, however the bench died, so does the contender, and no server is left behind.
 */
export function announce(facts: {
  readonly port: number;
  readonly [fact: string]: string | number | readonly string[];
}): void {
  process.stdout.write(`${JSON.stringify(facts)}\n`);
  process.stdin.on("end", () => process.exit(0)).resume();
}
