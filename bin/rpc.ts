/**
 * Messages to a process of a running node from outside of it, by RPC (PROTOCOL.md §12): what every command that talks to
 * a node is made of.
 *
 * 1. Where the node is: --node-url, else localhost and the port of the node's own configuration, if that is here; by https
 *    where that has a certificate.
 * 2. On this machine no certificate is checked: a node's is for its public name, and under that one it would take us for
 *    somebody from outside. Whoever has the port there is believed, as without TLS.
 * 3. Errors begin with what the command was about ("Cannot send", "Cannot list processes"), so that each reads as its own.
 */
import { KernelError, OptionError, textOf } from "../lib/protocol/index.ts";
import { readOptions } from "./options.ts";

const PATH = "/rpc:distro:sys/message";
const PORT = 8080; // where a node is that was not told another
export const EXPECT = 5; // seconds: what requests wait by default (lib/process)

type Row = { readonly value: string; readonly help: string };

/** What every command that talks to a running node takes, for the help. */
export const NODE_OPTIONS: Readonly<Record<"node-url" | "token", Row>> = {
  "node-url": {
    value: "URL",
    help: "where the node is; left out: localhost, by the port and TLS of the configuration",
  },
  token: { value: "TEXT", help: "a session token; not needed on the node's own machine. Or JACKFIELD_TOKEN" },
};

export type Env = Readonly<Record<string, string | undefined>>;

/** No answer came; `code` says why, as SendErrorKind does. */
export class NoAnswerError extends KernelError {
  override readonly name = "NoAnswerError";
}

/** The node is not there, or would not. */
export class SendRefusedError extends KernelError {
  override readonly name = "SendRefusedError";
}

export type NodeAt = { readonly url: URL; readonly token: string | undefined };

/** @throws {OptionError} the URL, or the configuration that says the port */
export function nodeAt(given: { readonly [Name in keyof typeof NODE_OPTIONS]?: string | undefined }, env: Env): NodeAt {
  return { url: readUrl(given["node-url"], env), token: given.token ?? env.JACKFIELD_TOKEN };
}

function readUrl(text: string | undefined, env: Env): URL {
  const given = text ?? ownUrl(env);
  if (URL.canParse(given) && /^https?:$/.test(new URL(given).protocol)) return new URL(PATH, given);
  throw new OptionError(
    `Cannot use --node-url as it must be http://… or https://…: got ${JSON.stringify(given)}, leave it out for http://localhost:${PORT}`,
  );
}

/** By the node's own configuration, if it is here. */
function ownUrl(env: Env): string {
  const { port, "tls-cert": cert } = readOptions([], env);
  return `${cert === null ? "http" : "https"}://localhost:${port ?? PORT}`;
}

/** As PROTOCOL.md §12 has it. */
export type Call = Readonly<Record<string, unknown>> & { readonly process: string };

/**
 * @param act what a refusal begins with: "send"
 * @returns the answer's JSON; empty when none was wanted @throws {SendRefusedError} @throws {NoAnswerError}
 */
export async function post({ url, token }: NodeAt, call: Call, act: string): Promise<string> {
  const headers = {
    "content-type": "application/json",
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  const body = JSON.stringify(call);
  let answer: Answer;
  try {
    answer = isOnThisMachine(url) ? await postUnchecked(url, headers, body) : await postByFetch(url, headers, body);
  } catch (cause) {
    const why = cause instanceof Error ? textOf(cause.cause ?? cause) : String(cause);
    const way = "start it with jackfield start, or say where it is with --node-url";
    throw new SendRefusedError("unreachable", `Cannot ${act} as no node answers at ${url.origin}: ${way} (${why})`, {
      cause,
    });
  }
  const { status, text } = answer;
  if (status >= 200 && status < 300) return text;
  throw refusal(status, text, act === "send" ? `send to "${call.process}"` : act, url.origin);
}

type Answer = { readonly status: number; readonly text: string };
type Headers = Readonly<Record<string, string>>;

async function postByFetch(url: URL, headers: Headers, body: string): Promise<Answer> {
  const response = await fetch(url, { method: "POST", headers, body });
  return { status: response.status, text: await response.text() };
}

/** See rule 2. */
function isOnThisMachine({ protocol, hostname }: URL): boolean {
  return protocol === "https:" && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}

/** By a module of its own, since fetch has no way to leave the certificate out. */
async function postUnchecked(url: URL, headers: Headers, body: string): Promise<Answer> {
  const { request } = await import("node:https"); // few nodes have TLS: the others' commands start without it
  return await new Promise((resolve, reject) => {
    const sent = request(url, { method: "POST", headers, rejectUnauthorized: false }, (response) => {
      const pieces: Buffer[] = [];
      response.on("data", (piece: Buffer) => pieces.push(piece));
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(pieces).toString() }));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

function refusal(status: number, text: string, act: string, origin: string): KernelError {
  const { code, message } = readError(text);
  if (code === undefined || message === undefined)
    return new SendRefusedError("refused", `Cannot ${act} as ${origin} answers ${status}: is a Jackfield node there?`);
  if (["Timeout", "Offline", "Denied", "Overloaded"].includes(code)) return new NoAnswerError(code, message);
  return new SendRefusedError(code, `Cannot ${act} as the node refuses (${status}): ${message}`);
}

function readError(text: string): { readonly code?: string; readonly message?: string } {
  try {
    const { error } = JSON.parse(text) as { error: { code: string; message: string } };
    return { code: error.code, message: error.message };
  } catch {
    return {}; // not of this node's making: a proxy's page
  }
}

/** The JSON body of a process's answer to `body`. @throws as `post`, and when the answer is no JSON */
export async function question(
  node: NodeAt,
  process: string,
  body: unknown,
  act: string,
  seconds: number = EXPECT,
): Promise<unknown> {
  const call = { process, body: JSON.stringify(body), expects_response: seconds };
  const { body: bytes } = JSON.parse(await post(node, call, act)) as { readonly body: readonly number[] };
  return JSON.parse(Buffer.from(bytes).toString());
}
