/**
 * What waits for one channel whose client may be slower than what it is sent: drop-oldest, numbered when it leaves.
 *
 * 1. Items are sent in the order offered, each at most once. `send` makes the frame: what is counted there has no gaps.
 * 2. A ping goes out behind every few frames; its pong says that the client has read up to there. At most
 *    `windowFrames`, and about `windowBytes`, are with a client that has not said so. Buffers of the operating system
 *    would take megabytes before anybody noticed (contracts/hazards.md §0.4), so they are not asked.
 * 3. Where the queue is full, the oldest items that may be dropped make room. Others are never dropped: `offer` answers
 *    "full", and has not taken the item.
 * 4. It has no timer: `stalledMs` tells how long the client has owed an answer while something waited.
 */
import { OptionError } from "../protocol/index.ts";

export type PacedQueueOptions<Item> = {
  /** Makes the frame and pushes it: `ctx.push(channelId, …)`. Called when it is the item's turn, or never. */
  readonly send: (item: Item) => void;
  /** `(payload) => ctx.push(channelId, payload, "Ping")`. */
  readonly ping: (payload: Uint8Array) => void;
  /** Milliseconds: `() => ctx.now()`. */
  readonly now: () => number;
  /** Items that may wait. Default 256. */
  readonly items?: number;
  /** Bytes that may wait, as `offer` was told. Default 1 MiB: the send limit of a channel. */
  readonly bytes?: number;
  /** Frames that a client may have before its next pong. Default 32: at 100 ms from here and back, 320 a second. */
  readonly windowFrames?: number;
  /**
   * Bytes that it may have before its next pong, and one item more: both together must be less than the channel's send
   * limit. Default 256 KiB, a quarter of that.
   */
  readonly windowBytes?: number;
};

export type PacedItem = {
  /** Of its frame, about. */
  readonly bytes: number;
  /** Whether a later item may push it out. Default true. */
  readonly droppable?: boolean;
};

/** `sent`: at once. `dropped`: it may be, and there is no room for it. `full`: it may not be; close with 1013. */
export type Offered = "sent" | "queued" | "dropped" | "full";

const DEFAULTS = { items: 256, bytes: 1024 * 1024, windowFrames: 32, windowBytes: 256 * 1024 };

const TAG = 0x4a46_5051; // "JFPQ": so that other pongs of the process are told apart
const PING_BYTES = 8; // the tag and a number
const PINGS_PER_WINDOW = 4; // credit comes back in quarters: the channel never runs dry between two pongs

type Waiting<Item> = {
  readonly item: Item;
  readonly bytes: number;
  readonly place: number;
  next: Waiting<Item> | undefined;
};
type Ping = { readonly number: number; readonly frames: number; readonly bytes: number; readonly at: number };

export class PacedQueue<Item> {
  /** Items that made room for others, or found none. */
  dropped = 0;
  readonly #options: Required<PacedQueueOptions<Item>>;
  readonly #droppable = new Fifo<Item>();
  readonly #kept = new Fifo<Item>(); // those that may not be dropped
  #place = 0; // of the next one offered: the two are sent as one queue
  #isSending = false;
  /** Sent, and not known to be read. */
  #frames = 0;
  #bytes = 0;
  /** Of these, behind the last ping. */
  #framesBehind = 0;
  #bytesBehind = 0;
  #pings: Ping[] = []; // unanswered ones, oldest first; a few per window
  // Not from 1: a pong to the queue of an earlier incarnation is no credit here.
  #number = Math.floor(Math.random() * 2 ** 32);
  #answeredAt: number;

  /** @throws {OptionError} a limit is no whole number from 1 */
  constructor(options: PacedQueueOptions<Item>) {
    for (const name of Object.keys(DEFAULTS) as (keyof typeof DEFAULTS)[]) {
      const value = options[name] ?? DEFAULTS[name];
      if (Number.isSafeInteger(value) && value >= 1) continue;
      throw new OptionError(
        `Cannot make a paced queue as ${name} must be a whole number from 1: got ${value}, leave it out for ${DEFAULTS[name]}`,
      );
    }
    this.#options = { ...DEFAULTS, ...options };
    this.#answeredAt = options.now();
  }

  /** How many items wait. */
  get waiting(): number {
    return this.#droppable.size + this.#kept.size;
  }

  /** What they come to, as `offer` was told. */
  get waitingBytes(): number {
    return this.#droppable.bytes + this.#kept.bytes;
  }

