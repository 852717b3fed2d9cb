/**
 * A first connection to NATS servers: whoever starts them together with nodes, or on a machine that is busy, has them there
 * a moment later. Who is there and says no, says it for good.
 */
import { setTimeout as sleep } from "node:timers/promises";

const AGAIN_MS = 250;
const CODES: readonly string[] = [
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND", // a container's name is not known before it runs
  "EAI_AGAIN",
  "ETIMEDOUT",
];

/** Dials until it is let in, for `patienceMs` at least; 0: once. Rejects with the last error. @param isWanted false: no more */
export async function patiently<T>(
  dial: () => Promise<T>,
  patienceMs: number,
  isWanted: () => boolean = () => true,
): Promise<T> {
  const begun = performance.now();
  for (;;) {
    try {
      return await dial();
    } catch (error) {
      if (!isWorthWaiting(error) || performance.now() - begun >= patienceMs || !isWanted()) throw error;
      await sleep(AGAIN_MS);
    }
  }
}

/** Whether nobody was there, or none in time: in the client's words, or the system's. */
export function isWorthWaiting(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error.name === "ConnectionError" || error.name === "TimeoutError") return true;
  return "code" in error && CODES.includes(String(error.code));
}
