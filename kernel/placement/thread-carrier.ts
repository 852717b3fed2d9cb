/** A realm that is a worker thread of this node's process. */
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from "node:worker_threads";
import { packMessage, unpackMessage } from "../../lib/protocol/index.ts";
import type { Batch } from "./batch-writer.ts";
import type { Begun, Carrier, CarrierEvents } from "./carrier.ts";
import { SharedRing } from "./shared-ring.ts";
import { type Posted, ThreadPort } from "./thread-port.ts";
import { CELLS, type ThreadData } from "./thread-realm.ts";

type Asked = { readonly slot: number; readonly question: Uint8Array };

export class ThreadCarrier implements Carrier {
  readonly name: string;
  readonly gone: Promise<void>;
  readonly #worker: Worker;
  readonly #batches: MessagePort;
  readonly #questions: MessagePort;
  readonly #port: ThreadPort;
  readonly #cells = new Int32Array(new SharedArrayBuffer(CELLS.count * Int32Array.BYTES_PER_ELEMENT));
  readonly #events: CarrierEvents;
  #wasKilled = false;

  constructor(entry: URL, events: CarrierEvents) {
    this.#events = events;
    const batches = new MessageChannel();
    const questions = new MessageChannel();
    const toRealm = new SharedRing();
    const toNode = new SharedRing();
    this.#batches = batches.port1;
    this.#questions = questions.port1;
    this.#port = new ThreadPort(batches.port1, toRealm, toNode, false);
    const data: ThreadData = {
      jackfieldRealm: true,
      batches: batches.port2,
      questions: questions.port2,
      cells: this.#cells.buffer,
      rings: [toRealm.memory, toNode.memory],
    };
    this.#worker = new Worker(entry, {
      name: "jackfield realm",
      workerData: data,
      transferList: [batches.port2, questions.port2],
      execArgv: [], // what the node was started with need not fit a thread
    });
    this.name = `thread ${this.#worker.threadId}`;
    this.#batches.on("message", (message: Posted | Asked) => this.#received(message));
    this.#worker.on("error", () => undefined); // the realm has said why itself: DYING. `exit` follows
    this.gone = new Promise((resolve) => {
      this.#worker.on("exit", (code) => {
        this.#ended(code);
        resolve();
      });
    });
  }

  post(batch: Batch): void {
    this.#port.post(batch);
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

  #received(message: Posted | Asked): void {
    try {
      if (isQuestion(message)) this.#events.asked(message.slot, unpackMessage(message.question));
      else this.#events.received(this.#port.batchOf(message));
    } catch (thrown) {
      this.#events.failed(thrown); // its program has the port too, and may post anything
      this.kill();
    }
  }

  #ended(code: number): void {
    for (let left = this.#left(); left !== undefined; left = this.#left()) {
      if (!isQuestion(left)) this.#received(left); // nobody waits for an answer now
    }
    this.#batches.close();
    this.#questions.close();
    this.#events.ended(this.#wasKilled ? "its thread was ended" : `its thread ended with exit code ${code}`);
  }

  /** What it had sent before it ended, and nobody has read. */
  #left(): Posted | Asked | undefined {
    return receiveMessageOnPort(this.#batches)?.message as Posted | Asked | undefined;
  }
}

function isQuestion(message: Posted | Asked): message is Asked {
  return typeof message === "object" && message !== null && "question" in message;
}
