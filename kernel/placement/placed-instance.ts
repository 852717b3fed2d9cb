/**
 * One incarnation that runs in a realm, seen from the node: it ships each message there and returns at once.
 *
 * 1. Many messages are under way; when the window is full, `handle` returns a promise, so that the mailbox fills.
 * 2. What the handler does comes back as records, and `replay` does it by the incarnation, with the message in hand that
 *    the handler had: capabilities, chains of requests, time-outs and errors are judged here, in order, as for anybody.
 * 3. Nothing a realm says is trusted beyond that: what cannot be read, or throws, ends the incarnation.
 */
import {
  Address,
  Blob,
  Envelope,
  HTTP_SERVER,
  MESSAGE_TYPES,
  SendError,
  type WsMessageType,
} from "../../lib/protocol/index.ts";
import { UnpackableError } from "../errors.ts";
import { Hand, type Incarnation } from "../incarnation.ts";
import { AskedRequests } from "./asked-requests.ts";
import type { BatchReader } from "./batch-reader.ts";
import type { BatchWriter } from "./batch-writer.ts";
import { packError, unpackError } from "./error-codec.ts";
import { KnownAddresses } from "./known-addresses.ts";
import { ownBlob, packBody, readAnswer, readRequest, writeError, writeMessage } from "./message-codec.ts";
import { carryOut } from "./orders.ts";
import type { GivenBack, PlaceableInstance } from "./placeable.ts";
import { answerQuestion, type Question } from "./questions.ts";
import type { RealmLink } from "./realm-link.ts";
import * as record from "./records.ts";
import { ShippedMessages } from "./shipped.ts";

export type Window = { readonly messages: number; readonly bytes: number };

export class PlacedInstance implements PlaceableInstance {
  readonly #incarnation: Incarnation;
  readonly #realm: RealmLink;
  readonly #order: record.StartOrder;
  readonly #shipped: ShippedMessages;
  readonly #asked = new AskedRequests();
  readonly #known = new KnownAddresses();
  readonly #httpServer: Address;
  #slot = 0; // 0: not there yet, or no more
  /** Of the message it has begun last. */
  #hand = new Hand();
  /** In hand there, instead of a message. */
  #timer: Envelope | null = null;
  #started: Settle | null = null;
  #roomWanted: Settle | null = null;
  #farewell: Settle | null = null;

  constructor(incarnation: Incarnation, realm: RealmLink, order: record.StartOrder, window: Window) {
    this.#incarnation = incarnation;
    this.#realm = realm;
    this.#order = order;
    this.#shipped = new ShippedMessages(window.messages, window.bytes);
    this.#httpServer = new Address(incarnation.our.node, HTTP_SERVER);
    this.#known.add(incarnation.our);
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
    return this.#started !== null || this.#shipped.length > 0 || this.#farewell !== null;
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
    const hand = this.#incarnation.layDown();
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
    return this.#add(seq, hand, out.length - before);
  }

  /** Hot path: a frame, without its message. */
  push(channelId: number, messageType: WsMessageType, blob: Blob): void | Promise<void> {
    const hand = this.#incarnation.layDown();
    const out = this.#records();
    const before = out.length;
    const seq = this.#shipped.nextSeq();
    out.u8(record.FRAME).u32(seq).u32(channelId).u8(MESSAGE_TYPES.indexOf(messageType)).blob(blob);
    return this.#add(seq, hand, out.length - before);
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
    return taken;
  }

