/**
 * `jackfield send`: one message to a process of a running node, and its answer, by RPC (PROTOCOL.md §12).
 *
 * stdout has the answer's body and nothing else, or with `--save -` its blob; what there is to say goes to stderr.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Address, KernelError, OptionError, ProcessId, textOf } from "../lib/protocol/index.ts";
import { type Call, type Env, EXPECT, NODE_OPTIONS, NoAnswerError, type NodeAt, nodeAt, post } from "./rpc.ts";
import { harmless, type Output } from "./terminal.ts";

const EXPECT_MAX = 300; // seconds: how long fetch waits for the head of an answer

/** What stands behind `jackfield send` besides NODE_OPTIONS, for the help. */
export const SEND_OPTIONS: Readonly<Record<string, { readonly value: string; readonly help: string }>> = {
  expect: { value: "SECONDS", help: `how long to wait for an answer; left out: ${EXPECT}; 0: none is wanted` },
  blob: { value: "FILE", help: "goes along as the message's blob; - is standard input" },
  mime: { value: "TYPE", help: "what the blob is, e.g. image/png" },
  save: { value: "FILE", help: "keeps the answer's blob; - prints it in place of the body" },
};

export type SendOutput = Pick<Output, "isTerminal" | "print" | "warn">;

type Settings = {
  readonly node: NodeAt;
  readonly seconds: number;
  readonly save: string | undefined;
  readonly call: Call;
};

/** @param args what stands behind `send` @throws {OptionError} @throws {SendRefusedError} @throws {NoAnswerError} */
export async function send(args: readonly string[], env: Env, output: SendOutput): Promise<void> {
  const settings = readSettings(args, env);
  const text = await ask(settings);
  if (settings.seconds > 0) show(text, settings.save, output);
}

function readSettings(args: readonly string[], env: Env): Settings {
  const { values, positionals } = parse(args);
  const [to, json, ...more] = positionals;
  if (to === undefined || json === undefined || more.length > 0)
    throw new OptionError(
      `Cannot send as it must be jackfield send ADDRESS JSON: got ${positionals.length} arguments, put quotes around the JSON`,
    );
  assertJson(json);
  const seconds = readSeconds(values.expect);
  return {
    node: nodeAt(values, env),
    seconds,
    save: values.save,
    call: {
      ...readAddress(to),
      body: json,
      ...(seconds === 0 ? {} : { expects_response: seconds }),
      ...(values.blob === undefined ? {} : { data: readBlob(values.blob), mime: values.mime ?? null }),
    },
  };
}

type Given = { readonly [Name in "node-url" | "expect" | "blob" | "mime" | "save" | "token"]?: string };

function parse(args: readonly string[]): { readonly values: Given; readonly positionals: readonly string[] } {
  const names = Object.keys({ ...NODE_OPTIONS, ...SEND_OPTIONS });
  const options = Object.fromEntries(names.map((name) => [name, { type: "string" } as const]));
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (cause) {
    throw new OptionError(`Cannot send as the command line is not understood: ${textOf(cause)}. See jackfield --help`, {
      cause,
    });
  }
}

/** @param to an address, or the process id alone for the node that is asked */
function readAddress(to: string): { readonly node?: string; readonly process: string } {
  try {
    if (!to.includes("@")) return { process: ProcessId.parse(to).text };
    const { node, id } = Address.parse(to);
    return { node, process: id.text };
  } catch (cause) {
    throw new OptionError(`${textOf(cause)}: for example chat:chat:template.os`, { cause });
  }
}

function assertJson(text: string): void {
  try {
    JSON.parse(text);
  } catch (cause) {
    throw new OptionError(
      `Cannot send ${JSON.stringify(text)} as it must be JSON: ${textOf(cause)}; a text needs its own quotes, '"hello"'`,
      { cause },
    );
  }
}

function readSeconds(text: string | undefined): number {
  const seconds = text === undefined ? EXPECT : Number(text);
  if (text !== "" && seconds >= 0 && seconds <= EXPECT_MAX) return seconds;
  throw new OptionError(
    `Cannot use --expect as it must be 0 to ${EXPECT_MAX} seconds: got ${JSON.stringify(text)}, leave it out for ${EXPECT}`,
  );
}

function readBlob(file: string): string {
  try {
    return readFileSync(file === "-" ? 0 : file).toString("base64");
  } catch (cause) {
    throw new OptionError(`Cannot use --blob "${file}" as it must be a file that can be read: ${textOf(cause)}`, {
      cause,
    });
  }
}

/** @returns the answer's JSON; empty when none was wanted */
async function ask({ node, call }: Settings): Promise<string> {
  try {
    return await post(node, call, "send");
  } catch (thrown) {
    if (!(thrown instanceof NoAnswerError) || thrown.code !== "Timeout") throw thrown;
    const way = "Wait longer with --expect, or for nothing with --expect 0";
    throw new NoAnswerError("Timeout", `${thrown.message}. ${way}`, { cause: thrown });
  }
}

/** @param text RPC's own form: the bytes of the body, those of the blob's base64 */
function show(text: string, save: string | undefined, output: SendOutput): void {
  const { body, lazy_load_blob: lazy } = JSON.parse(text) as {
    readonly body: readonly number[];
    readonly lazy_load_blob: { readonly mime: string | null; readonly bytes: readonly number[] } | null;
  };
  const blob = lazy === null ? undefined : Buffer.from(Buffer.from(lazy.bytes).toString("latin1"), "base64");
  if (save === "-") output.print(blob ?? "");
  else output.print(`${shown(Buffer.from(body).toString(), output.isTerminal)}\n`);
  if (blob === undefined) {
    if (save !== undefined) output.warn("the answer has no blob");
  } else if (save === undefined)
    output.warn(
      `the answer has a blob of ${blob.byteLength} bytes (${lazy?.mime ?? "of no type"}): keep it with --save`,
    );
  else if (save !== "-") write(save, blob);
}

function write(file: string, blob: Uint8Array): void {
  try {
    writeFileSync(file, blob);
  } catch (cause) {
    throw new KernelError(
      "not_saved",
      `Cannot save the answer's blob in "${file}" as it must be writable: ${textOf(cause)}`,
      {
        cause,
      },
    );
  }
}

/** JSON is laid out for people; for programs it stays in one line. */
export function shown(body: string, isTerminal: boolean): string {
  if (!isTerminal) return body;
  return harmless(laidOut(body));
}

function laidOut(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}
