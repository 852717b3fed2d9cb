/**
 * bench/churn: connections that come and go, and what they leave behind.
 *
 * 1. `--connections` a second begin, whatever became of those before: connect, register, push, hear the echo, close.
 * 2. The heap is read after collecting garbage: once the server has seen a good many of them (WARM), and after
 *    `--seconds` more. Nothing may have grown, nothing may be left open, nothing may have failed.
 * 3. There is nothing to be faster at; the limit shows what of a growth is the library's or V8's own.
 */
import type { Bench, Report, Settings } from "./bench.ts";
import type { ChurnJob, ChurnOutcome } from "./crowd/job.ts";
import { CROWD_CONTENDERS, type CrowdContender, withCrowd } from "./crowd.ts";
import { growthNote, growthOf, readRest } from "./rest.ts";
import { type Round, takeTurns } from "./turns.ts";

const LOAD_SCRIPT = new URL("./crowd/churn.js", import.meta.url); // .js: the bench runs from dist/
const PER_SECOND = 2000;
const WARM_MS = 15_000; // 30,000 connections: what is loaded, compiled or grown once has been
const SPARE_MS = 20_000;
const EMPTY_MS = 10_000;

export const churn: Bench = {
  name: "churn",
  about: "2,000 connect-register-push-close a second for a minute: what is left behind",
  contenders: CROWD_CONTENDERS.map((contender) => contender.name),
  defaults: ["--seconds", "60", "--rounds", "1"],
  run,
};

async function run(settings: Settings, note: (line: string) => void): Promise<Report> {
  const { connections: perSecond = PER_SECOND, bytes, seconds } = settings;
  const contenders = await takeTurns(CROWD_CONTENDERS, settings, note, (contender) =>
    playRound(contender, { perSecond, bytes }, seconds * 1000, note),
  );
  return {
    bench: "churn",
    unit: "% heap growth",
    contenders,
    ratio: null,
    connectionsPerSecond: perSecond,
    bytes,
    node: process.versions.node,
    seconds,
  };
}

function playRound(
  contender: CrowdContender,
  work: Pick<ChurnJob, "perSecond" | "bytes">,
  ms: number,
  note: (line: string) => void,
): Promise<Round> {
  return withCrowd(
    { contender, does: "echo", loadScript: LOAD_SCRIPT, job: (crowd): ChurnJob => ({ ...crowd, ...work }) },
    async (server, askLoad) => {
      const runFor = async (duration: number): Promise<ChurnOutcome> =>
        (await askLoad(`run ${duration}`, duration + SPARE_MS)) as ChurnOutcome;
      await runFor(Math.min(WARM_MS, ms));
      await server.untilEmpty(EMPTY_MS);
      const before = await readRest(server);
      const { perSecond, done, failures, firstFailure } = await runFor(ms);
      if (firstFailure !== null) note(`the first of ${failures} failures: ${firstFailure}`);
      await server.untilEmpty(EMPTY_MS);
      const after = await readRest(server);
      const growth = growthOf(before, after);
      const { heapGrowthPercent, ...also } = growth;
      const { sockets: socketsLeft, channels: channelsLeft } = after;
      const rate = `${perSecond.toLocaleString("en")} /s, ${done.toLocaleString("en")} in all, ${failures} failed`;
      return {
        main: heapGrowthPercent,
        also: { ...also, perSecond, failures, socketsLeft, channelsLeft },
        note: `${rate}, ${socketsLeft} left open  ${growthNote(growth)}`,
      };
    },
  );
}