  giveBack(): GivenBack | null {
    if (this.#slot === 0) return null;
    const { slot, seq } = this.#realm.begun();
    const { begun, waiting } = this.#shipped.takeAll(slot === this.#slot ? seq : 0);
    this.#leave();
    return {
      inHand: begun === null ? this.#timer : this.#incarnation.messageOf(begun),
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
    this.#incarnation.takeUp(this.#hand); // what was shipped meanwhile was in hand here
    try {
      for (let type = reader.nextRecord(); type !== 0 && this.#slot !== 0; type = reader.nextRecord())
        this.#record(type, reader);
    } catch (thrown) {
      if (this.#slot !== 0) this.#incarnation.onFailed(thrown);
    } finally {
      this.#incarnation.layDown(); // or the next message would be put into that very hand
    }
  }

  /** RealmLink only. @throws what the kernel throws */
  answer(question: Question): unknown {
    return answerQuestion(this.#incarnation, question);
  }

  #record(type: number, reader: BatchReader): void {
    switch (type) {
      case record.BEGIN:
        return this.#begin(reader.u32());
      case record.PUSH:
        return this.#push(reader);
      case record.DONE:
        return this.#done();
      case record.TELL:
        return this.#incarnation.tell(this.#known.find(reader.text()), reader.value(), ownBlob(reader.blob()));
      case record.SEND:
        return this.#send(reader.u32(), reader);
      case record.CALL:
        return this.#call(reader.u32(), reader);
      case record.RESPOND:
        return this.#respond(reader.u32(), reader);
      case record.ORDER:
        return this.#carryOut(reader.u32(), reader.value());
      case record.LOG:
        return this.#incarnation.log(reader.text());
      case record.READY:
        this.#started?.resolve();
        this.#started = null;
        return;
      case record.EXIT:
        this.#roomWanted?.resolve(); // what waits for room is no longer in hand
        return this.#incarnation.exit();
      case record.CRASHED:
        return this.#incarnation.onFailed(unpackError(reader.value()));
      case record.FAREWELL_SAID:
        return this.#saidFarewell(reader.value());
      default:
        throw new RangeError(`no record has the type ${type}`);
    }
  }

  /** Hot path. */
  #begin(seq: number): void {
    if (seq === 0) this.#beginTimer();
    else this.#hand = this.#shipped.begin(seq);
    this.#incarnation.takeUp(this.#hand);
  }

  /** Of the realm's own: nothing to answer. */
  #beginTimer(): void {
    this.#timer = new Envelope("timer", this.our, this.our, null, null);
    this.#hand = new Hand();
    this.#hand.message = this.#timer;
  }

  /** Hot path. */
  #done(): void {
    if (this.#timer !== null) {
      this.#timer = null;
      return;
    }
    this.#shipped.done();
    const wanted = this.#roomWanted;
    if (wanted === null || this.#shipped.isFull) return;
    this.#roomWanted = null;
    wanted.resolve();
  }

  /** Hot path. The bytes are the batch's: nobody changes them. */
  #push(reader: BatchReader): void {
    const channelId = reader.u32();
    const messageType = MESSAGE_TYPES[reader.u8()] ?? "Binary";
    const piece = reader.blob();
    const blob = piece === null ? Blob.of("") : Blob.of(piece.bytes, piece.mime);
    if (this.#incarnation.push(channelId, messageType, blob)) return;
    const body = { WebSocketPush: { channel_id: channelId, message_type: messageType } };
    this.#incarnation.tell(this.#httpServer, body, blob);
  }

  #send(call: number, reader: BatchReader): void {
    const request = readRequest(reader, this.our, this.#known);
    request.context = call;
    this.#incarnation.send(request);
  }

  #call(call: number, reader: BatchReader): void {
    const request = readRequest(reader, this.our, this.#known);
    this.#incarnation.call(request).then(
      (answer) => this.#outcome(call, answer),
      (error: unknown) => {
        if (error instanceof SendError) this.#outcome(call, error.kind);
        else this.#incarnation.onFailed(error); // the realm should have refused it
      },
    );
  }

  #outcome(call: number, outcome: Envelope | SendError["kind"]): void {
    if (this.#slot === 0) return;
    const body = typeof outcome === "string" ? null : this.#packed(outcome);
    const out = this.#records().u8(record.OUTCOME).u32(call);
    if (typeof outcome === "string") writeError(out, outcome);
    else if (body === null) writeError(out, "Offline");
    else writeMessage(out, outcome, body, this.our);
  }

  /** @returns null when it cannot be: it is a dead letter then */
  #packed(answer: Envelope): Uint8Array | null {
    try {
      return packBody(answer.body, "hand over an answer to", this.our.text);
    } catch (thrown) {
      if (!(thrown instanceof UnpackableError)) throw thrown;
      this.#incarnation.dropUnpackable(answer);
      return null;
    }
  }

  #respond(to: number, reader: BatchReader): void {
    const answer = readAnswer(reader);
    if (to === 0) return this.#incarnation.respond(answer);
    const request = this.#asked.find(to);
    if (request === undefined) this.#incarnation.dropLate(answer);
    else this.#incarnation.respond(answer, request);
  }

  #carryOut(call: number, order: unknown): void {
    carryOut(this.#incarnation, order).then(
      (ok) => this.#result(call, { ok }),
      (error: unknown) => this.#result(call, { error: packError(error, false) }),
    );
  }

  #result(call: number, result: { readonly ok: unknown } | { readonly error: unknown }): void {
    if (this.#slot !== 0) this.#records().u8(record.RESULT).u32(call).value(result);
  }

  #saidFarewell(error: unknown): void {
    if (error === null) this.#farewell?.resolve();
    else this.#farewell?.reject(unpackError(error));
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
    if (!this.#shipped.isFull) return undefined;
    return new Promise((resolve, reject) => {
      this.#roomWanted = { resolve, reject };
    });
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
