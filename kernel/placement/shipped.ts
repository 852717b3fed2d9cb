/**
 * What one process in a realm was given and has not handled, oldest first: the window.
 *
 * 1. A message stays here, its blob held, until the realm says DONE: whatever ends the realm, it can be handled anew.
 * 2. The realm handles them in this order, so that BEGIN can only be of the first; or of one that was recalled when
 *    the realm had begun it already.
 * 3. A frame stays as it was written to the realm's batch (slab.ts); its hand is made when somebody asks for it. The last
 *    one that was handled stays until the next begins: what a handler left running may still send it on.
 */
import type { Blob } from "../../lib/protocol/index.ts";
import { Hand } from "../hand.ts";
import { Ring } from "../ring.ts";
import { Slab } from "./slab.ts";

const NONE = new Slab(0);
const SPARE_MAX = 2048; // entries, 200 kB: what is used again is old to V8, and stays in the processor's cache

/** One of them. Used again for another, so that a frame leaves nothing behind. */
export class Shipped {
  seq = 0;
  /** Bytes that it took in the batch. */
  bytes = 0;
  /** Null: of a frame for whose hand nobody has asked. */
  hand: Hand | null = null;
  origin: object | null = null;
  slab: Slab = NONE;
  at = 0;
  length = 0;
  isText = false;

  /** What was in hand in the node. */
  asHand(): Hand {
    if (this.hand !== null) return this.hand;
    const hand = new Hand();
    hand.origin = this.origin;
    hand.blob = this.lend().keep();
    this.hand = hand;
    return hand;
  }

  /** Hot path: what came with a frame; see Slab.lend. */
  lend(): Blob {
    return this.slab.lend(this.at, this.length, this.isText);
  }
}

