/**
 * Makes the benches in which messages go there and back: who takes part, what the server does with each message, and
 * how many are on their way.
 */
import type { Bench, Report, Settings } from "./bench.ts";
import type { Work } from "./contenders/told.ts";
import { type ContenderName, contenderOf } from "./contenders.ts";
import { exchangeOf } from "./exchanges.ts";
import { ratioOf, ratiosOf } from "./figures.ts";
import { gather } from "./install-peers.ts";
import { playRounds } from "./rounds.ts";

const WARMUP_MS = 1500; // bare uWebSockets.js was steady after 500; a contender with more JavaScript to compile needs longer

export type ExchangeOptions = Pick<Bench, "name" | "about"> & {
  readonly work: Work;
  /** The limit comes first. */
  readonly contenders: readonly ContenderName[];
  /** Unless the command line says otherwise. */
  readonly connections: number;
  readonly inflight: number;
};

export function exchangeBench(options: ExchangeOptions): Bench {
  const { name, about, contenders } = options;
  return { name, about, contenders, run: (settings, note) => run(options, settings, note) };
}

async function run(options: ExchangeOptions, settings: Settings, note: (line: string) => void): Promise<Report> {
  const { work } = options;
  const { only, connections = options.connections, inflight = options.inflight, bytes, seconds, rounds } = settings;
  const exchange = exchangeOf(work, bytes);
  const known = options.contenders.map((name) => contenderOf(name, work));
  const { playing, missing } = await gather(options.name, known, only, note);
  const load = { connections, inflight, exchange, warmupMs: WARMUP_MS, measureMs: seconds * 1000 };
  const results = await playRounds(playing, load, rounds, note);
  return {
    bench: options.name,
    unit: "messages/s",
    contenders: results,
    ratio: ratioOf(results, "jackfield", "uwebsockets"),
    ratios: ratiosOf(results),
    missing,
    connections,
    inflight,
    bytes,
    node: process.versions.node,
    seconds,
  };
}
