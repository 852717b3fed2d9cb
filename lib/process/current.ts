/**
 * Which process is running right now: what the seeds' global names (`send_ws_push`, `Request.to`) act for.
 *
 * Set while a handler runs and only until its first `await` (docs/adr/0002): tracking it further costs a fifth of all
 * throughput (AsyncLocalStorage: 0.81, DESIGN §9). After an await, use `ctx`.
 */
import { KernelError } from "../protocol/index.ts";
import type { Context } from "./context.ts";

/** One for all processes of this thread. An object, not a variable: an import is checked at each use (bench/profile). */
export const running: { context: Context | null } = { context: null };

/** A global name was used where no handler is running. */
export class NoProcessError extends KernelError {
  override readonly name = "NoProcessError";
  constructor(what: string) {
    super(
      "no_process",
      `Cannot use "${what}" here as no handler is running: call it before the handler's first await, or use ctx`,
    );
  }
}

/** @throws {NoProcessError} */
export function current(what: string): Context {
  if (running.context === null) throw new NoProcessError(what);
  return running.context;
}
