/**
 * `npm run simulate -- [--schedules N] [--seed S] [--path P] [--json]`: more schedules than the test has time for.
 *
 * Exit 0: every guarantee held. 1: one broke, stdout says which and how to see it again. 2: a flag was not understood.
 */
import { parseArgs } from "node:util";
import { describeBroken, trySchedules } from "./try.ts";

const USAGE = "npm run simulate -- [--schedules N] [--seed S] [--path P] [--json] [--mutants]";
const SHOWN_EVERY = 10_000; // schedules

function numberOf(name: string, text: string, min: number): number {
  const number = Number(text);
  if (text.trim() !== "" && Number.isInteger(number) && number >= min) return number;
  return misused(`Cannot set --${name} as it must be a whole number from ${min}: got "${text}"`);
}

function misused(says: string): never {
  process.stderr.write(`${says}\n${USAGE}\n`);
  process.exit(2);
}

function read(): Record<string, string | boolean | undefined> {
  try {
    const options = {
      schedules: { type: "string", default: "10000" },
      seed: { type: "string" },
      path: { type: "string" },
      json: { type: "boolean", default: false },
    } as const;
    return parseArgs({ options }).values;
  } catch (error) {
    return misused(error instanceof Error ? error.message : String(error));
  }
}

const { schedules, seed, path, json } = read();
let shown = 0;
const tried = await trySchedules({
  schedules: numberOf("schedules", String(schedules), 1),
  ...(typeof seed === "string" ? { seed: numberOf("seed", seed, -(2 ** 31)) } : {}),
  ...(typeof path === "string" ? { path } : {}),
  progress: (count) => {
    if (json === true || count < shown + SHOWN_EVERY) return;
    shown = count;
    process.stderr.write(`${count} schedules\n`);
  },
});
const { broken, ...counts } = tried;
if (json === true) process.stdout.write(`${JSON.stringify({ ok: broken === null, ...tried })}\n`);
else {
  const parts = Object.entries(counts).map(([name, count]) => `${name} ${count.toLocaleString("en")}`);
  process.stdout.write(
    `${parts.join(", ")}\n${broken === null ? "every guarantee held" : describeBroken(broken, tried.seed)}\n`,
  );
}
process.exitCode = broken === null ? 0 : 1;
