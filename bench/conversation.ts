/**
 * Questions to a child process and its answers, for benches that act on both sides in steps.
 *
 * 1. A question is a line on its stdin, a name and perhaps a number (`open 19000`); an answer is one JSON line.
 * 2. One question at a time and child: an answer carries no name.
 * 3. A child that can't answer says why on stderr and ends: whoever waits for it hears that.
 */
import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { firstLine } from "./child.ts";

/**
 * @param what is asked, for errors
 * @throws {Error} it has ended, or did not answer within `timeoutMs`
 */
export function ask(child: ChildProcess, what: string, question: string, timeoutMs: number): Promise<unknown> {
  if (child.stdin === null || child.exitCode !== null || child.signalCode !== null) {
    return Promise.reject(new Error(`Cannot ask ${what} to ${question} as it has ended`));
  }
  const answer = firstLine(child, `${what}, asked to ${question},`, timeoutMs);
  child.stdin.write(`${question}\n`);
  return answer;
}

/** What a child can be asked, by name; the number is NaN where the question has none. */
export type Answers = Readonly<Record<string, (number: number) => unknown>>;

/** Answers until stdin ends, as it does when the bench has ended, however it did. */
export function answer(answers: Answers): void {
  const lines = createInterface({ input: process.stdin });
  lines.on("line", (line) => {
    reply(answers, line).catch(fail);
  });
  lines.on("close", () => process.exit(0));
}

async function reply(answers: Answers, line: string): Promise<void> {
  const [name = "", number] = line.split(" ");
  const found = answers[name];
  if (found === undefined) {
    throw new Error(`Cannot answer "${line}" as nobody here knows that: known are ${Object.keys(answers).join(", ")}`);
  }
  process.stdout.write(`${JSON.stringify(await found(Number(number)))}\n`);
}

/** Ends this child process with the reason on stderr: a round with something amiss is no round. */
export function fail(error: unknown): never {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
