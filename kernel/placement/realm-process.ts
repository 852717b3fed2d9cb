/**
 * One process in a realm: a queue, its instance, and one message in hand at a time (kernel/process.ts is its model).
 *
 * 1. A message is handled between BEGIN and DONE; a throw, now or later, ends it with CRASHED. What is left in the queue
 *    then is forgotten here: the node has it all.
 * 2. A frame that can be handled at once goes through no queue.
 * 3. While it is held (`hold`), nothing is begun: a channel that it hands over takes along what is not.
 */
import {
  Blob,
  type Capability,
  type Envelope,
  type Instance,
  type Program,
  type WsMessageType,
} from "../../lib/protocol/index.ts";
import { Ring } from "../ring.ts";
import type { Runnable } from "../run-queue.ts";
import type { BatchWriter } from "./batch-writer.ts";
import { packError } from "./error-codec.ts";
import type { RealmHost } from "./realm-host.ts";
import { isCancelled } from "./realm-timers.ts";
import { BEGIN, CRASHED, DONE, EXIT, FAREWELL_SAID, READY } from "./records.ts";

/** What its realm does for it. */
export type ProcessPort = {
  /** Where its records go. */
  out(): BatchWriter;
  /** It begins with a message, 0 for a timer: kept where the node finds it when the realm dies. */
  begins(seq: number): void;
  /** Its handler has returned. */
  returns(): void;
  /** Lines it up. */
  schedule(): void;
};

/** A message, or a frame whose message nobody has asked for. */
class Incoming {
  readonly seq: number; // 0: a timer of its own
  readonly message: Envelope | null;
  readonly channelId: number;
  readonly messageType: WsMessageType;
  readonly blob: Blob | null;

  constructor(seq: number, message: Envelope | null, channelId: number, messageType: WsMessageType, blob: Blob | null) {
    this.seq = seq;
    this.message = message;
    this.channelId = channelId;
    this.messageType = messageType;
    this.blob = blob;
  }
}

const NOT_STARTED: Instance = { handle: () => undefined };

export class RealmProcess implements Runnable {
  readonly host: RealmHost;
  readonly #port: ProcessPort;
  readonly #queue = new Ring<Incoming>();
  #instance: Instance = NOT_STARTED;
  #turn: "held" | "idle" | "lined" | "busy" | "ended" = "held";
  #inHand = false;
  #holds = 0;
  #exitAsked = false;

  /** @param port made for this process @param host likewise */
  constructor(port: ProcessPort, host: RealmHost) {
    this.#port = port;
    this.host = host;
  }

