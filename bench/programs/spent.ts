/** What the two processes of bench/placements and who starts them have to agree on. */

/** Messages that the receiver handles before it asks for as many more; two of them fit into a mailbox easily. */
export const MORE_EVERY = 500;

export type PlacementJob = {
  readonly way: "ask" | "send";
  readonly inflight: number;
  readonly warmupMs: number;
  readonly measureMs: number;
};

/** Processor time of an operating-system process, all of its threads, in microseconds. */
export type Spent = { readonly pid: number; readonly cpu: number };

/** What the sender says in the end. */
export type Sent = { readonly messages: number; readonly ms: number; readonly spent: Spent };

export function cpuMicroseconds(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** By whoever asks, so far. */
export function spent(): Spent {
  return { pid: process.pid, cpu: cpuMicroseconds() };
}
