/**
 * bench/request: from one process to another inside one Node.js process, without a socket.
 *
 * 1. `…-send` is fire and forget, in turns of 100, and counts what the receiver has handled; `…-ask` awaits an answer
 *    to each message, one at a time (`--inflight` for more side by side), and counts round trips.
 * 2. There is no limit to be measured against but a function call, which guarantees nothing: `ratios` are Jackfield's
 *    over each other one's, of its own way.
 * 3. A process is sent to by its address, looked up once; `…-by-name` writes its name each time, as most code does.
 * 4. Each contender is a child process of its own, on one core: contenders/request-*.ts, peers/request-*.ts.
 */
import type { Bench, Report, Settings } from "./bench.ts";
import { firstLine, stop } from "./child.ts";
import type { MeterJob, MeterOutcome } from "./contenders/request-meter.ts";
import { spawnScript } from "./cores.ts";
import { ratioOf } from "./figures.ts";
import { gather } from "./install-peers.ts";
import { type ScriptContender, scriptsOf } from "./script-contender.ts";
import { type Round, takeTurns } from "./turns.ts";

const WARMUP_MS = 1000; // 200,000 messages of the slowest: all of its code is optimized
const SPARE_MS = 15_000; // to start

const { own, peer } = scriptsOf("request");

const CONTENDERS: readonly ScriptContender[] = [
  own("function", "plain", "function"),
  own("eventemitter", "plain", "eventemitter"),
  own("jackfield-send", "jackfield", "send"),
  own("jackfield-send-by-name", "jackfield", "send-by-name"),
  own("xstate", "xstate", "send"),
  peer("nact-send", "nact", "send"),
  own("jackfield-ask", "jackfield", "ask"),
  own("jackfield-ask-by-name", "jackfield", "ask-by-name"),
  peer("nact-ask", "nact", "ask"),
  peer("moleculer-ask", "moleculer", "ask"),
  peer("moleculer-ask-timeout", "moleculer", "ask-timeout"),
];

/** Each of ours, and what it is compared with. */
const SENDING = ["function", "eventemitter", "xstate", "nact-send"];
const ASKING = ["nact-ask", "moleculer-ask", "moleculer-ask-timeout"];
const PAIRS: Readonly<Record<string, readonly string[]>> = {
  "jackfield-send": SENDING,
  "jackfield-send-by-name": SENDING,
  "jackfield-ask": ASKING,
  "jackfield-ask-by-name": ASKING,
};

export const request: Bench = {
  name: "request",
  about: "messages between two processes of one Node.js process, sent and awaited, against other ways to do it",
  contenders: CONTENDERS.map(({ name }) => name),
  run,
};

async function run(settings: Settings, note: (line: string) => void): Promise<Report> {
  const { only, inflight = 1, seconds } = settings;
  const job: MeterJob = { warmupMs: WARMUP_MS, measureMs: seconds * 1000, inflight };
  const { playing, missing } = await gather("request", CONTENDERS, only, note);
  const contenders = await takeTurns(playing, settings, note, (contender) => playRound(contender, job));
  return {
    bench: "request",
    unit: "messages/s",
    contenders,
    ratio: null,
    ratios: ratiosOf(contenders),
    missing,
    inflight,
    node: process.versions.node,
    seconds,
  };
}

/** Of the medians, by `ours/theirs`; of those that ran. */
export function ratiosOf(contenders: Report["contenders"]): Readonly<Record<string, number>> {
  const ratios: Record<string, number> = {};
  for (const [ours, others] of Object.entries(PAIRS)) {
    for (const theirs of others) {
      const ratio = ratioOf(contenders, ours, theirs);
      if (ratio !== null) ratios[`${ours}/${theirs}`] = ratio;
    }
  }
  return ratios;
}

async function playRound({ name, script, way }: ScriptContender, job: MeterJob): Promise<Round> {
  // what Jackfield does only outside production (freezing bodies, DESIGN §3.5) is not what is measured
  const env = { ...process.env, NODE_ENV: "production" };
  const child = spawnScript("server", script, [way, JSON.stringify(job)], env);
  try {
    const timeoutMs = job.warmupMs + job.measureMs + SPARE_MS;
    const { perSecond, cpuNsPerMessage } = (await firstLine(child, name, timeoutMs)) as MeterOutcome; // our own script
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
