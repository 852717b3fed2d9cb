/**
 * bench/processes: what a process costs, made and ended, with nothing to do: bytes on the heap, and processor time.
 *
 * 1. Thousands are made in one Node.js process, without a socket; the heap is read after collecting garbage. Less is better.
 * 2. There is no limit to be measured against but an object, which guarantees nothing: `ratios` are each of ours over each
 *    other library's.
 * 3. Each contender is a child process of its own, on one core: contenders/processes-*.ts, peers/processes-*.ts.
 */
import type { Bench, Report, Settings } from "./bench.ts";
import { firstLine, stop } from "./child.ts";
import type { ProcessesOutcome } from "./contenders/processes-meter.ts";
import { spawnScript } from "./cores.ts";
import { ratioOf } from "./figures.ts";
import { gather } from "./install-peers.ts";
import { type ScriptContender, scriptsOf } from "./script-contender.ts";
import { type Round, takeTurns } from "./turns.ts";

const COUNT = 10_000; // processes: so many that what is there once does not count, within limits.processes
const ROUND_MS = 120_000; // a round takes a few seconds

const { own, peer } = scriptsOf("processes");

const CONTENDERS: readonly ScriptContender[] = [
  own("jackfield", "jackfield", "add"),
  own("jackfield-spawn", "jackfield", "spawn"),
  own("jackfield-keyed", "jackfield", "keyed"),
  own("xstate", "xstate", "transition"),
  own("xstate-machine", "xstate", "machine"),
  peer("nact", "nact", ""),
];
const OURS = ["jackfield", "jackfield-spawn", "jackfield-keyed"];
const OTHERS = ["xstate", "xstate-machine", "nact"];

export const processes: Bench = {
  name: "processes",
  about: "what a process costs that has nothing to do, against other actors: bytes of heap, less is better",
  contenders: CONTENDERS.map(({ name }) => name),
  run,
};

async function run(settings: Settings, note: (line: string) => void): Promise<Report> {
  const { only } = settings;
  const { playing, missing } = await gather("processes", CONTENDERS, only, note);
  const contenders = await takeTurns(playing, settings, note, playRound);
  return {
    bench: "processes",
    unit: "bytes/process",
    contenders,
    ratio: null,
    ratios: ratiosOf(contenders),
    missing,
    processes: COUNT,
    node: process.versions.node,
  };
}

/** Of the medians, by `ours/theirs`; of those that ran. */
export function ratiosOf(contenders: Report["contenders"]): Readonly<Record<string, number>> {
  const ratios: Record<string, number> = {};
  for (const ours of OURS) {
    for (const theirs of OTHERS) {
      const ratio = ratioOf(contenders, ours, theirs);
      if (ratio !== null) ratios[`${ours}/${theirs}`] = ratio;
    }
  }
  return ratios;
}

async function playRound({ name, script, way }: ScriptContender): Promise<Round> {
  const env = { ...process.env, NODE_ENV: "production" };
  const child = spawnScript("server", script, [way, String(COUNT)], env);
  try {
    const { bytes, ...also } = (await firstLine(child, name, ROUND_MS)) as ProcessesOutcome; // our own script
    const { cpuUs, endCpuUs } = also;
    return { main: bytes, also, note: `${bytes} bytes, ${cpuUs} µs to make and ${endCpuUs} µs to end one` };
  } finally {
    await stop(child);
  }
}
