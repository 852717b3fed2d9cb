/** An instance that may run elsewhere: what the kernel must know of that, and nothing of where. */
import type { Envelope, Instance } from "../../lib/protocol/index.ts";

export interface PlaceableInstance extends Instance {
  /** For people: `thread 3`, `pid 4711`. */
  readonly place?: string;
  /** Messages it was given and has not handled. */
  readonly underWay?: number;
  /** Those it has not begun, oldest first; to look at only. */
  waiting?(): readonly Envelope[];
  /** Takes those of them back that `leaves` says yes to: they are for somebody else. */
  recall?(leaves: (message: Envelope) => boolean): readonly Envelope[];
  /** Has `lapsed` look at each that it has not begun. It says yes where it put others in the place of its capabilities. */
  lapse?(lapsed: (message: Envelope) => boolean): void;
  /** It begins nothing more. @returns fulfilled when what it has in hand is done; null: nothing is, and nothing will be */
  halt?(): Promise<void> | null;
  /** Takes all back, once: from now on nothing that it still does has any effect. */
  giveBack?(): GivenBack | null;
  /** Its incarnation has ended. */
  end?(): void;
}

export type GivenBack = {
  /** The one that had begun; its effects so far may have been seen. */
  readonly inHand: Envelope | null;
  /** Nobody has seen anything of these. Oldest first. */
  readonly waiting: readonly Envelope[];
};
