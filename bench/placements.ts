/**
 * bench/placements: messages between two processes, each in its placement, awaited and not.
 *
 * 1. `…-ask` awaits an answer to each message, one at a time; `…-ask-16` has 16 such loops side by side; `…-send` is
 *    fire and forget, 1,000 on their way, and counts what the receiver has handled.
 * 2. The limits are a function call, within a thread, and a MessagePort between two (contenders/placements-messageport.ts),
 *    which promise nothing. There is one for each way; `ratios` are Jackfield's over its way's.
 * 3. Each contender is a fresh process, on one core with all of its threads and children: what goes to and fro between
 *    two threads is a switch of that core. `cpuNsPerMessage` is the processor time of all of them.
 */
import type { Placement } from "../lib/protocol/index.ts";
import type { Bench, Report, Settings } from "./bench.ts";
import { firstLine, stop } from "./child.ts";
import type { MeterOutcome } from "./contenders/request-meter.ts";
import { spawnScript } from "./cores.ts";
import { ratioOf } from "./figures.ts";
import { type Round, takeTurns } from "./turns.ts";

const WARMUP_MS = 3000; // an awaited round trip between two processes of their own is made 1,000 times a second until its code is optimized
const SPARE_MS = 30_000; // to start: an operating-system process of its own among them

const PAIRS: readonly (readonly [sender: Placement & string, receiver: Placement & string])[] = [
  ["inline", "inline"],
  ["inline", "worker"],
  ["worker", "worker"],
  ["isolated", "isolated"],
];
/** By the ending of a contender's name: how it sends, and how many of those run side by side. */
const WAYS = { ask: ["ask", 1], "ask-16": ["ask", 16], send: ["send", 1] } as const;
type WayName = keyof typeof WAYS;
const WAY_NAMES = Object.keys(WAYS) as readonly WayName[]; // its keys are no other

type Each = { readonly name: string; readonly script: URL; readonly args: (measureMs: number) => readonly string[] };

const script = (name: string): URL => new URL(`./contenders/${name}.js`, import.meta.url); // .js: the bench runs from dist/

const meter = (name: string, file: string, way: string, inflight: number): Each => ({
  name,
  script: script(file),
  args: (measureMs) => [way, JSON.stringify({ warmupMs: WARMUP_MS, measureMs, inflight })],
});

const CONTENDERS: readonly Each[] = [
  meter("function", "request-plain", "function", 1),
  ...WAY_NAMES.map((name) => {
    const [way, inflight] = WAYS[name];
    return meter(`messageport-${name}`, "placements-messageport", way, inflight);
  }),
  ...PAIRS.flatMap(([sender, receiver]) =>
    WAY_NAMES.map((name): Each => {
      const [way, inflight] = WAYS[name];
      return {
        name: `${sender}-${receiver}-${name}`,
        script: script("placements-jackfield"),
        args: (measureMs) => [JSON.stringify({ sender, receiver, way, inflight, warmupMs: WARMUP_MS, measureMs })],
      };
    }),
  ),
];

export const placements: Bench = {
  name: "placements",
  about: "messages between processes inline, in worker threads and in operating-system processes of their own",
  contenders: CONTENDERS.map(({ name }) => name),
  run,
};

async function run(settings: Settings, note: (line: string) => void): Promise<Report> {
  const { seconds } = settings;
  const contenders = await takeTurns(CONTENDERS, settings, note, (each) => playRound(each, seconds * 1000));
  return {
    bench: "placements",
    unit: "messages/s",
    contenders,
    ratio: null,
    ratios: ratiosOf(contenders),
    node: process.versions.node,
    seconds,
  };
}

/** Of the medians, by `ours/limit`; of those that ran. */
export function ratiosOf(contenders: Report["contenders"]): Readonly<Record<string, number>> {
  const ratios: Record<string, number> = {};
  for (const [sender, receiver] of PAIRS) {
    for (const way of WAY_NAMES) {
      const ours = `${sender}-${receiver}-${way}`;
      const limit = sender === receiver && sender === "inline" ? "function" : `messageport-${way}`;
      const ratio = ratioOf(contenders, ours, limit);
      if (ratio !== null) ratios[`${ours}/${limit}`] = ratio;
    }
  }
  return ratios;
}

async function playRound({ name, script, args }: Each, measureMs: number): Promise<Round> {
  // what Jackfield does only outside production (freezing bodies, DESIGN §3.5) is not what is measured
  const env = { ...process.env, NODE_ENV: "production" };
  const child = spawnScript("server", script, args(measureMs), env);
  try {
    const outcome = (await firstLine(child, name, WARMUP_MS + measureMs + SPARE_MS)) as MeterOutcome; // our own script
    const { perSecond, cpuNsPerMessage } = outcome;
    const rate = `${perSecond.toLocaleString("en")} /s`.padStart(16);
    return {
      main: perSecond,
      also: { cpuNsPerMessage },
      note: `${rate}  ${cpuNsPerMessage} ns of processor time each`,
    };
  } finally {
    await stop(child);
  }
}
