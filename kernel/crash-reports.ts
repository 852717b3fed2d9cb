/**
 * What is known of each end of a process by a throw: the last ones are kept, here and by a store if there is one.
 *
 * 1. A report holds nothing of the message but its name and its size: it outlives the message, and is shown to people.
 * 2. A store is told after the fact, and must not throw; what it has kept is older than all of this run.
 */
import type { Clock, Envelope } from "../lib/protocol/index.ts";
import type { KernelEvents } from "./events.ts";
import { History } from "./history.ts";
import type { KernelLimits } from "./limits.ts";
import { Poison } from "./poison.ts";
import type { Process } from "./process.ts";
import type { Verdict } from "./verdict.ts";

const ACTION_MAX = 64; // characters: names of actions are words
const ERROR_MAX = 2_000; // characters: an error may quote what it was given, and that may be megabytes
const STACK_MAX = 8_000; // characters: V8 writes ten frames

/** - `exiting`: in its farewell, after the last message: what was to follow its exit, follows. */
export type CrashDecision = "restart" | "end" | "give_up" | "exiting";

export type CrashReport = {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly process: string;
  readonly incarnation: number;
  readonly error: string;
  /** For people at the node; never sent to a client. */
  readonly stack: string | null;
  /** How long the incarnation had run; milliseconds. */
  readonly ranMs: number;
  /** The message in hand; null: it was in its init. */
  readonly message: CrashMessage | null;
  readonly decision: CrashDecision;
  /** Milliseconds until the next incarnation; null: there is none. */
  readonly restartInMs: number | null;
};

/**
 * @property action the name of what it asked for: the first key of its body, or the body where that is a text
 * @property blobBytes null when it had none
 * @property crashes how often this sender's same action has crashed the process within limits.poisonWindow, this one included
 */
export type CrashMessage = {
  readonly kind: Envelope["kind"];
  readonly source: string;
  readonly action: string;
  readonly blobBytes: number | null;
  readonly crashes: number;
};

/** Keeps reports beyond the end of the node. */
export interface CrashStore {
  /** Those of earlier runs, oldest first: the last `limits.crashReports` of them are shown. */
  load(): readonly CrashReport[];
  add(report: CrashReport): void;
}

export type Crash = {
  readonly process: Process;
  readonly thrown: unknown;
  readonly inHand: Envelope | null;
  /** Of its incarnation, ms monotonic. */
  readonly startedAt: number | null;
  /** Null: it was on its way out. */
  readonly verdict: Verdict | null;
};

export class CrashReports {
  readonly #clock: Clock;
  readonly #limits: KernelLimits;
  readonly #events: KernelEvents;
  readonly #store: CrashStore | null;
  readonly #kept: History<CrashReport>;
  readonly #poison: Poison;

  constructor(clock: Clock, limits: KernelLimits, events: KernelEvents, store: CrashStore | null) {
    this.#clock = clock;
    this.#limits = limits;
    this.#events = events;
    this.#store = store;
    this.#poison = new Poison(limits);
    this.#kept = new History(limits.crashReports);
    for (const report of store?.load() ?? []) this.#kept.add(report);
  }

  /** How many there ever were. */
  get total(): number {
    return this.#kept.total;
  }

  /** Oldest first. */
  last(): readonly CrashReport[] {
    return this.#kept.last();
  }

  report(crash: Crash): void {
    const now = this.#clock.monotonic();
    const { process, thrown, inHand, startedAt, verdict } = crash;
    const name = process.address.id.text;
    const report: CrashReport = {
      at: this.#clock.now(),
      process: name,
      incarnation: process.incarnation,
      ...describeError(thrown),
      ranMs: Math.round(now - (startedAt ?? now)),
      message: inHand === null ? null : this.#message(name, inHand, now),
      decision: decisionOf(verdict),
      restartInMs: verdict?.restarts === true ? verdict.delayMs : null,
    };
    this.#kept.add(report);
    this.#store?.add(report);
    this.#events.emit({ type: "process-crashed", report });
    const { message } = report;
    if (message !== null && message.crashes >= this.#limits.poisonCrashes) {
      const { source, action, crashes } = message;
      this.#events.emit({ type: "poison", process: name, source, action, crashes });
    }
  }

  #message(process: string, { kind, source, body, blob }: Envelope, now: number): CrashMessage {
    const action = kind === "timer" ? "timer" : actionOf(body);
    return {
      kind,
      source: source.text,
      action,
      blobBytes: blob === null || blob.expired ? null : blob.byteLength,
      crashes: kind === "timer" ? 1 : this.#poison.count(process, source.text, `${kind} ${action}`, now), // nobody sends a timer
    };
  }
}

/** What a message asks for, in a word, as far as its body says so. */
export function actionOf(body: unknown): string {
  if (typeof body === "string") return cut(body, ACTION_MAX);
  if (typeof body !== "object" || body === null) return body === null ? "null" : typeof body;
  if (Array.isArray(body)) return "list";
  if (body instanceof Uint8Array) return "bytes";
  for (const key in body) return cut(key, ACTION_MAX);
  return "{}";
}

function decisionOf(verdict: Verdict | null): CrashDecision {
  if (verdict === null) return "exiting";
  if (verdict.restarts) return "restart";
  return verdict.gaveUp ? "give_up" : "end";
}

/** Whatever was thrown: reading it must not throw again. */
function describeError(thrown: unknown): { readonly error: string; readonly stack: string | null } {
  try {
    const error = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
    const stack = thrown instanceof Error ? (thrown.stack ?? null) : null;
    return { error: cut(error, ERROR_MAX), stack: stack === null ? null : cut(stack, STACK_MAX) };
  } catch {
    return { error: "what was thrown cannot be read", stack: null };
  }
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most)}…`;
}
