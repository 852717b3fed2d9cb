/**
 * What carries frames from node to node: the one border behind which NATS stands (nats-wire.ts). Without one, a node is
 * alone, and every address of another node is Offline.
 *
 * 1. `peer` is a node's name. The wire vouches for it: what a frame says of itself counts for nothing.
 * 2. Frames of one node to another arrive in the order sent, each at most once. Some may be lost, without a word.
 * 3. `absent` comes for a frame that found nobody of that name; for others nothing comes.
 */

import type { LinkError } from "./errors.ts";

/**
 * - `q`: a request. - `r`: its answer, or why there is none. - `c`: a piece of what is too large for one frame.
 * - `k`: what of the peer's has come. - `p`: asks for a `k`. - `b`: several of these in one, but for `p`.
 */
export const LANES = ["q", "r", "c", "k", "p", "b"] as const;
export type Lane = (typeof LANES)[number];

export interface WireEvents {
  /** @param bytes of its own */
  frame(peer: string, lane: Lane, bytes: Uint8Array): void;
  /** @param seq of the frame that `send` was given */
  absent(peer: string, seq: number): void;
  /** Frames can be sent, and come, from now on. */
  up(): void;
  /** Nothing sent from now on arrives; what was sent just before may be lost. */
  down(): void;
  /** It is down for good: why, for people. */
  failed?(error: LinkError): void;
}

export interface Wire {
  /** Fulfilled when it is up for the first time; then `up` was called. @throws {LinkError} (rejects) it cannot be had at all */
  open(events: WireEvents): Promise<void>;
  /** Only while it is up. @param seq 0: nobody need hear that the peer is absent @param bytes must not change */
  send(peer: string, lane: Lane, seq: number, bytes: Uint8Array): void;
  /** What was sent before has left. */
  close(): Promise<void>;
  /** For people: `nats://127.0.0.1:4222`. */
  readonly where: string;
}
