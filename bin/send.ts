/**
 * `jackfield send`: one message to a process of a running node, and its answer, by RPC (PROTOCOL.md §12).
 *
 * stdout has the answer's body and nothing else, or with `--save -` its blob; what there is to say goes to stderr.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Address, KernelError, OptionError, ProcessId, textOf } from "../lib/protocol/index.ts";
import { readOptions } from "./options.ts";

const PATH = "/rpc:distro:sys/message";
const PORT = 8080; // where a node is that was not told another
const EXPECT = 5; // seconds: what requests wait by default (lib/process)
const EXPECT_MAX = 300; // seconds: how long fetch waits for the head of an answer

/** What stands behind `jackfield send`, for the help. */
export const SEND_OPTIONS: Readonly<Record<string, { readonly value: string; readonly help: string }>> = {
  "node-url": { value: "URL", help: "where the node is; left out: http://localhost and the port of the configuration" },
  expect: { value: "SECONDS", help: `how long to wait for an answer; left out: ${EXPECT}; 0: none is wanted` },
  blob: { value: "FILE", help: "goes along as the message's blob; - is standard input" },
  mime: { value: "TYPE", help: "what the blob is, e.g. image/png" },
  save: { value: "FILE", help: "keeps the answer's blob; - prints it in place of the body" },
  token: { value: "TEXT", help: "a session token; not needed on the node's own machine. Or JACKFIELD_TOKEN" },
};

/** No answer came; `code` says why, as SendErrorKind does. */
export class NoAnswerError extends KernelError {
  override readonly name = "NoAnswerError";
}

/** The node is not there, or would not. */
export class SendRefusedError extends KernelError {
  override readonly name = "SendRefusedError";
}

export type Output = {
  /** Whether a person reads what is printed. */
  readonly isTerminal: boolean;
  print(data: string | Uint8Array): void;
  warn(line: string): void;
};

type Settings = {
  readonly url: URL;
  readonly seconds: number;
  readonly token: string | undefined;
  readonly save: string | undefined;
  readonly call: Readonly<Record<string, unknown>>;
};

/** @param args what stands behind `send` @throws {OptionError} @throws {SendRefusedError} @throws {NoAnswerError} */
export async function send(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  output: Output,
): Promise<void> {
  const settings = readSettings(args, env);
  const text = await ask(settings);
  if (settings.seconds > 0) show(text, settings.save, output);
}

function readSettings(args: readonly string[], env: Readonly<Record<string, string | undefined>>): Settings {
  const { values, positionals } = parse(args);
  const [to, json, ...more] = positionals;
  if (to === undefined || json === undefined || more.length > 0)
    throw new OptionError(
      `Cannot send as it must be jackfield send ADDRESS JSON: got ${positionals.length} arguments, put quotes around the JSON`,
    );
  assertJson(json);
  const seconds = readSeconds(values.expect);
  return {
    url: readUrl(values["node-url"], env),
    seconds,
    token: values.token ?? env.JACKFIELD_TOKEN,
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
  const options = Object.fromEntries(Object.keys(SEND_OPTIONS).map((name) => [name, { type: "string" } as const]));
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

function readUrl(text: string | undefined, env: Readonly<Record<string, string | undefined>>): URL {
  const { port } = text === undefined ? readOptions([], env) : { port: null }; // the node's own configuration, if it is here
  const given = text ?? `http://localhost:${port ?? PORT}`;
  if (URL.canParse(given) && /^https?:$/.test(new URL(given).protocol)) return new URL(PATH, given);
  throw new OptionError(
    `Cannot use --node-url as it must be http://… or https://…: got ${JSON.stringify(given)}, leave it out for http://localhost:${PORT}`,
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
async function ask({ url, token, call }: Settings): Promise<string> {
  let response: Response;
  try {
    response = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(call),
    });
  } catch (cause) {
    const why = cause instanceof Error ? textOf(cause.cause ?? cause) : String(cause);
    const way = "start it with jackfield start, or say where it is with --node-url";
    throw new SendRefusedError("unreachable", `Cannot send as no node answers at ${url.origin}: ${way} (${why})`, {
      cause,
    });
  }
  const text = await response.text();
  if (response.ok) return text;
  throw refusal(response.status, text, String(call.process), url.origin);
}

function refusal(status: number, text: string, process: string, origin: string): KernelError {
  const { code, message } = readError(text);
  if (code === undefined || message === undefined)
    return new SendRefusedError(
      "refused",
      `Cannot send to "${process}" as ${origin} answers ${status}: is a Jackfield node there?`,
    );
  if (["Timeout", "Offline", "Denied", "Overloaded"].includes(code)) {
    const way = code === "Timeout" ? ". Wait longer with --expect, or for nothing with --expect 0" : "";
    return new NoAnswerError(code, `${message}${way}`);
  }
  return new SendRefusedError(code, `Cannot send to "${process}" as the node refuses (${status}): ${message}`);
}

function readError(text: string): { readonly code?: string; readonly message?: string } {
  try {
    const { error } = JSON.parse(text) as { error: { code: string; message: string } };
    return { code: error.code, message: error.message };
  } catch {
    return {}; // not of this node's making: a proxy's page
  }
}

/** @param text RPC's own form: the bytes of the body, those of the blob's base64 */
function show(text: string, save: string | undefined, output: Output): void {
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
  return laidOut(body).replaceAll(CONTROL, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

const CONTROL = /[^\P{Cc}\t\n]/gu; // a process could write to the operator's terminal what that takes for commands

function laidOut(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}
