/** The way to a realm: what a thread and an operating-system process do differently, seen from the node. */
import type { Batch } from "./batch-writer.ts";

/** What was being handled: `slot` 0, nothing. */
export type Begun = { readonly slot: number; readonly seq: number };

export interface Carrier {
  /** For people: `thread 3`, `pid 4711`. */
  readonly name: string;
  post(batch: Batch): void;
  /** To the question the realm waits with: `{ ok }` or `{ error }`. */
  answer(answer: unknown): void;
  /** What the realm is at, or was when it died. */
  begun(): Begun;
  /** Ends it, whatever it does. */
  kill(): void;
  /** It says itself how much memory it holds, in MiB: for where nobody else can. */
  holds?(mib: number): void;
  /** Fulfilled when it is no more. */
  readonly gone: Promise<void>;
}

export type CarrierEvents = {
  received(batch: Batch): void;
  /** To be answered, or the realm waits for ever. */
  asked(slot: number, question: unknown): void;
  /** It said what no realm of ours says; it is being ended. */
  failed(error: unknown): void;
  /** It is over a limit, and is to be ended. @param why after `Cannot go on with … as` */
  outgrown(why: string): void;
  /** A line for the log. */
  printed(line: string): void;
  /** Once, after all that it had sent. @param why an end of a sentence: `it ended with exit code 1` */
  ended(why: string): void;
};
