/** What follows from the end of an incarnation: decided once, before anybody is told. */
import type { EndReason } from "../lib/protocol/index.ts";

export type Verdict = {
  readonly reason: EndReason;
  readonly restarts: boolean;
  /** Until the next incarnation; 0 where there is none. */
  readonly delayMs: number;
  /** It would be restarted, but not this often. */
  readonly gaveUp: boolean;
};

export type End = {
  readonly reason: EndReason;
  /** Who asked for this end, when it was not the process itself. */
  readonly askedBy: EndReason | null;
  /** By its on_exit. */
  readonly restarts: boolean;
  /** The node stops, or it is gone already: nothing follows. */
  readonly isOver: boolean;
  /** The back-off; undefined: it is given up. Asked only when it counts. */
  readonly next: () => number | undefined;
};

export function judge({ reason, askedBy, restarts, isOver, next }: End): Verdict {
  const isCrash = reason === "crash";
  const shown = isCrash ? reason : (askedBy ?? reason);
  if (isOver) return { reason: askedBy === "restart" ? reason : shown, restarts: false, delayMs: 0, gaveUp: false };
  if (askedBy === "restart") return { reason: shown, restarts: true, delayMs: 0, gaveUp: false };
  if (askedBy !== null || !restarts) return { reason: shown, restarts: false, delayMs: 0, gaveUp: false };
  const delayMs = next();
  return { reason, restarts: delayMs !== undefined, delayMs: delayMs ?? 0, gaveUp: delayMs === undefined };
}
