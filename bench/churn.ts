/**
 * bench/churn: connections that come and go, and what they leave behind.
 *
 * 1. `--connections` a second begin, whatever became of those before: connect, register, push, hear the echo, close.
 * 2. The heap is read after collecting garbage: once the server has seen a good many of them (WARM), and after
 *    `--seconds` more. Nothing may have grown. Where anything is left open, or more than FAILURES failed, there is no
 *    result.
 * 3. There is nothing to be faster at; the limit shows what of a growth is the library's or V8's own.
 */
import type { Bench, Report, Settings } from "./bench.ts";
import type { ChurnJob, ChurnOutcome, Crowd } from "./crowd/job.ts";
import { withCrowd } from "./crowd.ts";
import { CROWD_CONTENDERS, type CrowdContender } from "./crowd-contenders.ts";
import { gather } from "./install-peers.ts";
import { growthNote, growthOf, readRest } from "./rest.ts";
import { type Round, takeTurns } from "./turns.ts";

const LOAD_SCRIPT = new URL("./crowd/churn.js", import.meta.url); // .js: the bench runs from dist/
const PER_SECOND = 2000;
const WARM_MS = 15_000; // 30,000 connections: what is loaded, compiled or grown once has been
const SPARE_MS = 20_000;
const EMPTY_MS = 10_000;
const FAILURES = 5; // of some 150,000: a port is taken again while its last connection is not yet forgotten

/** A seat of Colyseus is reserved by a request before its client comes: not the same work. */
const CONTENDERS = CROWD_CONTENDERS.filter(({ name }) => name !== "colyseus");

export const churn: Bench = {
  name: "churn",
  about: "2,000 connect-register-push-close a second for a minute: what is left behind",
  contenders: CONTENDERS.map((contender) => contender.name),
  defaults: ["--seconds", "60", "--rounds", "1"],
  run,
};

async function run(settings: Settings, note: (line: string) => void): Promise<Report> {
  const { only, connections: perSecond = PER_SECOND, bytes, seconds } = settings;
  const { playing, missing } = await gather("churn", CONTENDERS, only, note);
  const contenders = await takeTurns(playing, settings, note, (contender) =>
    playRound(contender, perSecond, bytes, seconds * 1000),
  );
  return {
    bench: "churn",
    unit: "% heap growth",
    contenders,
    ratio: null,
    missing,
    connectionsPerSecond: perSecond,
    bytes,
    node: process.versions.node,
    seconds,
  };
}

function playRound(contender: CrowdContender, perSecond: number, bytes: number, ms: number): Promise<Round> {
  const connections = 0; // nobody here makes them places first
  const job = (crowd: Crowd): ChurnJob => ({ ...crowd, perSecond });
  return withCrowd(
    { contender, does: "echo", bytes, connections, loadScript: LOAD_SCRIPT, job },
    async (server, askLoad) => {
      const runFor = async (duration: number): Promise<ChurnOutcome> => {
        const outcome = (await askLoad(`run ${duration}`, duration + SPARE_MS)) as ChurnOutcome;
        const { failures, firstFailure } = outcome;
        if (failures > FAILURES)
          throw new Error(
            `Cannot measure ${contender.name} as ${failures} connections failed, the first: ${firstFailure}`,
          );
        await server.untilEmpty(EMPTY_MS);
        return outcome;
      };
      await runFor(Math.min(WARM_MS, ms));
      const before = await readRest(server);
      const { perSecond, done, failures } = await runFor(ms);
      const after = await readRest(server);
      if (after.channels > 0)
        throw new Error(`Cannot measure ${contender.name} as ${after.channels} channels are left`);
      const growth = growthOf(before, after);
      const { heapGrowthPercent, ...also } = growth;
      const rate = `${perSecond.toLocaleString("en")} /s, ${done.toLocaleString("en")} in all, ${failures} failed`;
      return {
        main: heapGrowthPercent,
        also: { ...also, perSecond, failures },
        note: `${rate}  ${growthNote(growth)}`,
      };
    },
  );
}