  async start(load: () => Promise<Program>): Promise<void> {
    try {
      this.#instance = (await load()).start(this.host);
      await this.#instance.init?.();
    } catch (thrown) {
      this.#crashed(thrown);
      return;
    }
    if (this.#turn !== "held") return;
    this.#port.out().u8(READY);
    this.#turn = "idle";
    if (this.#exitAsked) this.#exit();
    else this.#lineUp();
  }

  post(seq: number, message: Envelope): void {
    this.#post(new Incoming(seq, message, 0, "Text", message.blob));
  }

  /** Hot path. @param blob lent until this returns */
  frame(seq: number, channelId: number, messageType: WsMessageType, blob: Blob): void {
    if (this.#turn === "idle" && this.#queue.length === 0 && this.#holds === 0) {
      this.#turn = "lined";
      if (this.#handle(seq, null, channelId, messageType, blob)) this.#goOn();
      blob.settle();
    } else this.#post(new Incoming(seq, null, channelId, messageType, blob.keep()));
  }

  step(): boolean {
    if (this.#turn !== "lined") return false;
    const next = this.#queue.shift();
    if (next === undefined || (next.message !== null && isCancelled(next.message))) return this.#next();
    const { seq, message, channelId, messageType, blob } = next;
    return this.#handle(seq, message, channelId, messageType, blob) && this.#next();
  }

  /** Behind the message in hand, until `release`. */
  hold(): void {
    this.#holds++;
    if (this.#turn === "lined" && !this.#inHand) this.#turn = "idle";
  }

  release(): void {
    this.#holds--;
    if (this.#turn === "idle") this.#lineUp();
  }

  /** They are for somebody else. One that has begun goes on. */
  recall(seqs: readonly number[]): void {
    const left = new Set(seqs);
    for (const incoming of this.#queue.drain()) if (!left.has(incoming.seq)) this.#queue.push(incoming);
  }

  /** Of the message `seq`, if that has not begun, some have been revoked. */
  lapse(seq: number, capabilities: readonly Capability[]): void {
    for (const { seq: each, message } of this.#queue.toArray())
      if (each === seq && message !== null) message.capabilities = capabilities;
  }

  /** @returns whether a message is in hand: then it exits behind that */
  exiting(): boolean {
    this.#exitAsked = true;
    if (this.#inHand || this.#turn === "held") return true;
    this.#turn = "ended";
    return false;
  }

  /** The node says so: EXIT follows, now or behind what is in hand. */
  halt(): void {
    if (this.#turn !== "ended" && !this.exiting()) this.#port.out().u8(EXIT);
  }

  /** What is in hand goes on beside it. */
  async farewell(): Promise<void> {
    this.hold();
    let error: unknown = null;
    try {
      await this.#instance.exit?.();
    } catch (thrown) {
      error = packError(thrown, true);
    }
    this.#port.out().u8(FAREWELL_SAID).value(error);
  }

  /** The node says so: its incarnation has ended. */
  end(): void {
    this.#turn = "ended";
    this.#queue.drain();
    this.host.end();
  }

  #post(incoming: Incoming): void {
    if (this.#turn === "ended") return;
    this.#queue.push(incoming);
    if (this.#turn === "idle") this.#lineUp();
  }

  /** @returns whether it is through, and not ended by it */
  #handle(
    seq: number,
    message: Envelope | null,
    channelId: number,
    messageType: WsMessageType,
    blob: Blob | null,
  ): boolean {
    this.#port.begins(seq);
    this.#port.out().head(BEGIN, seq);
    this.#inHand = true;
    let result: void | Promise<void>;
    try {
      result = message === null ? this.#push(channelId, messageType, blob) : this.#message(message);
    } catch (thrown) {
      this.#crashed(thrown);
      return false;
    } finally {
      this.#port.returns();
    }
    if (result === undefined) return this.#done();
    blob?.hold();
    this.#turn = "busy";
    Promise.resolve(result).then(
      () => {
        blob?.release();
        if (this.#turn !== "busy") return;
        this.#turn = "lined";
        if (this.#done() && this.#next()) this.#port.schedule();
      },
      (thrown) => this.#crashed(thrown),
    );
    return false;
  }

  #message(message: Envelope): void | Promise<void> {
    this.host.hand.take(message);
    return this.#instance.handle(message);
  }

  #push(channelId: number, messageType: WsMessageType, blob: Blob | null): void | Promise<void> {
    const frame = blob ?? Blob.of("");
    this.host.hand.takeFrame(channelId, messageType, frame);
    if (this.#instance.push !== undefined) return this.#instance.push(channelId, messageType, frame);
    const message = this.host.hand.message();
    return message === null ? undefined : this.#instance.handle(message);
  }

  /** @returns whether it goes on */
  #done(): boolean {
    this.#inHand = false;
    if (this.#turn === "ended") return false;
    this.#port.out().u8(DONE);
    if (!this.#exitAsked) return true;
    this.#exit();
    return false;
  }

  #exit(): void {
    this.#turn = "ended";
    this.#port.out().u8(EXIT);
  }

  #goOn(): void {
    if (this.#next()) this.#port.schedule();
  }

  #next(): boolean {
    if (this.#queue.length > 0 && this.#holds === 0) return true;
    this.#turn = "idle";
    return false;
  }

  #lineUp(): void {
    if (this.#queue.length === 0 || this.#holds > 0) return;
    this.#turn = "lined";
    this.#port.schedule();
  }

  #crashed(thrown: unknown): void {
    if (this.#turn === "ended") return;
    this.end();
    this.#port.out().u8(CRASHED).value(packError(thrown, true));
  }
}
