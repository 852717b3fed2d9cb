/** Reads what a process answers to an HTTP request (contract kinode §5.2, §5.4): any value in, an answer or undefined out. */
import { checkAnswer } from "./transport/http-check.ts";
import type { HeaderList } from "./transport/transport.ts";

export type HttpAnswer = { readonly status: number; readonly headers: HeaderList };

/** @returns undefined when it is no HttpResponse, or its status none (contract kinode §5.4) */
export function readAnswer(body: unknown): HttpAnswer | undefined {
  if (typeof body !== "object" || body === null) return undefined;
  const { status, headers = {} } = body as { status?: unknown; headers?: unknown };
  if (typeof status !== "number" || !Number.isInteger(status) || status < 200 || status > 999) return undefined;
  if (typeof headers !== "object" || headers === null) return undefined;
  const list = Object.entries(headers).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string" && isHeader(entry[0], entry[1]),
  );
  return { status, headers: list };
}

/** What the transport would send: it refuses a whole answer for one line break (RFC 9110 §5). */
export function isHeader(name: string, value: string): boolean {
  return checkAnswer(200, [[name, value]]) === undefined && !HOP_BY_HOP.includes(name.toLowerCase());
}

/** The transport's own to set. */
const HOP_BY_HOP = ["connection", "content-length", "keep-alive", "transfer-encoding", "upgrade"];
