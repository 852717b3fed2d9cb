/**
 * Contenders in turn: A B A B …, so that a machine that grows slower or faster meanwhile does so to all of them.
 */
import type { Result } from "./bench.ts";
import { type Contender, type Load, playRound } from "./contender.ts";
import { unpinnedBecause } from "./cores.ts";
import { resultOf } from "./figures.ts";
import type { Outcome } from "./load/job.ts";

const SATURATED = 0.95; // of a core; below it, neither side was what limited the round

/** Results by contender, in messages per second. */
export async function playRounds(
  contenders: readonly Contender[],
  load: Load,
  rounds: number,
  note: (line: string) => void,
): Promise<Record<string, Result>> {
  if (unpinnedBecause !== undefined) note(`not pinned to cores as ${unpinnedBecause}: expect more noise`);
  const outcomes = new Map<string, Outcome[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 1; round <= rounds; round += 1) {
    for (const contender of contenders) {
      const outcome = await playRound(contender, load);
      outcomes.get(contender.name)?.push(outcome);
      note(`round ${round}  ${contender.name.padEnd(12)} ${describe(outcome)}`);
    }
  }
  return Object.fromEntries([...outcomes].map(([name, each]) => [name, resultOf(each)]));
}

function describe({ messagesPerSecond, p50Us, p99Us, p999Us, serverBusy, loadBusy }: Outcome): string {
  const rate = `${messagesPerSecond.toLocaleString("en")} /s`.padStart(12);
  const latency = `p50 ${p50Us} µs, p99 ${p99Us} µs, p99.9 ${p999Us} µs`;
  const busy = `server ${percent(serverBusy)}, load ${percent(loadBusy)}`;
  return `${rate}  ${latency}  ${busy}${doubt(serverBusy, loadBusy)}`;
}

/** Why a round's figure is not the server's own speed. */
function doubt(serverBusy: number | null, loadBusy: number): string {
  if (serverBusy === null || serverBusy >= SATURATED) return "";
  if (loadBusy >= SATURATED) return "  (limited by the load, not by the server)";
  return "  (neither was busy throughout: too little in flight, or others used these cores)";
}

function percent(share: number | null): string {
  return share === null ? "unknown" : `${Math.round(share * 100)} %`;
}
