/** Garbage collection on demand, without a flag on the command line. */
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
/** `minor`: of the young generation alone. */
export const gc = runInNewContext("gc") as (options?: { readonly type: "minor" }) => void; // V8 gives it to contexts made from now on
const UNMAP_MS = 200; // what V8 frees it gives back a little later, in a thread of its own

/**
 * Twice: what finalizers of the first let go is gone after the second. Returns the bytes of heap in use right then,
 * and after a pause in which memory goes back to the system.
 */
export async function collectTwice(): Promise<number> {
  gc();
  await sleep(UNMAP_MS);
  gc();
  const { heapUsed } = process.memoryUsage(); // at once: the pause would add 200 kB now and then
  await sleep(UNMAP_MS);
  return heapUsed;
}
