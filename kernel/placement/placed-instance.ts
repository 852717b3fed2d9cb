/**
 * One incarnation that runs in a realm, seen from the node: it ships each message there and returns at once.
 *
 * 1. Many messages are under way; when the window is full, `handle` returns a promise, so that the mailbox fills.
 * 2. What the handler does comes back as records, and is replayed here (replay.ts).
 * 3. A message stays here until it is handled: see shipped.ts.
 */
import type { Address, Blob, Envelope, WsMessageType } from "../../lib/protocol/index.ts";
import { DurableHand } from "../durable/hand.ts";
import { UnpackableError } from "../errors.ts";
import { Hand } from "../hand.ts";
import type { Incarnation } from "../incarnation.ts";
import { AskedRequests } from "./asked-requests.ts";
import type { BatchReader } from "./batch-reader.ts";
import { type BatchWriter, FRAME_HEAD, LARGE_BLOB } from "./batch-writer.ts";
import { unpackError } from "./error-codec.ts";
import { packBody, writeError, writeMessage } from "./message-codec.ts";
import type { GivenBack, PlaceableInstance } from "./placeable.ts";
import { answerQuestion, type Question } from "./questions.ts";
import type { RealmLink } from "./realm-link.ts";
import * as record from "./records.ts";
import { Replay, type ReplayPort } from "./replay.ts";
import { ShippedMessages } from "./shipped.ts";

export type Window = { readonly messages: number; readonly bytes: number };

export class PlacedInstance implements PlaceableInstance {
  readonly #incarnation: Incarnation;
  readonly #realm: RealmLink;
  readonly #order: record.StartOrder;
  readonly #shipped: ShippedMessages;
  readonly #asked = new AskedRequests();
  readonly #replay: Replay;
  #slot = 0; // 0: not there yet, or no more
  #started: Settle | null = null;
  #roomWanted: Settle | null = null;
  #halted: Settle | null = null;
  #hasExited = false; // it begins nothing more, and has said so
  #farewell: Settle | null = null;

  constructor(incarnation: Incarnation, realm: RealmLink, order: record.StartOrder, window: Window) {
    this.#incarnation = incarnation;
    this.#realm = realm;
    this.#order = order;
    this.#shipped = new ShippedMessages(window.messages, window.bytes);
    this.#replay = new Replay(incarnation, this.#shipped, this.#asked, this.#port());
  }

  get our(): Address {
    return this.#incarnation.our;
  }

  get place(): string {
    return this.#realm.name;
  }

  get underWay(): number {
    return this.#shipped.length;
  }

  /** What is in hand there, as far as it has said. */
  get inHand(): Hand | null {
    return this.#shipped.begun;
  }

  /** It has messages, or its init is not through. */
  get isBusy(): boolean {
    return this.#started !== null || this.#shipped.length > 0 || this.#halted !== null || this.#farewell !== null;
  }

  /** For a report. @param seq of a message it has begun; 0: a timer */
  describe(seq: number): string {
    if (this.#started !== null) return "its init";
    const hand = this.#shipped.find(seq);
    const message = hand === null ? null : this.#incarnation.messageOf(hand);
    return message === null
      ? "a timer's handler, or what a handler left running,"
      : `its handler of ${describeMessage(message)}`;
  }

  init(): Promise<void> {
    this.#slot = this.#realm.add(this);
    this.#records().u8(record.START).value(this.#order);
    return new Promise((resolve, reject) => {
      this.#started = { resolve, reject };
    });
  }

  handle(message: Envelope): void | Promise<void> {
    const hand = this.#incarnation.layDown(message);
    let body: Uint8Array;
    try {
      body = packBody(message.body, "hand over a message to", this.our.text);
    } catch (thrown) {
      return this.#unpackable(message, hand, thrown);
    }
    const out = this.#records();
    const before = out.length;
    const seq = this.#shipped.nextSeq();
    const { kind } = message;
    out
      .u8(record.MESSAGE)
      .u32(seq)
      .u32(kind === "request" ? 0 : Number(message.context));
    if (kind === "error") writeError(out, message.error ?? "Offline");
    else writeMessage(out, message, body, this.our);
    if (kind === "request" && message.rsvp !== null) this.#asked.add(seq, message);
    if (message.origin instanceof DurableHand) message.origin.isShipped = true;
    return this.#add(seq, hand, out.length - before);
  }

  /** Hot path: a frame, without its message, which stays in hand as long as its callback runs. */
  push(channelId: number, messageType: WsMessageType, blob: Blob): void | Promise<void> {
    const bytes = blob.bytes();
    const origin = this.#incarnation.frameInHand;
    if (bytes.byteLength >= LARGE_BLOB || origin === null) return this.#pushLarge(channelId, messageType, blob, origin);
    const out = this.#records();
    const seq = this.#shipped.nextSeq();
    const at = out.frame(seq, channelId, record.codeOf(messageType), bytes, blob.isText);
    const { length } = bytes;
    this.#shipped.addFrame(seq, origin, out.slab, at, length, blob.isText, length + FRAME_HEAD);
    return this.#shipped.isFull ? this.#room() : undefined;
  }

  #pushLarge(channelId: number, messageType: WsMessageType, blob: Blob, origin: object | null): void | Promise<void> {
    const hand = new Hand(); // the node's own stays as it is: what waits for room is in that
    hand.origin = origin;
    hand.blob = blob;
    const out = this.#records();
    const before = out.length;
    const seq = this.#shipped.nextSeq();
    out.u8(record.FRAME).u32(seq).u32(channelId).u8(record.codeOf(messageType)).blob(blob);
    return this.#add(seq, hand, out.length - before);
  }

