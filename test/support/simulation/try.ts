/**
 * Many plans, each by several seeds; the first that breaks a guarantee is made as small as it can be.
 *
 *   const { broken, schedules } = await trySchedules({ schedules: 3_000 });
 */
import fc from "fast-check";
import { type Plan, plan } from "./plan.ts";
import { simulate } from "./simulate.ts";

const SEEDS = 4; // schedules of each plan: making a plan takes as long as playing it, and with fewer a smaller plan often passes

export type TryOptions = {
  readonly schedules: number;
  /** Of the plans and their schedules; left out: another one each time. */
  readonly seed?: number;
  /** Where that seed leads to one plan: what a failing run has printed. */
  readonly path?: string;
  readonly progress?: (schedules: number) => void;
};

export type Tried = {
  readonly seed: number;
  readonly schedules: number;
  readonly choices: number;
  readonly messages: number;
  readonly crashes: number;
  readonly broken: Broken | null;
};

export type Broken = {
  readonly says: string;
  /** To play it again: `npm run simulate -- --seed … --path …` */
  readonly path: string;
  readonly plan: Plan;
  /** Of its schedule. */
  readonly seed: number;
  /** What happened, up to the break. */
  readonly trace: string;
};

export async function trySchedules({ schedules, seed, path, progress }: TryOptions): Promise<Tried> {
  const sum = { schedules: 0, choices: 0, messages: 0, crashes: 0 };
  const seeds = fc.noShrink(fc.nat());
  const property = fc.asyncProperty(plan, seeds, async (one, first) => {
    for (let k = 0; k < SEEDS; k++) {
      const { steps, messages, crashes } = await simulate(one, first + k);
      sum.schedules++;
      sum.choices += steps;
      sum.messages += messages;
      sum.crashes += crashes;
    }
    progress?.(sum.schedules);
  });
  const parameters = { ...(seed === undefined ? {} : { seed }), ...(path === undefined ? {} : { path }) };
  const result = await fc.check(property, { numRuns: Math.ceil(schedules / SEEDS), ...parameters });
  let broken: Broken | null = null;
  if (result.counterexample !== null) broken = await shown(...result.counterexample, result.counterexamplePath ?? "");
  else if (result.failed) throw new Error(`no plan was played: ${JSON.stringify(parameters)}`);
  return { seed: result.seed, ...sum, broken };
}

async function shown(one: Plan, first: number, path: string): Promise<Broken> {
  for (let seed = first; seed < first + SEEDS; seed++) {
    try {
      await simulate(one, seed, { traced: true });
    } catch (thrown) {
      const [says = "", ...trace] = (thrown instanceof Error ? thrown.message : String(thrown)).split("\n");
      return { says, path, plan: one, seed, trace: trace.join("\n") };
    }
  }
  throw new Error(`a plan that broke does not break again: ${JSON.stringify(one)}`);
}

/** For people: what broke, and how to see it again. */
export function describeBroken({ says, path, plan: one, seed, trace }: Broken, ofSeed: number): string {
  return [
    says,
    `again: npm run simulate -- --seed ${ofSeed} --path ${path}`,
    `plan, by seed ${seed}: ${JSON.stringify(one)}`,
    trace,
  ].join("\n");
}
