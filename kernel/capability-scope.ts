/** What the capability sets of one kernel have together: its name, the epoch, the clock they end by, and who holds what. */
import type { CapabilityEpoch, CapabilitySet } from "./capabilities.ts";
import { CapabilityIndex } from "./capability-index.ts";
import { Holdings } from "./holdings.ts";
import type { TimerWheel } from "./timer-wheel.ts";

/** What capabilities end by. */
export type CapabilityTime = { readonly wheel: TimerWheel; now(): number };

export class CapabilityScope {
  readonly node: string;
  readonly epoch: CapabilityEpoch;
  /** null: nothing expires. */
  readonly time: CapabilityTime | null;
  readonly holders: CapabilityIndex<CapabilitySet> = new CapabilityIndex();
  readonly nothing: Holdings = new Holdings();

  constructor(node: string, epoch: CapabilityEpoch, time: CapabilityTime | null = null) {
    this.node = node;
    this.epoch = epoch;
    this.time = time;
  }

  /** What `issuer` issued or derived is nobody's any more: it is gone. See CapabilitySet.revokeFrom. */
  revokeFrom(issuer: string, forGood: boolean): void {
    for (const set of this.holders.holdersOf(issuer)) set.revokeFrom(issuer, forGood);
  }
}
