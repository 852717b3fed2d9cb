/**
 * The HTTP exchanges that are under way in pieces: who may read and write which (contract kinode §5.2 knows none).
 *
 * 1. Only the process that was asked reads and writes; after its answer, only the one that gave it. Others get the
 *    answer of one that asks for what is not there.
 * 2. The end of its process, or of an incarnation, cuts what was begun: the client sees that something is missing. What
 *    was not begun gets 503; but what still waits in the mailbox is for the next incarnation, body and all.
 * 3. When the client has left, or was answered by the server itself, the process's answer counts no more against
 *    `pendingRequests`. One that begins a stream is still taken: its process is told HttpClose.
 */
import type { Keeper, Kernel, Process } from "../kernel/index.ts";
import type { Address, Blob, Envelope, EventWriter } from "../lib/protocol/index.ts";
import type { ActionResult, Answerer } from "./action-result.ts";
import type { HttpAnswer } from "./http-answer.ts";
import { type Exchange, HttpStream, type StreamKeeper } from "./http-stream.ts";
import type { HttpServerLimits } from "./limits.ts";

/** An action on a stream. */
export type StreamAction =
  | { readonly kind: "httpChunk" | "httpRead"; readonly streamId: number }
  | { readonly kind: "httpEnd"; readonly streamId: number; readonly cut: boolean };

export class HttpStreams implements Keeper, StreamKeeper {
  readonly limits: HttpServerLimits;
  readonly #kernel: Kernel;
  readonly #events: EventWriter;
  readonly #streams = new Map<number, HttpStream>();
  #lastId = 0;

  constructor(kernel: Kernel, limits: HttpServerLimits, events: EventWriter) {
    this.#events = events;
    this.#kernel = kernel;
    this.limits = limits;
  }

  /** For the next exchange; below 2^31. */
  nextId(): number {
    this.#lastId = this.#lastId === 2 ** 31 - 1 ? 1 : this.#lastId + 1;
    return this.#lastId;
  }

  /** Seconds a process may have for a body that it reads: HttpStream watches it, this lets a forgotten request go. */
  get readingSeconds(): number {
    return Math.min(READING_SECONDS, this.#kernel.limits.requestSeconds);
  }

  get isFull(): boolean {
    return this.#streams.size >= this.limits.httpStreams;
  }

  /** Begins to take the body that `owner` will read. @returns false when it was refused: that is answered */
  receive(owner: Process, exchange: Exchange): boolean {
    this.#open(owner, exchange, this.limits.httpSeconds).receive();
    return this.#streams.has(exchange.streamId);
  }

  /** Before the process is asked by `event`. */
  asks(exchange: Exchange, event: Envelope): void {
    exchange.event = event;
    if (!this.#streams.has(exchange.streamId)) exchange.response.onAborted(() => this.#kernel.bus.release(event));
  }

  /** A process has answered, and its body follows. @returns false when that cannot be */
  begin(source: Address, exchange: Exchange, answer: HttpAnswer, first: Blob | null): boolean {
    const owner = source.node === this.#kernel.name ? this.#kernel.registry.get(source.id) : undefined;
    const known = this.#streams.get(exchange.streamId);
    if (owner === undefined || (known === undefined && this.isFull)) return false;
    const stream = known ?? this.#open(owner, exchange, this.limits.httpStreamIdle);
    stream.owner = owner;
    stream.begin(answer, first?.keep().bytes() ?? NO_BYTES);
    return true;
  }

  /** The exchange was answered as a whole. */
  answered(streamId: number): void {
    this.#streams.get(streamId)?.forget();
  }

  act(action: StreamAction, source: Address, blob: Blob | null, answer: Answerer | null): ActionResult {
    const stream = this.#streams.get(action.streamId);
    const isTheirs = source.node === this.#kernel.name && source.id.text === stream?.owner.address.id.text;
    if (stream === undefined || !isTheirs) return "HttpStreamClosed";
    switch (action.kind) {
      case "httpChunk":
        return stream.write(blob, answer);
      case "httpRead":
        return stream.read(answer);
      case "httpEnd":
        return stream.finish(action.cut);
    }
  }

  now(): number {
    return this.#kernel.clock.monotonic();
  }

  again(stream: HttpStream, ms: number): void {
    this.#kernel.wheel.add(stream, ms);
  }

  ended(stream: HttpStream, tells: boolean): void {
    if (!this.#streams.delete(stream.id)) return;
    this.#kernel.wheel.cancel(stream);
    const { event } = stream.exchange;
    if (event !== null) this.#kernel.bus.release(event);
    if (!tells || this.#kernel.stopping) return;
    const { dialect, address } = stream.owner;
    // Not by Host.send, which would call the http-server by today's name; and there is at most one for each it was asked.
    stream.owner.postReserved(this.#events.event(dialect, address, { HttpClose: stream.id }, null));
  }

  restarting(process: Process, waiting: readonly Envelope[]): readonly Envelope[] {
    this.#abandon(process, new Set(waiting));
    return [];
  }

  gone(process: Process): void {
    this.#abandon(process, new Set());
  }

  /** @param kept events that are still to be handled */
  #abandon(process: Process, kept: ReadonlySet<Envelope>): void {
    for (const stream of [...this.#streams.values()]) {
      const { event } = stream.exchange;
      if (stream.owner !== process || (event !== null && kept.has(event))) continue;
      const isElsewhere = event !== null && this.#kernel.bus.isHeldElsewhere(event, process); // it was passed on
      if (stream.hasBegun || !isElsewhere) stream.abandon();
    }
  }

  #open(owner: Process, exchange: Exchange, seconds: number): HttpStream {
    const stream = new HttpStream(owner, exchange, this);
    this.#streams.set(stream.id, stream);
    this.#kernel.wheel.add(stream, seconds * 1000);
    return stream;
  }
}

const READING_SECONDS = 86_400; // a day: long uploads are what this is for
const NO_BYTES = new Uint8Array(0);
