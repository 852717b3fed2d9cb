/**
 * What comes from one peer: each frame once, pieces put together, and an account of it for the peer.
 *
 * 1. A frame whose `seq` is not above all before it is a second one: dropped. A jump means that some were lost: the peer
 *    is told which, so that it can say so to whoever waits.
 * 2. Another `epoch` means that the peer began anew: what was half here is gone, and so is all that it had promised. An
 *    epoch that was over does not come back: what comes of it was late, or is of a second node of the same name.
 * 3. A large message arrives whole or not at all: pieces of what lost one are dropped.
 * 4. What was missed is said again with each account until the peer says that it knows: an account may be lost as well,
 *    and the next one would vouch for what never came.
 */
import { type AckFields, type ChunkFields, readChunk } from "./frame.ts";

export type InLimits = {
  /** Bytes of one message that comes in pieces, and of all that are half here. */
  readonly messageBytes: number;
  /** Bytes after which the peer is told at once. */
  readonly ackBytes: number;
};

const MISSED_MAX = 64; // ranges in one acknowledgement; of more, the two oldest are told as one
const HALVES_MAX = 1_024; // messages in pieces at once: 16 times what fits a sender's queue as it is set
const RETIRED_MAX = 16; // epochs that are over

type Half = { readonly lane: "q" | "r"; readonly count: number; readonly pieces: Uint8Array[]; bytes: number };

export type Whole = { readonly lane: "q" | "r"; readonly body: Uint8Array };

export class InQueue {
  readonly counts = { received: 0, receivedBytes: 0, missed: 0, repeated: 0, dropped: 0 };
  readonly #limits: InLimits;
  readonly #tellGap: () => void;
  #epoch: number | null = null;
  #hasBegun = false; // a frame or probe of this epoch has come
  #isNewlyMissed = false;
  readonly #retired: number[] = []; // oldest first
  #first = 0;
  #last = 0;
  #missed: (readonly [number, number])[] = [];
  #unsaid = 0; // bytes since the peer was told
  readonly #halves = new Map<number, Half>(); // by transfer
  #halfBytes = 0;

  /** @param gap called when something was missed, before what came after it is taken */
  constructor(limits: InLimits, gap: () => void = () => undefined) {
    this.#limits = limits;
    this.#tellGap = gap;
  }

  /** null: nothing has come yet. */
  get epoch(): number | null {
    return this.#epoch;
  }

  /** Something came that the peer has not been told of. */
  get owes(): boolean {
    return this.#unsaid > 0;
  }

  /** It should be told now. */
  get isDue(): boolean {
    return this.#unsaid >= this.#limits.ackBytes || this.#isNewlyMissed;
  }

  /**
   * The peer speaks, of this epoch.
   * @returns `over`: what it says is of no use any more. `anew`: it began anew. `same` otherwise
   */
  heard(epoch: number): "over" | "anew" | "same" {
    if (this.#epoch === epoch) return "same";
    if (this.#retired.includes(epoch)) return "over";
    const isAnew = this.#epoch !== null;
    if (this.#epoch !== null) this.#retired.push(this.#epoch);
    if (this.#retired.length > RETIRED_MAX) this.#retired.shift();
    this.#epoch = epoch;
    this.#hasBegun = false;
    this.#first = 0;
    this.#last = 0;
    this.#unsaid = 0;
    this.#missed = [];
    this.#isNewlyMissed = false;
    this.#halves.clear();
    this.#halfBytes = 0;
    return isAnew ? "anew" : "same";
  }

  /** A frame of the epoch that was heard. @returns false when it was here before */
  take(seq: number, bytes: number): boolean {
    this.#begin(seq);
    if (seq <= this.#last) {
      this.counts.repeated++;
      return false;
    }
    const isGap = seq > this.#last + 1;
    if (isGap) this.#miss(this.#last + 1, seq - 1);
    this.#last = seq;
    this.#unsaid += bytes;
    this.counts.received++;
    this.counts.receivedBytes += bytes;
    if (isGap) this.#tellGap();
    return true;
  }

  /** A probe says that frames up to `seq` have been sent, and that its sender knows what came of those before `floor`. */
  probed(seq: number, floor: number): void {
    this.#begin(seq + 1);
    if (seq > this.#last) {
      this.#miss(this.#last + 1, seq);
      this.#last = seq;
      this.#tellGap();
    }
    this.#missed = this.#missed.filter(([, to]) => to >= floor);
  }

  /** What to tell the peer. */
  said(): AckFields {
    this.#isNewlyMissed = false;
    this.#unsaid = 0;
    return { epoch: this.#epoch ?? 0, first: this.#first, last: this.#last, missed: [...this.#missed] };
  }

  /** @returns the message when this is its last piece @throws {FrameError} */
  piece(bytes: Uint8Array, start?: number, end?: number): Whole | undefined {
    const chunk = readChunk(bytes, start, end);
    const half = this.#halfOf(chunk);
    if (half === undefined) return undefined;
    half.pieces.push(chunk.bytes);
    half.bytes += chunk.bytes.byteLength;
    this.#halfBytes += chunk.bytes.byteLength;
    if (half.bytes > this.#limits.messageBytes) {
      this.#drop(chunk.transfer);
      return undefined;
    }
    for (const transfer of this.#halves.keys()) {
      if (this.#halfBytes <= 2 * this.#limits.messageBytes && this.#halves.size <= HALVES_MAX) break;
      if (transfer !== chunk.transfer) this.#drop(transfer); // the oldest: its sender may have given it up
    }
    if (half.pieces.length < half.count) return undefined;
    this.#halfBytes -= half.bytes;
    this.#halves.delete(chunk.transfer);
    return { lane: half.lane, body: Buffer.concat(half.pieces, half.bytes) };
  }

  /** Its pieces come in order, or it is not whole. */
  #halfOf({ transfer, lane, index, count }: ChunkFields): Half | undefined {
    const known = this.#halves.get(transfer);
    if (known === undefined && index === 0) {
      const half = { lane, count, pieces: [], bytes: 0 };
      this.#halves.set(transfer, half);
      return half;
    }
    if (known !== undefined && known.pieces.length === index && known.count === count) return known;
    this.#drop(transfer);
    return undefined;
  }

  #drop(transfer: number): void {
    this.counts.dropped++;
    this.#halfBytes -= this.#halves.get(transfer)?.bytes ?? 0;
    this.#halves.delete(transfer);
  }

  /** What went before was for one that this node was before. */
  #begin(seq: number): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    this.#first = seq;
    this.#last = seq - 1;
  }

  #miss(from: number, to: number): void {
    this.counts.missed += to - from + 1;
    this.#isNewlyMissed = true;
    this.#missed.push([from, to]);
    if (this.#missed.length <= MISSED_MAX) return;
    const [[oldest] = [from], [, next] = [from, to]] = this.#missed;
    this.#missed.splice(0, 2, [oldest, next]);
  }
}
