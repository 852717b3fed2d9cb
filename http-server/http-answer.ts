/** Reads what a process answers to an HTTP request (contract kinode §5.2, §5.4): any value in, an answer or undefined out. */
import { setsToken } from "./cookies.ts";
import { checkAnswer } from "./transport/http-check.ts";
import type { HeaderList } from "./transport/transport.ts";

export type HttpAnswer = {
  readonly status: number;
  readonly headers: HeaderList;
  /** The body follows in pieces. */
  readonly isStream: boolean;
  /** Bytes that a stream will have; null: it does not say. */
  readonly length: number | null;
};

/** @returns undefined when it is no HttpResponse, or its status none (contract kinode §5.4) */
export function readAnswer(body: unknown): HttpAnswer | undefined {
  if (typeof body !== "object" || body === null) return undefined;
  const { status, headers = {}, stream = false } = body as { status?: unknown; headers?: unknown; stream?: unknown };
  if (typeof status !== "number" || !Number.isInteger(status) || status < 200 || status > 999) return undefined;
  if (typeof headers !== "object" || headers === null || typeof stream !== "boolean") return undefined;
  const lines = linesOf(headers);
  const list = lines.filter(([name, value]) => isHeader(name, value) || isUpgrade(status, name, value));
  if (!stream) return { status, headers: list, isStream: false, length: null };
  const length = lines.find(([name]) => name.toLowerCase() === "content-length")?.[1];
  if (length !== undefined && !/^\d{1,15}$/.test(length)) return undefined;
  return { status, headers: list, isStream: true, length: length === undefined ? null : Number(length) };
}

/** Several values of a name are several lines; what is no text is left out. */
function linesOf(headers: object): HeaderList {
  return Object.entries(headers).flatMap(([name, values]: [string, unknown]) =>
    (Array.isArray(values) ? values : [values])
      .filter((value): value is string => typeof value === "string")
      .map((value) => [name, value] as const),
  );
}

/** What the transport would send: it refuses a whole answer for one line break (RFC 9110 §5). */
export function isHeader(name: string, value: string): boolean {
  return checkAnswer(200, [[name, value]]) === undefined && isProcesses(name.toLowerCase(), value);
}

/** What a 426 must name, of a path that takes WebSockets only (RFC 9110 §15.5.22). */
function isUpgrade(status: number, name: string, value: string): boolean {
  return status === 426 && name.toLowerCase() === "upgrade" && value.toLowerCase() === "websocket";
}

/** Whether it is a process's to say: not what holds for all of the origin, which the node and other packages are on too. */
function isProcesses(name: string, value: string): boolean {
  if (name === "set-cookie" && setsToken(value)) return false;
  return name !== "clear-site-data" && name !== "service-worker-allowed" && !HOP_BY_HOP.includes(name);
}

/** The transport's own to set. */
const HOP_BY_HOP = [
  "connection",
  "content-length",
  "keep-alive",
  "proxy-authenticate",
  "proxy-connection",
  "te",
  "trailer", // Node's own server throws at it where an answer has a length
  "transfer-encoding",
  "upgrade",
];
