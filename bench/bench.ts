/** What a bench is, to whoever runs it: a name, a measurement, and figures that say which way is better. */

/** From the command line; each has a default in settings.ts. */
export type Settings = {
  /** One line of JSON instead of a table. */
  readonly json: boolean;
  /** The measured window of one round. */
  readonly seconds: number;
  /** How often each contender has its turn. */
  readonly rounds: number;
  /** Names of contenders; undefined for all. */
  readonly only: readonly string[] | undefined;
  readonly connections: number;
  /** Messages each connection keeps on their way. */
  readonly inflight: number;
  /** Payload of a message. */
  readonly bytes: number;
};

/** The rounds of one contender, in the order they ran, and what stands for them. */
export type Figures = {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly rounds: readonly number[];
};

/** Printed as it is by `--json`: names and units are relied on by scripts. */
export type Report = {
  readonly bench: string;
  /** By name; messages per second for `echo`. */
  readonly contenders: Readonly<Record<string, Figures>>;
  /** Median of jackfield over median of the limit; null when `--only` left one of them out. */
  readonly ratio: number | null;
  readonly connections: number;
  readonly inflight: number;
  readonly bytes: number;
  /** Version of Node.js. */
  readonly node: string;
  readonly seconds: number;
};

export type Bench = {
  readonly name: string;
  /** What one unit of its figures is. */
  readonly unit: string;
  /** What `--only` may name; the first is the limit that others are measured against. */
  readonly contenders: readonly string[];
  /** Runs for minutes; `note` is told of each round and of anything that makes the figures worth less. */
  readonly run: (settings: Settings, note: (line: string) => void) => Promise<Report>;
};
