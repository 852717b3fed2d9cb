/**
 * What leaves for one peer: in order, no more on its way than the window takes (contracts/cluster.md §4).
 *
 * 1. This is back-pressure and an account, never delivery: nothing is sent twice.
 * 2. What one process sends to another leaves in the order given. A message larger than `inlineBytes` leaves in pieces
 *    (transfers.ts), between which others go; what the same process sends to the same one later waits behind its last
 *    piece. Small frames leave together (batch.ts); a batch is in the window from the moment it is begun.
 * 3. What nobody waits for any more is left out when its turn comes, and makes room before that: the queue of a node that
 *    takes nothing must not be full of what is over.
 */
import { Ring } from "../ring.ts";
import { Batch } from "./batch.ts";
import { type AckFields, frameOf, HEAD_BYTES, packAck, packProbe } from "./frame.ts";
import type { Item } from "./item.ts";
import { Transfers } from "./transfers.ts";
import type { Wire } from "./wire.ts";

export type WindowLimits = {
  /** Bytes on their way that the peer has not said it has. */
  readonly windowBytes: number;
  /** Bytes and items that wait for room in the window. */
  readonly queueBytes: number;
  readonly queueItems: number;
  /** Bytes from which a message goes in pieces, and of a piece. */
  readonly inlineBytes: number;
  readonly pieceBytes: number;
};

const PRUNE_MS = 100; // between two looks of a full queue for what is over: each visits all of it

export type Seams = {
  /** What of the peer's has come, since it was told; null: nothing. */
  readonly owed: () => AckFields | null;
  readonly nowMs: () => number;
  /** Calls when all that is sent in one go has been offered. */
  readonly later: (leave: () => void) => void;
};

export class OutQueue {
  /** Counts, for people. */
  readonly counts = { sent: 0, sentBytes: 0, lost: 0, expired: 0 };
  readonly #wire: Wire;
  readonly #peer: string;
  readonly epoch: number;
  readonly #limits: WindowLimits;
  readonly #now: () => number; // ms
  readonly #batch: Batch;
  readonly #queue = new Ring<Item>();
  readonly #transfers = new Transfers();
  #turnOfTransfer = false; // pieces and whole messages take turns
  #queuedBytes = 0;
  readonly #sent = new Ring<Item>(); // the window
  #sentBytes = 0;
  #quietSince = 0; // ms: the peer's last word, or when the window was empty for the last time
  #seq = 0;
  #isUp = false;
  #prunedAt = Number.NEGATIVE_INFINITY; // ms

  constructor(wire: Wire, peer: string, epoch: number, limits: WindowLimits, { owed, nowMs, later }: Seams) {
    this.#wire = wire;
    this.#peer = peer;
    this.epoch = epoch;
    this.#limits = limits;
    this.#now = nowMs;
    this.#batch = new Batch(wire, peer, epoch, owed, later);
  }

  get waiting(): number {
    return this.#queue.length + this.#transfers.waiting;
  }

  get waitingBytes(): number {
    return this.#queuedBytes;
  }

  /** Bytes in the window. */
  get unconfirmed(): number {
    return this.#sentBytes;
  }

  /** Half of the room for what waits: so much can be offered that may be lost again, and is then offered anew. */
  get isHalfFree(): boolean {
    return this.waiting * 2 <= this.#limits.queueItems && this.#queuedBytes * 2 <= this.#limits.queueBytes;
  }

  get lastSeq(): number {
    return this.#seq;
  }

  /** ms since when the peer has said nothing of what is in the window; 0: there is nothing. */
  get unconfirmedMs(): number {
    return this.#sent.length === 0 ? 0 : this.#now() - this.#quietSince;
  }

