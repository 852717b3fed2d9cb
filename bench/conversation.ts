/**
 * What a child process is told and asked, and its answers, for benches that act on both sides in steps.
 *
 * 1. What it is told is one line of JSON on its stdin, before any question: it may be longer than an argument can be.
 * 2. A question is a line on its stdin, a name and perhaps a number (`open 19000`); an answer is one JSON line.
 * 3. One question at a time and child: an answer carries no name.
 * 4. A child that can't answer says why on stderr and ends: whoever waits for it hears that.
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

/** Tells `child` what it is to do, before it is asked anything. */
export function tell(child: ChildProcess, job: object): void {
  child.stdin?.on("error", () => {}); // it ended before it had read all: whoever asks it something hears that
  child.stdin?.write(`${JSON.stringify(job)}\n`);
}

let lines: AsyncIterator<string> | undefined;

/** Lines that come before somebody wants them wait. This process ends with its stdin, as that ends with the bench. */
function nextLine(): Promise<IteratorResult<string>> {
  if (lines === undefined) {
    const input = createInterface({ input: process.stdin });
    lines = input[Symbol.asyncIterator]();
    input.on("close", () => process.exit(0));
  }
  return lines.next();
}

/** What `tell` said. To be awaited once, before `answer`. */
export async function told<Job>(): Promise<Job> {
  const { value } = await nextLine();
  return JSON.parse(value) as Job; // our own bench wrote it
}

/** Answers until stdin ends, as it does when the bench has ended, however it did. */
export function answer(answers: Answers): void {
  void answerAll(answers);
}

async function answerAll(answers: Answers): Promise<void> {
  for (let line = await nextLine(); line.done !== true; line = await nextLine()) reply(answers, line.value).catch(fail);
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
