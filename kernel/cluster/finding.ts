/**
 * A name of the cluster that is being looked for, and what waits for it: in order, bounded.
 *
 * What nobody waits for any more is left out, and makes room before a newer one is refused.
 */
import type { Envelope, ProcessId, SendErrorKind } from "../../lib/protocol/index.ts";
import { pendingOf } from "../pending.ts";
import type { Process } from "../process.ts";

/**
 * @property from null: it came from another node
 * @property here whether it may go to the process when that is here @property away whether it may leave this node
 * @property refused its node is told so, besides
 */
export type Waiting = {
  readonly request: Envelope;
  readonly from: Process | null;
  readonly here: boolean;
  readonly away: boolean;
  readonly refused?: () => void;
};

/** Where a name is; or why that cannot be said. @property nobody no node has such a program, or had one lately, and nobody claims the name */
export type Located = { readonly node: string } | { readonly why: SendErrorKind; readonly nobody: boolean };

export class Finding {
  readonly id: ProcessId;
  /** Another node chose this one: it is not for this one to choose another. */
  isAsked = false;
  /** Nobody asks: a singleton is to run. */
  readonly isTry: boolean;
  #waiting: Waiting[] = [];
  readonly #asking: ((found: Located) => void)[] = [];

  constructor(id: ProcessId, isTry: boolean) {
    this.id = id;
    this.isTry = isTry;
  }

  get size(): number {
    return this.#waiting.length + this.#asking.length;
  }

  /** Without a message. @returns false when there is no room */
  ask(told: (found: Located) => void, most: number): boolean {
    if (this.#asking.length >= most) return false;
    this.#asking.push(told);
    return true;
  }

  tell(found: Located): void {
    for (const told of this.#asking.splice(0)) told(found);
  }

  /** @returns false when there is no room */
  add(waiting: Waiting, most: number): boolean {
    if (this.#waiting.length >= most) this.#prune();
    if (this.#waiting.length >= most) return false;
    waiting.request.blob?.hold(); // lent memory is copied
    if (waiting.from === null) this.isAsked = true;
    this.#waiting.push(waiting);
    return true;
  }

  /** What still counts, in order; what is taken must be let go of with `done`. */
  take(): readonly Waiting[] {
    this.#prune();
    const taken = this.#waiting;
    this.#waiting = [];
    return taken;
  }

  static done({ request }: Waiting): void {
    request.blob?.release();
  }

  #prune(): void {
    const left: Waiting[] = [];
    for (const waiting of this.#waiting) {
      if (isWanted(waiting.request)) left.push(waiting);
      else Finding.done(waiting);
    }
    this.#waiting = left;
  }
}

function isWanted(request: Envelope): boolean {
  const pending = request.rsvp === null ? null : pendingOf(request);
  return pending === null || pending.waits || pending.isReleased;
}
