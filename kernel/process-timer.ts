/** A timer of a process: what came due goes through its mailbox like any message. */
import { Envelope } from "../lib/protocol/index.ts";
import type { Process } from "./process.ts";
import { WheelEntry } from "./timer-wheel.ts";

export class ProcessTimer extends WheelEntry {
  cancelled = false;
  readonly #process: Process;
  readonly #timers: Set<ProcessTimer>;
  readonly #due: unknown;

  constructor(process: Process, timers: Set<ProcessTimer>, due: unknown) {
    super();
    this.#process = process;
    this.#timers = timers;
    this.#due = due;
  }

  expire(): void {
    this.#timers.delete(this);
    const { address } = this.#process;
    const envelope = new Envelope("timer", address, address, null, null);
    envelope.context = this.#due;
    envelope.origin = this; // cancelled between here and its turn: not run
    this.#process.postReserved(envelope);
  }
}

/** Whether a timer that waits in a mailbox was cancelled meanwhile. */
export function isCancelled(envelope: Envelope): boolean {
  return envelope.origin instanceof ProcessTimer && envelope.origin.cancelled;
}