  /** Milliseconds in which something has waited for a client that answered nothing; 0 while nothing waits. */
  get stalledMs(): number {
    const oldest = this.#pings[0];
    if (this.waiting === 0 || oldest === undefined) return 0;
    return Math.max(0, this.#options.now() - Math.max(oldest.at, this.#answeredAt));
  }

  /** Sends it now, or in its turn. */
  offer(item: Item, { bytes, droppable = true }: PacedItem): Offered {
    if (this.waiting === 0 && this.#hasCredit() && !this.#isSending) {
      this.#send(item, bytes);
      this.#drain(); // what `send` has offered meanwhile
      return "sent";
    }
    if (!this.#makeRoom(bytes)) {
      if (!droppable) return "full";
      this.dropped++;
      return "dropped";
    }
    (droppable ? this.#droppable : this.#kept).push({ item, bytes, place: this.#place++, next: undefined });
    return "queued";
  }

  /**
   * To be called with each Pong that comes to `onPush`; sends what there is credit for.
   * @returns false when it answers no ping of this queue
   */
  pong(payload: Uint8Array): boolean {
    const number = readPing(payload);
    if (number === undefined) return false;
    // A client may answer the newest of several pings only (RFC 6455 §5.5.3): it has read what was before that.
    const index = this.#pings.findIndex((ping) => ping.number === number);
    if (index === -1) return false;
    for (const { frames, bytes } of this.#pings.splice(0, index + 1)) {
      this.#frames -= frames;
      this.#bytes -= bytes;
    }
    this.#answeredAt = this.#options.now();
    this.#drain();
    return true;
  }

  /** Takes out what waits and is no longer wanted: of a stream that has ended. @returns how many */
  remove(isUnwanted: (item: Item) => boolean): number {
    return this.#droppable.remove(isUnwanted) + this.#kept.remove(isUnwanted);
  }

  #hasCredit(): boolean {
    return this.#frames < this.#options.windowFrames && this.#bytes < this.#options.windowBytes;
  }

  #drain(): void {
    while (!this.#isSending && this.#hasCredit()) {
      const next = this.#next();
      if (next === undefined) return;
      this.#send(next.item, next.bytes);
    }
  }

  #next(): Waiting<Item> | undefined {
    const droppable = this.#droppable.first;
    const kept = this.#kept.first;
    const isDroppable = kept === undefined || (droppable !== undefined && droppable.place < kept.place);
    return (isDroppable ? this.#droppable : this.#kept).shift();
  }

  #send(item: Item, bytes: number): void {
    this.#isSending = true; // what `send` offers waits behind it
    try {
      this.#options.send(item);
    } finally {
      this.#isSending = false;
    }
    this.#frames++;
    this.#bytes += bytes;
    this.#framesBehind++;
    this.#bytesBehind += bytes;
    const { windowFrames, windowBytes, now, ping } = this.#options;
    const isPingDue =
      this.#framesBehind >= windowFrames / PINGS_PER_WINDOW || this.#bytesBehind >= windowBytes / PINGS_PER_WINDOW;
    if (isPingDue) {
      this.#number = (this.#number + 1) >>> 0;
      this.#pings.push({ number: this.#number, frames: this.#framesBehind, bytes: this.#bytesBehind, at: now() });
      this.#framesBehind = 0;
      this.#bytesBehind = 0;
      ping(writePing(this.#number));
    }
  }

  /** Nobody is dropped where that would not be enough. */
  #makeRoom(bytes: number): boolean {
    const { items, bytes: limit } = this.#options;
    if (this.#kept.size >= items || this.#kept.bytes + bytes > limit) return false;
    while (this.waiting >= items || this.waitingBytes + bytes > limit) {
      if (this.#droppable.shift() === undefined) return false; // not reached: see above
      this.dropped++;
    }
    return true;
  }
}

/** First in, first out, with the bytes of what it holds. A list, as an array's shift() moves all others. */
class Fifo<Item> {
  size = 0;
  bytes = 0;
  #first: Waiting<Item> | undefined;
  #last: Waiting<Item> | undefined;

  get first(): Waiting<Item> | undefined {
    return this.#first;
  }

  push(entry: Waiting<Item>): void {
    if (this.#last === undefined) this.#first = entry;
    else this.#last.next = entry;
    this.#last = entry;
    this.size++;
    this.bytes += entry.bytes;
  }

  shift(): Waiting<Item> | undefined {
    const entry = this.#first;
    if (entry === undefined) return undefined;
    this.#first = entry.next;
    if (this.#first === undefined) this.#last = undefined;
    this.size--;
    this.bytes -= entry.bytes;
    return entry;
  }

  /** @returns how many */
  remove(isUnwanted: (item: Item) => boolean): number {
    const before = this.size;
    for (let left = before; left > 0; left--) {
      const entry = this.shift();
      if (entry !== undefined && !isUnwanted(entry.item)) this.push({ ...entry, next: undefined });
    }
    return before - this.size;
  }
}

function writePing(number: number): Uint8Array {
  const payload = new Uint8Array(PING_BYTES);
  const view = new DataView(payload.buffer);
  view.setUint32(0, TAG);
  view.setUint32(4, number);
  return payload;
}

function readPing(payload: Uint8Array): number | undefined {
  if (payload.byteLength !== PING_BYTES) return undefined;
  const view = new DataView(payload.buffer, payload.byteOffset, PING_BYTES);
  return view.getUint32(0) === TAG ? view.getUint32(4) : undefined;
}
