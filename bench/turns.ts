/** Contenders in turn (A B A B …), whatever a round of theirs is and however many figures it gives. */
import type { Result, Settings } from "./bench.ts";
import { unpinnedBecause } from "./cores.ts";
import { figuresOf } from "./figures.ts";

/** What one round gave. */
export type Round = {
  /** The main figure, in the bench's unit. */
  readonly main: number;
  readonly also: Readonly<Record<string, number>>;
  /** For whoever looks on. */
  readonly note: string;
};

/** Results by contender, of those that `--only` names. */
export async function takeTurns<Each extends { readonly name: string }>(
  contenders: readonly Each[],
  { only, rounds }: Pick<Settings, "only" | "rounds">,
  note: (line: string) => void,
  play: (contender: Each) => Promise<Round>,
): Promise<Record<string, Result>> {
  if (unpinnedBecause !== undefined) note(`not pinned to cores as ${unpinnedBecause}: expect more noise`);
  const chosen = contenders.filter(({ name }) => only === undefined || only.includes(name));
  const played = new Map<string, Round[]>(chosen.map(({ name }) => [name, []]));
  for (let turn = 1; turn <= rounds; turn += 1) {
    for (const contender of chosen) {
      const round = await play(contender);
      played.get(contender.name)?.push(round);
      note(`round ${turn}  ${contender.name.padEnd(24)} ${round.note}`);
    }
  }
  return Object.fromEntries([...played].map(([name, rounds]) => [name, resultOfRounds(rounds)]));
}

/** @param rounds at least one, all with the same figures */
export function resultOfRounds(rounds: readonly Round[]): Result {
  const names = Object.keys(rounds[0]?.also ?? {});
  const also = names.map((name) => [name, figuresOf(rounds.map((round) => round.also[name] ?? Number.NaN))] as const);
  return { ...figuresOf(rounds.map(({ main }) => main)), also: Object.fromEntries(also) };
}

type Results = Readonly<Record<string, Result>>;

/** Jackfield's median over the limit's, of a figure beside the main one; null when either did not run. */
export function alsoRatioOf(results: Results, figure: string): number | null {
  const ours = results.jackfield?.also?.[figure]?.median;
  const limit = results.uwebsockets?.also?.[figure]?.median;
  return ours === undefined || limit === undefined || limit === 0 ? null : ours / limit;
}

/** The limit's over Jackfield's, of a figure that costs: what `ratio` would be, were nothing but the server slow. */
export function costRatioOf(results: Results, figure: string): number | null {
  const ratio = alsoRatioOf(results, figure);
  return ratio === null || ratio === 0 ? null : 1 / ratio;
}

const SATURATED = 0.95; // of a core; below it, neither side was what limited the round

/** How busy both sides were, and why that makes a rate less than the server's own. Shares of a core. */
export function busyNote(server: number, load: number): string {
  const busy = `server ${percent(server)}, load ${percent(load)}`;
  if (server >= SATURATED) return busy;
  if (load >= SATURATED) return `${busy} (limited by the load, not by the server: judge by processor time)`;
  return `${busy} (neither was busy throughout: others used these cores, or they waited for each other)`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
