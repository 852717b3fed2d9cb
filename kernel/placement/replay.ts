/**
 * What a process did in its realm, done by its incarnation in the node.
 *
 * 1. With the message in hand that its handler had: capabilities, chains of requests, time-outs and errors are judged
 *    here, in order, as for anybody.
 * 2. Nothing a realm says is trusted beyond that: what cannot be read, or throws, ends the incarnation.
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
import { DurableHand } from "../durable/hand.ts";
import { UnpackableError } from "../errors.ts";
import { Hand } from "../hand.ts";
import type { Incarnation } from "../incarnation.ts";
import type { AskedRequests } from "./asked-requests.ts";
import type { BatchReader } from "./batch-reader.ts";
import type { BatchWriter } from "./batch-writer.ts";
import { packError, unpackError } from "./error-codec.ts";
import { KnownAddresses } from "./known-addresses.ts";
import { ownBlob, packBody, readAnswer, readRequest, writeError, writeMessage } from "./message-codec.ts";
import { carryOut } from "./orders.ts";
import * as record from "./records.ts";
import type { ShippedMessages } from "./shipped.ts";

/** What its instance does. */
export type ReplayPort = {
  /** Its incarnation has not ended. */
  isThere(): boolean;
  /** Where records for its process go. */
  records(): BatchWriter;
  /** Its init is through. */
  ready(): void;
  /** A message is handled. */
  done(): void;
  /** It wants to end, and begins nothing more. */
  exits(): void;
  /** @param error packed; null: none */
  saidFarewell(error: unknown): void;
};

export class Replay {
  /** In hand there, instead of a message. */
  #timer: Envelope | null = null;
  /** Of the message it has begun last; null: a frame's, which is made when somebody asks for it. */
  #hand: Hand | null = new Hand();
  #isUp = false; // that one is in hand in the node
  readonly #incarnation: Incarnation;
  readonly #shipped: ShippedMessages;
  readonly #asked: AskedRequests;
  readonly #port: ReplayPort;
  readonly #known = new KnownAddresses();
  readonly #httpServer: Address;

  constructor(incarnation: Incarnation, shipped: ShippedMessages, asked: AskedRequests, port: ReplayPort) {
    this.#incarnation = incarnation;
    this.#shipped = shipped;
    this.#asked = asked;
    this.#port = port;
    this.#known.add(incarnation.our);
    this.#httpServer = new Address(incarnation.our.node, HTTP_SERVER);
  }

  get timer(): Envelope | null {
    return this.#timer;
  }

  /** A section of a batch. @throws what cannot be read, or done */
  run(reader: BatchReader): void {
    this.#isUp = false; // what was shipped meanwhile was in hand
    try {
      for (let type = reader.nextRecord(); type !== 0 && this.#port.isThere(); type = reader.nextRecord())
        this.#record(type, reader);
    } finally {
      this.#incarnation.layDown(); // or the next message would be put into that very hand
      this.#hand = this.#shipped.leaveLast() ?? this.#hand;
    }
  }

  /** For all that is judged by what is in hand. */
  #takeUp(): void {
    if (this.#isUp) return;
    this.#hand ??= this.#shipped.lastHand();
    this.#incarnation.takeUp(this.#hand);
    this.#isUp = true;
  }

  /** Hot path. */
  #record(type: number, reader: BatchReader): void {
    switch (type) {
      case record.BEGIN:
        return this.#begin(reader.u32());
      case record.PASS_ON:
        return this.#passOn(reader.u32(), reader.u8());
      case record.PUSH:
        return this.#push(reader);
      case record.DONE:
        return this.#done();
    }
    this.#takeUp();
    switch (type) {
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
        return this.#port.ready();
      case record.EXIT:
        return this.#port.exits();
      case record.CRASHED:
        return this.#incarnation.onFailed(unpackError(reader.value()));
      case record.FAREWELL_SAID:
        return this.#port.saidFarewell(reader.value());
      default:
        throw new RangeError(`no record has the type ${type}`);
    }
  }

  /** Hot path. */
  #begin(seq: number): void {
    if (seq === 0) this.#beginTimer();
    else this.#hand = this.#shipped.begin(seq);
    this.#isUp = false;
  }

  /** Of the realm's own: nothing to answer. */
  #beginTimer(): void {
    this.#timer = new Envelope("timer", this.#incarnation.our, this.#incarnation.our, null, null);
    this.#shipped.dropLast();
    const hand = new Hand();
    hand.message = this.#timer;
    this.#hand = hand;
  }

  /** Hot path. */
  #done(): void {
    if (this.#timer !== null) {
      this.#timer = null;
      return;
    }
    this.#shipped.done();
    const origin = this.#hand?.message?.origin;
    if (origin instanceof DurableHand) origin.ended("handled");
    this.#port.done();
  }

  /** Hot path. The bytes are the batch's: nobody changes them. */
  #push(reader: BatchReader): void {
    const channelId = reader.u32();
    const messageType = MESSAGE_TYPES[reader.u8()] ?? "Binary";
    const piece = reader.blob();
    const blob = piece === null ? Blob.of("") : Blob.of(piece.bytes, piece.mime);
    if (!this.#incarnation.pushLater(channelId, messageType, blob)) this.#act(channelId, messageType, blob);
  }

  /** Hot path. */
  #passOn(channelId: number, type: number): void {
    const messageType = MESSAGE_TYPES[type] ?? "Binary";
    const blob = this.#shipped.lendFrame();
    if (!this.#incarnation.pushLater(channelId, messageType, blob)) this.#act(channelId, messageType, blob.keep());
  }

  /** As the message that a push is. */
  #act(channelId: number, messageType: WsMessageType, blob: Blob): void {
    this.#takeUp();
    const body = { WebSocketPush: { channel_id: channelId, message_type: messageType } };
    this.#incarnation.tell(this.#httpServer, body, blob);
  }

  #send(call: number, reader: BatchReader): void {
    const request = readRequest(reader, this.#incarnation.our, this.#known);
    request.context = call;
    this.#incarnation.send(request);
  }

  #call(call: number, reader: BatchReader): void {
    const request = readRequest(reader, this.#incarnation.our, this.#known);
    this.#incarnation.call(request).then(
      (answer) => this.#outcome(call, answer),
      (error: unknown) => {
        if (error instanceof SendError) this.#outcome(call, error.kind);
        else this.#incarnation.onFailed(error); // the realm should have refused it
      },
    );
  }

  #outcome(call: number, outcome: Envelope | SendError["kind"]): void {
    if (!this.#port.isThere()) return;
    const body = typeof outcome === "string" ? null : this.#packed(outcome);
    const out = this.#port.records().u8(record.OUTCOME).u32(call);
    if (typeof outcome === "string") writeError(out, outcome);
    else if (body === null) writeError(out, "Offline");
    else writeMessage(out, outcome, body, this.#incarnation.our);
  }

  /** @returns null when it cannot be: it is a dead letter then */
  #packed(answer: Envelope): Uint8Array | null {
    try {
      return packBody(answer.body, "hand over an answer to", this.#incarnation.our.text);
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
    if (this.#port.isThere()) this.#port.records().u8(record.RESULT).u32(call).value(result);
  }
}
