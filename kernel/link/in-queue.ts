/**
 * What comes from one peer: each frame once, pieces put together, and an account of it for the peer.
 *
 * 1. A frame whose `seq` is not above all before it is a second one: dropped. A jump means that some were lost: the peer
 *    is told which, so that it can say so to whoever waits.
 * 2. Another `epoch` means that the peer began anew: what was half here is gone, and so is all that it had promised.
 * 3. A large message arrives whole or not at all: pieces of what lost one are dropped.
 */
import { type AckFields, type ChunkFields, type Head, readChunk } from "./frame.ts";

export type InLimits = {
  /** Bytes of one message that comes in pieces, and of all that are half here. */
  readonly messageBytes: number;
  /** Bytes after which the peer is told at once. */
  readonly ackBytes: number;
};

const MISSED_MAX = 64; // ranges in one acknowledgement; more are told as one

type Half = { readonly lane: "q" | "r"; readonly count: number; readonly pieces: Uint8Array[]; bytes: number };

export type Whole = { readonly lane: "q" | "r"; readonly body: Uint8Array };

export class InQueue {
  readonly counts = { received: 0, receivedBytes: 0, missed: 0, repeated: 0, dropped: 0 };
  readonly #limits: InLimits;
  #epoch: number | null = null;
  #first = 0;
  #last = 0;
  #missed: (readonly [number, number])[] = [];
  #unsaid = 0; // bytes since the peer was told
  readonly #halves = new Map<number, Half>(); // by transfer
  #halfBytes = 0;

  constructor(limits: InLimits) {
    this.#limits = limits;
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
    return this.#unsaid >= this.#limits.ackBytes || this.#missed.length > 0;
  }

  /** @returns `again`: it was here before. `anew`: the first of a peer that began anew. `next` otherwise */
  take({ epoch, seq }: Head, bytes: number): "again" | "anew" | "next" {
    const isNew = this.#epoch !== epoch;
    const isAnew = isNew && this.#epoch !== null;
    if (isNew) {
      this.#epoch = epoch;
      this.#first = seq; // what went before was for one that this node was before
      this.#last = seq - 1;
      this.#missed = [];
      this.#forgetHalves();
    }
    if (seq <= this.#last) {
      this.counts.repeated++;
      return "again";
    }
    if (seq > this.#last + 1) this.#miss(this.#last + 1, seq - 1);
    this.#last = seq;
    this.#unsaid += bytes;
    this.counts.received++;
    this.counts.receivedBytes += bytes;
    return isAnew ? "anew" : "next";
  }

  /** A probe says that frames up to `seq` have been sent. */
  probed({ epoch, seq }: Head): "anew" | "next" {
    const isAnew = this.#epoch !== null && this.#epoch !== epoch;
    if (this.#epoch !== epoch) {
      this.#epoch = epoch;
      this.#first = seq + 1;
      this.#last = seq;
      this.#missed = [];
      this.#forgetHalves();
    }
    if (seq > this.#last) {
      this.#miss(this.#last + 1, seq);
      this.#last = seq;
    }
    return isAnew ? "anew" : "next";
  }

  /** What to tell the peer. */
  said(): AckFields {
    const missed = this.#missed;
    this.#missed = [];
    this.#unsaid = 0;
    return { epoch: this.#epoch ?? 0, first: this.#first, last: this.#last, missed };
  }

  /** @returns the message when this is its last piece @throws {FrameError} */
  piece(body: Uint8Array): Whole | undefined {
    const chunk = readChunk(body);
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
      if (this.#halfBytes <= 2 * this.#limits.messageBytes) break;
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

  #forgetHalves(): void {
    this.#halves.clear();
    this.#halfBytes = 0;
  }

  #miss(from: number, to: number): void {
    this.counts.missed += to - from + 1;
    this.#missed.push([from, to]);
    if (this.#missed.length <= MISSED_MAX) return;
    const [first = [from, to] as const] = this.#missed;
    this.#missed = [[first[0], to]];
  }
}
