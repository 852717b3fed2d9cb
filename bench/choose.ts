/** Which benches the command line asks for, and which contenders in each. */
import { OptionError } from "../lib/protocol/index.ts";
import type { Bench } from "./bench.ts";

export type Choice = { readonly bench: Bench; readonly only: readonly string[] | undefined };

/**
 * @param name of one; undefined: all, each with those of `only` that it has, and without those that have none of them
 * @throws {OptionError} no bench of that name, or no contender of a name in `only`
 */
export function chooseBenches(
  benches: readonly Bench[],
  name: string | undefined,
  only: readonly string[] | undefined,
  note: (line: string) => void,
): readonly Choice[] {
  const chosen = name === undefined ? benches : [find(benches, name)];
  const known = [...new Set(chosen.flatMap(({ contenders }) => contenders))];
  const stranger = only?.find((each) => !known.includes(each));
  if (stranger !== undefined) {
    const where = name ?? "the bench";
    throw new OptionError(
      `Cannot run only "${stranger}" as ${where} has no such contender: known are ${known.join(", ")}`,
    );
  }
  return chosen.flatMap((bench) => {
    const left = only?.filter((each) => bench.contenders.includes(each));
    if (left?.length !== 0) return [{ bench, only: left }];
    note(`${bench.name} is left out as it has none of ${only?.join(", ")}`);
    return [];
  });
}

function find(benches: readonly Bench[], name: string): Bench {
  const bench = benches.find((each) => each.name === name);
  if (bench !== undefined) return bench;
  const names = benches.map((each) => each.name).join(", ");
  throw new OptionError(`Cannot run bench "${name}" as there is none of that name: known are ${names}`);
}