export class ShippedMessages {
  readonly #waiting = new Ring<Shipped>();
  readonly #maxMessages: number;
  readonly #maxBytes: number;
  readonly #recalled = new Map<number, Hand>();
  readonly #spare: Shipped[] = [];
  #begun: Shipped | null = null;
  #begunAway: Hand | null = null; // recalled, and begun all the same: it is handled here and where it went
  #last: Shipped | null = null; // the frame handled last: see rule 3
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
    return this.#begun?.asHand() ?? null;
  }

  /** Hot path: what came with the frame in hand; see Slab.lend. @throws {RangeError} none is */
  lendFrame(): Blob {
    const begun = this.#begun;
    if (begun !== null && begun.origin !== null) return begun.lend();
    const away = this.#begunAway;
    if (away === null || away.origin === null || away.blob === null) throw new RangeError("no frame is in hand");
    return away.blob;
  }

  nextSeq(): number {
    this.#lastSeq = (this.#lastSeq + 1) >>> 0 || 1; // 0 is a timer of the realm's own
    return this.#lastSeq;
  }

  /** @param bytes that it took in the batch */
  add(seq: number, hand: Hand, bytes: number): void {
    hand.blob?.hold();
    const shipped = this.#entry(seq, bytes);
    shipped.hand = hand;
    this.#waiting.push(shipped);
  }

  /** Hot path: of a frame that is held in `slab`. */
  addFrame(seq: number, origin: object, slab: Slab, at: number, length: number, isText: boolean, bytes: number): void {
    const shipped = this.#entry(seq, bytes);
    shipped.origin = origin;
    shipped.slab = slab;
    shipped.at = at;
    shipped.length = length;
    shipped.isText = isText;
    this.#waiting.push(shipped);
  }

  #entry(seq: number, bytes: number): Shipped {
    const shipped = this.#spare.pop() ?? new Shipped();
    shipped.seq = seq;
    shipped.bytes = bytes;
    this.#bytes += bytes;
    return shipped;
  }

  /** Hot path. @returns null: a frame, see `lastHand` @throws {RangeError} it is not that one's turn */
  begin(seq: number): Hand | null {
    this.dropLast();
    if (this.#recalled.size > 0) return this.#beginRecalled(seq);
    const next = this.#begun === null ? this.#waiting.shift() : undefined;
    if (next === undefined || next.seq !== seq) throw new RangeError(`message ${seq} is not the next to be handled`);
    this.#begun = next;
    return next.hand;
  }

  /** The realm began it before it heard that it should not. */
  #beginRecalled(seq: number): Hand | null {
    const recalled = this.#recalled.get(seq);
    if (recalled === undefined)
      this.#recalled.clear(); // it has heard meanwhile, or begun those before
    else this.#recalled.delete(seq);
    if (recalled === undefined) return this.begin(seq);
    this.#begunAway = recalled;
    return recalled;
  }

  /** Hot path. */
  done(): void {
    const begun = this.#begun;
    if (begun === null) {
      this.#begunAway = null;
      return;
    }
    this.#begun = null;
    this.#bytes -= begun.bytes;
    if (begun.origin !== null) this.#last = begun;
    else {
      begun.hand?.blob?.release();
      this.#forget(begun);
    }
  }

  /** Of what `begin` has begun last, done or not. */
  lastHand(): Hand {
    return (this.#begun ?? this.#last)?.asHand() ?? new Hand();
  }

  /** What `lastHand` would be, for who keeps it: the frame that was handled last stays no longer. Null: none did. */
  leaveLast(): Hand | null {
    const hand = this.#last?.asHand() ?? null;
    this.dropLast();
    return hand;
  }

  /** Something else is in hand now. */
  dropLast(): void {
    if (this.#last === null) return;
    this.#forget(this.#last);
    this.#last = null;
  }

  /** Those that have not begun, oldest first. */
  waiting(): readonly Hand[] {
    return this.each().map((shipped) => shipped.asHand());
  }

  /** The same as they are. */
  each(): readonly Shipped[] {
    return this.#waiting.toArray();
  }

  /** Takes those out that `leaves` says yes to, of those that have not begun. @returns their numbers */
  recall(leaves: (hand: Hand) => boolean): readonly number[] {
    const taken: number[] = [];
    for (const shipped of this.#waiting.drain()) {
      const hand = shipped.asHand();
      if (!leaves(hand)) {
        this.#waiting.push(shipped);
        continue;
      }
      taken.push(shipped.seq);
      this.#recalled.set(shipped.seq, hand);
      this.#bytes -= shipped.bytes;
      this.#release(shipped);
    }
    return taken;
  }

  /** @returns null: it is not among them */
  find(seq: number): Hand | null {
    if (this.#begun?.seq === seq) return this.#begun.asHand();
    return (
      this.#waiting
        .toArray()
        .find((shipped) => shipped.seq === seq)
        ?.asHand() ?? null
    );
  }

  /**
   * Empties it. @param seq of the one that the realm was at; 0: not known, or none
   * @returns which had begun, and the others
   */
  takeAll(seq: number): { readonly begun: Hand | null; readonly waiting: readonly Hand[] } {
    const all = [...(this.#begun === null ? [] : [this.#begun]), ...this.#waiting.drain()];
    const begun = (all.find((shipped) => shipped.seq === seq) ?? this.#begun)?.asHand() ?? null;
    const waiting = all.map((shipped) => shipped.asHand()).filter((hand) => hand !== begun);
    this.#begun = null;
    this.#bytes = 0;
    for (const shipped of all) this.#release(shipped);
    this.dropLast();
    return { begun, waiting };
  }

  /** Its hand has been asked for: that has a copy. */
  #release(shipped: Shipped): void {
    if (shipped.origin === null) shipped.hand?.blob?.release();
    this.#forget(shipped);
  }

  /** Hot path. */
  #forget(shipped: Shipped): void {
    if (shipped.hand !== null) shipped.hand = null;
    if (shipped.origin !== null) {
      shipped.slab.held--;
      shipped.origin = null;
      shipped.slab = NONE;
    }
    if (this.#spare.length < SPARE_MAX) this.#spare.push(shipped);
  }
}
