/** A realm that is a worker thread, seen from inside: batches by a ThreadPort, questions by a wait on shared memory. */
import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import { packMessage, unpackMessage } from "../../lib/protocol/index.ts";
import type { Batch } from "./batch-writer.ts";
import type { Question } from "./questions.ts";
import type { RealmCarrier } from "./realm-carrier.ts";
import { SharedRing } from "./shared-ring.ts";
import { type Posted, ThreadPort } from "./thread-port.ts";

/** Shared with the node: what is being handled, and whether a question is answered. */
export const CELLS = { slot: 0, seq: 1, answered: 2, count: 3 } as const;

/** What a thread is started with. */
export type ThreadData = {
  readonly jackfieldRealm: true;
  readonly batches: MessagePort;
  readonly questions: MessagePort;
  readonly cells: SharedArrayBuffer;
  /** Memory of the SharedRings: to the realm, and to the node. */
  readonly rings: readonly [SharedArrayBuffer, SharedArrayBuffer];
};

export function isThreadData(value: unknown): value is ThreadData {
  return typeof value === "object" && value !== null && (value as Partial<ThreadData>).jackfieldRealm === true;
}

export class ThreadRealm implements RealmCarrier {
  readonly #batches: MessagePort;
  readonly #questions: MessagePort;
  readonly #cells: Int32Array;
  readonly #port: ThreadPort;

  constructor({ batches, questions, cells, rings }: ThreadData) {
    this.#batches = batches;
    this.#questions = questions;
    this.#cells = new Int32Array(cells);
    const [toRealm, toNode] = rings;
    this.#port = new ThreadPort(batches, new SharedRing(toNode), new SharedRing(toRealm), true);
  }

  listen(received: (batch: Batch) => void): void {
    this.#batches.on("message", (posted: Posted) => received(this.#port.batchOf(posted)));
  }

  post(batch: Batch): void {
    this.#port.post(batch);
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
