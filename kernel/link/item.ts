/**
 * Something that leaves for a peer. It ends in one of: `arrived` (by the peer's word), `lost` (it never came, or nobody was
 * there), or neither is known, while it is in the window. Whoever was told `lost` may say Offline at once.
 */
import type { Lane } from "./wire.ts";

export abstract class Item {
  readonly lane: Lane;
  /** Packed; empty once it has left: many wait in the window for the peer's word. */
  body: Uint8Array;
  /** Of the body. */
  readonly bytes: number;
  /** OutQueue only: its number, once it is in the window. */
  seq = 0;

  constructor(lane: Lane, body: Uint8Array) {
    this.lane = lane;
    this.body = body;
    this.bytes = body.byteLength;
  }

  /** From whom to whom: order holds within. */
  abstract get pair(): string;
  /** Whether anybody still needs it. */
  abstract get isWanted(): boolean;
  abstract arrived(atMs: number): void;
  /** It did not come, or never left. @param isThere the peer itself said so: it can be told more */
  abstract lost(isThere: boolean): void;
}
