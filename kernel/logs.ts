/**
 * The last lines of all processes, and what the kernel has to say of their ends: for people who look in by and by.
 *
 * Each line has a number, from 1 and without a gap, by which somebody who follows asks for those after it.
 */
import type { Clock } from "../lib/protocol/index.ts";
import type { KernelEvent } from "./events.ts";
import { History } from "./history.ts";
import type { KernelLimits } from "./limits.ts";

/** - `log`: the process wrote it. The others are the kernel's words. */
export type LogKind = "log" | "crash" | "restart" | "gave_up" | "poison" | "fault";

export type LogLine = {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly process: string;
  readonly kind: LogKind;
  readonly text: string;
};

export class Logs {
  readonly #clock: Clock;
  readonly #limits: KernelLimits;
  readonly #lines: History<LogLine>;

  constructor(clock: Clock, limits: KernelLimits) {
    this.#clock = clock;
    this.#limits = limits;
    this.#lines = new History(limits.logLines);
  }

  /** The number of the newest line; 0: there is none. */
  get newest(): number {
    return this.#lines.total;
  }

  /** Lines with a number above `number` that are kept, oldest first. */
  since(number: number): readonly LogLine[] {
    return this.#lines.since(number);
  }

  hear(event: KernelEvent): void {
    switch (event.type) {
      case "log":
        return this.#add(event.process, "log", event.text);
      case "process-crashed":
        return this.#add(event.report.process, "crash", event.report.stack ?? event.report.error);
      case "process-restarting":
        return this.#add(event.process, "restart", `is restarted in ${event.delayMs} ms`);
      case "process-gave-up":
        return this.#add(event.process, "gave_up", `is given up after ${event.restarts} restarts`);
      case "poison":
        return this.#add(event.process, "poison", poisonText(event));
      case "fault":
        return this.#add(event.process, "fault", event.error instanceof Error ? event.error.message : "a defect");
      default:
        return undefined;
    }
  }

  #add(process: string, kind: LogKind, text: string): void {
    const { logLineChars } = this.#limits;
    const kept = text.length <= logLineChars ? text : `${text.slice(0, logLineChars)}…`;
    this.#lines.add({ at: this.#clock.now(), process, kind, text: kept });
  }
}

export function poisonText({ source, action, crashes }: Extract<KernelEvent, { type: "poison" }>): string {
  return `has crashed ${crashes} times by "${action}" from ${source}`;
}
