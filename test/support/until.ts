/** Waiting for what no promise tells of. */
import { setTimeout as sleep } from "node:timers/promises"; // jest's fake timers leave it alone

const WAIT_MAX_S = 30; // less than a test may take
const TURNS = 100; // what this process does by itself takes fewer
const LOOK_MS = 5; // what another process does: it may want the core

/** @throws {Error} it does not hold within WAIT_MAX_S */
export async function until(holds: () => boolean): Promise<void> {
  const last = Date.now() + WAIT_MAX_S * 1_000;
  for (let looks = 1; !holds(); looks++) {
    if (Date.now() > last) throw new Error(`waited ${WAIT_MAX_S} s for ${holds}`);
    await nextLook(looks);
  }
}

/** When to look again: in the next turn of the loop at first, later after a pause. @param looks so far */
export async function nextLook(looks: number): Promise<void> {
  if (looks < TURNS) await nextLoop();
  else await sleep(LOOK_MS);
}

export function nextLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
