/**
 * bench/telemetry: a topic at 30 Hz, many who read it, some who have stopped.
 *
 * 1. A process publishes texts of `--bytes` by the clock. Every hundredth client stops reading once all are there; the
 *    others answer pings, as browsers do.
 * 2. Both contenders are Jackfield: what a client that stops costs with the policy `latest` beside `drop`, of which
 *    nothing is asked before the kernel's buffers are full.
 * 3. The rate is given by the clock: a contender that is slower than `--connections` allow shows in it. What each
 *    delivery costs the server is in `cpuNsPerDelivery`.
 */
import type { Bench, Report, Settings } from "./bench.ts";
import type { Crowd, TelemetryJob, TelemetryOutcome } from "./crowd/job.ts";
import { checkFiles, withCrowd } from "./crowd.ts";
import { type CrowdContender, JACKFIELD, registered } from "./crowd-contenders.ts";
import { ratioOf } from "./figures.ts";
import { type Round, takeTurns } from "./turns.ts";

const LOAD_SCRIPT = new URL("./crowd/telemetry.js", import.meta.url); // .js: the bench runs from dist/
const READERS = 1000;
const ONE_STALLS_IN = 100; // clients
const WARMUP_MS = 1500; // as in echo.ts
const SPARE_MS = 60_000; // to open all

const POLICIES = ["drop", "latest"] as const;
const CONTENDERS: readonly CrowdContender[] = POLICIES.map((policy) => ({
  ...JACKFIELD,
  name: policy,
  talks: registered({ slow_reader: policy }),
}));

export const telemetry: Bench = {
  name: "telemetry",
  about: "a topic at 30 Hz with 1,000 readers, ten of which have stopped: policy latest beside drop",
  contenders: POLICIES,
  defaults: ["--bytes", "954", "--seconds", "10"], // a frame of Soundlab's
  run,
};

async function run(settings: Settings, note: (line: string) => void): Promise<Report> {
  const { connections: readers = READERS, bytes, seconds } = settings;
  checkFiles(readers);
  const stalled = Math.ceil(readers / ONE_STALLS_IN);
  const work = { readers, stalled, warmupMs: WARMUP_MS, measureMs: seconds * 1000 };
  const contenders = await takeTurns(CONTENDERS, settings, note, (contender) => playRound(contender, work, bytes));
  const cost = (policy: string): number => contenders[policy]?.also?.cpuNsPerDelivery?.median ?? Number.NaN;
  const rate = ratioOf(contenders, "latest", "drop");
  return {
    bench: "telemetry",
    unit: "frames/s",
    contenders,
    ratio: null,
    ...(rate === null ? {} : { ratios: { "latest/drop": rate } }),
    cpuRatio: rate === null ? null : cost("drop") / cost("latest"),
    readers,
    stalled,
    bytes,
    node: process.versions.node,
    seconds,
  };
}

type Work = Omit<TelemetryJob, keyof Crowd | "serverPid">;

async function playRound(contender: CrowdContender, work: Work, bytes: number): Promise<Round> {
  const { framesPerSecond, ...also } = await withCrowd(
    {
      contender,
      does: "tick",
      bytes,
      connections: work.readers,
      loadScript: LOAD_SCRIPT,
      job: (crowd, serverPid): TelemetryJob => ({ ...crowd, ...work, serverPid }),
    },
    async (_server, askLoad) => (await askLoad("run", work.warmupMs + work.measureMs + SPARE_MS)) as TelemetryOutcome,
  );
  const rate = `${framesPerSecond.toFixed(2)} /s for each that reads, ${also.slowestPerSecond.toFixed(2)} for the last`;
  const memory = `memory ${also.rssKb} kB, +${also.rssGrowthKb}`;
  const cost = `${Math.round(also.cpuNsPerDelivery)} ns of the server each`;
  return { main: framesPerSecond, also, note: `${rate}  ${cost}  ${memory}` };
}
