/** A realm that is a worker thread, seen from inside: batches by a MessagePort, questions by a wait on shared memory. */
import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import { packMessage, unpackMessage } from "../../lib/protocol/index.ts";
import type { Batch } from "./batch-writer.ts";
import type { Question } from "./questions.ts";
import type { RealmCarrier } from "./realm-carrier.ts";

/** Shared with the node: what is being handled, and whether a question is answered. */
export const CELLS = { slot: 0, seq: 1, answered: 2, count: 3 } as const;

/** What a thread is started with. */
export type ThreadData = {
  readonly jackfieldRealm: true;
  readonly batches: MessagePort;
  readonly questions: MessagePort;
  readonly cells: SharedArrayBuffer;
};

export function isThreadData(value: unknown): value is ThreadData {
  return typeof value === "object" && value !== null && (value as Partial<ThreadData>).jackfieldRealm === true;
}

export class ThreadRealm implements RealmCarrier {
  readonly #batches: MessagePort;
  readonly #questions: MessagePort;
  readonly #cells: Int32Array;

  constructor({ batches, questions, cells }: ThreadData) {
    this.#batches = batches;
    this.#questions = questions;
    this.#cells = new Int32Array(cells);
  }

  listen(received: (batch: Batch) => void): void {
    this.#batches.on("message", received);
  }

  post(batch: Batch): void {
    this.#batches.postMessage(batch, memoryOf(batch));
  }

  ask(slot: number, question: Question): unknown {
    Atomics.store(this.#cells, CELLS.answered, 0);
    this.#batches.postMessage({ slot, question: packMessage(question) });
    while (Atomics.load(this.#cells, CELLS.answered) === 0) Atomics.wait(this.#cells, CELLS.answered, 0);
    const received = receiveMessageOnPort(this.#questions) as { readonly message: Uint8Array };
    return unpackMessage(received.message);
  }

  begins(slot: number, seq: number): void {
    this.#cells[CELLS.slot] = slot; // plain stores: who reads them does so when this thread is dead or stuck
    this.#cells[CELLS.seq] = seq;
  }

  returns(): void {
    this.#cells[CELLS.slot] = 0;
  }
}

/** Handed over, not copied. */
export function memoryOf({ bytes, large }: Batch): ArrayBuffer[] {
  return [bytes, ...large].map(({ buffer }) => buffer as ArrayBuffer); // BatchWriter makes no other
}
