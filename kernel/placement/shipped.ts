/**
 * What one process in a realm was given and has not handled, oldest first: the window.
 *
 * 1. A message stays here, its blob held, until the realm says DONE: whatever ends the realm, it can be handled anew.
 * 2. The realm handles them in this order, so that BEGIN can only be of the first; or of one that was recalled when
 *    the realm had begun it already.
 */

import type { Hand } from "../incarnation.ts";
import { Ring } from "../ring.ts";

export type Shipped = { readonly seq: number; readonly hand: Hand; readonly bytes: number };

export class ShippedMessages {
  readonly #waiting = new Ring<Shipped>();
  readonly #maxMessages: number;
  readonly #maxBytes: number;
  readonly #recalled = new Map<number, Shipped>();
  #begun: Shipped | null = null;
  #bytes = 0;
  #lastSeq = 0;

  constructor(maxMessages: number, maxBytes: number) {
    this.#maxMessages = maxMessages;
    this.#maxBytes = maxBytes;
  }

  get length(): number {
    return this.#waiting.length + (this.#begun === null ? 0 : 1);
  }

  get isFull(): boolean {
    return this.length >= this.#maxMessages || this.#bytes >= this.#maxBytes;
  }

  get begun(): Hand | null {
    return this.#begun?.hand ?? null;
  }

  nextSeq(): number {
    this.#lastSeq = (this.#lastSeq + 1) >>> 0 || 1; // 0 is a timer of the realm's own
    return this.#lastSeq;
  }

  /** Hot path. @param bytes that it took in the batch */
  add(seq: number, hand: Hand, bytes: number): void {
    hand.blob?.hold();
    this.#bytes += bytes;
    this.#waiting.push({ seq, hand, bytes });
  }

  /** Hot path. @throws {RangeError} it is not that one's turn */
  begin(seq: number): Hand {
    if (this.#recalled.size > 0) return this.#beginRecalled(seq);
    const next = this.#begun === null ? this.#waiting.shift() : undefined;
    if (next === undefined || next.seq !== seq) throw new RangeError(`message ${seq} is not the next to be handled`);
    this.#begun = next;
    return next.hand;
  }

  /** The realm began it before it heard that it should not. */
  #beginRecalled(seq: number): Hand {
    const recalled = this.#recalled.get(seq);
    if (recalled === undefined)
      this.#recalled.clear(); // it has heard meanwhile, or begun those before
    else this.#recalled.delete(seq);
    return recalled === undefined ? this.begin(seq) : recalled.hand;
  }

  /** Hot path. */
  done(): void {
    const begun = this.#begun;
    if (begun === null) return;
    this.#begun = null;
    this.#bytes -= begun.bytes;
    begun.hand.blob?.release();
  }

  /** Those that have not begun, oldest first. */
  waiting(): readonly Hand[] {
    return this.each().map(({ hand }) => hand);
  }

  /** The same, with their numbers. */
  each(): readonly Shipped[] {
    return this.#waiting.toArray();
  }

  /** Takes those out that `leaves` says yes to, of those that have not begun. @returns their numbers */
  recall(leaves: (hand: Hand) => boolean): readonly number[] {
    const taken: number[] = [];
    for (const shipped of this.#waiting.drain()) {
      if (!leaves(shipped.hand)) {
        this.#waiting.push(shipped);
        continue;
      }
      taken.push(shipped.seq);
      this.#recalled.set(shipped.seq, shipped);
      this.#bytes -= shipped.bytes;
      shipped.hand.blob?.release();
    }
    return taken;
  }

  /** @returns null: it is not among them */
  find(seq: number): Hand | null {
    if (this.#begun?.seq === seq) return this.#begun.hand;
    return this.#waiting.toArray().find((shipped) => shipped.seq === seq)?.hand ?? null;
  }

  /**
   * Empties it. @param seq of the one that the realm was at; 0: not known, or none
   * @returns which had begun, and the others
   */
  takeAll(seq: number): { readonly begun: Hand | null; readonly waiting: readonly Hand[] } {
    const all = [...(this.#begun === null ? [] : [this.#begun]), ...this.#waiting.drain()];
    const begun = all.find((shipped) => shipped.seq === seq) ?? this.#begun;
    this.#begun = null;
    this.#bytes = 0;
    for (const { hand } of all) hand.blob?.release();
    return { begun: begun?.hand ?? null, waiting: all.filter((each) => each !== begun).map(({ hand }) => hand) };
  }
}
