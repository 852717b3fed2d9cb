/**
 * What leaves for one peer: in order, no more on its way than the window takes (contracts/cluster.md §4).
 *
 * 1. This is back-pressure and an account, never delivery: nothing is sent twice.
 * 2. What one process sends to another leaves in the order given. A message larger than `inlineBytes` leaves in pieces,
 *    between which others go; what the same process sends to the same one later waits behind its last piece.
 * 3. What nobody waits for any more is left out when its turn comes, and makes room before that: the queue of a node that
 *    takes nothing must not be full of what is over.
 * 4. Each item ends in one of: `arrived` (by the peer's word), `lost` (it never came, or nobody was there), or neither is
 *    known, while it is in the window. Whoever was told `lost` may say Offline at once.
 */
import { type AckFields, frameOf, packAck, packChunk, packProbe } from "./frame.ts";
import type { Lane, Wire } from "./wire.ts";

export type Item = {
  readonly lane: "q" | "r";
  /** Packed. */
  readonly body: Uint8Array;
  /** From whom to whom: order holds within. */
  readonly pair: string;
  /** Whether anybody still needs it. */
  isWanted(): boolean;
  /** By the peer's word. */
  arrived(): void;
  /** It did not come, or never left. @param isThere the peer itself said so: it can be told more */
  lost(isThere: boolean): void;
};

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

type Sent = { readonly seq: number; readonly bytes: number; readonly at: number; readonly item: Item };
type Transfer = {
  readonly id: number;
  readonly item: Item;
  readonly count: number;
  next: number;
  isLost: boolean;
  /** Of the peer, that has its first piece; null: none has yet. */
  life: number | null;
};

export class OutQueue {
  /** Counts, for people. */
  readonly counts = { sent: 0, sentBytes: 0, lost: 0, expired: 0 };
  readonly #wire: Wire;
  readonly #peer: string;
  readonly epoch: number;
  readonly #limits: WindowLimits;
  readonly #now: () => number; // ms
  #queue: Item[] = [];
  #head = 0; // of #queue
  #queuedBytes = 0;
  #transfers: Transfer[] = [];
  #turnOfTransfer = false; // pieces and whole messages take turns
  readonly #behind = new Map<string, Item[]>(); // by pair: waits for the last piece of a transfer
  #sent: Sent[] = []; // oldest first
  #sentBytes = 0;
  #seq = 0;
  #transferId = 0;
  #isUp = false;
  #life = 1; // of the peer
  #prunedAt = Number.NEGATIVE_INFINITY; // ms

  constructor(wire: Wire, peer: string, epoch: number, limits: WindowLimits, now: () => number) {
    this.#wire = wire;
    this.#peer = peer;
    this.epoch = epoch;
    this.#limits = limits;
    this.#now = now;
  }

