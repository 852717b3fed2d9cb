/**
 * Finds the moment to close a listening port that another program shares.
 *
 * Linux resets the connections that a closed port had not accepted yet: whatever came since the last look. A turn of the
 * event loop begins with that look, so the port is closed behind the shortest turn that can be had. The turns follow each
 * other without a pause meanwhile, and there is nothing for the event loop to wait for.
 * docs/adr/0009 has the figures. `net.ipv4.tcp_migrate_req` does away with the rest.
 */
const LOOK_MS = 50; // to learn how short a turn can be here
const GIVE_UP_MS = 500; // a node that is this busy closes as it comes
const LIKE_SHORTEST = 1.5; // times the shortest that was seen

/** Resolves within some 500 ms, in a turn of the event loop that had next to nothing to do. */
export function quietMoment(): Promise<void> {
  const began = performance.now();
  let shortest = Number.POSITIVE_INFINITY;
  let last = began;
  return new Promise((resolve) => {
    const look = (): void => {
      const now = performance.now();
      const turn = now - last;
      last = now;
      const isLearnt = now - began > LOOK_MS;
      if ((isLearnt && turn <= shortest * LIKE_SHORTEST) || now - began > GIVE_UP_MS) return resolve();
      shortest = Math.min(shortest, turn);
      setImmediate(look);
    };
    setImmediate(look);
  });
}
