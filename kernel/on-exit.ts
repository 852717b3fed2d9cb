/** An `on_exit` that can be kept until it is needed: read when it is set, where a mistake can still be told. */
import { type OnExit, toAddress } from "../lib/protocol/index.ts";

/** Each target must be an address, and each blob its own: both are used when nobody is left to blame. @throws {IdError} */
export function keptOnExit(onExit: OnExit, node: string): OnExit {
  if (typeof onExit === "string") return onExit;
  return {
    Requests: onExit.Requests.map(({ target, body, blob }) => ({
      target: toAddress(target, node).text,
      body,
      blob: blob?.keep() ?? null,
    })),
  };
}
