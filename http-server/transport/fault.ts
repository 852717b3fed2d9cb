/** Where a handler's throw goes. uWebSockets.js aborts the process on one that reaches it from HTTP or upgrade. */
import type { TransportHandlers } from "./transport.ts";

type FaultHandler = Pick<TransportHandlers<never>, "fault">;

/** Tells `handlers.fault` and never throws. */
export function report(handlers: FaultHandler, error: unknown): void {
  try {
    handlers.fault(error);
  } catch (second) {
    // Nobody is left to tell but Node itself, and it must not hear of it on the library's stack.
    setImmediate(() => {
      throw second;
    });
  }
}
