/** The way out of a realm: what a thread and an operating-system process do differently, seen from inside. */
import type { Batch } from "./batch-writer.ts";
import type { Question } from "./questions.ts";

export interface RealmCarrier {
  /** Once. Batches come in the order they were sent. */
  listen(received: (batch: Batch) => void): void;
  post(batch: Batch): void;
  /** Asks the node and blocks until it has answered. */
  ask(slot: number, question: Question): unknown;
  /** Hot path: a process begins with a message (0: a timer), which the node can read even when the realm is dead. */
  begins(slot: number, seq: number): void;
  /** The handler that has begun last has returned. */
  returns(): void;
}
