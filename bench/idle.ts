/**
 * bench/idle: what a connection costs that does nothing, and what it costs to open and to close it.
 *
 * 1. The limit is an accepted WebSocket of bare uWebSockets.js. Jackfield's is a registered channel: the same upgrade,
 *    a WsRegister whose token is verified, an Open that its process has handled. Those of the others are as their own
 *    clients have them when they may send: a bare socket of ws, one of Socket.IO's default namespace, a client of a room.
 * 2. Memory is VmRSS of the server over the count: `bytesPerChannel` as it comes, `bytesPerChannelAfterGc` after
 *    collecting garbage. Both are the growth since WARM connections had come and gone and their garbage was collected,
 *    read when the server has been quiet for a second. What the kernel keeps for a socket is not in it.
 * 3. Closing is a reset by the client; it ends when the server has no socket left.
 */
import type { Bench, Report, Settings } from "./bench.ts";
import type { OpenOutcome } from "./crowd/job.ts";
import { type CrowdServer, checkFiles, withCrowd } from "./crowd.ts";
import { CROWD_CONTENDERS, type CrowdContender } from "./crowd-contenders.ts";
import { ratioOf, ratiosOf } from "./figures.ts";
import { gather } from "./install-peers.ts";
import { readRest } from "./rest.ts";
import { alsoRatioOf, busyNote, costRatioOf, type Round, takeTurns } from "./turns.ts";

const LOAD_SCRIPT = new URL("./crowd/idle.js", import.meta.url); // .js: the bench runs from dist/
const WARM = 100; // connections: code is loaded and has run once; what a server keeps per connection it keeps for none
const OPEN_MS = 90_000;
const CLOSE_MS = 30_000;

export const idle10000: Bench = idle(10_000);
export const idle19000: Bench = idle(19_000);

function idle(connections: number): Bench {
  const name = `idle-${connections}`;
  return {
    name,
    about: `${connections.toLocaleString("en")} registered channels against as many accepted sockets: memory, opening, closing`,
    contenders: CROWD_CONTENDERS.map((contender) => contender.name),
    run: (settings, note) => run(name, connections, settings, note),
  };
}

async function run(bench: string, standard: number, settings: Settings, note: (line: string) => void): Promise<Report> {
  const { only, connections = standard, bytes } = settings;
  checkFiles(connections);
  const { playing, missing } = await gather(bench, CROWD_CONTENDERS, only, note);
  const contenders = await takeTurns(playing, settings, note, (each) => playRound(each, connections, bytes));
  return {
    bench,
    unit: "bytes/channel",
    contenders,
    ratio: ratioOf(contenders, "jackfield", "uwebsockets"),
    aboveLimitBytes: aboveLimit(contenders, (result) => result.median),
    aboveLimitBytesAfterGc: aboveLimit(contenders, (result) => result.also?.bytesPerChannelAfterGc?.median),
    opensRatio: alsoRatioOf(contenders, "opensPerSecond"),
    opensCpuRatio: costRatioOf(contenders, "cpuUsPerOpen"),
    ratios: ratiosOf(contenders),
    missing,
    connections,
    node: process.versions.node,
  };
}

type Results = Report["contenders"];

/** Jackfield's less the limit's; null when one of them is missing. */
function aboveLimit(contenders: Results, read: (result: Results[string]) => number | undefined): number | null {
  const { uwebsockets: limit, jackfield: ours } = contenders;
  if (limit === undefined || ours === undefined) return null;
  return Math.round((read(ours) ?? Number.NaN) - (read(limit) ?? Number.NaN));
}

function playRound(contender: CrowdContender, count: number, bytes: number): Promise<Round> {
  const connections = WARM + count;
  return withCrowd(
    { contender, does: "echo", bytes, connections, loadScript: LOAD_SCRIPT, job: (crowd) => crowd },
    async (server, askLoad) => {
      await askLoad(`open ${WARM}`, OPEN_MS);
      await closeAll(server, () => askLoad("close", CLOSE_MS));
      const before = await readRest(server);
      const cpuBefore = server.cpuMs();
      const { ms, loadBusy } = (await askLoad(`open ${count}`, OPEN_MS)) as OpenOutcome;
      const openCpuMs = server.cpuMs() - cpuBefore;
      await server.untilQuiet();
      const rssKb = server.rssKb();
      const after = await readRest(server);
      if (after.channels !== count) {
        throw new Error(`Cannot measure ${contender.name} as ${count} were opened: it has ${after.channels}`);
      }
      const closeMs = await closeAll(server, () => askLoad("close", CLOSE_MS));
      const bytesPerChannel = perChannel(rssKb - before.rssKb, count);
      const also = {
        bytesPerChannelAfterGc: perChannel(after.rssKb - before.rssKb, count),
        heapBytesPerChannel: Math.round((after.heapUsed - before.heapUsed) / count),
        opensPerSecond: Math.round((count * 1000) / ms),
        cpuUsPerOpen: Math.round((openCpuMs * 10_000) / count) / 10,
        closeMs,
        serverBusy: openCpuMs / ms,
        loadBusy,
      };
      return {
        main: bytesPerChannel,
        also,
        note: describe(bytesPerChannel, also, busyNote(also.serverBusy, loadBusy)),
      };
    },
  );
}

/** Returns how long it took until the server had none left, in ms. */
async function closeAll(server: CrowdServer, close: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await close();
  await server.untilEmpty(CLOSE_MS);
  return Math.round(performance.now() - from);
}

function perChannel(kb: number, channels: number): number {
  return Math.round((kb * 1024) / channels);
}

function describe(bytes: number, also: Readonly<Record<string, number>>, busy: string): string {
  const { bytesPerChannelAfterGc = 0, opensPerSecond = 0, cpuUsPerOpen = 0, closeMs = 0 } = also;
  const memory = `${bytes} B each, ${bytesPerChannelAfterGc} B after gc`.padEnd(34);
  const opening = `${opensPerSecond.toLocaleString("en")} opened/s at ${Math.round(cpuUsPerOpen)} µs of the server each`;
  return `${memory}  ${opening}  closed in ${closeMs} ms  opening: ${busy}`;
}
