/**
 * The requests one incarnation waits on: each ends in exactly one answer or error (DESIGN §3.3).
 *
 * 1. An entry leaves the table before its outcome is given: a second outcome finds it gone.
 * 2. It holds the request's blob until then, because an error brings it back, and that of the prompting request,
 *    because what follows from the outcome may inherit it.
 * 3. `holder` is who has to answer now: whoever a request was last forwarded to.
 * 4. An entry that was released counts no more and has no time limit; its answer, if one comes, is taken all the same.
 * 5. The request itself leads to its entry (`Envelope.pending`), and so does a forwarded one: nothing is looked up.
 */
import { Envelope, SendError, type SendErrorKind } from "../lib/protocol/index.ts";
import type { Process } from "./process.ts";
import type { TimerWheel, WheelEntry } from "./timer-wheel.ts";
import type { WaitingTables } from "./waiting-tables.ts";

export type Resolve = (answer: Envelope) => void;
export type Reject = (error: SendError) => void;

export class Pending implements WheelEntry {
  /** Wheel only: see WheelEntry. */
  tick = 0;
  before: WheelEntry | null = null;
  after: WheelEntry | null = null;
  slot = -1;
  readonly request: Envelope;
  /** What the requester keeps: taken off the request, which others read. */
  readonly context: unknown;
  readonly prompting: Envelope | null;
  /** Both null: the outcome goes to the mailbox. */
  readonly resolve: Resolve | null;
  readonly reject: Reject | null;
  holder: Process | null = null; // null: nobody here
  /** Table only: its neighbours there, and whether it is there at all. */
  older: Pending | null = null;
  newer: Pending | null = null;
  waits = true;
  isReleased = false;
  readonly #table: PendingTable;

  constructor(
    table: PendingTable,
    request: Envelope,
    prompting: Envelope | null,
    resolve: Resolve | null,
    reject: Reject | null,
  ) {
    this.#table = table;
    this.request = request;
    this.context = request.context;
    request.context = undefined;
    this.prompting = prompting;
    this.resolve = resolve;
    this.reject = reject;
  }

  expire(): void {
    this.fail("Timeout");
  }

  /** @returns false when its outcome was given before */
  answer(answer: Envelope): boolean {
    return this.#table.answer(this, answer);
  }

  /** @returns false when its outcome was given before */
  fail(kind: SendErrorKind): boolean {
    return this.#table.fail(this, kind);
  }

  /** See rule 4. Only of one whose outcome goes to the mailbox. */
  release(): void {
    this.#table.release(this);
  }
}

/** Who waits for the answer to `request`; null: nobody on this node. */
export function pendingOf(request: Envelope): Pending | null {
  return request.pending as Pending | null; // only `PendingTable.add` and forwarding set it
}

/** Takes outcomes that nobody awaits: the process itself. */
export type Taker = { postReserved(outcome: Envelope): unknown };

export class PendingTable {
  readonly #wheel: TimerWheel;
  #newest: Pending | null = null;
  #size = 0;
  readonly #taker: Taker;
  readonly #tables: WaitingTables;
  #isListed = false; // see WaitingTables

  constructor(wheel: TimerWheel, taker: Taker, tables: WaitingTables) {
    this.#wheel = wheel;
    this.#taker = taker;
    this.#tables = tables;
  }

  get size(): number {
    return this.#size;
  }

  /** @param seconds until Timeout */
  add(
    request: Envelope,
    prompting: Envelope | null,
    seconds: number,
    resolve: Resolve | null,
    reject: Reject | null,
  ): void {
    const entry = new Pending(this, request, prompting, resolve, reject);
    if (request.blob !== null) request.blob.hold();
    if (prompting !== null && prompting.blob !== null) prompting.blob.hold();
    entry.older = this.#newest;
    if (this.#newest !== null) this.#newest.newer = entry;
    else if (!this.#isListed) this.#list();
    this.#newest = entry;
    this.#size++;
    request.pending = entry;
    this.#wheel.add(entry, seconds * 1000);
  }

  answer(entry: Pending, answer: Envelope): boolean {
    if (!this.#take(entry) && !entry.isReleased) return false;
    entry.isReleased = false;
    answer.context = entry.context;
    answer.prompting = entry.prompting;
    if (entry.resolve === null) this.#toMailbox(answer);
    else {
      if (answer.blob !== null) answer.blob.keep(); // the promise settles after lent memory has gone
      entry.resolve(answer);
    }
    return true;
  }

  fail(entry: Pending, kind: SendErrorKind): boolean {
    if (!this.#take(entry)) return false;
    const { request } = entry;
    const error = new Envelope("error", request.target, request.source, request.body, request.blob);
    error.id = request.id;
    error.error = kind;
    error.context = entry.context;
    error.prompting = entry.prompting;
    if (entry.reject === null) this.#toMailbox(error);
    else {
      error.blob?.keep();
      entry.reject(new SendError(error));
    }
    return true;
  }

  release(entry: Pending): void {
    if (this.#take(entry)) entry.isReleased = true;
  }

  /** Everything that `holder` was to answer ends with `Offline`, the oldest first. */
  failHeldBy(holder: Process): void {
    const held: Pending[] = [];
    for (let entry = this.#newest; entry !== null; entry = entry.older) if (entry.holder === holder) held.push(entry);
    for (const entry of held.reverse()) this.fail(entry, "Offline");
  }

  /** Forgets all without an outcome: the incarnation has ended. */
  clear(): void {
    for (const entry of this.#entries()) this.#take(entry);
    this.unlist();
  }

  /** WaitingTables only. */
  unlist(): void {
    this.#isListed = false;
    this.#tables.delete(this);
  }

  #list(): void {
    this.#isListed = true;
    this.#tables.add(this);
  }

  /** That wait, the newest first; to look at only. */
  *requests(): Iterable<Envelope> {
    for (let entry = this.#newest; entry !== null; entry = entry.older) yield entry.request;
  }

  /** Oldest first. */
  #entries(): Pending[] {
    const entries: Pending[] = [];
    for (let entry = this.#newest; entry !== null; entry = entry.older) entries.push(entry);
    return entries.reverse();
  }

  /** What it is handled with, it may pass on: the blob of the request that prompted it must last until then. */
  #toMailbox(outcome: Envelope): void {
    const blob = outcome.prompting?.blob ?? null;
    if (blob !== null && !blob.expired) blob.keep();
    this.#taker.postReserved(outcome);
  }

  #take(entry: Pending): boolean {
    if (!entry.waits) return false;
    entry.waits = false;
    const { older, newer } = entry;
    if (newer === null) this.#newest = older;
    else newer.older = older;
    if (older !== null) older.newer = newer;
    entry.older = null; // or a dead one in V8's old generation would keep all that came after it
    entry.newer = null;
    this.#size--;
    this.#wheel.cancel(entry);
    if (entry.request.blob !== null) entry.request.blob.release();
    if (entry.prompting !== null && entry.prompting.blob !== null) entry.prompting.blob.release();
    return true;
  }
}
