/** What starts.ts is told (one JSON argument) and what it answers (one JSON line on stdout). */

export type Server = {
  readonly name: string;
  /** A file URL. */
  readonly script: string;
  /** The port follows them. */
  readonly args: readonly string[];
  /** The page that is answered with 200. */
  readonly path: string;
};

export type StartsJob = {
  readonly servers: readonly Server[];
  /** How often each of them starts. */
  readonly starts: number;
};

/** One start, up to the first page. */
export type Start = {
  readonly ms: number;
  /** Processor time of all its threads, user and system; null where it can't be read. */
  readonly cpuMs: number | null;
};

/** By server, in the order they ran. */
export type StartsOutcome = Readonly<Record<string, readonly Start[]>>;
