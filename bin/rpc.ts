/**
 * Messages to a process of a running node from outside of it, by RPC (PROTOCOL.md §12): what every command that talks to
 * a node is made of.
 *
 * 1. Where the node is: --node-url, else localhost and the port of the node's own configuration, if that is here.
 * 2. Errors begin with what the command was about ("Cannot send", "Cannot list processes"), so that each reads as its own.
 */
import { KernelError, OptionError, textOf } from "../lib/protocol/index.ts";
import { readOptions } from "./options.ts";

const PATH = "/rpc:distro:sys/message";
const PORT = 8080; // where a node is that was not told another
export const EXPECT = 5; // seconds: what requests wait by default (lib/process)

type Row = { readonly value: string; readonly help: string };

/** What every command that talks to a running node takes, for the help. */
export const NODE_OPTIONS: Readonly<Record<"node-url" | "token", Row>> = {
  "node-url": { value: "URL", help: "where the node is; left out: http://localhost and the port of the configuration" },
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
  const { port } = text === undefined ? readOptions([], env) : { port: null }; // the node's own configuration, if it is here
  const given = text ?? `http://localhost:${port ?? PORT}`;
  if (URL.canParse(given) && /^https?:$/.test(new URL(given).protocol)) return new URL(PATH, given);
  throw new OptionError(
    `Cannot use --node-url as it must be http://… or https://…: got ${JSON.stringify(given)}, leave it out for http://localhost:${PORT}`,
  );
}

/** As PROTOCOL.md §12 has it. */
export type Call = Readonly<Record<string, unknown>> & { readonly process: string };

/**
 * @param act what a refusal begins with: "send"
 * @returns the answer's JSON; empty when none was wanted @throws {SendRefusedError} @throws {NoAnswerError}
 */
export async function post({ url, token }: NodeAt, call: Call, act: string): Promise<string> {
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
    throw new SendRefusedError("unreachable", `Cannot ${act} as no node answers at ${url.origin}: ${way} (${why})`, {
      cause,
    });
  }
  const text = await response.text();
  if (response.ok) return text;
  throw refusal(response.status, text, act === "send" ? `send to "${call.process}"` : act, url.origin);
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
