/**
 * From a client's text to a checked message, or to the error that it is answered with (contract labgraph §2, §6).
 *
 * 1. Whatever the text is, nothing is thrown.
 * 2. What is no message at all is `InvalidMessageFormat`; what is one, but none that clients send, `MessageNotSupported`.
 *    Neither names a request, by the documentation.
 * 3. The name of a stream is a key, not a value: the one that is neither `stream_id` nor `app_id`. Any other may be one,
 *    `__proto__` too. What stands under it in a start, and any more keys of an end, mean nothing.
 * 4. A request id is any JSON value, and never a key: it is kept as its text, so that it is echoed as it was written.
 */
import { memberText, nestingOf } from "./json-text.ts";
import { LABGRAPH_LIMITS } from "./limits.ts";

export type ErrorCode =
  | "InvalidMessageFormat"
  | "MessageNotSupported"
  | "StreamIDNotFound"
  | "StreamIDAlreadyExists"
  | "NotTrained"
  | "StreamAlreadyRequested"
  | "NonExistentStream";

/** @property requestId as JSON text */
export type StartRequest = {
  readonly kind: "start";
  readonly requestId: string;
  readonly streamId: string;
  readonly name: string;
  readonly appId: string | null;
};
/** @property requestId as JSON text */
export type EndRequest = { readonly kind: "end"; readonly requestId: string; readonly streamId: string };
/** Samples for an input. */
export type InputBatch = {
  readonly kind: "batch";
  readonly streamId: string;
  readonly name: string;
  readonly samples: readonly unknown[];
};
export type ClientMessage = StartRequest | EndRequest | InputBatch;

/** @property requestId as JSON text; null: the answer has none */
export type Refusal = {
  readonly kind: "refused";
  readonly code: ErrorCode;
  readonly desc: string;
  readonly requestId: string | null;
};

export const NOT_TEXT: Refusal = invalid("send text frames of UTF-8: this one is binary, or no UTF-8");

/** The keys of the wire that are no stream's name; no stream can be called so. */
const NO_NAMES: readonly string[] = ["stream_id", "app_id"];

type Fields = Readonly<Record<string, unknown>>;

export function readClientMessage(text: string): ClientMessage | Refusal {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return invalid(`this is no JSON: ${quoted(error instanceof Error ? error.message : String(error))}`);
  }
  if (!isObject(value)) return invalid("a message is one JSON object");
  const isRequest = Object.hasOwn(value, "api_request");
  const isBatch = Object.hasOwn(value, "stream_batch");
  if (isRequest && isBatch) return invalid("a message holds api_request or stream_batch, not both");
  if (isRequest) return readRequest(value, text);
  if (isBatch) return readBatch(value.stream_batch, text);
  return refusal("MessageNotSupported", "a client's message holds api_request or stream_batch");
}

function readRequest(message: Fields, text: string): StartRequest | EndRequest | Refusal {
  if (!Object.hasOwn(message, "api_version")) return invalid("api_version is missing");
  const request = message.api_request;
  if (!isObject(request)) return invalid("api_request must be an object");
  const isStart = Object.hasOwn(request, START);
  const isEnd = Object.hasOwn(request, END);
  if (!isStart && !isEnd) return refusal("MessageNotSupported", `an api_request holds ${START} or ${END}`);
  if (isStart && isEnd) return invalid(`an api_request holds ${START} or ${END}, not both`);
  const requestId = memberText(text, ["api_request", "request_id"]);
  if (requestId === undefined) return invalid("request_id is missing");
  if (requestId.length > LABGRAPH_LIMITS.idChars)
    return invalid(`request_id has more than ${LABGRAPH_LIMITS.idChars} characters`);
  return isStart ? readStart(request[START], requestId) : readEnd(request[END], requestId);
}

const START = "start_stream_request";
const END = "end_stream_request";

function readStart(start: unknown, requestId: string): StartRequest | Refusal {
  const named = readNamed(start, START);
  if (named.kind === "refused") return named;
  const { fields, streamId, name } = named;
  const appId = fields.app_id ?? null;
  if (appId !== null && typeof appId !== "string") return invalid("app_id must be a text");
  return { kind: "start", requestId, streamId, name, appId: appId?.slice(0, LABGRAPH_LIMITS.inputIdChars) ?? null };
}

function readEnd(end: unknown, requestId: string): EndRequest | Refusal {
  if (!isObject(end)) return invalid(`${END} must be an object`);
  const streamId = readStreamId(end, END);
  return typeof streamId === "string" ? { kind: "end", requestId, streamId } : streamId;
}

function readBatch(batch: unknown, text: string): InputBatch | Refusal {
  const named = readNamed(batch, "stream_batch");
  if (named.kind === "refused") return named;
  const { fields, streamId, name } = named;
  const content = fields[name];
  const samples = isObject(content) ? content.samples : undefined;
  if (!Array.isArray(samples)) return invalid(`samples of stream "${quoted(name)}" must be a list`);
  if (nestingOf(text) > LABGRAPH_LIMITS.nesting)
    return invalid(`more than ${LABGRAPH_LIMITS.nesting} lists and objects stand within one another`);
  return { kind: "batch", streamId, name, samples };
}

type Named = { readonly kind: "named"; readonly fields: Fields; readonly streamId: string; readonly name: string };

function readNamed(value: unknown, what: string): Named | Refusal {
  if (!isObject(value)) return invalid(`${what} must be an object`);
  const streamId = readStreamId(value, what);
  if (typeof streamId !== "string") return streamId;
  const [name, second] = Object.keys(value).filter((key) => !NO_NAMES.includes(key));
  if (name === undefined) return invalid(`${what} names no stream: it is a key beside stream_id`);
  if (second !== undefined)
    return invalid(`${what} names two streams, "${quoted(name)}" and "${quoted(second)}": send one request for each`);
  return { kind: "named", fields: value, streamId, name };
}

function readStreamId(value: Fields, what: string): string | Refusal {
  const streamId = value.stream_id;
  if (typeof streamId !== "string") return invalid(`stream_id of ${what} must be a text`);
  if (streamId.length > LABGRAPH_LIMITS.idChars)
    return invalid(`stream_id has more than ${LABGRAPH_LIMITS.idChars} characters`);
  return streamId;
}

/** A client's own words, in a sentence to it. */
export function quoted(text: string): string {
  const { quotedChars } = LABGRAPH_LIMITS;
  return text.length <= quotedChars ? text : `${text.slice(0, quotedChars)}…`;
}

export function refusal(code: ErrorCode, desc: string, requestId: string | null = null): Refusal {
  return { kind: "refused", code, desc, requestId };
}

function invalid(desc: string): Refusal {
  return refusal("InvalidMessageFormat", desc);
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
