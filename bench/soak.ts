/**
 * bench/soak: the echo for ten minutes, and whether the heap is where it was.
 *
 * The connections stay open throughout; the heap is read after collecting garbage, once WARM_MS of echoes have gone by
 * and after `--seconds` more.
 */
import type { Bench, Report, Settings } from "./bench.ts";
import type { Crowd, SoakJob, SoakOutcome } from "./crowd/job.ts";
import { withCrowd } from "./crowd.ts";
import { type CrowdContender, JACKFIELD } from "./crowd-contenders.ts";
import { growthNote, growthOf, readRest } from "./rest.ts";
import { type Round, takeTurns } from "./turns.ts";

const LOAD_SCRIPT = new URL("./crowd/soak.js", import.meta.url); // .js: the bench runs from dist/
const CONNECTIONS = 100;
const INFLIGHT = 16;
const WARM_MS = 15_000; // everything hot is optimized
const OPEN_MS = 20_000;
const SPARE_MS = 20_000;
const CONTENDERS = [JACKFIELD]; // ten minutes each are enough

export const soak: Bench = {
  name: "soak",
  about: "the echo of 100 connections for ten minutes: whether the heap is where it was",
  contenders: CONTENDERS.map(({ name }) => name),
  defaults: ["--seconds", "600", "--rounds", "1"],
  run,
};

async function run(settings: Settings, note: (line: string) => void): Promise<Report> {
  const { connections = CONNECTIONS, inflight = INFLIGHT, bytes, seconds } = settings;
  const work = { connections, inflight };
  const contenders = await takeTurns(CONTENDERS, settings, note, (each) =>
    playRound(each, work, bytes, seconds * 1000),
  );
  return {
    bench: "soak",
    unit: "% heap growth",
    contenders,
    ratio: null,
    ...work,
    bytes,
    node: process.versions.node,
    seconds,
  };
}

type Work = Omit<SoakJob, keyof Crowd>;

function playRound(contender: CrowdContender, work: Work, bytes: number, ms: number): Promise<Round> {
  const { connections } = work;
  const job = (crowd: Crowd): SoakJob => ({ ...crowd, ...work });
  return withCrowd(
    { contender, does: "echo", bytes, connections, loadScript: LOAD_SCRIPT, job },
    async (server, askLoad) => {
      await askLoad(`open ${work.connections}`, OPEN_MS);
      const warmMs = Math.min(WARM_MS, ms);
      await askLoad(`run ${warmMs}`, warmMs + SPARE_MS);
      const before = await readRest(server);
      const { echoes, ms: took } = (await askLoad(`run ${ms}`, ms + SPARE_MS)) as SoakOutcome;
      const growth = growthOf(before, await readRest(server));
      const { heapGrowthPercent, ...also } = growth;
      const messagesPerSecond = Math.round((echoes * 1000) / took);
      return {
        main: heapGrowthPercent,
        also: { ...also, messagesPerSecond },
        note: `${echoes.toLocaleString("en")} echoes  ${growthNote(growth)}`,
      };
    },
  );
}
