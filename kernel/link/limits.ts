/** What the link keeps within bounds: kernel/limits.ts has their values. */
import type { KernelLimits } from "../limits.ts";
import type { InLimits } from "./in-queue.ts";
import type { InflowLimits } from "./inflow.ts";
import type { WindowLimits } from "./out-queue.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

export const INLINE_BYTES: number = 256 * KIB; // a message of more goes in pieces (contracts/cluster.md §7)
const PIECE_BYTES = 64 * KIB; // with these the others wait 2 ms meanwhile, with 256 KiB 5 to 8 (contracts/cluster.md §7)
const ACK_BYTES = 128 * KIB; // contracts/cluster.md §4: an eighth of the window

export function windowLimits(limits: KernelLimits): WindowLimits {
  return {
    windowBytes: limits.linkWindow * KIB,
    queueBytes: limits.linkQueueBytes * MIB,
    queueItems: limits.linkQueue,
    inlineBytes: INLINE_BYTES,
    pieceBytes: PIECE_BYTES,
  };
}

export function inLimits(limits: KernelLimits): InLimits {
  return { messageBytes: limits.linkMessage * MIB, ackBytes: ACK_BYTES };
}

export function inflowLimits(limits: KernelLimits): InflowLimits {
  return { frames: limits.linkRate, bytes: limits.linkRateBytes * MIB };
}
