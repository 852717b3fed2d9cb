/**
 * How bench/request measures, inside the one process that sends and handles.
 *
 * 1. What counts is what was handled, by the receiver's own count, not what was sent.
 * 2. The clock is read once per TURN messages. First comes the warm-up, then the window; then one JSON line, and exit.
 * 3. Every contender's message is a new object: messages are made, not kept.
 */

/** Messages sent before the receiver must have handled them all: far below any mailbox's limit. */
export const TURN = 100;

/** What is sent; `n` is what the receiver adds to its count. */
export type Add = { readonly type: "add"; readonly n: number };

export type MeterJob = { readonly warmupMs: number; readonly measureMs: number; readonly inflight: number };

export type MeterOutcome = { readonly perSecond: number; readonly cpuNsPerMessage: number };

/** @throws {SyntaxError} the script was not started by the bench */
export function meterJob(): MeterJob {
  return JSON.parse(process.argv[3] ?? "") as MeterJob; // request.ts wrote it
}

/** What a script with two ways is asked to do: to send, or to ask. */
export function way(): string {
  return process.argv[2] ?? "";
}

export class Meter {
  readonly #job: MeterJob;
  readonly #warmUntil: number;
  #from: { readonly at: number; readonly handled: number; readonly cpu: NodeJS.CpuUsage } | undefined;

  constructor(job: MeterJob) {
    this.#job = job;
    this.#warmUntil = performance.now() + job.warmupMs;
  }

  /** Once a turn. @param handled messages in all @returns whether to go on; if not, the outcome is printed */
  goesOn(handled: number): boolean {
    const now = performance.now();
    if (this.#from === undefined) {
      if (now >= this.#warmUntil) this.#from = { at: now, handled, cpu: process.cpuUsage() };
      return true;
    }
    const ms = now - this.#from.at;
    if (ms < this.#job.measureMs) return true;
    const { user, system } = process.cpuUsage(this.#from.cpu);
    const messages = handled - this.#from.handled;
    const outcome: MeterOutcome = {
      perSecond: Math.round((messages * 1000) / ms),
      cpuNsPerMessage: Math.round(((user + system) * 1000 * 10) / messages) / 10,
    };
    process.stdout.write(`${JSON.stringify(outcome)}\n`, () => process.exit(0));
    return false;
  }
}

/** For what is handled by the time a send returns. @param handled the receiver's own count */
export function sendInTurns(send: () => void, handled: () => number): void {
  const meter = new Meter(meterJob());
  do {
    for (let i = 0; i < TURN; i += 1) send();
  } while (meter.goesOn(handled()));
}

/** Asks again when answered, in as many loops side by side as messages may be on their way. */
export async function askInTurns(ask: () => Promise<unknown>, handled: () => number): Promise<void> {
  const job = meterJob();
  const meter = new Meter(job);
  let isOver = false;
  const loop = async (): Promise<void> => {
    while (!isOver) {
      for (let i = 0; i < TURN; i += 1) await ask();
      if (!isOver && !meter.goesOn(handled())) isOver = true;
    }
  };
  await Promise.all(Array.from({ length: job.inflight }, loop));
}
