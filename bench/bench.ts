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
  /** As given; undefined: what the bench itself says. */
  readonly connections: number | undefined;
  /** Messages each connection keeps on their way; undefined as above. */
  readonly inflight: number | undefined;
  /** Payload of a message. */
  readonly bytes: number;
  /** Of one file that is uploaded, MiB. */
  readonly megabytes: number;
};

/** The rounds of one contender, in the order they ran, and what stands for them. */
export type Figures = {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly rounds: readonly number[];
};

/** What one contender did: its main figure, in the bench's unit, and what else was read off the same rounds. */
export type Result = Figures & {
  /** By a name that ends in its unit: `p50Us`, `spreadMs`, `bytesPerChannel`. */
  readonly also?: Readonly<Record<string, Figures>>;
};

/** Printed as it is by `--json`: names and units are relied on by scripts. */
export type Report = {
  readonly bench: string;
  /** Of the main figure. */
  readonly unit: string;
  /** By name. */
  readonly contenders: Readonly<Record<string, Result>>;
  /** Median of jackfield over median of the limit; null when `--only` left one of them out. */
  readonly ratio: number | null;
  /** Other medians over one another, by `<one>/<other>`. */
  readonly ratios?: Readonly<Record<string, number>>;
  /** Contenders that could not be had here. */
  readonly missing?: readonly string[];
  /** Version of Node.js. */
  readonly node: string;
  /** What the work was: `connections`, `bytes`, …; names end in their unit where they have one. */
  readonly [fact: string]: unknown;
};

export type Bench = {
  /** Unique; `npm run bench -- <name>`. */
  readonly name: string;
  /** One line: what is done, and against what. */
  readonly about: string;
  /** What `--only` may name; the first is the limit that others are measured against. */
  readonly contenders: readonly string[];
  /** Flags that stand before those given, where the usual defaults do not fit. */
  readonly defaults?: readonly string[];
  /** Runs for minutes; `note` is told of each round and of anything that makes the figures worth less. */
  readonly run: (settings: Settings, note: (line: string) => void) => Promise<Report>;
};
