/** Waiting for what no promise tells of. */
import { nextLoop } from "./channels.ts";

/** @throws {Error} it does not hold within 5 s */
export async function until(holds: () => boolean): Promise<void> {
  const last = Date.now() + 5_000;
  while (!holds()) {
    if (Date.now() > last) throw new Error(`waited 5 s for ${holds}`);
    await nextLoop();
  }
}
