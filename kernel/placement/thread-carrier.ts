/** A realm that is a worker thread of this node's process. */
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from "node:worker_threads";
import { packMessage, unpackMessage } from "../../lib/protocol/index.ts";
import type { Batch } from "./batch-writer.ts";
import type { Begun, Carrier, CarrierEvents } from "./carrier.ts";
import { CELLS, memoryOf, type ThreadData } from "./thread-realm.ts";

type Asked = { readonly slot: number; readonly question: Uint8Array };

export class ThreadCarrier implements Carrier {
  readonly name: string;
  readonly gone: Promise<void>;
  readonly #worker: Worker;
  readonly #batches: MessagePort;
  readonly #questions: MessagePort;
  readonly #cells = new Int32Array(new SharedArrayBuffer(CELLS.count * Int32Array.BYTES_PER_ELEMENT));
  readonly #events: CarrierEvents;
  #wasKilled = false;

  constructor(entry: URL, events: CarrierEvents) {
    this.#events = events;
    const batches = new MessageChannel();
    const questions = new MessageChannel();
    this.#batches = batches.port1;
    this.#questions = questions.port1;
    const data: ThreadData = {
      jackfieldRealm: true,
      batches: batches.port2,
      questions: questions.port2,
      cells: this.#cells.buffer,
    };
    this.#worker = new Worker(entry, {
      name: "jackfield realm",
      workerData: data,
      transferList: [batches.port2, questions.port2],
      execArgv: [], // what the node was started with need not fit a thread
    });
    this.name = `thread ${this.#worker.threadId}`;
    this.#batches.on("message", (message: Batch | Asked) => this.#received(message));
    this.#worker.on("error", () => undefined); // the realm has said why itself: DYING. `exit` follows
    this.gone = new Promise((resolve) => {
      this.#worker.on("exit", (code) => {
        this.#ended(code);
        resolve();
      });
    });
  }

  post(batch: Batch): void {
    this.#batches.postMessage(batch, memoryOf(batch));
  }

  answer(answer: unknown): void {
    this.#questions.postMessage(packMessage(answer));
    Atomics.store(this.#cells, CELLS.answered, 1);
    Atomics.notify(this.#cells, CELLS.answered);
  }

  begun(): Begun {
    return { slot: this.#cells[CELLS.slot] ?? 0, seq: (this.#cells[CELLS.seq] ?? 0) >>> 0 };
  }

  kill(): void {
    this.#wasKilled = true;
    void this.#worker.terminate();
  }

  #received(message: Batch | Asked): void {
    if ("question" in message) this.#events.asked(message.slot, unpackMessage(message.question));
    else this.#events.received(message);
  }

  #ended(code: number): void {
    for (
      let left = receiveMessageOnPort(this.#batches);
      left !== undefined;
      left = receiveMessageOnPort(this.#batches)
    ) {
      if (!("question" in left.message)) this.#events.received(left.message as Batch);
    }
    this.#batches.close();
    this.#questions.close();
    this.#events.ended(this.#wasKilled ? "its thread was ended" : `its thread ended with exit code ${code}`);
  }
}
