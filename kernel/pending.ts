/**
 * The requests one incarnation waits on: each ends in exactly one answer or error (DESIGN §3.3).
 *
 * 1. An entry leaves the table before its outcome is given: a second outcome finds nothing.
 * 2. It holds the request's blob until then, because an error brings it back, and that of the prompting request,
 *    because what follows from the outcome may inherit it.
 * 3. `holder` is who has to answer now: whoever a request was last forwarded to.
 */
import { Envelope, SendError, type SendErrorKind } from "../lib/protocol/index.ts";
import type { Process } from "./process.ts";
import { type TimerWheel, WheelEntry } from "./timer-wheel.ts";

/** How an awaited request ends. */
export type Waiter = { readonly resolve: (answer: Envelope) => void; readonly reject: (error: SendError) => void };

export class Pending extends WheelEntry {
  readonly request: Envelope;
  readonly prompting: Envelope | null;
  readonly waiter: Waiter | null; // null: the outcome goes to the mailbox
  holder: Process | null = null; // null: nobody here
  readonly #table: PendingTable;

  constructor(table: PendingTable, request: Envelope, prompting: Envelope | null, waiter: Waiter | null) {
    super();
    this.#table = table;
    this.request = request;
    this.prompting = prompting;
    this.waiter = waiter;
  }

  expire(): void {
    this.#table.fail(this.request.id, "Timeout");
  }
}

export class PendingTable {
  readonly #wheel: TimerWheel;
  readonly #entries = new Map<number, Pending>();
  readonly #deliver: (outcome: Envelope) => void;

  /** @param deliver takes outcomes that nobody awaits */
  constructor(wheel: TimerWheel, deliver: (outcome: Envelope) => void) {
    this.#wheel = wheel;
    this.#deliver = deliver;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** @param seconds until Timeout */
  add(request: Envelope, prompting: Envelope | null, waiter: Waiter | null, seconds: number): void {
    const entry = new Pending(this, request, prompting, waiter);
    request.blob?.hold();
    prompting?.blob?.hold();
    this.#entries.set(request.id, entry);
    this.#wheel.add(entry, seconds * 1000);
  }

  get(id: number): Pending | undefined {
    return this.#entries.get(id);
  }

  /** @returns false when nobody waits for it */
  answer(answer: Envelope): boolean {
    const entry = this.#take(answer.id);
    if (entry === undefined) return false;
    answer.context = entry.request.context;
    answer.prompting = entry.prompting;
    if (entry.waiter === null) this.#toMailbox(answer);
    else {
      answer.blob?.keep(); // the promise settles after lent memory has gone
      entry.waiter.resolve(answer);
    }
    return true;
  }

  /** @returns false when nobody waits for it */
  fail(id: number, kind: SendErrorKind): boolean {
    const entry = this.#take(id);
    if (entry === undefined) return false;
    const { request } = entry;
    const error = new Envelope("error", request.target, request.source, request.body, request.blob);
    error.id = id;
    error.error = kind;
    error.context = request.context;
    error.prompting = entry.prompting;
    if (entry.waiter === null) this.#toMailbox(error);
    else {
      error.blob?.keep();
      entry.waiter.reject(new SendError(error));
    }
    return true;
  }

  /** Everything that `holder` was to answer ends with `Offline`. */
  failHeldBy(holder: Process): void {
    for (const [id, entry] of this.#entries) if (entry.holder === holder) this.fail(id, "Offline");
  }

  /** Forgets all without an outcome: the incarnation has ended. */
  clear(): void {
    for (const id of [...this.#entries.keys()]) this.#take(id);
  }

  /** What it is handled with, it may pass on: the blob of the request that prompted it must last until then. */
  #toMailbox(outcome: Envelope): void {
    const blob = outcome.prompting?.blob ?? null;
    if (blob !== null && !blob.expired) blob.keep();
    this.#deliver(outcome);
  }

  #take(id: number): Pending | undefined {
    const entry = this.#entries.get(id);
    if (entry === undefined) return undefined;
    this.#entries.delete(id);
    this.#wheel.cancel(entry);
    entry.request.blob?.release();
    entry.prompting?.blob?.release();
    return entry;
  }
}
