/** What `npm run soak` finds, by who counts it, and what is a breach of a guarantee. */

/** A JSON value: it crosses from the node's process to the one of the clients. */
export type NodeCounts = {
  /** Requests between processes that wanted an answer. */
  readonly asked: number;
  /** By how they ended: Response, Timeout, Offline, … */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly unaccounted: number;
  /** Crashes that were made, by kind. */
  readonly crashes: Readonly<Record<string, number>>;
  readonly restarts: number;
  readonly handled: number;
  readonly stateWrites: number;
  readonly timersFired: number;
  readonly spawned: number;
  readonly deadLetters: Readonly<Record<string, number>>;
  readonly processes: number;
  /** What was found wrong, the first of each kind and how often. */
  readonly breaches: Readonly<Record<string, { readonly times: number; readonly first: string }>>;
};

export type ClientCounts = {
  readonly channels: number;
  readonly refused: number;
  readonly frames: number;
  readonly echoes: number;
  /** On their way when their channel ended. */
  readonly lostWithChannel: number;
  readonly unaccountedFrames: number;
  readonly httpRequests: number;
  readonly httpStatus: Readonly<Record<string, number>>;
  readonly unaccountedHttp: number;
  readonly breaches: NodeCounts["breaches"];
};

export type SoakReport = {
  readonly ok: boolean;
  readonly seconds: number;
  /** Crashes that were made. */
  readonly crashes: number;
  /** Between processes, over HTTP, and frames to be echoed: whoever wants an answer. */
  readonly requests: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly unaccounted: number;
  readonly heapStart: number;
  readonly heapEnd: number;
  readonly heapBound: number;
  /** What broke; empty when all is well. */
  readonly broken: readonly string[];
  readonly exitCode: number | null;
  readonly node: NodeCounts;
  readonly clients: ClientCounts;
};

/** Counts breaches by kind, so that a thousand of one do not hide another. */
export class Breaches {
  readonly #found = new Map<string, { times: number; readonly first: string }>();

  add(kind: string, says: string): void {
    const found = this.#found.get(kind);
    if (found === undefined) this.#found.set(kind, { times: 1, first: says });
    else found.times++;
  }

  all(): NodeCounts["breaches"] {
    return Object.fromEntries(this.#found);
  }
}

export function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}

export function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((all, one) => all + one, 0);
}
