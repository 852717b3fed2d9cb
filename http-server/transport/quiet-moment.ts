/**
 * Finds the moment to close a listening port that another program shares.
 *
 * Linux resets the connections that a closed port had not accepted yet: what came since the event loop looked last. A turn
 * of the loop begins with that look. So the port is closed behind a turn that was as short as a turn can be here, and that
 * began after a sleep: who has just slept is seldom set aside by the scheduler. Fewer are lost so, not none: docs/adr/0009
 * has the figures, and what does away with the rest.
 */
const TRIES = 20; // to learn how short a turn can be; some 20 ms
const SLEEP_MS = 1; // between tries
const GIVE_UP_MS = 500; // a node that is never idle closes as it comes
const LIKE_SHORTEST = 1.5; // times the shortest that was seen

/** Resolves within some 500 ms, right behind a turn of the event loop that had next to nothing to do. */
export function quietMoment(): Promise<void> {
  const began = performance.now();
  let shortest = Number.POSITIVE_INFINITY;
  let tries = 0;
  return new Promise((resolve) => {
    const look = (): void => {
      const woken = performance.now();
      setImmediate(() => {
        const now = performance.now();
        const turn = now - woken; // the look, and what it found to do
        if ((tries >= TRIES && turn <= shortest * LIKE_SHORTEST) || now - began > GIVE_UP_MS) return resolve();
        tries++;
        shortest = Math.min(shortest, turn);
        setTimeout(look, SLEEP_MS);
      });
    };
    setTimeout(look, SLEEP_MS);
  });
}
