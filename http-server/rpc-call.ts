/**
 * Reads the JSON of a remote procedure call (contract kinode §5.8): any bytes in, a call or what is wrong with it out.
 * `inherit`, `context` and unknown keys are ignored, as the original does.
 */
import { Address, Blob, ProcessId } from "../lib/protocol/index.ts";

export type Call = {
  readonly target: Address;
  readonly body: unknown;
  readonly blob: Blob | null;
  readonly metadata: string | null;
  /** To wait for an answer; null: none is wanted. */
  readonly seconds: number | null;
};

/** @param our the node's name @returns a sentence when it is no call @throws {IdError} `process` is no process id */
export function readCall(bytes: Uint8Array, our: string): Call | string {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return 'a call is JSON: {"process":"name:package:publisher","body":"…","expects_response":5}';
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "a call is an object with process";
  const fields = value as Readonly<Record<string, unknown>>;
  const { process, expects_response: seconds = null } = fields;
  if (typeof process !== "string") return "process must be a text, name:package:publisher";
  for (const name of ["node", "body", "metadata", "mime", "data"]) {
    const text = fields[name] ?? null;
    if (text !== null && typeof text !== "string") return `${name} must be a text, or left out`;
  }
  const { node, body, metadata, mime, data } = fields as Readonly<Record<string, string | null | undefined>>;
  if (seconds !== null && !(typeof seconds === "number" && seconds >= 0))
    return "expects_response must be a number of seconds, or left out";
  return {
    target: new Address(node ?? our, ProcessId.parse(process)),
    body: bodyOf(body ?? null),
    blob: blobOf(data ?? null, mime ?? null),
    metadata: metadata ?? null,
    seconds,
  };
}

/** Bodies are values here: a text of JSON is the value it says, any other text is itself. */
function bodyOf(text: string | null): unknown {
  if (text === null) return null;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Without a blob when `data` is no base64 (contract kinode §5.8). */
function blobOf(data: string | null, mime: string | null): Blob | null {
  if (data === null) return null;
  const bytes = Buffer.from(data, "base64");
  return bytes.toString("base64") === data ? Blob.of(bytes, mime) : null; // Node leaves out what is none
}
