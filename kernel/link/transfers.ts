/**
 * Messages that are too large for one frame, on their way in pieces, and what has to wait for the last piece of one.
 *
 * 1. Transfers take turns, piece by piece; within one, pieces go in order.
 * 2. A message has arrived when its last piece has, all to one life of the peer; one lost piece is the end of it.
 */
import { packChunk } from "./frame.ts";
import { Item } from "./item.ts";

export class Transfers {
  /** Of the peer: who was told the first half and began anew, has nothing of it. */
  life = 1;
  #under: Transfer[] = [];
  readonly #behind = new Map<string, Item[]>(); // by pair
  #lastId = 0;

  /** Under way. */
  get size(): number {
    return this.#under.length;
  }

  /** Messages under way, and behind them. */
  get waiting(): number {
    let behind = 0;
    for (const items of this.#behind.values()) behind += items.length;
    return this.#under.length + behind;
  }

  begin(item: Item, pieceBytes: number): void {
    this.#under.push(new Transfer(this, ++this.#lastId, item, pieceBytes));
    this.#behind.set(item.pair, []);
  }

  /** @returns whether it was kept, to go on behind the large one of its pair */
  keeps(item: Item): boolean {
    if (this.#behind.size === 0) return false;
    const behind = this.#behind.get(item.pair);
    behind?.push(item);
    return behind !== undefined;
  }

  /** Whose turn it is. It comes back by `goesOn`, or ends by `end`. */
  shift(): Transfer | undefined {
    return this.#under.shift();
  }

  goesOn(transfer: Transfer): void {
    this.#under.push(transfer);
  }

  /** @returns what waited behind it */
  end({ item: { pair } }: Transfer): readonly Item[] {
    const behind = this.#behind.get(pair) ?? [];
    this.#behind.delete(pair);
    return behind;
  }

  /** Leaves out of what waits behind whatever `keep` does not. */
  filter(keep: (item: Item) => boolean): void {
    for (const [pair, items] of this.#behind) this.#behind.set(pair, items.filter(keep));
  }

  /** All end as lost. @returns whoever has not been told so */
  drain(): readonly Item[] {
    const items: Item[] = [];
    for (const transfer of this.#under) {
      if (transfer.isLost) continue; // a piece of it was in the window: it has ended
      transfer.isLost = true;
      items.push(transfer.item);
    }
    for (const behind of this.#behind.values()) items.push(...behind);
    this.#under = [];
    this.#behind.clear();
    return items;
  }
}

export class Transfer {
  readonly item: Item;
  isLost = false;
  readonly #all: Transfers;
  readonly #id: number;
  readonly #count: number;
  readonly #pieceBytes: number;
  #next = 0;
  #life: number | null = null; // of the peer, that has its first piece; null: none has yet

  constructor(all: Transfers, id: number, item: Item, pieceBytes: number) {
    this.#all = all;
    this.#id = id;
    this.item = item;
    this.#pieceBytes = pieceBytes;
    this.#count = Math.ceil(item.bytes / pieceBytes);
  }

  /** All its pieces were taken. */
  get isOut(): boolean {
    return this.#next === this.#count;
  }

  nextPiece(): Item {
    const index = this.#next++;
    const bytes = this.item.body.subarray(index * this.#pieceBytes, (index + 1) * this.#pieceBytes);
    const { lane } = this.item;
    const body = packChunk({ transfer: this.#id, lane: lane === "r" ? "r" : "q", index, count: this.#count, bytes });
    return new Piece(this, body, index === this.#count - 1);
  }

  arrived(isLast: boolean, atMs: number): void {
    if (this.isLost) return;
    this.#life ??= this.#all.life;
    if (this.#life !== this.#all.life)
      this.lost(true); // it was told the first half, and began anew
    else if (isLast) this.item.arrived(atMs);
  }

  lost(isThere: boolean): void {
    if (this.isLost) return;
    this.isLost = true;
    this.item.lost(isThere);
  }
}

class Piece extends Item {
  readonly #transfer: Transfer;
  readonly #isLast: boolean;

  constructor(transfer: Transfer, body: Uint8Array, isLast: boolean) {
    super("c", body);
    this.#transfer = transfer;
    this.#isLast = isLast;
  }

  get pair(): string {
    return this.#transfer.item.pair;
  }

  get isWanted(): boolean {
    return true;
  }

  arrived(atMs: number): void {
    this.#transfer.arrived(this.#isLast, atMs);
  }

  lost(isThere: boolean): void {
    this.#transfer.lost(isThere);
  }
}
