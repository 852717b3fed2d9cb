/**
 * Which process is running right now: what the seeds' global names (`send_ws_push`, `Request.to`) act for.
 *
 * Set while a handler runs and only until its first `await` (docs/adr/0002): tracking it further costs a fifth of all
 * throughput (AsyncLocalStorage: 0.81, DESIGN §9). After an await, use `ctx`.
 */
import { KernelError } from "../protocol/index.ts";
import type { Context } from "./context.ts";

let running: Context | null = null;

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
  if (running === null) throw new NoProcessError(what);
  return running;
}

/** Hot path. @returns what was running before, for `leave` */
export function enter(context: Context): Context | null {
  const before = running;
  running = context;
  return before;
}

export function leave(before: Context | null): void {
  running = before;
}
