/**
 * bench/fanout: one sender, very many receivers of one topic.
 *
 * 1. Every client is subscribed; the first also sends, texts of `--bytes`. `--inflight` publishes are on their way at
 *    most, in two batches (crowd/ledger.ts): that keeps the server writing while the clients read.
 * 2. The limit publishes in its message callback. Jackfield's process subscribes each channel when it opens and calls
 *    `ctx.publish` with the bytes it was lent. The others do it as their documentation does: ws sends to each of its
 *    clients, Socket.IO emits to a room, Colyseus broadcasts in one.
 * 3. A delivery is a share of a system call on either side, and one core reads what another wrote, so either may be the
 *    slower one: `cpuNsPerDelivery` does not depend on that, the rate does.
 */
import type { Bench, Report, Settings } from "./bench.ts";
import type { Crowd, FanoutJob, FanoutOutcome } from "./crowd/job.ts";
import { checkFiles, withCrowd } from "./crowd.ts";
import { CROWD_CONTENDERS, type CrowdContender } from "./crowd-contenders.ts";
import { ratioOf, ratiosOf } from "./figures.ts";
import { gather } from "./install-peers.ts";
import { busyNote, costRatioOf, type Round, takeTurns } from "./turns.ts";

const LOAD_SCRIPT = new URL("./crowd/fanout.js", import.meta.url); // .js: the bench runs from dist/
const INFLIGHT = 16; // two batches of 8: bare uWebSockets.js then writes 8 frames at a time to each socket
const WARMUP_MS = 1500; // as in echo.ts
const SPARE_MS = 90_000; // to open all, and to drain

export const fanout1000: Bench = fanout(1000);
export const fanout10000: Bench = fanout(10_000);

function fanout(receivers: number): Bench {
  const name = `fanout-${receivers}`;
  return {
    name,
    about: `one sender, ${receivers.toLocaleString("en")} receivers of one topic`,
    contenders: CROWD_CONTENDERS.map((contender) => contender.name),
    run: (settings, note) => run(name, receivers, settings, note),
  };
}

async function run(bench: string, standard: number, settings: Settings, note: (line: string) => void): Promise<Report> {
  const { only, connections: receivers = standard, inflight = INFLIGHT, bytes, seconds } = settings;
  checkFiles(receivers);
  const { playing, missing } = await gather(bench, CROWD_CONTENDERS, only, note);
  const batch = Math.max(1, Math.floor(inflight / 2));
  const work = { receivers, batch, warmupMs: WARMUP_MS, measureMs: seconds * 1000 };
  const contenders = await takeTurns(playing, settings, note, (contender) => playRound(contender, work, bytes));
  return {
    bench,
    unit: "deliveries/s",
    contenders,
    ratio: ratioOf(contenders, "jackfield", "uwebsockets"),
    cpuRatio: costRatioOf(contenders, "cpuNsPerDelivery"),
    ratios: ratiosOf(contenders),
    missing,
    receivers,
    inflight: 2 * batch,
    bytes,
    node: process.versions.node,
    seconds,
  };
}

type Work = Omit<FanoutJob, keyof Crowd | "serverPid">;

async function playRound(contender: CrowdContender, work: Work, bytes: number): Promise<Round> {
  const { deliveriesPerSecond, ...also } = await withCrowd(
    {
      contender,
      does: "publish",
      bytes,
      connections: work.receivers,
      loadScript: LOAD_SCRIPT,
      job: (crowd, serverPid): FanoutJob => ({ ...crowd, ...work, serverPid }),
    },
    async (_server, askLoad) => (await askLoad("run", work.warmupMs + work.measureMs + SPARE_MS)) as FanoutOutcome,
  );
  const rate = `${deliveriesPerSecond.toLocaleString("en")} /s`.padStart(12);
  const cost = `${Math.round(also.cpuNsPerDelivery)} ns of the server each`;
  const spread = `spread p50 ${also.spreadP50Ms.toFixed(1)} ms, p99 ${also.spreadP99Ms.toFixed(1)} ms`;
  const note = `${rate}  ${cost}  ${spread}  memory +${also.rssGrowthKb} kB  ${busyNote(also.serverBusy, also.loadBusy)}`;
  return { main: deliveriesPerSecond, also, note };
}