  /** @returns false when there is no room: it was not taken */
  offer(item: Item): boolean {
    const bytes = item.bytes;
    if (!this.#hasRoom(bytes)) {
      if (this.#now() - this.#prunedAt < PRUNE_MS) return false;
      this.prune();
      if (!this.#hasRoom(bytes)) return false;
    }
    this.#queuedBytes += bytes;
    this.#queue.push(item);
    this.pump();
    return true;
  }

  up(): void {
    this.#isUp = true;
    if (this.#seq > 0) this.probe(); // what of the last ones came?
    this.pump();
  }

  down(): void {
    this.#isUp = false;
    this.#batch.forget(); // it is in the window: lost, like what was sent just before
  }

  /** What was offered leaves now, as far as the window takes it. */
  leave(): void {
    this.#batch.leave();
  }

  /** Asks the peer what has come, and whether it is there. */
  probe(): void {
    if (!this.#isUp) return;
    this.#batch.leave(); // it vouches for all before it
    this.#wire.send(this.#peer, "p", this.#seq, frameOf(this.epoch, this.#seq, packProbe(this.#floor)));
  }

  /** Leaves out what nobody waits for any more. */
  prune(): void {
    this.#prunedAt = this.#now();
    for (const item of this.#queue.drain()) if (this.#isStillWanted(item)) this.#queue.push(item);
    this.#transfers.filter((item) => this.#isStillWanted(item));
  }

  /** Says what of the peer's has come. */
  acknowledge(account: AckFields): void {
    if (this.#isUp) this.#batch.add({ lane: "k", body: packAck(account) }, 0);
  }

  /** The peer has all from `first` to `last` but what it missed. */
  confirmed({ first, last, missed }: AckFields): void {
    const floor = this.#floor;
    const news = missed.length === 0 ? missed : missed.filter(([, to]) => to >= floor);
    const isMissed = (seq: number): boolean => news.some(([from, to]) => seq >= from && seq <= to);
    const now = this.#now();
    this.#quietSince = now;
    for (let item = this.#takeSent(last); item !== undefined; item = this.#takeSent(last)) {
      if (item.seq < first || (news.length > 0 && isMissed(item.seq))) this.#lose(item, true);
      else item.arrived(now);
    }
    this.pump();
  }

  /** Nobody was there for the frame `seq`, nor for any before it that is not confirmed, nor would be for what waits. */
  absent(seq: number): void {
    if (this.#floor > seq) return; // it has come back, and said so
    this.#loseSent(seq);
    this.#loseWaiting();
  }

  /** The peer began anew: what it is told from now on is another's word. */
  anew(): void {
    this.#transfers.life++;
  }

  /** All that waits, and all that is in the window: the link is lost for good, or the peer began anew. */
  loseAll(): void {
    this.#batch.forget();
    this.#loseSent(this.#seq);
    this.#loseWaiting();
  }

  pump(): void {
    while (this.#isUp && this.#sentBytes < this.#limits.windowBytes) {
      const hasWhole = this.#queue.length > 0;
      if (this.#transfers.size > 0 && (this.#turnOfTransfer || !hasWhole)) {
        this.#turnOfTransfer = false;
        this.#sendPiece();
      } else if (hasWhole) {
        this.#turnOfTransfer = true;
        this.#sendNext();
      } else return;
    }
  }

  #sendNext(): void {
    const item = this.#queue.shift();
    if (item === undefined || this.#transfers.keeps(item)) return;
    const bytes = item.bytes;
    if (!this.#isStillWanted(item)) return;
    if (bytes > this.#limits.inlineBytes) this.#transfers.begin(item, this.#limits.pieceBytes);
    else {
      this.#queuedBytes -= bytes;
      this.#send(item);
    }
  }

  #sendPiece(): void {
    const transfer = this.#transfers.shift();
    if (transfer === undefined) return;
    const { item, isLost } = transfer;
    const goesOn = item.isWanted && !isLost;
    if (goesOn) this.#send(transfer.nextPiece());
    else if (!isLost) this.counts.expired++; // the peer forgets what it has of it when the next one comes
    if (goesOn && !transfer.isOut) {
      this.#transfers.goesOn(transfer);
      return;
    }
    this.#queuedBytes -= item.bytes;
    const behind = this.#transfers.end(transfer);
    if (behind.length > 0) this.#queue.unshiftAll(behind); // it goes on, before what came later
  }

  #send(item: Item): void {
    const bytes = HEAD_BYTES + item.bytes;
    if (this.#sent.length === 0) this.#quietSince = this.#now();
    item.seq = ++this.#seq;
    this.#sent.push(item);
    this.#sentBytes += bytes;
    this.counts.sent++;
    this.counts.sentBytes += bytes;
    this.#batch.add(item, item.seq);
  }

  /** Out of the window, the oldest, up to `seq`. */
  #takeSent(seq: number): Item | undefined {
    const { oldest } = this.#sent;
    if (oldest === undefined || oldest.seq > seq) return undefined;
    this.#sentBytes -= HEAD_BYTES + oldest.bytes;
    return this.#sent.shift();
  }

  #loseSent(seq: number): void {
    for (let item = this.#takeSent(seq); item !== undefined; item = this.#takeSent(seq)) this.#lose(item);
  }

  #loseWaiting(): void {
    const waiting = [...this.#queue.drain(), ...this.#transfers.drain()];
    this.#queuedBytes = 0;
    for (const item of waiting) this.#lose(item);
  }

  #lose(item: Item, isThere = false): void {
    this.counts.lost++;
    item.lost(isThere);
  }

  /** All before it has been said to have come, or not. */
  get #floor(): number {
    return this.#sent.oldest?.seq ?? this.#seq + 1;
  }

  #hasRoom(bytes: number): boolean {
    const { queueBytes, queueItems } = this.#limits;
    return this.waiting < queueItems && (this.#queuedBytes + bytes <= queueBytes || this.#queuedBytes === 0);
  }

  /** Otherwise it is out of the account. */
  #isStillWanted(item: Item): boolean {
    if (item.isWanted) return true;
    this.#queuedBytes -= item.bytes;
    this.counts.expired++;
    return false;
  }
}