  get waiting(): number {
    let behind = 0;
    for (const items of this.#behind.values()) behind += items.length;
    return this.#queue.length - this.#head + this.#transfers.length + behind;
  }

  get waitingBytes(): number {
    return this.#queuedBytes;
  }

  /** Bytes in the window. */
  get unconfirmed(): number {
    return this.#sentBytes;
  }

  get lastSeq(): number {
    return this.#seq;
  }

  /** ms since when the oldest in the window is there; 0: there is none. */
  get unconfirmedMs(): number {
    const [oldest] = this.#sent;
    return oldest === undefined ? 0 : this.#now() - oldest.at;
  }

  /** @returns false when there is no room: it was not taken */
  offer(item: Item): boolean {
    const bytes = item.body.byteLength;
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
  }

  /** Asks the peer what has come, and whether it is there. */
  probe(): void {
    if (this.#isUp) this.#wire.send(this.#peer, "p", this.#seq, frameOf(this.epoch, this.#seq, packProbe(this.#floor)));
  }

  /** Leaves out what nobody waits for any more. */
  prune(): void {
    this.#prunedAt = this.#now();
    this.#queue = this.#stillWanted(this.#queue.slice(this.#head));
    this.#head = 0;
    for (const [pair, items] of this.#behind) this.#behind.set(pair, this.#stillWanted(items));
  }

  /** Says what of the peer's has come. */
  acknowledge(account: AckFields): void {
    if (this.#isUp) this.#wire.send(this.#peer, "k", 0, frameOf(this.epoch, 0, packAck(account)));
  }

  /** The peer has all from `first` to `last` but what it missed. */
  confirmed({ first, last, missed }: AckFields): void {
    const floor = this.#floor;
    const news = missed.length === 0 ? missed : missed.filter(([, to]) => to >= floor);
    const isMissed = (seq: number): boolean => news.some(([from, to]) => seq >= from && seq <= to);
    for (const { seq, item } of this.#takeSent(last)) {
      if (seq < first || (news.length > 0 && isMissed(seq))) this.#lose(item, true);
      else item.arrived();
    }
    this.pump();
  }

  /** Nobody was there for the frame `seq`, nor for any before it that is not confirmed, nor would be for what waits. */
  absent(seq: number): void {
    const gone = this.#takeSent(seq);
    if (gone.length === 0) return; // it has come back, and said so
    for (const { item } of gone) this.#lose(item);
    this.#loseWaiting();
  }

  /** The peer began anew: what it is told from now on is another's word. */
  anew(): void {
    this.#life++;
  }

  /** All that waits, and all that is in the window: the link is lost for good, or the peer began anew. */
  loseAll(): void {
    for (const { item } of this.#takeSent(this.#seq)) this.#lose(item);
    this.#loseWaiting();
  }

  pump(): void {
    while (this.#isUp && this.#sentBytes < this.#limits.windowBytes) {
      const hasWhole = this.#head < this.#queue.length;
      if (this.#transfers.length > 0 && (this.#turnOfTransfer || !hasWhole)) {
        this.#turnOfTransfer = false;
        this.#sendPiece();
      } else if (hasWhole) {
        this.#turnOfTransfer = true;
        this.#sendNext();
      } else return;
    }
  }

  #sendNext(): void {
    const item = this.#shift();
    if (item === undefined) return;
    const behind = this.#behind.get(item.pair);
    if (behind !== undefined) {
      behind.push(item);
      return;
    }
    const bytes = item.body.byteLength;
    if (!item.isWanted()) {
      this.#queuedBytes -= bytes;
      this.counts.expired++;
    } else if (bytes > this.#limits.inlineBytes) {
      const count = Math.ceil(bytes / this.#limits.pieceBytes);
      this.#transfers.push({ id: ++this.#transferId, item, count, next: 0, isLost: false, life: null });
      this.#behind.set(item.pair, []);
    } else {
      this.#queuedBytes -= bytes;
      this.#send(item.lane, item.body, item);
    }
  }

  #sendPiece(): void {
    const transfer = this.#transfers.shift();
    if (transfer === undefined) return;
    const { id, item, count } = transfer;
    const { pieceBytes } = this.#limits;
    if (!item.isWanted() || transfer.isLost) {
      if (!transfer.isLost) this.counts.expired++; // the peer forgets what it has of it when the next one comes
      this.#transferDone(item);
      return;
    }
    const index = transfer.next++;
    const bytes = item.body.subarray(index * pieceBytes, (index + 1) * pieceBytes);
    const lost = (isThere: boolean): void => {
      if (transfer.isLost) return;
      transfer.isLost = true;
      item.lost(isThere);
    };
    const piece: Item = {
      lane: item.lane,
      body: item.body,
      pair: item.pair,
      isWanted: () => true,
      arrived: () => {
        if (transfer.isLost) return;
        transfer.life ??= this.#life;
        if (transfer.life !== this.#life)
          lost(true); // it was told the first half, and began anew
        else if (index === count - 1) item.arrived();
      },
      lost,
    };
    if (transfer.next < count) this.#transfers.push(transfer);
    this.#send("c", packChunk({ transfer: id, lane: item.lane, index, count, bytes }), piece);
    if (transfer.next === count) this.#transferDone(item);
  }

  /** What waited behind it goes on, before what came later. */
  #transferDone(item: Item): void {
    this.#queuedBytes -= item.body.byteLength;
    const behind = this.#behind.get(item.pair) ?? [];
    this.#behind.delete(item.pair);
    this.#queue = [...behind, ...this.#queue.slice(this.#head)];
    this.#head = 0;
  }

  #send(lane: Lane, body: Uint8Array, item: Item): void {
    const seq = ++this.#seq;
    const frame = frameOf(this.epoch, seq, body);
    this.#sent.push({ seq, bytes: frame.byteLength, at: this.#now(), item });
    this.#sentBytes += frame.byteLength;
    this.counts.sent++;
    this.counts.sentBytes += frame.byteLength;
    this.#wire.send(this.#peer, lane, seq, frame);
  }

  /** Out of the window, all up to `seq`. */
  #takeSent(seq: number): readonly Sent[] {
    let count = 0;
    for (let sent = this.#sent[0]; sent !== undefined && sent.seq <= seq; sent = this.#sent[count]) {
      this.#sentBytes -= sent.bytes;
      count++;
    }
    return this.#sent.splice(0, count);
  }

  #shift(): Item | undefined {
    const item = this.#queue[this.#head];
    this.#head++;
    if (this.#head > 1024 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  #loseWaiting(): void {
    const waiting = this.#queue.slice(this.#head);
    for (const transfer of this.#transfers) {
      if (transfer.isLost) continue; // a piece of it was in the window: it has ended
      transfer.isLost = true;
      waiting.push(transfer.item);
    }
    for (const items of this.#behind.values()) waiting.push(...items);
    this.#queue = [];
    this.#head = 0;
    this.#queuedBytes = 0;
    this.#transfers = [];
    this.#behind.clear();
    for (const item of waiting) this.#lose(item);
  }

  #lose(item: Item, isThere = false): void {
    this.counts.lost++;
    item.lost(isThere);
  }

  /** All before it has been said to have come, or not. */
  get #floor(): number {
    return this.#sent[0]?.seq ?? this.#seq + 1;
  }

  #hasRoom(bytes: number): boolean {
    const { queueBytes, queueItems } = this.#limits;
    return this.waiting < queueItems && (this.#queuedBytes + bytes <= queueBytes || this.#queuedBytes === 0);
  }

  #stillWanted(items: readonly Item[]): Item[] {
    return items.filter((item) => {
      if (item.isWanted()) return true;
      this.#queuedBytes -= item.body.byteLength;
      this.counts.expired++;
      return false;
    });
  }
}