  halt(): Promise<void> | null {
    if (this.#slot === 0 || this.#hasExited) return null;
    this.#records().u8(record.HALT);
    return new Promise((resolve, reject) => {
      this.#halted = { resolve, reject };
    });
  }

  exit(): Promise<void> {
    if (this.#slot === 0) return Promise.resolve();
    this.#records().u8(record.FAREWELL);
    return new Promise((resolve, reject) => {
      this.#farewell = { resolve, reject };
    });
  }

  waiting(): readonly Envelope[] {
    return this.#shipped.waiting().flatMap((hand) => this.#incarnation.messageOf(hand) ?? []);
  }

  recall(leaves: (message: Envelope) => boolean): readonly Envelope[] {
    const taken: Envelope[] = [];
    const seqs = this.#shipped.recall((hand) => {
      const message = this.#incarnation.messageOf(hand);
      if (message === null || !leaves(message)) return false;
      taken.push(message);
      return true;
    });
    if (seqs.length > 0) this.#records().u8(record.RECALL).value(seqs);
    if (!this.#shipped.isFull) this.#hasRoom(); // there may be nothing left that would make some
    return taken;
  }

  lapse(lapsed: (message: Envelope) => boolean): void {
    for (const { seq, hand } of this.#shipped.each()) {
      const message = hand?.message ?? null; // null: a frame brings no capability
      if (message !== null && lapsed(message)) this.#records().u8(record.LAPSED).u32(seq).value(message.capabilities);
    }
  }

  giveBack(): GivenBack | null {
    if (this.#slot === 0) return null;
    const { slot, seq } = this.#realm.begun();
    const { begun, waiting } = this.#shipped.takeAll(slot === this.#slot ? seq : 0);
    this.#leave();
    return {
      inHand: begun === null ? this.#replay.timer : this.#incarnation.messageOf(begun),
      waiting: waiting.flatMap((hand) => this.#incarnation.messageOf(hand) ?? []),
    };
  }

  end(): void {
    this.#leave();
    this.#farewell?.resolve();
  }

  /** RealmLink only: it is no more. */
  lost(error: Error): void {
    this.#incarnation.onFailed(error);
  }

  /** RealmLink only: it printed a line. */
  printed(line: string): void {
    this.#incarnation.log(line);
  }

  /** RealmLink only: what its process did there. */
  replay(reader: BatchReader): void {
    try {
      this.#replay.run(reader);
    } catch (thrown) {
      if (this.#slot !== 0) this.#incarnation.onFailed(thrown);
    }
  }

  /** RealmLink only. @throws what the kernel throws */
  answer(question: Question): unknown {
    return answerQuestion(this.#incarnation, question);
  }

  /** An answer that is unpackable ends its request all the same. */
  #unpackable(message: Envelope, hand: Hand, thrown: unknown): void | Promise<void> {
    if (!(thrown instanceof UnpackableError)) throw thrown;
    this.#incarnation.dropUnpackable(message);
    if (message.kind !== "response") return undefined;
    const seq = this.#shipped.nextSeq();
    writeError(this.#records().u8(record.MESSAGE).u32(seq).u32(Number(message.context)), "Offline");
    return this.#add(seq, hand, 0);
  }

  #add(seq: number, hand: Hand, bytes: number): void | Promise<void> {
    this.#shipped.add(seq, hand, bytes);
    return this.#shipped.isFull ? this.#room() : undefined;
  }

  #room(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#roomWanted = { resolve, reject };
    });
  }

  #port(): ReplayPort {
    return {
      isThere: () => this.#slot !== 0,
      records: () => this.#records(),
      ready: () => {
        this.#started?.resolve();
        this.#started = null;
      },
      done: () => {
        if (this.#roomWanted !== null && !this.#shipped.isFull) this.#hasRoom();
      },
      exits: () => {
        this.#hasRoom(); // what waits for room is no longer in hand
        this.#hasExited = true;
        if (this.#halted === null) this.#incarnation.exit();
        else this.#halted.resolve();
      },
      saidFarewell: (error) => {
        if (error === null) this.#farewell?.resolve();
        else this.#farewell?.reject(unpackError(error));
      },
    };
  }

  #hasRoom(): void {
    const wanted = this.#roomWanted;
    this.#roomWanted = null;
    wanted?.resolve();
  }

  #leave(): void {
    if (this.#slot === 0) return;
    this.#realm.remove(this.#slot);
    this.#slot = 0;
  }

  #records(): BatchWriter {
    return this.#realm.records(this.#slot);
  }
}

/** `a request "Set" from "alice.os@a:b:c"`. */
function describeMessage({ kind, source, body }: Envelope): string {
  const action = typeof body === "object" && body !== null ? Object.keys(body)[0] : body;
  const named = typeof action === "string" ? ` ${JSON.stringify(action.slice(0, ACTION_MAX))}` : "";
  return `${kind === "error" ? "an error" : `a ${kind}`}${named} from "${source.text}"`;
}

const ACTION_MAX = 64; // characters: a name, not a text that somebody sent

type Settle = { readonly resolve: () => void; readonly reject: (reason: unknown) => void };
