/**
 * The `origin` of a durable message that was handed to a process: how that ended is told once to the inbox.
 *
 * Loaded by every node, as bus.ts and incarnation.ts ask for it where a message ended.
 */
import { DurableOrigin } from "../../lib/protocol/index.ts";

/**
 * - `handled`: its handler has settled.
 * - `crashed`: it was in hand when its process crashed or was killed.
 * - `back`: its process is gone, or the node stops, and nothing was begun of it, or nobody can tell how far it came.
 */
export type HandEnd = "handled" | "crashed" | "back";

export class DurableHand extends DurableOrigin {
  /** Its handler runs in another thread or process, which says when it has settled. */
  isShipped = false;
  #tell: ((end: HandEnd) => void) | null;

  constructor(from: string, id: number, tell: (end: HandEnd) => void) {
    super(from, id);
    this.#tell = tell;
  }

  /** Only the first counts. */
  ended(end: HandEnd): void {
    const tell = this.#tell;
    this.#tell = null;
    tell?.(end);
  }
}
