/**
 * How bench/processes measures, inside the one process that makes and ends them all.
 *
 * 1. Once for nothing, so that what is made by then is there for all and the code is compiled; then what counts.
 * 2. The heap is read after collecting garbage: before, with all of them, and when they have ended.
 * 3. Processor time is the whole process's, with what garbage collection took meanwhile. One JSON line, and exit.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { collectTwice } from "./collect.ts";

const BATCH = 100; // then the event loop comes round: whoever makes them by messages is not to refuse any
const SETTLE_MS = 50; // for what begins or ends in a later turn

export type ProcessesOutcome = {
  readonly bytes: number;
  readonly cpuUs: number;
  readonly endCpuUs: number;
  /** What is left of one that has ended. */
  readonly leftBytes: number;
};

/** What a script with several ways is asked to make. */
export function way(): string {
  return process.argv[2] ?? "";
}

/**
 * @param make @param end one by its number, counted from 0, each number once
 * @param heapBytes what is on the heap when garbage has been collected
 */
export async function measure(
  make: (index: number) => unknown,
  end: (index: number) => unknown,
  heapBytes: () => Promise<number> = collectTwice,
): Promise<ProcessesOutcome> {
  const count = Number(process.argv[3]); // processes.ts wrote it
  const all = async (from: number, act: (index: number) => unknown): Promise<number> => {
    const before = process.cpuUsage();
    for (let i = 0; i < count; i += 1) {
      await act(from + i);
      if (i % BATCH === BATCH - 1) await new Promise((resolve) => setImmediate(resolve));
    }
    await sleep(SETTLE_MS);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / count;
  };
  await all(0, make);
  await all(0, end);
  const before = await heapBytes();
  const cpuUs = await all(count, make);
  const made = await heapBytes();
  const endCpuUs = await all(count, end);
  const left = await heapBytes();
  return {
    bytes: Math.round((made - before) / count),
    cpuUs: tenths(cpuUs),
    endCpuUs: tenths(endCpuUs),
    leftBytes: Math.round((left - before) / count),
  };
}

/** Prints it as the one line that the bench waits for. */
export function answer(outcome: ProcessesOutcome): void {
  process.stdout.write(`${JSON.stringify(outcome)}\n`, () => process.exit(0));
}

function tenths(figure: number): number {
  return Math.round(figure * 10) / 10;
}
