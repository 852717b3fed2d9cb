/**
 * What a GET or HEAD of static content is answered (RFC 9110 §12 to §15): coded or not, whole, in part, or not at all
 * because the client has it.
 *
 * 1. Order: coding → If-Match, else If-Unmodified-Since → If-None-Match, else If-Modified-Since → Range with If-Range →
 *    whole. What the process has coded itself is sent as it is: there is nothing else to choose.
 * 2. Only content that is not coded is sent in part: who asks for a range gets it so, unless it refuses that.
 * 3. Who asks first for a coding gets the content plain while it is made; who takes nothing plain waits for it.
 * 4. Unless the process says otherwise a browser asks each time whether what it has is still right (`no-cache`): what
 *    was bound anew shows at once, and costs a 304 otherwise. Behind a login it is `private`, whatever the process says.
 */
import { acceptable } from "./accept-encoding.ts";
import { readRange } from "./byte-range.ts";
import { privately } from "./cache-control.ts";
import type { Compressor } from "./compressor.ts";
import { header } from "./headers.ts";
import { sendText } from "./http-exchange.ts";
import type { Coding, StaticContent } from "./static-content.ts";
import { headerValues, NOSNIFF } from "./transport/http-check.ts";
import type { HeaderList, TransportResponse } from "./transport/transport.ts";
import type { Visit } from "./visit.ts";

export type StaticAnswer = {
  readonly content: StaticContent;
  /** Only for who is logged in. */
  readonly isPrivate: boolean;
  /** The server's own, beside the content's. */
  readonly headers: HeaderList;
};

export function sendContent(
  request: Visit,
  response: TransportResponse,
  answer: StaticAnswer,
  compressor: Compressor,
): void {
  const { content } = answer;
  if (!content.isCompressible) {
    const { identity } = acceptable(encodingsOf(request));
    return identity || content.isCoded ? send(request, response, answer, "identity") : sendUncoded(response);
  }
  const { codings, identity } = acceptable(encodingsOf(request));
  if (identity && (codings.length === 0 || isRanged(request))) return send(request, response, answer, "identity");
  const [ready] = codings.filter((coding) => content.coded(coding) instanceof Uint8Array);
  const [untried] = codings.filter((coding) => content.coded(coding) === undefined);
  const isBest = untried === undefined || (ready !== undefined && codings.indexOf(ready) < codings.indexOf(untried));
  if (ready !== undefined && (isBest || !identity)) return send(request, response, answer, ready);
  const made = untried === undefined ? undefined : compressor.compress(content, untried);
  if (identity) return send(request, response, answer, ready ?? "identity");
  if (made === undefined) return sendUncoded(response);
  void made.then(() => sendContent(request, response, answer, compressor)); // it has been tried then: this ends
}

/** With a list of all fields of that name: a client may send several. */
function encodingsOf(request: Visit): string | undefined {
  const values = headerValues(request, "accept-encoding");
  return values.length === 0 ? undefined : values.join(",");
}

function sendUncoded(response: TransportResponse): void {
  sendText(response, 406, "Cannot send this content coded as it would not be smaller: accept identity");
}

function send(request: Visit, response: TransportResponse, answer: StaticAnswer, coding: Coding | "identity"): void {
  const { content, headers } = answer;
  const etag = content.etagOf(coding);
  const common: HeaderList = [["etag", etag], ...cacheHeaders(answer), ...headers];
  const whole = coding === "identity" ? content.bytes : (content.coded(coding) ?? content.bytes);
  if (isChanged(request, content, etag)) return response.send(412, common, "");
  if (isKnown(request, content, etag)) return response.send(304, common, "");

  const described: HeaderList = [
    ["content-type", content.type],
    NOSNIFF,
    ["accept-ranges", "bytes"],
    ...content.headers.filter(([name]) => !CACHING.includes(name)),
    ...common,
  ];
  if (coding !== "identity") return response.send(200, [["content-encoding", coding], ...described], whole);
  const range = isRanged(request) && isStillThat(request, content, etag) ? rangeOf(request, whole) : "all";
  if (range === "all") return response.send(200, described, whole);
  if (range === "none") {
    const where: HeaderList = [
      ["content-range", `bytes */${whole.byteLength}`],
      ["accept-ranges", "bytes"],
      ...headers,
    ];
    return sendText(response, 416, `Cannot send this range as the content has ${whole.byteLength} bytes`, where);
  }
  const where = `bytes ${range.first}-${range.last}/${whole.byteLength}`;
  response.send(206, [["content-range", where], ...described], whole.subarray(range.first, range.last + 1));
}

/** What says how a copy may be kept: on a 304 too. */
const CACHING = ["cache-control", "content-location", "expires", "last-modified", "set-cookie", "vary"];

function cacheHeaders({ content, isPrivate }: StaticAnswer): HeaderList {
  const given = content.headers.filter(([name]) => CACHING.includes(name) && name !== "cache-control");
  const controls = content.headers.filter(([name]) => name === "cache-control").map(([, value]) => value);
  const control = controls.length === 0 ? "no-cache" : controls.join(", ");
  const vary: HeaderList = content.isCompressible ? [["vary", "Accept-Encoding"]] : [];
  return [["cache-control", isPrivate ? privately(control) : control], ...vary, ...given];
}

/** Whether it is no more what the client takes it for. If-Match is strong, and goes before a date (RFC 9110 §13.2.2). */
function isChanged(request: Visit, content: StaticContent, etag: string): boolean {
  const tags = headerValues(request, "if-match");
  if (tags.length > 0) return !tagsOf(tags.join(",")).some((tag) => tag === "*" || tag === etag);
  return modifiedAt(content) > Date.parse(header(request, "if-unmodified-since") ?? ""); // false for what is no date
}

/** Whether the client has it: If-None-Match is weak, and goes before a date (RFC 9110 §13.2.2). */
function isKnown(request: Visit, content: StaticContent, etag: string): boolean {
  const tags = headerValues(request, "if-none-match");
  if (tags.length > 0) return tagsOf(tags.join(",")).some((tag) => tag === "*" || tag.replace(/^W\//, "") === etag);
  const since = Date.parse(header(request, "if-modified-since") ?? "");
  return since >= modifiedAt(content); // false for what is no date
}

/** The time a process gave; NaN: none. */
function modifiedAt({ headers }: StaticContent): number {
  return Date.parse(headers.find(([name]) => name === "last-modified")?.[1] ?? "");
}

function tagsOf(list: string): readonly string[] {
  return list.match(/\*|(?:W\/)?"[^"]*"/g) ?? [];
}

/** A HEAD has no parts (RFC 9110 §14.2). */
function isRanged(request: Visit): boolean {
  return request.method === "GET" && header(request, "range") !== undefined;
}

/** If-Range: the part is wanted only of what the client has the rest of. */
function isStillThat(request: Visit, content: StaticContent, etag: string): boolean {
  const condition = header(request, "if-range");
  return condition === undefined || condition === etag || Date.parse(condition) === modifiedAt(content);
}

function rangeOf(request: Visit, whole: Uint8Array): ReturnType<typeof readRange> {
  return readRange(header(request, "range"), whole.byteLength);
}
